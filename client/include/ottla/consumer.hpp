// SPDX-License-Identifier: Apache-2.0
// Consumer: reads records, from partitions that it is assigned or as a member of a group. poll() gives one event at a
// time, poll_batch() many records of a partition at once; both take from what the background has fetched already.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ottla/assignor.hpp>
#include <ottla/async.hpp>
#include <ottla/config.hpp>
#include <ottla/event.hpp>
#include <ottla/group.hpp>
#include <ottla/hooks.hpp>
#include <ottla/message.hpp>
#include <ottla/metadata.hpp>
#include <ottla/topic_partition.hpp>

namespace ottla::client {
class ConsumerCore;
class PriorityCore;
}  // namespace ottla::client

namespace ottla::inline v0 {

// What can't be said in a Config.
struct ConsumerOptions {
    // Instead of standard error.
    LogCallback log = nullptr;
    Hooks hooks = {};
    // Assignors of your own; partition.assignment.strategy names them.
    std::vector<std::shared_ptr<GroupAssignor>> assignors = {};
    // Commits that have ended come as events, too: OffsetsCommitted.
    bool tells_commits = false;
};

// A handle: move it, or share it between threads by reference; every call may come from any thread. Calls without
// a timeout do not wait for the network.
class Consumer {
public:
    // Starts one I/O thread. Fails on a setting that is wrong; brokers are looked for in the background.
    static Result<Consumer> create(const Config&, ConsumerOptions = {});
    // Runs on the caller's executor, which somebody must run. Blocking calls fail with invalid_state on it.
    static Result<Consumer> create(boost::asio::any_io_executor, const Config&, ConsumerOptions = {});
    // Of the library's own making: a simulator's surroundings.
    explicit Consumer(std::shared_ptr<client::ConsumerCore>) noexcept;

    Consumer(Consumer&&) noexcept;
    Consumer& operator=(Consumer&&) noexcept;
    // As close() within a second, but what was handed out last does not count as done: who has not called close() may
    // have failed with it, and it comes again.
    ~Consumer();

    // Reads these topics as a member of the group group.id, shared with its other members; replaces an earlier
    // subscription. A name that begins with ^ is a pattern: a regular expression that is looked for in the names of all
    // topics, new ones too. Joining goes on in the background and with the polls, which must come at least every
    // max.poll.interval.ms. Errors: not_configured without group.id; invalid_argument; invalid_state with partitions of
    // assign().
    Result<void> subscribe(std::vector<std::string> topics, RebalanceCallbacks = {});
    // The same with a pattern that the coordinator matches. Errors: not_configured without group.protocol=consumer.
    Result<void> subscribe(SubscriptionPattern, RebalanceCallbacks = {});
    // Gives the partitions back and leaves the group. A consumer with its own thread gives them back in this call: the
    // callback runs here, and stored offsets are committed in the background. On an executor of the caller's, and
    // while a callback runs, the next poll does it. Until it is out of the group, assign() is refused with
    // invalid_state. Errors: not_configured, closed.
    Result<void> unsubscribe();
    // As given to subscribe(); of a pattern, its text.
    std::vector<std::string> subscription() const;
    GroupMetadata group_metadata() const;
    RebalanceProtocol rebalance_protocol() const noexcept;
    // What was assigned may be another's, since the coordinator does not count this consumer as a member any more;
    // until the next assignment.
    bool assignment_lost() const noexcept;

