// SPDX-License-Identifier: Apache-2.0
// Intake: the side of a ParallelConsumer that polls: brings records to the desk, pauses and resumes, commits what is
// done, and gives partitions back. One thread runs it, or a coroutine on the consumer's loop, which does the same
// without blocking; what others may call is said.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/parallel/delay_gate.hpp"
#include "client/parallel/letters.hpp"
#include "client/parallel/map_limit.hpp"
#include "client/parallel/poke.hpp"
#include "client/parallel/work_desk.hpp"

namespace ottla::client {

class Intake {
public:
    using CloseMode = ParallelConsumer::CloseMode;

    // `config` outlives it.
    Intake(std::shared_ptr<ConsumerCore>, const ParallelConsumerConfig& config, std::shared_ptr<WorkDesk>,
           std::shared_ptr<Poke>, std::shared_ptr<ParallelHookCalls>);

    // By the thread; a coroutine has no callbacks.
    Result<void> subscribe();
    Result<void> subscribe_without_callbacks();
    // Work has come, or its time: for who begins coroutines. Before run().
    void on_work(Function<void()> begin) { on_work_ = std::move(begin); }
    void attach(std::shared_ptr<Letters> letters) { letters_ = std::move(letters); }
    // Until it is told to close, or a fatal error; then until the group is left.
    void run();
    awaitable<void> run_async();
    // Of run_async(): what was assigned, taken back or lost, and dealt with; `asked_at`: what is committed was asked
    // for then, and was known or not.
    struct Change {
        Rebalance::Kind kind;
        std::vector<TopicPartition> partitions;
        base::TimePoint asked_at;
        bool is_known = true;
    };
    void on_change(Function<void(const Change&)> told) { told_ = std::move(told); }
    const std::shared_ptr<ConsumerCore>& core() const noexcept { return core_; }

    // --- Any thread.
    // Work may go on until the one, all must be over at the other.
    void close(base::TimePoint work_until, base::TimePoint until, CloseMode);
    std::optional<Error> failure() const;
    void fill(ParallelStats&) const;
    std::string describe() const;
    Consumer& consumer() noexcept { return consumer_; }

private:
    struct Assigned {
        WorkDesk::Partition number = 0;
        bool is_paused = false;
        bool is_held = false;           // its map is near the limit
        std::optional<DelayGate> gate;  // of a retry topic's
        std::int64_t committed = -1;
        std::string metadata;
        std::int64_t watermark = -1;  // when it was looked at last, and since when it is that
        base::TimePoint moved_at;
    };
    using Key = std::pair<std::string, std::int32_t>;
    // Of commits, which may end after this.
    struct Commits {
        explicit Commits(std::int32_t metadata_bytes)
            : configured(metadata_bytes),
              limit(static_cast<std::size_t>(metadata_bytes)) {}
        std::size_t map_limit() const {
            const std::lock_guard lock(limit_mutex);
            return limit.bytes();
        }
        std::atomic<std::uint64_t> done{0};
        std::atomic<std::uint64_t> failed{0};
        std::atomic<bool> again{false};    // what was committed last may not have arrived
        std::atomic<bool> at_once{false};  // and will, without the map that the broker refused
        std::atomic<int> under_way{0};
        const std::int32_t configured;
        mutable std::mutex limit_mutex;  // guards limit
        MapLimit limit;
        std::atomic<bool> has_warned{false};
    };
    enum class Closing : std::uint8_t { no, drain, stop };

    std::vector<std::string> topics() const;
    bool turn();
    awaitable<bool> turn_async();
    std::optional<Result<MessageBatch>> look();
    // False: a fatal error, or it is closed.
    bool take_in_what(const std::optional<Result<MessageBatch>>& came);
    bool is_commit_due(base::TimePoint now) const;
    base::TimePoint next_look(base::TimePoint now) const;
    std::uint64_t lag_of(const Key&, std::int64_t watermark) const;
    void take_in(const MessageBatch&);
    // How many of them are due; the rest is read again later.
    std::size_t pass_gate(Assigned&, const MessageBatch&);
    std::optional<DelayGate> gate_of(const std::string& topic) const;
    void pause_and_resume();
    bool has_ended_work();
    void finish();
    awaitable<void> finish_async();
    awaitable<void> deal_with_rebalances();
    awaitable<void> give_back(std::vector<TopicPartition>);

    void on_assigned(Consumer&, std::span<const TopicPartition>);
    void on_revoked(Consumer&, std::span<const TopicPartition>);
    void on_lost(std::span<const TopicPartition>);
    void begin_all(std::span<const TopicPartition>, Result<std::vector<TopicPartition>> committed);
    void warn_of_running();
    PartitionProgress begin_at(const TopicPartition& committed);
    std::vector<WorkDesk::Partition> numbers_of(std::span<const TopicPartition>) const;
    void forget(std::span<const TopicPartition>);

    // What is to be committed: of all partitions, or of these.
    std::vector<TopicPartition> to_commit(const std::span<const TopicPartition>* only);
    std::optional<TopicPartition> to_commit(const Key&, Assigned&);
    // None where it does not fit.
    std::optional<std::string> metadata_of(Assigned&, const WorkDesk::Progress&);
    void commit(base::TimePoint now);
    awaitable<void> commit_async(base::TimePoint now);
    std::vector<TopicPartition> begin_commit(base::TimePoint now);
    void commit_in_passing(std::vector<TopicPartition> offsets);
    void take_answer(const Result<std::vector<TopicPartition>>&);
    // Of what is given back; nothing where it has arrived, or cannot.
    std::vector<TopicPartition> to_commit_again(std::span<const TopicPartition>, base::TimePoint until);
    // Of a call to the coordinator.
    std::chrono::nanoseconds call_timeout() const;
    // While partitions are given back, nobody polls: handlers may end until the one, commits arrive until the other.
    base::TimePoint handlers_until() const;
    base::TimePoint commits_until() const;
    std::chrono::nanoseconds commit_timeout(base::TimePoint until) const;
    static void on_committed(Commits&, const base::Log&, const Result<std::vector<TopicPartition>>&);
    static void on_refused_map(Commits&, const base::Log&, const TopicPartition&);
    static void tell(ParallelHookCalls&, const Result<std::vector<TopicPartition>>&);

    const base::Log& log() const { return core_->runtime().log(DebugContext::consumer); }

    std::shared_ptr<ConsumerCore> core_;
    const ParallelConsumerConfig& config_;
    std::shared_ptr<WorkDesk> desk_;
    std::shared_ptr<Poke> poke_;
    std::shared_ptr<Letters> letters_;  // null without a topic for them
    Function<void()> on_work_;
    const std::shared_ptr<ParallelHookCalls> hooks_;
    Function<void(const Change&)> told_;
    const std::shared_ptr<Commits> commits_;
    base::TimePoint next_commit_;
    std::atomic<std::uint64_t> commits_without_map_{0};
    std::atomic<std::uint64_t> maps_unreadable_{0};
    std::atomic<Closing> closing_{Closing::no};
    std::atomic<base::TimePoint> work_until_{base::TimePoint::max()};
    std::atomic<base::TimePoint> close_until_{base::TimePoint::max()};
    mutable std::mutex assigned_mutex_;  // guards what follows; only the polling thread writes it, and reads without
    std::map<Key, Assigned> assigned_;
    std::optional<Error> failure_;
    Consumer consumer_;  // last: its end calls back
};

}  // namespace ottla::client
