// SPDX-License-Identifier: Apache-2.0
// SendLoop: takes what the accumulator says is ready, seals it (compression, crc), sends it to the leaders, and turns
// their answers into reports or retries. Loop only, but for wake().
// send_requests.cpp is the way out, send_answers.cpp the way back, topics_loop.cpp what is known of topics.
#pragma once

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/cluster/cluster.hpp"
#include "client/producer/accumulator.hpp"
#include "client/producer/produce_call.hpp"
#include "client/producer/producer_id_call.hpp"
#include "client/producer/reporter.hpp"
#include "net/signal.hpp"

namespace ottla::client {

class SendLoop : public std::enable_shared_from_this<SendLoop> {
public:
    SendLoop(std::shared_ptr<Cluster>, const ProducerConfig&, std::uint64_t seed, PartitionerFunction);
    ~SendLoop();
    // What it works on; they live as long as this.
    Accumulator& accumulator() noexcept { return accumulator_; }
    EventQueue& events() noexcept { return events_; }
    Reporter& reporter() noexcept { return reporter_; }

    // Starts the coroutines.
    void start();
    // Something may be ready. Any thread.
    void wake();
    // The next batches come without lingering, as long as `on` was said more often than off.
    void set_flushing(bool on);

    enum class Part { queued, in_flight };
    // Reports as failed what waits, or what is in flight (its answers are then of no interest).
    void drop(Part, const Error&);
    // Ends the coroutines; what is left must have been dropped.
    void stop();
    bool is_stopped() const noexcept { return stopped_; }
    // Until then, or until the loop is stopped.
    awaitable<void> stopped_or(TimePoint at);
    Runtime& runtime() noexcept { return cluster_->runtime(); }
    // In the layout of librdkafka's STATISTICS.md (producer_statistics.cpp).
    std::string statistics();
    // While set, what events() frees is progress, too. Loop only.
    void set_room_wanted(bool);
    // The producer can do no more: what waits is reported as failed, what comes is refused. Any thread.
    void fail(const Error& fatal);

private:
    // Where a batch of a request came from. It outlives the batch, which may be reported before its answer comes.
    struct Seat {
        PartitionQueue* queue;  // null once the batch has landed
        Place place;
        Numbers numbers;
    };
    // A request that has been sent. Batches become null once they are reported.
    struct Flight {
        BrokerId broker;
        Channel channel;
        std::int16_t version;
        std::vector<ProduceCall::Sent> sent;
        std::vector<Seat> seats;
        std::vector<BatchPtr> batches;
        bool may_have_left = false;  // the connection has it; until it is known that nothing of it went out
        std::list<std::shared_ptr<Flight>>::iterator place;
    };
    using FlightPtr = std::shared_ptr<Flight>;

    // What this knows of a leader.
    struct Leader {
        bool connecting = false;
        bool failing = false;  // the application has been told
        int in_flight = 0;
        TimePoint not_before{};  // it could not be reached
        std::vector<BatchPtr> load;
        std::size_t load_bytes = 0;
        std::weak_ptr<net::ClientChannel> odd_on;  // the connection over which it last answered what makes no sense
        std::uint8_t odd_kinds = 0;                // that were told of that connection
        int planned = 0;                           // requests that are about to be sent
        std::size_t planned_bytes = 0;             // in the last of them
    };

    static awaitable<void> run(std::shared_ptr<SendLoop> self);
    static awaitable<void> follow_metadata(std::shared_ptr<SendLoop> self);
    static awaitable<void> resolve(std::shared_ptr<SendLoop> self, std::string topic);
    static awaitable<void> connect(std::shared_ptr<SendLoop> self, BrokerId id);
    static awaitable<void> get_producer_id(std::shared_ptr<SendLoop> self);

