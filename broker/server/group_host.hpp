// SPDX-License-Identifier: Apache-2.0
// GroupHost: a group coordinator at work on the partition of __consumer_offsets that keeps its groups. It reads the
// partition when this broker begins to lead it, appends what the coordinator decides, holds answers back until what
// they rest on is committed, and calls when it is time. On the partition's shard; ends when the leadership does.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <ottla/function.hpp>
#include "base/log.hpp"
#include "broker/groups/group_coordinator.hpp"
#include "broker/groups/group_log.hpp"
#include "broker/metadata/image.hpp"
#include "broker/partitions/partition.hpp"
#include "net/alarm.hpp"

namespace ottla::broker {

class GroupHost : public std::enable_shared_from_this<GroupHost> {
public:
    struct Parts {
        boost::asio::any_io_executor executor;  // of the shard
        net::Timers* timers = nullptr;
        base::Log log;
        groups::GroupSettings settings;
        base::Random random{0};
        // So long an answer waits for its records to be committed; then it is COORDINATOR_NOT_AVAILABLE.
        base::Duration commit_timeout{};
    };
    // NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, or what the coordinator says.
    using Answer = Result<groups::GroupAnswer>;
    using Done = Function<void(Answer)>;

    // In the leader epoch that the partition is in.
    static std::shared_ptr<GroupHost> make(std::shared_ptr<Partition>, Parts);

    // Reads the log; `call` is refused until it returns. Touches nothing after end().
    boost::asio::awaitable<void> load();
    // `done` is called once, now or later.
    void call(const groups::Caller&, const groups::GroupRequest&, Done done);
    // The topics that there are. `some_gone`: offsets of others go, now or when the log was read.
    void take_image(std::shared_ptr<const MetadataImage>, bool some_gone);
    // Who waits is told that the coordinator is elsewhere.
    void end();

    bool has_ended() const noexcept { return state_ == State::ended; }
    std::int32_t leader_epoch() const noexcept { return leader_epoch_; }
    const Partition& partition() const noexcept { return *partition_; }

private:
    enum class State : std::uint8_t { loading, active, unreadable, ended };
    // Answers that wait for a commit.
    struct Held {
        std::int64_t end_offset;
        base::TimePoint deadline;
        std::vector<groups::Reply> replies;
    };

    GroupHost(std::shared_ptr<Partition>, Parts);
    void watch_leadership();
    boost::asio::awaitable<Result<groups::GroupLogPart>> read_part(std::int64_t offset);
    boost::asio::awaitable<Result<void>> read_all();
    groups::Moment moment() const { return {parts_.timers->now(), parts_.timers->wall_ms()}; }
    // NONE, or why records were not written.
    ErrorCode perform(groups::Decision);
    // One batch of them; the alarm goes on where more is left, and tries again what the log refused.
    void drop_offsets_of_gone_topics();
    ErrorCode append(const std::vector<groups::GroupRecord>&);
    void release(std::vector<groups::Reply>, ErrorCode written);
    void answer(groups::Ticket, Answer);
    void on_committed(const Result<void>&);
    void on_alarm();
    void set_alarm();

    std::shared_ptr<Partition> partition_;
    Parts parts_;
    std::int32_t leader_epoch_;
    State state_ = State::loading;
    std::shared_ptr<const MetadataImage> image_;
    groups::GroupCoordinator coordinator_;
    std::optional<std::string> drop_from_;         // of offsets whose topics are gone: the group that is next
    std::optional<base::TimePoint> drop_next_at_;  // when to go on with that
    std::int64_t written_end_ = 0;                 // behind the last record that the state rests on
    groups::Ticket last_ticket_ = 0;
    std::map<groups::Ticket, Done> waiting_;
    std::deque<Held> held_;
    Partition::WaitId leadership_wait_ = 0;
    net::Alarm alarm_;
};

}  // namespace ottla::broker