    // Commits what is stored: with enable.auto.offset.store everything that was handed out so far, else what
    // store_offsets() was told. Gives the partitions, each with its error: assignment_lost when it was given back
    // meanwhile, cancelled when a later commit of it has begun. Waits through a rebalance and for a coordinator that
    // moves. Errors: no_offset when there is nothing new; assignment_lost; fenced_instance_id, fatal;
    // group_authorization_failed; timed_out, when it may have happened; not_configured.
    Result<std::vector<TopicPartition>> commit(std::chrono::nanoseconds timeout);
    // These offsets: of the next message to be read, that is, one after the last that is done.
    Result<std::vector<TopicPartition>> commit(std::vector<TopicPartition>, std::chrono::nanoseconds timeout);
    // This message is done.
    Result<std::vector<TopicPartition>> commit(const Message&, std::chrono::nanoseconds timeout);
    // With a callback, or boost::asio::detached, nobody has to wait. A commit that has to be tried again does not undo
    // a later one of the same partition: that partition is `cancelled` in its answer.
    template <class Token>
    auto async_commit(std::chrono::nanoseconds timeout, Token&& token) {
        return detail::call<std::vector<TopicPartition>>(std::forward<Token>(token), *core_, &start_commit,
                                                         std::nullopt, timeout);
    }
    template <class Token>
    auto async_commit(std::vector<TopicPartition> offsets, std::chrono::nanoseconds timeout, Token&& token) {
        return detail::call<std::vector<TopicPartition>>(std::forward<Token>(token), *core_, &start_commit,
                                                         std::move(offsets), timeout);
    }
    template <class Token>
    auto async_commit(const Message& message, std::chrono::nanoseconds timeout, Token&& token) {
        return detail::call<std::vector<TopicPartition>>(std::forward<Token>(token), *core_, &start_commit,
                                                         std::optional(behind(message)), timeout);
    }
    // What the group has committed of these; invalid where it has nothing. Errors are per partition.
    Result<std::vector<TopicPartition>> committed(std::vector<TopicPartition>, std::chrono::nanoseconds timeout);
    template <class Token>
    auto async_committed(std::vector<TopicPartition> partitions, std::chrono::nanoseconds timeout, Token&& token) {
        return detail::call<std::vector<TopicPartition>>(std::forward<Token>(token), *core_, &start_committed,
                                                         std::move(partitions), timeout);
    }
    // For the next commit, of the application or by enable.auto.commit; needs enable.auto.offset.store=false. Fails
    // with the first partition that is not assigned; the others are stored.
    Result<void> store_offsets(std::vector<TopicPartition>);
    // This message is done.
    Result<void> store(const Message&);

    // Reads exactly these partitions from now on, each from its offset; without one (invalid, stored), from where the
    // group has committed, and without that, or without group.id, from where auto.offset.reset says. Nothing of a
    // partition that was given up is handed out afterwards.
    Result<void> assign(std::vector<TopicPartition>);
    Result<void> unassign();
    // Adds to the assignment; none of them may be in it already.
    Result<void> incremental_assign(std::vector<TopicPartition>);
    // Takes from the assignment; all of them must be in it.
    Result<void> incremental_unassign(std::vector<TopicPartition>);
    std::vector<TopicPartition> assignment() const;

    // The next message, error, end of partition, what becomes of the group (AssignedPartitions, RevokedPartitions,
    // OffsetsCommitted), Statistics (every statistics.interval.ms; only the last waits), or LogEvent (with
    // log.queue=true). Nothing when the time is up.
    std::optional<Event> poll(std::chrono::nanoseconds timeout);
    template <class Token>
    auto async_poll(std::chrono::nanoseconds timeout, Token&& token) {
        return detail::call<std::optional<Event>>(std::forward<Token>(token), *core_, &start_poll, timeout);
    }

    // The next message, or the error that came instead; timed_out when the time is up, with what stands in the way. A
    // partition that stands still (a corrupt batch, an error of its broker) is told once for each place, the others go
    // on. All other events are passed over.
    Result<Message> read_message(std::chrono::nanoseconds timeout);
    template <class Token>
    auto async_read_message(std::chrono::nanoseconds timeout, Token&& token) {
        return detail::call<Message>(std::forward<Token>(token), *core_, &start_read_message, timeout);
    }

    // Many consecutive messages of one partition, without a cost per message; an empty batch when the time is up.
    // Errors as of read_message(); all other events are passed over.
    Result<MessageBatch> poll_batch(std::chrono::nanoseconds timeout);
    template <class Token>
    auto async_poll_batch(std::chrono::nanoseconds timeout, Token&& token) {
        return detail::call<MessageBatch>(std::forward<Token>(token), *core_, &start_poll_batch, timeout);
    }

    // Ends one poll at once with `cancelled`: the poll(), read_message(), poll_batch() or async_ twin that waits, or
    // else the next one, whatever is here for it; several calls before that count as one. Nothing is lost by it, and it
    // counts as a poll. Calls of another kind, commits for one, are not ended. Any thread; does not block; not for
    // handlers of signals. After close() it does nothing.
    void wakeup();

    // From now on the partition is read from this offset (or beginning, end, tail); nothing from the old position
    // is handed out after the call. The partition must be assigned.
    Result<void> seek(const TopicPartition&);
    // Per partition, its error.
    std::vector<TopicPartition> seek(std::vector<TopicPartition>);
    // The offset of the next message that poll would give: one after the last that it gave; invalid before the
    // first, as long as no place to start is known.
    std::vector<TopicPartition> position(std::vector<TopicPartition>) const;
    // A paused partition is not fetched and hands out nothing; what was fetched already is kept.
    Result<void> pause(const std::vector<TopicPartition>&);
    Result<void> resume(const std::vector<TopicPartition>&);

