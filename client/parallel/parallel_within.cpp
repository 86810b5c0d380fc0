// SPDX-License-Identifier: Apache-2.0
// A ParallelConsumer on one executor that somebody else runs, in a world that is handed in.
#include "client/parallel/parallel_config.hpp"
#include "client/parallel/parallel_core.hpp"
#include "client/producer/producer_core.hpp"
#include "client/runtime/spawn.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

// Between two looks at those who still run.
constexpr auto running_look = 5ms;

}  // namespace

Result<std::shared_ptr<ParallelCore>> ParallelCore::make_within(const Surroundings& given,
                                                                ParallelConsumerConfig config, AnyHandler handler) {
    const std::shared_ptr<ParallelCore> core(new ParallelCore(std::move(config), std::move(handler), given.timers));
    if (auto started = core->start_within(given); !started) return started.error();
    return core;
}

Result<void> ParallelCore::start_within(const Surroundings& given) {
    const auto settings = parallel_settings(config_);
    if (!settings) return settings.error();
    auto consumer = settings->for_consumer();
    if (!consumer) return consumer.error();
    runtime_ = Runtime::within(given, "parallel");
    auto consumer_core = ConsumerCore::make(runtime_, std::move(*consumer));
    std::optional<Producer> letters;
    if (settings->producer) {
        auto producer = producer_config(*settings->producer);
        if (!producer) return producer.error();
        letters.emplace(ProducerCore::make(Runtime::within(given, "letters"), *producer, false));
    }
    put_together(std::move(consumer_core), std::move(letters));
    executor_ = given.executor;
    intake_->on_work([this] { begin_coroutines(); });
    if (auto subscribed = intake_->subscribe_without_callbacks(); !subscribed) return subscribed.error();
    one_more();
    spawn(executor_, run_intake(shared_from_this()));
    return ok();
}

awaitable<void> ParallelCore::run_intake(std::shared_ptr<ParallelCore> self) {
    co_await self->intake_->run_async();
    self->one_less();
}

awaitable<Result<void>> ParallelCore::close_async(std::shared_ptr<ParallelCore> self, std::chrono::nanoseconds timeout,
                                                  ParallelConsumer::CloseMode mode) {
    if (self->closing_.exchange(true)) co_return Error::of(ErrorCode::closed, "the parallel consumer is closed");
    const auto left_before = self->stats().left_behind;
    const auto until = self->begin_close(timeout, mode);
    const auto over_at = until == TimePoint::max() ? until : until + 1s;
    auto& timers = self->runtime_->timers();
    while (self->running() > 0 && timers.now() < over_at) co_await timers.wait_for(running_look);
    const auto left = self->stats().left_behind - left_before;
    self->desk_->close();
    if (self->letters_) static_cast<void>(co_await Letters::close_async(self->letters_, 100ms));
    co_return close_result(self->running() == 0, left);
}

awaitable<void> ParallelCore::end(std::shared_ptr<ParallelCore> self) {
    self->closing_ = true;
    self->desk_->close();
    static_cast<void>(co_await ConsumerCore::end(self->intake_->core(), self->runtime_->now()));
    if (self->letters_) static_cast<void>(co_await Letters::close_async(self->letters_, 0s));
}

int ParallelCore::running() {
    const std::lock_guard lock(running_mutex_);
    return running_;
}

awaitable<Result<void>> Letters::close_async(std::shared_ptr<Letters> self, std::chrono::nanoseconds timeout) {
    co_return co_await self->producer_.async_close(timeout, asio::use_awaitable);
}

}  // namespace ottla::client
