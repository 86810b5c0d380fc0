// SPDX-License-Identifier: Apache-2.0
#include "client/producer/send_loop.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "client/runtime/spawn.hpp"

namespace ottla::client {

namespace {

constexpr int rounds_at_once_max = 64;

base::Workers* workers_for(const ProducerConfig& config, Runtime& runtime) {
    return config.compression == Compression::none ? nullptr : runtime.workers();
}

}  // namespace

SendLoop::SendLoop(std::shared_ptr<Cluster> cluster, const ProducerConfig& config, std::uint64_t seed,
                   PartitionerFunction partitioner)
    : cluster_(std::move(cluster)),
      config_(config),
      accumulator_(
          config_, cluster_->runtime().timers(), cluster_->runtime().pool(), seed, [this] { wake(); },
          std::move(partitioner)),
      events_([this](BatchPtr batch) { recycle_fetched(std::move(batch)); }),
      reporter_(accumulator_, events_, cluster_->runtime().hooks()),
      signal_(cluster_->runtime().executor()),
      call_(config_.acks, config_.request_timeout),
      packer_(config_, cluster_->runtime().pool(), workers_for(config_, cluster_->runtime()),
              cluster_->runtime().executor(), [this] { signal_.notify(); }),
      keeps_windows_(config.common.statistics_interval.count() > 0),
      began_(cluster_->runtime().now()) {}

void SendLoop::start() {
    const auto executor = cluster_->runtime().executor();
    runtime().attach_logs([this](LogEvent&& line) { return events_.push(std::move(line)); });
    spawn(executor, run(shared_from_this()));
    spawn(executor, follow_metadata(shared_from_this()));
}

SendLoop::~SendLoop() {
    if (!runtime().is_of_parent()) runtime().detach_logs();
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
            runtime.log(DebugContext::eos).debug("producer id {}, epoch {}", id->id, id->epoch);
            self->producer_id_ = *id;
            break;
        }
        self->last_error_ = id.error();
        if (!is_worth_retrying(id.error())) {
            self->fail(id.error());
            break;
        }
        runtime.log(DebugContext::eos).debug("no producer id, trying again: {}", to_string(id.error()));
        co_await self->stopped_or(runtime.now() + backoff.next(runtime.random()));
    }
    self->asks_producer_id_ = false;
    self->signal_.notify();
}

void SendLoop::fail(const Error& fatal) {
    const Error error = Error::of(ErrorCode::fatal, to_string(fatal)).as_fatal();
    accumulator_.refuse(error);
    asio::post(cluster_->runtime().executor(), [self = shared_from_this(), error] {
        if (self->stopped_) return;
        self->runtime().log(DebugContext::generic).error("the producer can't go on: {}", error.text());
        self->events_.push(error);
        self->drop(Part::queued, error);
        // For who waits for room that will never be.
        self->reporter_.progress().notify();
    });
}

// What has been sent may leave room for more of the same partitions. Who is told that a record failed may produce it
// again at once, and so for ever: after some rounds others have their turn.
TimePoint SendLoop::step() {
    const TimePoint now = cluster_->runtime().now();
    TimePoint next;
    bool look_again = false;
    int rounds = 0;
    do {
        accumulator_.plan(now, plan_);
        next = carry_out(plan_, now, look_again = false);
    } while (look_again && ++rounds < rounds_at_once_max);
    if (look_again) wake();
    return std::min(next, expire_in_flight(now));
}

TimePoint SendLoop::carry_out(Accumulator::Plan& plan, TimePoint now, bool& look_again) {
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
        look_again = true;
        return plan.next;
    }
    for (PartitionQueue* queue : plan.oversized) accumulator_.split_front(*queue, plan.unpacked);
    for (Batch* batch : plan.unpacked) batch->packing = packer_.pack(batch->builder.finish());
    // They may be ready now.
    look_again |= !plan.oversized.empty() || !plan.unpacked.empty();
    if (plan.leaderless) cluster_->request_refresh("a partition has no leader");

    TimePoint next = plan.next;
    chosen_.clear();
    for (const auto& ready : plan.ready)
        if (may_load(ready, now, next)) chosen_.push_back(ready.queue);
    // Where a request goes anyway, what lingers goes along: so that partitions of one leader fall into step, and their
    // batches share requests.
    for (const auto& lingering : plan.lingering)
        if (goes_along(lingering)) chosen_.push_back(lingering.queue);
    look_again |= !chosen_.empty();
    accumulator_.take(chosen_, config_.idempotence, taken_);
    for (BatchPtr& batch : taken_) load(std::move(batch));
    taken_.clear();
    for (auto& [id, leader] : leaders_) {
        if (!leader.load.empty()) send(id, leader);
        leader.planned = 0;
    }
    // It came back into the queue after the producer had failed, and would wait for an id that never comes.
    if (std::exchange(has_hopeless_, false)) {
        drop(Part::queued, accumulator_.refusal());
        look_again = true;
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
            if (batch) report_in_flight(*flight, std::move(batch), error);
}

}  // namespace ottla::client
