// SPDX-License-Identifier: Apache-2.0
#include "client/producer/producer_core.hpp"

#include <boost/asio/any_completion_executor.hpp>

#include "client/runtime/blocking.hpp"
#include "client/runtime/spawn.hpp"

namespace ottla::client {

namespace {

constexpr auto thread_end_max = std::chrono::milliseconds(500);

// Says to the loop what holds while it lives, and takes it back.
class While {
public:
    using Setting = void (SendLoop::*)(bool);
    While(SendLoop& loop, Setting set) : loop_(loop), set_(set) { (loop_.*set_)(true); }
    While(const While&) = delete;
    While& operator=(const While&) = delete;
    ~While() { (loop_.*set_)(false); }

private:
    SendLoop& loop_;
    Setting set_;
};

// The report of one record for somebody who awaits it. The loop's, but for its making.
struct AwaitedReport {
    explicit AwaitedReport(Completion<DeliveryReport> handler, const asio::any_io_executor& loop)
        : done(std::move(handler)),
          executor(asio::get_associated_executor(done, loop)) {}

    void finish(Result<DeliveryReport> result) {
        if (!done) return;
        asio::dispatch(executor, [done = std::move(done), result = std::move(result)]() mutable {
            std::move(done)(std::move(result));
        });
    }

    Completion<DeliveryReport> done;
    asio::any_completion_executor executor;
};

}  // namespace

std::size_t payload_bytes(const Record& record) noexcept {
    std::size_t bytes = record.key.size() + record.value.size();
    for (const Header& h : record.headers) bytes += h.name.size() + h.value.size();
    return bytes;
}

ProducerCore::ProducerCore(std::shared_ptr<Runtime> runtime, const ProducerConfig& config, std::uint64_t seed,
                           bool waits_at_end, ProducerOptions options)
    : runtime_(std::move(runtime)),
      cluster_(Cluster::make(runtime_, config.common, true)),
      loop_(std::make_shared<SendLoop>(cluster_, config, seed, std::move(options.partitioner))),
      waits_at_end_(waits_at_end),
      tells_produce_(runtime_->hooks().wants(&Hooks::on_produce)) {}

std::shared_ptr<ProducerCore> ProducerCore::make(std::shared_ptr<Runtime> runtime, const ProducerConfig& config,
                                                 bool waits_at_end, ProducerOptions options) {
    // Before the cluster begins to use the loop's randomness on the loop.
    const std::uint64_t seed = runtime->random().next();
    std::shared_ptr<ProducerCore> core(
        new ProducerCore(std::move(runtime), config, seed, waits_at_end, std::move(options)));
    core->loop_->start();
    if (config.common.statistics_interval.count() > 0)
        spawn(core->runtime_->executor(), emit_statistics(core->loop_, config.common.statistics_interval));
    return core;
}

Result<void> ProducerCore::produce(const Record& record, DeliveryCallback&& callback, nanoseconds block_for,
                                   bool is_awaited) {
    constexpr std::string_view call = "wait_for_room";
    if (block_for.count() > 0 && runtime_->on_loop()) return on_own_loop(call);
    auto appended = produce(record, std::move(callback), is_awaited);
    if (appended || appended.error() != ErrorCode::queue_full) return appended;
    const TimePoint deadline = runtime_->deadline(block_for);
    // Others may be faster when there is room again.
    for (TimePoint now = runtime_->now(); now < deadline; now = runtime_->now()) {
        const nanoseconds left = deadline == TimePoint::max() ? nanoseconds::max() : deadline - now;
        const auto waited = wait_for<void>(*runtime_, call, left, [&](Completion<void> done) {
            spawn_call(*runtime_, wait_for_room(shared_from_this(), left, payload_bytes(record)), std::move(done));
        });
        // The hook has been told already.
        appended = accumulator().append(record, std::move(callback), is_awaited);
        if (appended || appended.error() != ErrorCode::queue_full) return appended;
        if (!waited && waited.error() != ErrorCode::queue_full) return waited.error();
    }
    return appended;
}

void ProducerCore::start_produce(const Record& record, Completion<DeliveryReport> done) {
    if (runtime_->is_of_parent()) return answer_without_loop<DeliveryReport>(std::move(done), made_before_fork());
    auto slot = asio::get_associated_cancellation_slot(done);
    auto awaited = std::make_shared<AwaitedReport>(std::move(done), runtime_->executor());
    // Before the record is on its way: afterwards the report belongs to the loop.
    if (slot.is_connected()) {
        std::weak_ptr<AwaitedReport> waiting = awaited;
        slot.assign([waiting, loop = runtime_->executor()](asio::cancellation_type) {
            asio::post(loop, [waiting] {
                if (const auto report = waiting.lock()) report->finish(Error::of(ErrorCode::cancelled));
            });
        });
    }
    auto appended = produce(
        record, [awaited](const DeliveryReport& report) { awaited->finish(report); }, true);
    if (appended) return;
    const Runtime::Entry entry(*runtime_);
    if (!entry) return answer_without_loop(std::move(awaited->done), appended.error());
    asio::post(runtime_->executor(), [awaited, error = appended.error()] { awaited->finish(error); });
}

Result<void> ProducerCore::fail(const Error& fatal) {
    if (runtime_->is_of_parent()) return made_before_fork();
    if (const Error before = accumulator().refusal(); before.code() != ErrorCode::none)
        return Error::of(ErrorCode::invalid_state, to_string(before));
    loop_->fail(fatal);
    return ok();
}

awaitable<Result<std::size_t>> ProducerCore::flush(std::shared_ptr<ProducerCore> self, nanoseconds timeout) {
    const TimePoint deadline = self->runtime_->deadline(timeout);
    // Not within a delivery callback, from which this may be called.
    co_await asio::post(self->runtime_->executor(), asio::use_awaitable);
    const While flushing(*self->loop_, &SendLoop::set_flushing);
    Watch watch(self->loop_->reporter().progress(), self->runtime_->executor());
    while (self->accumulator().unreported() > 0 && self->runtime_->now() < deadline)
        co_await watch.wait_until(self->runtime_->timers(), deadline);
    co_return self->accumulator().unreported();
}

awaitable<Result<void>> ProducerCore::wait_for_room(std::shared_ptr<ProducerCore> self, nanoseconds timeout,
                                                    std::size_t bytes) {
    const TimePoint deadline = self->runtime_->deadline(timeout);
    co_await asio::post(self->runtime_->executor(), asio::use_awaitable);
    // Whoever waits can't fill batches.
    const While flushing(*self->loop_, &SendLoop::set_flushing);
    const While wanted(*self->loop_, &SendLoop::set_room_wanted);
    Watch watch(self->loop_->reporter().progress(), self->runtime_->executor());
    while (!self->accumulator().has_room(bytes)) {
        if (const Error refusal = self->accumulator().refusal(); refusal.code() != ErrorCode::none) co_return refusal;
        if (self->runtime_->now() >= deadline) co_return Error::of(ErrorCode::queue_full);
        co_await watch.wait_until(self->runtime_->timers(), deadline);
    }
    co_return ok();
}

awaitable<Result<void>> ProducerCore::purge(std::shared_ptr<ProducerCore> self, PurgeWhat what) {
    co_await asio::post(self->runtime_->executor(), asio::use_awaitable);
    if (what != PurgeWhat::in_flight)
        self->loop_->drop(SendLoop::Part::queued, Error::of(ErrorCode::purged_from_queue));
    if (what != PurgeWhat::queued) self->loop_->drop(SendLoop::Part::in_flight, Error::of(ErrorCode::purged_in_flight));
    co_return ok();
}

awaitable<Result<std::string>> ProducerCore::statistics(std::shared_ptr<ProducerCore> self) {
    co_await asio::post(self->runtime_->executor(), asio::use_awaitable);
    if (self->ended_) co_return Error::of(ErrorCode::closed);
    co_return self->loop_->statistics();
}

awaitable<void> ProducerCore::emit_statistics(std::shared_ptr<SendLoop> loop, milliseconds interval) {
    Runtime& runtime = loop->runtime();
    for (TimePoint at = runtime.now() + interval; !loop->is_stopped(); at += interval) {
        co_await loop->stopped_or(at);
        if (!loop->is_stopped()) loop->events().push(Statistics{loop->statistics()});
    }
}

awaitable<Result<void>> ProducerCore::close(std::shared_ptr<ProducerCore> self, nanoseconds timeout) {
    if (!self->runtime_->is_of_parent()) {
        self->accumulator().refuse(Error::of(ErrorCode::closed));
        self->closed_.store(true, std::memory_order_release);
        if (const Runtime::Entry entry(*self->runtime_); entry)
            asio::post(self->runtime_->executor(),
                       [self, at = self->runtime_->deadline(timeout)] { self->end_by(at); });
    }
    return wait_for_end(self);
}

// Of several calls, the earliest deadline holds; the first call begins the work.
void ProducerCore::end_by(TimePoint deadline) {
    close_at_ = std::min(close_at_, deadline);
    if (!std::exchange(closing_, true)) spawn(runtime_->executor(), end(shared_from_this()));
    progress().notify();
}

awaitable<void> ProducerCore::end(std::shared_ptr<ProducerCore> self) {
    Watch watch(self->progress(), self->runtime_->executor());
    {
        const While flushing(*self->loop_, &SendLoop::set_flushing);
        while (self->accumulator().unreported() > 0 && self->runtime_->now() < self->close_at_)
            co_await watch.wait_until(self->runtime_->timers(), self->close_at_);
    }
    const Error error = Error::of(ErrorCode::closed, "the producer was closed before the record was delivered");
    self->loop_->drop(SendLoop::Part::queued, error);
    self->loop_->drop(SendLoop::Part::in_flight, error);
    self->loop_->stop();
    self->cluster_->close();
    self->events().stop_waiting();
    self->ended_ = true;
    self->progress().notify();
}

awaitable<Result<void>> ProducerCore::wait_for_end(std::shared_ptr<ProducerCore> self) {
    Watch watch(self->progress(), self->runtime_->executor());
    while (!self->ended_) co_await watch.wait_until(self->runtime_->timers(), TimePoint::max());
    co_return ok();
}

Result<void> ProducerCore::close_and_wait(nanoseconds timeout) {
    if (runtime_->has_finished()) return ok();
    const TimePoint until = runtime_->deadline(timeout);
    auto closed = wait_for<void>(*runtime_, "close", timeout, [&](Completion<void> done) {
        spawn_call<void>(*runtime_, close(shared_from_this(), timeout), std::move(done));
    });
    if (!closed && closed.error() == ErrorCode::closed) return ok();  // another thread's call was there before
    // Everything has been told to end: that takes a moment, also where the time is up.
    if (closed) runtime_->finish(std::max(until, runtime_->deadline(thread_end_max)));
    return closed;
}

void ProducerCore::abandon() {
    if (waits_at_end_ && !runtime_->on_loop()) {
        static_cast<void>(close_and_wait(nanoseconds::zero()).has_value());
        return;
    }
    spawn_call<void>(*runtime_, close(shared_from_this(), nanoseconds::zero()),
                     Completion<void>([](const Result<void>&) {}));
}

}  // namespace ottla::client
