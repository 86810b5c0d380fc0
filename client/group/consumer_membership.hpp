// SPDX-License-Identifier: Apache-2.0
// ConsumerMembership: a member of a group whose coordinator shares the partitions out (KIP-848). All goes by
// heartbeats: the coordinator says what the member is to have, the member hands that over to the application bit by
// bit, and says at once what it has given back. The states are those of Apache Kafka's client.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "client/group/coordinator_search.hpp"
#include "client/group/membership.hpp"
#include "client/group/reports.hpp"

namespace ottla::client {

struct ConsumerSettings : MembershipSettings {
    std::string assignor;  // one of the coordinator's; empty: it chooses
};

class ConsumerMembership final : public Membership {
public:
    using Action = MembershipAction;
    using Heartbeat = protocol::ConsumerGroupHeartbeatRequest;
    using HeartbeatAnswer = protocol::ConsumerGroupHeartbeatResponse;

    enum class State : std::uint8_t {
        unsubscribed,
        joining,        // to be told of with epoch 0
        reconciling,    // what is held is not yet what it is to be
        acknowledging,  // it has changed, which the next heartbeat says
        stable,
        prepare_leaving,  // the application gives everything back
        leaving,          // the last heartbeat is under way
        stale,            // left since nobody polled; joins with the next poll
        fenced,           // out, and joins again when the application knows
        fatal,            // for good
    };

    // `random` must outlive it; the member's id comes of it.
    ConsumerMembership(ConsumerSettings, base::Random& random);

    void subscribe(TopicSelection, TimePoint now) override;
    void unsubscribe(std::string reason, TimePoint now) override;
    void on_poll(TimePoint now) override;
    std::optional<Action> next(TimePoint now) override;
    TimePoint wake_at() const override;

    void on_answer(std::uint64_t call, MembershipAnswer, TimePoint now) override;
    void on_coordinator(std::uint64_t call, const Error&, TimePoint now);
    void on_heartbeat(std::uint64_t call, const Result<HeartbeatAnswer>&, TimePoint now);
    void on_names(std::uint64_t call, Result<TopicNames>, TimePoint now);
    void on_rebalanced(std::uint64_t call, TimePoint now) override;
    bool on_commit_error(ErrorCode, const MemberIdentity& who, TimePoint now) override;

    const MemberIdentity& identity() const noexcept override { return identity_; }
    const PartitionMap& owned() const noexcept override { return handover_.owned(); }
    const std::vector<std::string>& topics() const noexcept override {
        return subscribed_ ? wanted_.names : no_topics_;
    }
    const GroupTopics& shared_topics() const noexcept override { return not_shared_; }
    std::optional<Uuid> assigned_id(std::string_view topic) const override;
    bool cooperative() const noexcept override { return true; }
    bool has_rebalances() const noexcept override { return handover_.has_waiting(); }
    bool is_out() const noexcept override {
        return (state_ == State::unsubscribed || state_ == State::fatal) && handover_.is_idle();
    }
    bool is_away() const noexcept override { return state_ == State::stale && !polled_; }
    std::string_view state_name() const noexcept override;
    std::string_view join_state() const noexcept override;
    State state() const noexcept { return state_; }

private:
    // Partitions in ascending order.
    using Assignment = std::map<Uuid, std::vector<std::int32_t>>;

    bool is_member() const noexcept { return identity_.generation >= 0; }
    bool sends_heartbeats() const noexcept;
    bool must_be_polled() const noexcept;
    bool lacks_names() const;
    TimePoint heartbeat_due() const noexcept;

    Action act(TimePoint deadline);
    void look_at_time(TimePoint now);
    void advance();
    void end_leaving();
    void reconcile();
    PartitionMap by_name(const Assignment&) const;
    std::optional<Action> next_naming(TimePoint now);
    std::optional<Action> next_request(TimePoint now);
    Heartbeat heartbeat();
    Heartbeat last_heartbeat() const;

    void take_target(const HeartbeatAnswer::Assignment&);
    void enter_joining();
    // It is no member any more.
    void lose();
    void fence(TimePoint now);
    void fail(const Error&);
    void refused(const Error&, TimePoint now);

    const ConsumerSettings settings_;
    base::Random& random_;
    CoordinatorSearch search_;
    Reports reports_;
    Handover handover_;

    State state_ = State::unsubscribed;
    bool subscribed_ = false;
    bool polled_ = false;  // since it is stale
    TopicSelection wanted_;
    // What the coordinator was told; nothing: it is to be told everything.
    std::optional<TopicSelection> told_;
    MemberIdentity identity_;

    Assignment target_;                       // what it is to be
    Assignment current_;                      // what the application has taken note of
    std::optional<Assignment> next_current_;  // while it takes note
    TopicNames names_;
    bool names_asked_ = false;  // once at least, for this target
    Backoff naming_backoff_;
    TimePoint naming_not_before_{};

    std::uint64_t calls_ = 0;
    // Under way.
    std::uint64_t heartbeat_ = 0;
    std::uint64_t leave_ = 0;
    std::uint64_t naming_ = 0;
    base::Duration heartbeat_interval_;
    TimePoint last_heartbeat_{};
    bool hurries_ = false;  // the next heartbeat
    TimePoint last_poll_{};
    // A last heartbeat that the state does not wait for.
    std::optional<Heartbeat> parting_;
    const std::vector<std::string> no_topics_;
    const GroupTopics not_shared_;
};

}  // namespace ottla::client