    // The application has fetched all reports of the batch. Any thread.
    void recycle_fetched(BatchPtr);
    // Does what is to be done; when to come again.
    TimePoint step();
    TimePoint carry_out(Accumulator::Plan&, TimePoint now, bool& look_again);
    bool may_load(const Accumulator::Plan::Ready&, TimePoint now, TimePoint& next);
    bool goes_along(const Accumulator::Plan::Ready& lingering);
    void load(BatchPtr);
    bool may_number(PartitionQueue&);
    bool may_send(BrokerId, Leader&, TimePoint now, TimePoint& next);
    Result<void> seal(Batch&);
    void seal_first(Batch&);
    void stamp(Batch&);
    void send(BrokerId, Leader&);
    void count(BrokerId, const Batch&);
    void tell_hook(BatchEvent::Stage, BrokerId, const Batch&, Offset base_offset, bool is_retried, const Error&);
    void on_answer(const FlightPtr&, Result<Bytes>);
    void on_written(const FlightPtr&, const Result<void>&, bool may_have_left);
    void apply(Flight&, const ProduceCall::Answer&);
    // What of an answer makes no sense: in a line for each connection and kind.
    void tell_oddity(const Flight&, const ProduceCall::Oddity&);
    void finish_delivered();
    // The attempt failed: again later, or never.
    void failed(Flight&, std::size_t index, Error, bool at_once);
    // What to do with a batch whose numbers the broker refused; false: nothing more, report it.
    bool is_numbered_again(Batch&, const Error&);
    void split_later(BatchPtr);
    // Of a batch that is not in flight. The error is told with topic and partition, or as it is.
    void report_failed(BatchPtr, Error);
    void give_up(BatchPtr, Error);
    // The batch has an end without success: what was numbered behind it is told.
    void settle_numbers(PartitionQueue*, const Numbers&, bool possibly_persisted);
    Error timed_out(const Batch&) const;
    // Of a batch in flight, whose answer is of no interest any more.
    void report_in_flight(const Flight&, BatchPtr, Error);
    TimePoint expire_in_flight(TimePoint now);
    void learn_leaders(const std::string& topic);
    // What the metadata says of all topics now; returns when to look again, if it does not change.
    TimePoint look_at_topics(TimePoint now);
    void give_up_gone(const std::string& topic);
    // Topics that nothing was written to for metadata.max.idle.ms; returns when to look again.
    TimePoint forget_idle(TimePoint now);
    void begin_after(const Sequences&);

    std::shared_ptr<Cluster> cluster_;
    const ProducerConfig config_;
    Accumulator accumulator_;
    EventQueue events_;
    Reporter reporter_;
    net::Signal signal_;
    std::atomic<bool> wake_posted_{false};
    std::atomic<int> room_wanted_{0};
    Accumulator::Plan plan_;
    ProduceCall call_;
    Packer packer_;
    std::map<BrokerId, Leader> leaders_;
    std::list<FlightPtr> flights_;
    // Between one answer's parts, or one plan's; kept for their memory.
    std::vector<PartitionQueue*> chosen_;
    std::vector<BatchPtr> taken_;
    std::vector<Accumulator::Landing> landings_;
    std::vector<Reporter::Ended> delivered_;
    // Sizes of the batches sent since the last statistics, by topic; kept only once somebody has asked.
    std::map<std::string, TopicWindows> windows_;
    bool keeps_windows_;
    std::uint64_t records_sent_ = 0;
    std::uint64_t record_bytes_sent_ = 0;
    const TimePoint began_;
    Watched stopping_;
    ProducerId producer_id_;  // of partitions that begin now, with an epoch that none which was forgotten has had
    bool asks_producer_id_ = false;
    bool has_hopeless_ = false;           // something waits for a producer id, and there will be none
    std::map<std::string, bool> topics_;  // known to the accumulator
    TimePoint look_for_idle_at_{};
    Error last_error_;  // of connections and look-ups, for those who time out
    std::atomic<bool> stopped_{false};
};

}  // namespace ottla::client
