// SPDX-License-Identifier: Apache-2.0
#include "client/producer/send_loop.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "client/runtime/spawn.hpp"

namespace ottla::client {

namespace {

// With acks=0 nothing comes back: so much may wait for the socket.
constexpr std::size_t unacknowledged_bytes_max = 16U << 20;
constexpr auto unacknowledged_pause = std::chrono::milliseconds(1);

base::Workers* workers_for(const ProducerConfig& config, Runtime& runtime) {
    return config.compression == Compression::none ? nullptr : runtime.workers();
}

std::string where(const Batch& batch) { return fmt::format("topic '{}' partition {}", *batch.topic, batch.partition); }

}  // namespace

SendLoop::SendLoop(std::shared_ptr<Cluster> cluster, const ProducerConfig& config, std::uint64_t seed,
                   PartitionerFunction partitioner)
    : cluster_(std::move(cluster)),
      config_(config),
      accumulator_(
          config_, cluster_->runtime().timers(), cluster_->runtime().pool(), seed, [this] { wake(); },
          std::move(partitioner)),
      events_([this](BatchPtr batch) { recycle_fetched(std::move(batch)); }),
      reporter_(accumulator_, events_),
      signal_(cluster_->runtime().executor()),
      call_(config_.acks, config_.request_timeout),
      packer_(config_, cluster_->runtime().pool(), workers_for(config_, cluster_->runtime()),
              cluster_->runtime().executor(), [this] { signal_.notify(); }),
      keeps_windows_(config.statistics_interval.count() > 0),
      began_(cluster_->runtime().now()) {}

void SendLoop::start() {
    const auto executor = cluster_->runtime().executor();
    spawn(executor, run(shared_from_this()));
    spawn(executor, follow_metadata(shared_from_this()));
}

void SendLoop::wake() {
    if (stopped_ || wake_posted_.exchange(true, std::memory_order_acq_rel)) return;
    asio::post(cluster_->runtime().executor(), [self = shared_from_this()] {
        self->wake_posted_.store(false, std::memory_order_release);
        self->signal_.notify();
    });
}

void SendLoop::set_flushing(bool on) {
    accumulator_.set_flushing(on);
    signal_.notify();
}

void SendLoop::set_room_wanted(bool on) { room_wanted_ += on ? 1 : -1; }

// Who wants room says so before he looks, under the mutex that recycle() takes: one of the two sees the other.
void SendLoop::recycle_fetched(BatchPtr batch) {
    accumulator_.recycle(std::move(batch));
    if (stopped_ || room_wanted_ == 0) return;
    asio::post(cluster_->runtime().executor(), [self = shared_from_this()] { self->reporter_.progress().notify(); });
}

void SendLoop::stop() {
    stopped_ = true;
    packer_.forget();
    signal_.notify();
    stopping_.notify();
}

awaitable<void> SendLoop::stopped_or(TimePoint at) {
    Watch watch(stopping_, runtime().executor());
    if (!stopped_) co_await watch.wait_until(runtime().timers(), at);
}

awaitable<void> SendLoop::run(std::shared_ptr<SendLoop> self) {
    auto& timers = self->cluster_->runtime().timers();
    while (!self->stopped_) {
        const TimePoint next = self->step();
        co_await self->signal_.wait_until(timers, next);
    }
}

awaitable<void> SendLoop::follow_metadata(std::shared_ptr<SendLoop> self) {
    auto& timers = self->cluster_->runtime().timers();
    Watch watch(self->cluster_->changes(), self->cluster_->runtime().executor());
    while (!self->stopped_ && !self->cluster_->is_closed()) {
        co_await watch.wait_until(timers, TimePoint::max());
        for (const auto& [topic, known] : self->topics_)
            if (known) self->learn_leaders(topic);
        self->signal_.notify();
    }
}

// Brokers that can't be reached are no reason to give up: the records have their own deadline.
awaitable<void> SendLoop::resolve(std::shared_ptr<SendLoop> self, std::string topic) {
    Runtime& runtime = self->cluster_->runtime();
    for (;;) {
        const auto found = co_await self->cluster_->wait_for_topic(topic, runtime.deadline(nanoseconds::max()));
        if (self->stopped_) co_return;
        if (found) {
            self->topics_[topic] = true;
            self->learn_leaders(topic);
            break;
        }
        self->last_error_ = found.error();
        if (found.error().is_retriable() && found.error() != ErrorCode::unknown_topic_or_partition) continue;
        for (BatchPtr& batch : self->accumulator_.give_up(topic))
            self->reporter_.report(std::move(batch), Outcome::failed(found.error(), false));
        break;
    }
    self->signal_.notify();
}

awaitable<void> SendLoop::connect(std::shared_ptr<SendLoop> self, BrokerId id) {
    Runtime& runtime = self->cluster_->runtime();
    const auto deadline =
        runtime.deadline(self->config_.common.connection_setup_timeout + self->config_.common.reconnect_backoff_max);
    const auto channel = co_await self->cluster_->connect(id, deadline);
    Leader& leader = self->leaders_[id];
    leader.connecting = false;
    if (channel) leader.failing = false;
    if (!channel && !self->stopped_) {
        self->last_error_ = channel.error();
        if (!std::exchange(leader.failing, true)) self->events_.push(channel.error());
        leader.not_before = runtime.now() + self->config_.common.retry_backoff;
        self->cluster_->request_refresh("a leader can't be reached");
    }
    self->signal_.notify();
}

// As long as it takes: the records have their own deadline.
awaitable<void> SendLoop::get_producer_id(std::shared_ptr<SendLoop> self) {
    Runtime& runtime = self->cluster_->runtime();
    Backoff backoff(self->config_.common.retry_backoff, self->config_.common.retry_backoff_max);
    while (!self->stopped_) {
        const auto id = co_await ask_producer_id(self->cluster_, runtime.deadline(self->config_.request_timeout));
        if (self->stopped_) co_return;
        if (id) {
            runtime.log().debug("producer id {}, epoch {}", id->id, id->epoch);
            self->producer_id_ = *id;
            break;
        }
        self->last_error_ = id.error();
        if (!is_worth_retrying(id.error())) {
            self->fail(id.error());
            break;
        }
        runtime.log().debug("no producer id, trying again: {}", to_string(id.error()));
        co_await runtime.timers().wait_for(backoff.next(runtime.random()));
    }
    self->asks_producer_id_ = false;
    self->signal_.notify();
}

void SendLoop::fail(const Error& fatal) {
    const Error error = Error::of(ErrorCode::fatal, to_string(fatal)).as_fatal();
    accumulator_.refuse(error);
    asio::post(cluster_->runtime().executor(), [self = shared_from_this(), error] {
        if (self->stopped_) return;
        self->cluster_->runtime().log().error("the producer can't go on: {}", error.text());
        self->events_.push(error);
        self->drop(Part::queued, error);
        // For who waits for room that will never be.
        self->reporter_.progress().notify();
    });
}

void SendLoop::learn_leaders(const std::string& topic) {
    const TopicInfo* info = cluster_->metadata().topic(topic);
    if (!info || info->partitions.empty()) return;
    std::vector<BrokerId> leaders;
    for (const PartitionInfo& p : info->partitions)
        leaders.push_back(p.error == ErrorCode::none ? p.leader : no_broker);
    for (BatchPtr& batch : accumulator_.set_leaders(topic, leaders)) {
        Error error = Error::of(ErrorCode::unknown_partition,
                                fmt::format("topic '{}' has {} partitions; there is no partition {}", topic,
                                            leaders.size(), batch->partition));
        reporter_.report(std::move(batch), Outcome::failed(std::move(error), false));
    }
}

// What has been sent may leave room for more of the same partitions.
TimePoint SendLoop::step() {
    const TimePoint now = cluster_->runtime().now();
    TimePoint next;
    bool has_sent = false;
    do {
        accumulator_.plan(now, plan_);
        next = carry_out(plan_, now, has_sent = false);
    } while (has_sent);
    return std::min(next, expire_in_flight(now));
}

TimePoint SendLoop::carry_out(Accumulator::Plan& plan, TimePoint now, bool& has_sent) {
    for (const std::string& topic : plan.unresolved) {
        if (topics_.try_emplace(topic, false).second) cluster_->use_topic(topic);
        spawn(cluster_->runtime().executor(), resolve(shared_from_this(), topic));
    }
    for (BatchPtr& batch : plan.expired) {
        Error error = timed_out(*batch);
        report_failed(std::move(batch), std::move(error));
    }
    // Whom these told may have changed what the plan speaks of, and a batch that is given up begins an epoch: look
    // again.
    if (!plan.unresolved.empty() || !plan.expired.empty()) {
        has_sent = true;
        return plan.next;
    }
    for (PartitionQueue* queue : plan.oversized) accumulator_.split_front(*queue, plan.unpacked);
    for (Batch* batch : plan.unpacked) batch->packing = packer_.pack(batch->builder.finish());
    // They may be ready now.
    has_sent |= !plan.oversized.empty() || !plan.unpacked.empty();
    if (plan.leaderless) cluster_->request_refresh("a partition has no leader");

    TimePoint next = plan.next;
    chosen_.clear();
    for (const auto& ready : plan.ready)
        if (may_load(ready, now, next)) chosen_.push_back(ready.queue);
    // Where a request goes anyway, what lingers goes along: so that partitions of one leader fall into step, and their
    // batches share requests.
    for (const auto& lingering : plan.lingering)
        if (goes_along(lingering)) chosen_.push_back(lingering.queue);
    has_sent |= !chosen_.empty();
    accumulator_.take(chosen_, config_.idempotence, taken_);
    for (BatchPtr& batch : taken_) load(std::move(batch));
    taken_.clear();
    for (auto& [id, leader] : leaders_) {
        if (!leader.load.empty()) send(id, leader);
        leader.planned = 0;
    }
    return next;
}

// Whether the batch can go with others for the same broker, up to the size of a request, or in one more request.
bool SendLoop::may_load(const Accumulator::Plan::Ready& ready, TimePoint now, TimePoint& next) {
    Leader& leader = leaders_[ready.leader];
    if (ready.wants_numbers && !may_number(*ready.queue)) return false;
    if (!may_send(ready.leader, leader, now, next)) return false;
    if (leader.planned == 0 || leader.planned_bytes + ready.bytes > config_.message_bytes_max) {
        if (leader.in_flight + leader.planned >= config_.common.max_in_flight) return false;
        ++leader.planned;
        leader.planned_bytes = 0;
    }
    leader.planned_bytes += ready.bytes;
    return true;
}

bool SendLoop::goes_along(const Accumulator::Plan::Ready& lingering) {
    Leader& leader = leaders_[lingering.leader];
    if (leader.planned == 0 || leader.planned_bytes + lingering.bytes > config_.message_bytes_max) return false;
    if (lingering.wants_numbers && !may_number(*lingering.queue)) return false;
    leader.planned_bytes += lingering.bytes;
    return true;
}

void SendLoop::load(BatchPtr batch) {
    const BrokerId id = batch->home->leader;
    Leader& leader = leaders_[id];
    if (auto sealed = seal(*batch); !sealed) {
        accumulator_.land(*batch->home, batch->place);
        return report_failed(std::move(batch), sealed.error());
    }
    const std::size_t bytes = batch->sealed.size();
    // A batch that was open may have grown since it was planned; then the request is larger by that rather than one
    // more.
    const bool may_be_one_more = leader.in_flight + 1 < config_.common.max_in_flight;
    if (may_be_one_more && !leader.load.empty() && leader.load_bytes + bytes > config_.message_bytes_max)
        send(id, leader);
    leader.load_bytes += bytes;
    leader.load.push_back(std::move(batch));
}

bool SendLoop::may_number(PartitionQueue& queue) {
    if (!config_.idempotence || !queue.sequences.needs_id()) return true;
    if (producer_id_.id >= 0 && producer_id_.id != queue.sequences.producer_id()) {
        queue.sequences.begin(producer_id_.id, producer_id_.epoch);
        return true;
    }
    if (accumulator_.refusal().is_fatal()) return false;
    if (!std::exchange(asks_producer_id_, true))
        spawn(cluster_->runtime().executor(), get_producer_id(shared_from_this()));
    return false;
}

bool SendLoop::may_send(BrokerId id, Leader& leader, TimePoint now, TimePoint& next) {
    if (leader.connecting) return false;
    if (leader.not_before > now) {
        next = std::min(next, leader.not_before);
        return false;
    }
    if (leader.in_flight >= config_.common.max_in_flight) return false;
    Channel channel = cluster_->connection(id);
    if (!channel) {
        leader.connecting = true;
        spawn(cluster_->runtime().executor(), connect(shared_from_this(), id));
        // It may be there at once: the connection that asked for the metadata.
        channel = cluster_->connection(id);
        if (leader.connecting || !channel) return false;
    }
    if (config_.acks == Acks::none && channel->unsent_bytes() > unacknowledged_bytes_max) {
        next = std::min<TimePoint>(next, now + unacknowledged_pause);
        return false;
    }
    return true;
}

Result<void> SendLoop::seal(Batch& batch) {
    if (batch.packing) {
        if (batch.packing->error.code() != ErrorCode::none) return batch.packing->error;
        batch.sealed = std::move(batch.packing->packed);
        batch.packing.reset();
    }
    if (!batch.sealed.empty() && batch.numbers.any() && !batch.is_stamped) stamp(batch);
    if (batch.sealed.empty()) seal_first(batch);
    return ok();
}

void SendLoop::seal_first(Batch& batch) {
    protocol::BatchStamp stamp;
    stamp.producer_id = batch.numbers.producer_id;
    stamp.producer_epoch = batch.numbers.epoch;
    stamp.base_sequence = batch.numbers.first;
    batch.sealed = batch.builder.finish(stamp);
    batch.is_stamped = true;
}

// Its numbers into a batch that is whole already. In a copy, if it has been sent: the bytes may still be on their way.
void SendLoop::stamp(Batch& batch) {
    if (batch.has_been_sent()) {
        Buffer copy = cluster_->runtime().pool().take(batch.sealed.size());
        copy.append(batch.sealed.span());
        batch.sealed = std::move(copy);
    }
    const auto& numbers = batch.numbers;
    protocol::patch_producer(batch.sealed.writable(), numbers.producer_id, numbers.epoch, numbers.first);
    protocol::patch_crc(batch.sealed.writable());
    batch.is_stamped = true;
}

void SendLoop::send(BrokerId id, Leader& leader) {
    const Channel channel = cluster_->connection(id);
    auto flight = std::make_shared<Flight>();
    flight->broker = id;
    flight->channel = channel;
    flight->batches = std::exchange(leader.load, {});
    leader.load_bytes = 0;
    for (const BatchPtr& batch : flight->batches) {
        const TopicInfo* info = cluster_->metadata().topic(*batch->topic);
        flight->sent.push_back({batch->topic, info ? info->id : Uuid{}, batch->partition});
        flight->seats.push_back({batch->home, batch->place, batch->numbers});
        ++batch->attempts;
        count(id, *batch);
    }
    const auto fail_all = [&](const Error& error) {
        for (std::size_t i = 0; i < flight->batches.size(); ++i) failed(*flight, i, error, false);
    };
    if (!channel) return fail_all(Error::of(ErrorCode::transport));

    auto versions = produce_versions;
    if (!ProduceCall::have_ids(flight->batches, cluster_->metadata())) versions.max = first_produce_by_id - 1;
    const auto version = channel->pick(protocol::ApiKey::produce, versions);
    if (!version) return fail_all(version.error());
    flight->version = *version;
    auto body = call_.encode(flight->batches, cluster_->metadata(), *version, cluster_->runtime().pool());
    if (!body) return fail_all(body.error());

    if (config_.acks == Acks::none) {
        if (auto posted = channel->post(protocol::ApiKey::produce, *version, std::move(*body)); !posted)
            return fail_all(posted.error());
        for (std::size_t i = 0; i < flight->batches.size(); ++i) {
            accumulator_.land(*flight->seats[i].queue, flight->seats[i].place);
            reporter_.report(std::move(flight->batches[i]), Outcome::delivered(-1, -1));
        }
        signal_.notify();
        return;
    }
    ++leader.in_flight;
    flight->place = flights_.insert(flights_.end(), flight);
    const auto deadline = cluster_->runtime().deadline(config_.common.socket_timeout);
    channel->send(
        protocol::ApiKey::produce, *version, std::move(*body), deadline,
        [self = shared_from_this(), flight](Result<Bytes> answer) { self->on_answer(flight, std::move(answer)); });
}

void SendLoop::count(BrokerId id, const Batch& batch) {
    batch.home->records_sent += batch.count();
    batch.home->bytes_sent += batch.payload_bytes;
    records_sent_ += batch.count();
    record_bytes_sent_ += batch.payload_bytes;
    if (!keeps_windows_) return;
    TopicWindows& windows = windows_[*batch.topic];
    windows.bytes.add(static_cast<std::int64_t>(batch.sealed.size()));
    windows.records.add(static_cast<std::int64_t>(batch.count()));
    if (BrokerStats* stats = cluster_->stats(id)) stats->queued.add(micros(runtime().now() - batch.created));
}

void SendLoop::on_answer(const FlightPtr& flight, Result<Bytes> answer) {
    flights_.erase(flight->place);
    Leader& leader = leaders_[flight->broker];
    --leader.in_flight;
    Error left_out = Error::of(ErrorCode::bad_message).with_context("the broker's answer leaves the partition out");
    if (answer) {
        const auto answers = call_.decode(std::move(*answer), flight->version, flight->sent);
        if (answers) {
            const auto& response = call_.response();
            for (const auto& node : response.node_endpoints)
                if (node.port > 0 && node.port <= 65535)
                    cluster_->add_broker(
                        node.node_id,
                        BrokerInfo{net::Endpoint(node.host, static_cast<std::uint16_t>(node.port)), node.rack});
            if (BrokerStats* stats = cluster_->stats(flight->broker)) stats->throttle.add(response.throttle_time_ms);
            if (response.throttle_time_ms > 0)
                leader.not_before = cluster_->runtime().now() + std::chrono::milliseconds(response.throttle_time_ms);
            for (const auto& one : *answers) apply(*flight, one);
            finish_delivered();
        } else {
            left_out = answers.error();
        }
    } else {
        left_out = answer.error();
    }
    for (std::size_t i = 0; i < flight->seats.size(); ++i)
        if (flight->seats[i].queue) failed(*flight, i, left_out, false);
    signal_.notify();
}

void SendLoop::apply(Flight& flight, const ProduceCall::Answer& answer) {
    const auto& said = *answer.partition;
    Seat& seat = flight.seats[answer.batch];
    if (!seat.queue) return;  // said twice
    const auto code = static_cast<ErrorCode>(said.error_code);
    if (code == ErrorCode::none || code == ErrorCode::duplicate_sequence_number) {
        PartitionQueue& queue = *std::exchange(seat.queue, nullptr);
        queue.sequences.delivered(seat.numbers);
        landings_.push_back({&queue, seat.place});
        if (BatchPtr batch = std::move(flight.batches[answer.batch]))
            delivered_.emplace_back(std::move(batch), Outcome::delivered(said.base_offset, said.log_append_time_ms));
        return;
    }
    const std::string& topic = *flight.sent[answer.batch].topic;
    const bool has_hint =
        said.current_leader.leader_id >= 0 &&
        cluster_->apply_leader_hint(topic, said.index, said.current_leader.leader_id, said.current_leader.leader_epoch);
    if (has_hint) learn_leaders(topic);
    Error error = Error::of(code);
    if (said.error_message && !said.error_message->empty()) error = error.with_context(*said.error_message);
    if (needs_metadata_refresh(code) && !has_hint) cluster_->request_refresh("a leader has moved");
    failed(flight, answer.batch, std::move(error), has_hint);
}

// What one answer has delivered, together: the application's threads are at the accumulator's mutex all the time.
void SendLoop::finish_delivered() {
    accumulator_.land(landings_);
    landings_.clear();
    // Callbacks may come back here.
    std::vector<Reporter::Ended> delivered;
    delivered.swap(delivered_);
    if (!delivered.empty()) reporter_.report(delivered);
    delivered.swap(delivered_);
}

void SendLoop::failed(Flight& flight, std::size_t index, Error error, bool at_once) {
    Seat& seat = flight.seats[index];
    PartitionQueue& queue = *std::exchange(seat.queue, nullptr);
    BatchPtr batch = std::move(flight.batches[index]);
    if (!batch) {  // it was reported while in flight
        accumulator_.land(queue, seat.place);
        return settle_numbers(&queue, seat.numbers, true);
    }
    if (leaves_open(error.code())) batch->possibly_persisted = true;
    if (error == ErrorCode::transport || error == ErrorCode::closed) cluster_->request_refresh("a connection was lost");
    if (is_too_large(error.code()) && batch->count() > 1) {
        split_later(std::move(batch));
        return;
    }
    const bool is_numbers = seat.numbers.any() && refuses_numbers(error.code());
    const bool is_retried =
        is_numbers ? is_numbered_again(*batch, error) : is_worth_retrying(error) && batch->attempts <= config_.retries;
    if (stopped_ || !is_retried) {
        accumulator_.land(queue, seat.place);
        return report_failed(std::move(batch), std::move(error));
    }
    const TimePoint now = cluster_->runtime().now();
    const bool waits = !at_once && !batch->waits_its_turn;
    const TimePoint at = waits ? now + batch->backoff.next(cluster_->runtime().random()) : now;
    cluster_->runtime().log().debug("{}: attempt {} failed, trying again: {}", where(*batch), batch->attempts,
                                    to_string(error));
    batch->last_error = std::move(error);
    accumulator_.retry(std::move(batch), at);
}

// When nothing of the partition is in flight: what follows it must not come before its second half. The halves have the
// numbers that the whole had: should it have been written, when the limit was higher perhaps, their first is refused.
void SendLoop::split_later(BatchPtr batch) {
    cluster_->runtime().log().debug("{}: {} records are too large for the broker as one batch, and are split",
                                    where(*batch), batch->count());
    batch->is_oversized = batch->waits_its_turn = true;
    accumulator_.retry(std::move(batch), cluster_->runtime().now());
}

bool SendLoop::is_numbered_again(Batch& batch, const Error& error) {
    Sequences& sequences = batch.home->sequences;
    const auto verdict = sequences.refused(batch.numbers, batch.went_first, batch.possibly_persisted);
    if (verdict == Sequences::Verdict::again) {
        batch.waits_its_turn = true;
        return true;
    }
    // Where another has written under our id, no epoch of it is ours any more.
    if (error == ErrorCode::invalid_producer_epoch) sequences.spend_id();
    accumulator_.take_numbers_back(*batch.home);
    if (verdict == Sequences::Verdict::give_up) return false;
    batch.numbers = Numbers();
    return true;
}

void SendLoop::report_failed(BatchPtr batch, Error error) {
    const bool possibly = batch->possibly_persisted;
    settle_numbers(batch->home, batch->numbers, possibly);
    if (batch->partition >= 0 && error != ErrorCode::message_timed_out) error = error.with_context(where(*batch));
    reporter_.report(std::move(batch), Outcome::failed(std::move(error), possibly));
}

void SendLoop::settle_numbers(PartitionQueue* queue, const Numbers& numbers, bool possibly_persisted) {
    if (!queue || !numbers.any()) return;
    queue->sequences.given_up(numbers, possibly_persisted);
    if (queue->sequences.begins_anew()) accumulator_.take_numbers_back(*queue);
}

Error SendLoop::timed_out(const Batch& batch) const {
    const Error& lately = last_error_.code() != ErrorCode::none ? last_error_ : cluster_->last_error();
    const Error& last = batch.last_error.code() != ErrorCode::none ? batch.last_error : lately;
    return Error::of(ErrorCode::message_timed_out,
                     fmt::format("{}: not delivered within delivery.timeout.ms ({}){}",
                                 batch.partition >= 0 ? where(batch) : fmt::format("topic '{}'", *batch.topic),
                                 config_.delivery_timeout.count(),
                                 last.code() == ErrorCode::none ? "" : "; the last error: " + to_string(last)));
}

// The answer may still come: until then the partition stays as it is, so that nothing overtakes.
TimePoint SendLoop::expire_in_flight(TimePoint now) {
    TimePoint next = TimePoint::max();
    for (const FlightPtr& flight : flights_)
        for (BatchPtr& batch : flight->batches) {
            if (!batch) continue;
            if (batch->expires > now) {
                next = std::min(next, batch->expires);
                continue;
            }
            Error error = timed_out(*batch);
            reporter_.report(std::move(batch), Outcome::failed(std::move(error), true));
        }
    return next;
}

void SendLoop::drop(Part part, const Error& error) {
    if (part == Part::queued) {
        for (BatchPtr& batch : accumulator_.take_all()) report_failed(std::move(batch), error);
        return;
    }
    for (const FlightPtr& flight : flights_)
        for (BatchPtr& batch : flight->batches)
            if (batch) reporter_.report(std::move(batch), Outcome::failed(error, true));
}

}  // namespace ottla::client