    // Asks the leader.
    Result<WatermarkOffsets> query_watermark_offsets(std::string_view topic, std::int32_t partition,
                                                     std::chrono::nanoseconds timeout);
    // What the last fetch of an assigned partition told; invalid offsets before the first.
    Result<WatermarkOffsets> get_watermark_offsets(std::string_view topic, std::int32_t partition) const;
    // How far behind the end of what may be read poll() is, as the last fetch told; nothing before the first, and of a
    // partition that is not assigned.
    std::optional<std::int64_t> lag(std::string_view topic, std::int32_t partition) const;
    // For each partition, the first offset whose record is not older than the time (milliseconds) given as its
    // offset; Offset::end() where there is none. Errors are per partition.
    Result<std::vector<TopicPartition>> offsets_for_times(std::vector<TopicPartition>,
                                                          std::chrono::nanoseconds timeout);
    template <class Token>
    auto async_offsets_for_times(std::vector<TopicPartition> times, std::chrono::nanoseconds timeout, Token&& token) {
        return detail::call<std::vector<TopicPartition>>(std::forward<Token>(token), *core_, &start_offsets_for_times,
                                                         std::move(times), timeout);
    }
    template <class Token>
    auto async_query_watermark_offsets(std::string_view topic, std::int32_t partition, std::chrono::nanoseconds timeout,
                                       Token&& token) {
        return detail::call<WatermarkOffsets>(std::forward<Token>(token), *core_, &start_query_watermark_offsets,
                                              TopicPartition(std::string(topic), partition), timeout);
    }

    // One topic, or all of them. A topic that does not exist carries its error.
    Result<Metadata> metadata(std::optional<std::string> topic, std::chrono::nanoseconds timeout);
    template <class Token>
    auto async_metadata(std::optional<std::string> topic, std::chrono::nanoseconds timeout, Token&& token) {
        return detail::call<Metadata>(std::forward<Token>(token), *core_, &start_metadata, std::move(topic), timeout);
    }

    // What the consumer counts and measures, as JSON in the layout of librdkafka's STATISTICS.md; the windows hold what
    // came since they were last asked for or emitted. consumer_lag is that behind what the group has committed, without
    // a group behind what was handed out; -1: not known. timed_out, closed; invalid_state on the loop.
    Result<std::string> statistics(std::chrono::nanoseconds timeout);
    template <class Token>
    auto async_statistics(Token&& token) {
        return detail::call<std::string>(std::forward<Token>(token), *core_, &start_statistics);
    }

    // What was handed out last counts as done: not to be called while somebody works on it. Gives back what the group
    // assigned, with callbacks as in a poll, commits what is stored if enable.auto.commit is on, leaves the group (but
    // a static member, group.instance.id), and ends the connections and the thread. Never waits longer than `timeout`;
    // a second call answers closed. Called by a rebalance callback: invalid_state.
    Result<void> close(std::chrono::nanoseconds timeout);
    template <class Token>
    auto async_close(std::chrono::nanoseconds timeout, Token&& token) {
        return detail::call<void>(std::forward<Token>(token), *core_, &start_close, timeout);
    }
    bool is_closed() const noexcept;

    // "client.id#consumer-N"
    const std::string& name() const noexcept;

private:
    friend class client::ConsumerCore;
    friend class client::PriorityCore;
    friend class Reader;
    // The offset to commit when it is done.
    static std::vector<TopicPartition> behind(const Message&);
    static void start_commit(client::ConsumerCore&, std::optional<std::vector<TopicPartition>>,
                             std::chrono::nanoseconds, Completion<std::vector<TopicPartition>>);
    static void start_committed(client::ConsumerCore&, std::vector<TopicPartition>, std::chrono::nanoseconds,
                                Completion<std::vector<TopicPartition>>);
    static void start_poll(client::ConsumerCore&, std::chrono::nanoseconds, Completion<std::optional<Event>>);
    static void start_read_message(client::ConsumerCore&, std::chrono::nanoseconds, Completion<Message>);
    static void start_poll_batch(client::ConsumerCore&, std::chrono::nanoseconds, Completion<MessageBatch>);
    static void start_offsets_for_times(client::ConsumerCore&, std::vector<TopicPartition>, std::chrono::nanoseconds,
                                        Completion<std::vector<TopicPartition>>);
    static void start_query_watermark_offsets(client::ConsumerCore&, TopicPartition, std::chrono::nanoseconds,
                                              Completion<WatermarkOffsets>);
    static void start_metadata(client::ConsumerCore&, std::optional<std::string>, std::chrono::nanoseconds,
                               Completion<Metadata>);
    static void start_statistics(client::ConsumerCore&, Completion<std::string>);
    static void start_close(client::ConsumerCore&, std::chrono::nanoseconds, Completion<void>);

    std::shared_ptr<client::ConsumerCore> core_;
};

}  // namespace ottla::inline v0
