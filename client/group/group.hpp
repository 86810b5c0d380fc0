// SPDX-License-Identifier: Apache-2.0
// Group: a consumer's part in its group, on the loop: performs what the membership decides, keeps its topics known, and
// commits what is stored. The application's threads meet it at the RebalanceDesk; calls marked so come from any thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ottla/protocol/messages/metadata_response.hpp>

#include "client/consumer/delivery.hpp"
#include "client/group/commit_order.hpp"
#include "client/group/coordinator.hpp"
#include "client/group/group_statistics.hpp"
#include "client/group/membership_calls.hpp"
#include "client/group/offset_calls.hpp"
#include "client/group/rebalance_desk.hpp"
#include "client/group/subscription.hpp"

namespace ottla::client {

class Group : public std::enable_shared_from_this<Group> {
public:
    // How it reaches the application.
    struct Application {
        std::shared_ptr<Delivery> delivery;
        std::function<void()> wake;  // whoever waits in a poll; any thread
        std::function<void(Event)> tell;
        std::function<bool()> is_polling;  // somebody waits in a poll
    };

    Group(std::shared_ptr<Coordinator>, const ConsumerConfig&, Application);
    // Begins; once.
    void start();

    // Any thread.
    void subscribe(Subscription);
    // Gives the number of this call.
    std::uint64_t unsubscribe();
    // All that it asks of the application lies at the desk.
    bool has_asked_back(std::uint64_t call) const noexcept { return asked_back_.load() >= call; }
    void poke();  // somebody polls
    // The application is done with a task; what it stored of partitions that it gives back is committed first.
    void finish(RebalanceDesk::Task, std::vector<TopicPartition> stored);
    // Nobody waits for it.
    void commit_in_passing(std::vector<TopicPartition> stored);
    // Leaves, commits what is stored, and ends; wakes the application when that is done.
    void close();
    bool has_left() const noexcept { return left_.load(std::memory_order_acquire); }
    RebalanceDesk& desk() noexcept { return desk_; }
    const GroupConfig& config() const noexcept { return config_; }
    // Any thread: it never changes.
    bool is_cooperative() const noexcept { return membership_->cooperative(); }

    // Loop only. Of these, or of what is stored.
    static awaitable<Result<std::vector<TopicPartition>>> commit(std::shared_ptr<Group> self,
                                                                 std::vector<TopicPartition> offsets,
                                                                 TimePoint deadline);
    const std::shared_ptr<Coordinator>& coordinator() noexcept { return coordinator_; }
    GroupStatistics statistics() const;
    // Ends at once, without leaving.
    void stop();
    // What the membership is about. Loop only.
    std::string_view state_name() const { return membership_->state_name(); }

private:
    static awaitable<void> membership_loop(std::shared_ptr<Group> self);
    static awaitable<void> auto_commit_loop(std::shared_ptr<Group> self);
    static awaitable<void> ask(std::shared_ptr<Group> self, MembershipAction action);
    static awaitable<void> describe(std::shared_ptr<Group> self, MembershipAction action);
    static awaitable<void> name_topics(std::shared_ptr<Group> self, MembershipAction action);
    static awaitable<void> match_patterns(std::shared_ptr<Group> self);
    static awaitable<void> give_back(std::shared_ptr<Group> self, RebalanceDesk::Task task,
                                     std::vector<TopicPartition> stored);
    static awaitable<void> commit_aside(std::shared_ptr<Group> self, std::vector<TopicPartition> stored);
    static awaitable<void> last_commit(std::shared_ptr<Group> self);

    void perform(MembershipAction);
    // What came of a commit that nobody waits for.
    void note(std::string_view what, const Result<std::vector<TopicPartition>>& committed);
    void answered(std::uint64_t call, MembershipAnswer);
    // Whoever commits is to know who the member is now.
    void publish_identity();
    void log_state();
    void note_rebalance(const Rebalance&);
    void log_commit(const Result<std::vector<TopicPartition>>&) const;
    // What has changed around the membership.
    void look();
    void look_at_topics();
    void watch_topics();
    bool wants_all_topics() const;
    void on_all_topics(const protocol::MetadataResponse&);
    void tell_idle_patterns(const std::vector<std::string>& topics);
    void use_topics(std::set<std::string> wanted);
    TimePoint next_look() const;
    GroupTopics describe_from_cache(const std::vector<std::string>& topics) const;
    // Subscribed, or not out of the group yet.
    bool takes_part() const noexcept { return subscribed_ || !membership_->is_out(); }
    CommitTerms terms(CommitOrder::Ticket, Delivery::Held);
    std::optional<Uuid> id_of(std::string_view topic) const;
    void tell_commit(const Result<std::vector<TopicPartition>>& done, std::vector<TopicPartition> asked);
    Runtime& runtime() const noexcept { return cluster_->runtime(); }

    const std::shared_ptr<Coordinator> coordinator_;
    const std::shared_ptr<Cluster> cluster_;
    const GroupConfig config_;
    const std::vector<Assignor> own_assignors_;
    const std::unique_ptr<Membership> membership_;
    Application app_;
    RebalanceDesk desk_;
    CommitOrder commits_;
    Watched wake_;
    Watched stop_;
    std::atomic<bool> left_{false};
    std::atomic<std::uint64_t> unsubscribes_{0};
    std::atomic<std::uint64_t> asked_back_{0};
    std::uint64_t unsubscribe_seen_ = 0;
    bool closing_ = false;
    bool stopped_ = false;
    bool committing_last_ = false;
    // Why these cannot be committed, as told.
    std::map<std::pair<std::string, std::int32_t>, ErrorCode> uncommitted_;
    std::string_view state_logged_;
    TimePoint state_since_;
    std::int64_t rebalances_ = 0;
    TimePoint rebalanced_at_{};
    std::string_view rebalance_reason_;

    Subscription subscription_;
    bool subscribed_ = false;
    std::set<std::string> used_;     // with Cluster::use_topic
    std::set<std::string> missing_;  // told already
    std::set<std::string> idle_patterns_;
    struct SeenTopic {
        Uuid id;
        TimePoint gone_at = TimePoint::max();
    };
    std::map<std::string, SeenTopic> seen_;
    TimePoint next_gone_look_ = TimePoint::max();
    bool matching_ = false;
    TimePoint next_match_ = TimePoint::max();
    TimePoint missing_since_{};
    TimePoint next_missing_look_ = TimePoint::max();
    std::uint64_t polls_seen_ = 0;
};

}  // namespace ottla::client
