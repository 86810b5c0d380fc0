// SPDX-License-Identifier: Apache-2.0
// GroupCoordinator: the groups of one partition of __consumer_offsets. It decides only: requests and the time go in,
// records and answers come out. The log is the truth: offsets change when their records are in it, and reading it
// again from its begin brings everything back but who is just joining.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/groups/classic_group.hpp"
#include "broker/groups/classic_protocol.hpp"
#include "broker/groups/consumer_group.hpp"
#include "broker/groups/decision.hpp"
#include "broker/groups/group_offsets.hpp"
#include "broker/groups/group_requests.hpp"
#include "broker/groups/topic_pattern.hpp"

namespace ottla::broker::groups {

struct Moment {
    base::TimePoint now;
    std::int64_t wall_ms = 0;
};

class GroupCoordinator {
public:
    GroupCoordinator(const GroupSettings& settings, base::Random random) : settings_(settings), random_(random) {}
    GroupCoordinator(const GroupCoordinator&) = delete;
    GroupCoordinator& operator=(const GroupCoordinator&) = delete;

    // In a commit, topics have their names, and ids where they are known. Every ticket gets one answer, of its own
    // request's kind, in this decision or a later one.
    Decision handle(Ticket, const Caller&, const GroupRequest&, Moment);
    // How appending the records of `decision` went: none, or why not, as the clients are to hear it. To be called for
    // every decision with records, before anything else. Answers what follows.
    Decision appended(Decision& decision, ErrorCode written, Moment);

    // When there is something to do without a request.
    std::optional<base::TimePoint> next_due() const;
    // The first thing that is due; nothing when there is none.
    std::optional<Decision> on_time(Moment);

    // The topics that there are: groups of the consumer protocol deal the partitions of these from now on.
    void take_image(std::shared_ptr<const MetadataImage> image);

    // Whether a topic of this name and id (zero: not known) is gone.
    using TopicFilter = std::function<bool(const std::string&, const Uuid&)>;
    // Offsets of such topics go, as many as one batch takes, from the group `from` on: where to go on is left there,
    // nothing at the end.
    Decision drop_offsets_of_topics(const TopicFilter& gone, std::optional<std::string>& from, Moment);

    // --- reading the log, from its begin ---
    // Each with its place there.
    void replay(const GroupRecord&, std::int64_t log_offset);
    // Offsets within a producer's transaction, and its end.
    void replay_pending(std::int64_t producer_id, const GroupRecord&, std::int64_t log_offset);
    void replay_marker(std::int64_t producer_id, bool committed);
    // All of it was read.
    Decision loaded(Moment);

    std::size_t group_count() const noexcept { return groups_.size(); }

private:
    struct Group {
        explicit Group(std::string id) : classic(std::move(id)) {}
        ClassicGroup classic;                   // bare, when the group is of the consumer protocol
        std::optional<ConsumerGroup> consumer;  // there, when it is
        GroupOffsets offsets;
        std::optional<RegexRun> regex_run;  // that is under way
        bool is_recorded = false;           // a record says that it is there, as a classic one

        bool has_members() const noexcept {
            return consumer ? !consumer->members().empty() : !classic.is(ClassicState::empty);
        }
        bool is_subscribed_to(std::string_view topic) const {
            return consumer ? consumer->is_subscribed_to(topic) : classic.is_subscribed_to(topic);
        }
    };

    Turn turn(Moment, Decision&);
    Group* find(std::string_view group_id);
    Group& find_or_make(const std::string& group_id);
    // Forgets a group that nobody is in and nothing is known of.
    void drop_if_bare(const std::string& group_id);
    void take_effect(const GroupRecord&);
    void put_due_first(const std::string& group_id, Decision&);
    // False: it is none of a group of the consumer protocol.
    bool apply_to_consumer(const GroupRecord&);
    void on_classic_time(Turn&, ClassicGroup&, const TimerKey& due);
    void on_consumer_time(Turn&, Group&, const TimerKey& due);
    void consumer_heartbeat(Turn&, Ticket, const Caller&, const protocol::ConsumerGroupHeartbeatRequest&,
                            ConsumerGroup&);
    void resolve_regexes(Turn&, Group&);
    void upgrade(Turn&, Ticket, const Caller&, const protocol::ConsumerGroupHeartbeatRequest&, Group&);
    void downgrade_if_due(Turn&, const std::string& group_id);
    void join_as_classic(Turn&, Ticket, const Caller&, const protocol::JoinGroupRequest&, Group&);
    void write_group_tombstones(Turn&, const std::string& group_id);

    // What one batch still takes of records that say that something is gone.
    class BatchRoom {
    public:
        bool take(std::size_t key_bytes) {
            constexpr std::size_t around = 64;  // what a record and its batch have beside that
            if (records_ == 0 || bytes_ >= drop_bytes_max) return false;
            --records_;
            bytes_ += around + key_bytes;
            return true;
        }

    private:
        std::size_t records_ = drop_records_max, bytes_ = 0;
    };
    using OffsetFilter = std::function<bool(const GroupOffsets::Place&)>;
    // True: more go than one batch may hold.
    bool drop_offsets(Turn&, const Group&, const OffsetFilter& goes, BatchRoom&);
    void delete_group(Turn&, Ticket, const std::string& group_id);
    Decision clean_up(Moment);
    bool clean_up_group(Turn&, const Group&, BatchRoom&);
    void end_clean_up(Moment);

    void on(Turn&, Ticket, const Caller&, const protocol::JoinGroupRequest&);
    void on(Turn&, Ticket, const Caller&, const protocol::SyncGroupRequest&);
    void on(Turn&, Ticket, const Caller&, const protocol::HeartbeatRequest&);
    void on(Turn&, Ticket, const Caller&, const protocol::LeaveGroupRequest&);
    void on(Turn&, Ticket, const Caller&, const protocol::OffsetCommitRequest&);
    void on(Turn&, Ticket, const Caller&, const FetchOffsets&);
    void on(Turn&, Ticket, const Caller&, const protocol::OffsetDeleteRequest&);
    void on(Turn&, Ticket, const Caller&, const DescribeGroup&);
    void on(Turn&, Ticket, const Caller&, const DeleteGroup&);
    void on(Turn&, Ticket, const Caller&, const ListGroups&);
    void on(Turn&, Ticket, const Caller&, const protocol::ConsumerGroupHeartbeatRequest&);
    void on(Turn&, Ticket, const Caller&, const DescribeConsumerGroup&);

    GroupSettings settings_;
    base::Random random_;
    GroupTimers timers_;
    std::shared_ptr<const MetadataImage> image_ = MetadataImage::empty();
    std::int64_t topics_changed_at_ = -1;  // the offset of the metadata that they have been so since
    std::map<std::string, Group, std::less<>> groups_;
    // While the log is read: groups that were of the consumer protocol; true: whose members went on among themselves,
    // and have not shared out anew.
    std::map<std::string, bool> left_behind_;
    std::map<std::int64_t, std::set<std::string>> in_transaction_;  // by producer: groups it has offsets for
    std::optional<base::TimePoint> next_clean_up_;                  // once the log was read
    std::string clean_up_from_;                                     // the group that it goes on with
};

}  // namespace ottla::broker::groups
