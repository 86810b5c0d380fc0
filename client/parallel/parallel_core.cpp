// SPDX-License-Identifier: Apache-2.0
#include "client/parallel/parallel_core.hpp"

#include <algorithm>
#include <exception>

#include <fmt/format.h>

#include "client/parallel/parallel_config.hpp"
#include "client/runtime/spawn.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

// In one of its handlers, close() would wait for itself.
thread_local const ParallelCore* works_for = nullptr;

struct Source {
    std::shared_ptr<Runtime> runtime;
    std::shared_ptr<ConsumerCore> consumer;
};

Result<Source> make_source(const ParallelSettings& given, LogCallback log) {
    auto settings = given.for_consumer();
    if (!settings) return settings.error();
    Source r;
    Listeners listeners;
    listeners.log = std::move(log);
    r.runtime = Runtime::with_thread(client_name(settings->common, "parallel"), settings->common, std::move(listeners));
    r.consumer = ConsumerCore::make(r.runtime, std::move(*settings));
    return r;
}

// What a handler's exception means. Within a catch.
Handled thrown() {
    try {
        std::rethrow_exception(std::current_exception());
    } catch (const std::exception& e) {
        return Handled::retry(e.what());
    } catch (...) {
        return Handled::retry("the handler threw something that is no std::exception");
    }
}

}  // namespace

Result<std::shared_ptr<ParallelCore>> ParallelCore::make(ParallelConsumerConfig config, AnyHandler handler,
                                                         std::optional<asio::any_io_executor> executor) {
    const std::shared_ptr<ParallelCore> core(new ParallelCore(std::move(config), std::move(handler)));
    if (auto started = core->start(std::move(executor)); !started) return started.error();
    return core;
}

ParallelCore::ParallelCore(ParallelConsumerConfig config, AnyHandler handler, const base::Clock* clock)
    : config_(std::move(config)),
      handler_(std::move(handler)),
      clock_(clock ? *clock : own_clock_) {}

void ParallelCore::put_together(std::shared_ptr<ConsumerCore> consumer, std::optional<Producer> letters) {
    const auto poke = std::make_shared<Poke>(consumer);
    const bool has_batches =
        std::holds_alternative<BatchHandler>(handler_) || std::holds_alternative<AsyncBatchHandler>(handler_);
    desk_ = std::make_shared<WorkDesk>(config_, has_batches ? static_cast<std::size_t>(config_.batch_size) : 1, clock_,
                                       [poke] { poke->give(); });
    hooks_->set(std::move(config_.hooks), runtime_->log(DebugContext::consumer));
    intake_ = std::make_unique<Intake>(std::move(consumer), config_, desk_, poke, hooks_);
    if (!letters) return;
    letters_ = std::make_shared<Letters>(
        std::move(*letters), config_, desk_, clock_, runtime_->log(DebugContext::consumer), [poke] { poke->give(); },
        hooks_);
    intake_->attach(letters_);
}

Result<void> ParallelCore::start(std::optional<asio::any_io_executor> executor) {
    if (!std::visit([](const auto& h) { return static_cast<bool>(h); }, handler_))
        return Error::of(ErrorCode::invalid_argument, "ParallelConsumer::create: the handler is empty");
    const auto settings = parallel_settings(config_);
    if (!settings) return settings.error();
    // The one callback for both clients.
    const auto outlet = std::make_shared<LogCallback>(std::move(config_.log));
    const auto log = [&outlet]() -> LogCallback {
        if (!*outlet) return nullptr;
        return [outlet](const LogEvent& line) { (*outlet)(line); };
    };
    auto source = make_source(*settings, log());
    if (!source) return source.error();
    runtime_ = source->runtime;
    std::optional<Producer> letters;
    if (settings->producer) {
        ProducerOptions options;
        options.log = log();
        auto producer = Producer::create(*settings->producer, std::move(options));
        if (!producer) return producer.error();
        letters = std::move(*producer);
    }
    put_together(source->consumer, std::move(letters));
    if (auto subscribed = intake_->subscribe(); !subscribed) return subscribed.error();

    const auto self = shared_from_this();
    if (is_async()) {
        if (!executor) {
            own_loop_ = std::make_unique<net::IoThread>("ottla-handlers");
            executor = own_loop_->executor();
        }
        executor_ = std::move(*executor);
        intake_->on_work([this] { begin_coroutines(); });
    } else {
        const auto count = config_.max_concurrency;
        threads_ = base::make_thread_workers(static_cast<std::size_t>(count), "ottla-handler");
        for (int i = 0; i < count; ++i) {
            one_more();
            threads_->run([self] {
                self->work();
                self->one_less();
            });
        }
    }
    one_more();
    poller_ = base::make_thread_workers(1, "ottla-parallel");
    poller_->run([self] {
        self->intake_->run();
        self->one_less();
    });
    return ok();
}

ParallelCore::~ParallelCore() = default;

void ParallelCore::work() {
    works_for = this;
    WorkCall call;
    while (desk_->wait_for(call)) {
        const auto began = tell_begun(call);
        const auto handled = handle(call);
        conclude(call, handled, began);
    }
}

Handled ParallelCore::handle(const WorkCall& call) {
    try {
        if (auto* one = std::get_if<Handler>(&handler_)) return (*one)(call.items.front());
        return std::get<BatchHandler>(handler_)(call.items);
    } catch (...) {
        return thrown();
    }
}

void ParallelCore::begin_coroutines() {
    for (auto left = desk_->begin_coroutines(); left > 0; --left) {
        one_more();
        spawn(executor_, work_async(shared_from_this()));
    }
}

awaitable<Handled> ParallelCore::begin(const WorkCall& call) {
    if (auto* one = std::get_if<AsyncHandler>(&handler_)) {
        WorkItem item = call.items.front();
        return (*one)(std::move(item));
    }
    std::vector<WorkItem> items = call.items;
    return std::get<AsyncBatchHandler>(handler_)(std::move(items));
}

awaitable<void> ParallelCore::work_async(std::shared_ptr<ParallelCore> self) {
    // However it ends: a loop that is gone destroys it where it waits.
    struct Ended {
        explicit Ended(std::shared_ptr<ParallelCore> c) : core(std::move(c)) {}
        Ended(const Ended&) = delete;
        Ended& operator=(const Ended&) = delete;
        ~Ended() { core->one_less(); }
        std::shared_ptr<ParallelCore> core;
    };
    const Ended ended(self);
    WorkCall call;
    while (self->desk_->take(call)) {
        Handled handled = Handled::done();
        const auto began = self->tell_begun(call);
        try {
            auto running = self->begin(call);
            handled = co_await std::move(running);
        } catch (...) {
            handled = thrown();
        }
        self->conclude(call, handled, began);
    }
}

base::TimePoint ParallelCore::tell_begun(const WorkCall& call) {
    if (!hooks_->wants(&ParallelHooks::on_work)) [[likely]]
        return {};
    WorkEvent event;
    event.items = call.items;
    hooks_->tell(&ParallelHooks::on_work, event);
    return clock_.now();
}

void ParallelCore::tell(WorkEvent::Stage stage, const WorkCall& call, const Handled& handled, base::TimePoint began,
                        std::chrono::nanoseconds delay) {
    if (!hooks_->wants(&ParallelHooks::on_work)) [[likely]]
        return;
    WorkEvent event;
    event.stage = stage;
    event.items = call.items;
    event.took = clock_.now() - began;
    event.delay = delay;
    event.why = handled.why();
    hooks_->tell(&ParallelHooks::on_work, event);
}

void ParallelCore::conclude(WorkCall& call, const Handled& handled, base::TimePoint began) {
    if (handled.what() == Handled::What::done) {
        tell(WorkEvent::Stage::done, call, handled, began);
        return desk_->finish(call, WorkDesk::Ended::done);
    }
    const WorkItem& first = call.items.front();
    if (const auto& log = runtime_->log(DebugContext::consumer); log.enabled(base::LogLevel::debug))
        log.debug("{}[{}]@{}, attempt {}: {}", first.topic(), first.partition(), first.offset(), first.attempt(),
                  handled.why());
    if (handled.what() == Handled::What::reject || was_last(call, handled)) return set_aside(call, handled, began);
    // A batch: record by record first, so that one bad record does not take others along.
    const bool is_here = config_.retry_topics.empty() || handled.delay() || call.items.size() > 1;
    if (is_here || !desk_->is_ours(call)) {
        const auto due = due_after(first, handled);
        tell(WorkEvent::Stage::retried, call, handled, began, due - clock_.now());
        return desk_->retry(call, due);
    }
    const auto& topic = config_.retry_topics[retry_topic_after(first)].topic;
    tell(WorkEvent::Stage::to_retry_topic, call, handled, began);
    desk_->set_aside(call);
    letters_->send_to_retry(topic, std::move(call), handled.why());
    call = WorkCall();
}

// The last takes its own again.
std::size_t ParallelCore::retry_topic_after(const WorkItem& item) const {
    const auto at = std::ranges::find(config_.retry_topics, item.topic(), &RetryTopic::topic);
    if (at == config_.retry_topics.end()) return 0;
    return std::min(static_cast<std::size_t>(at - config_.retry_topics.begin()) + 1, config_.retry_topics.size() - 1);
}

bool ParallelCore::was_last(const WorkCall& call, const Handled& handled) const {
    const WorkItem& first = call.items.front();
    if (config_.max_attempts > 0) {
        const bool is_split_first = !config_.retry_topics.empty() && call.items.size() > 1;
        return first.attempt() >= config_.max_attempts && !is_split_first;
    }
    return !config_.retry_topics.empty() && !handled.delay() && call.items.size() == 1 &&
           first.topic() == config_.retry_topics.back().topic;
}

base::TimePoint ParallelCore::due_after(const WorkItem& item, const Handled& handled) {
    auto delay = handled.delay().value_or(retry_delay(config_, item.attempt()));
    if (!handled.delay() && config_.retry_delay_function) {
        try {
            delay = config_.retry_delay_function(item);
        } catch (...) {
            runtime_->log(DebugContext::consumer).error("ParallelConsumerConfig::retry_delay_function threw");
        }
    }
    return clock_.now() + std::clamp<std::chrono::milliseconds>(delay, 0ms, 24h);
}

void ParallelCore::set_aside(WorkCall& call, const Handled& handled, base::TimePoint began) {
    const bool has_topic = !config_.dead_letter_topic.empty();
    if (has_topic && desk_->is_ours(call)) {
        tell(WorkEvent::Stage::to_dead_letters, call, handled, began);
        desk_->set_aside(call);
        letters_->send_dead(std::move(call), handled.why());
        call = WorkCall();
        return;
    }
    if (!has_topic)
        for (const auto& item : call.items)
            runtime_->log(DebugContext::consumer)
                .error("{}[{}]@{} is dropped after attempt {}, as there is no dead_letter_topic: {}", item.topic(),
                       item.partition(), item.offset(), item.attempt(), handled.why());
    tell(WorkEvent::Stage::dropped, call, handled, began);
    desk_->finish(call, WorkDesk::Ended::dropped);
}

void ParallelCore::one_more() {
    const std::lock_guard lock(running_mutex_);
    ++running_;
}

void ParallelCore::one_less() {
    const std::lock_guard lock(running_mutex_);
    --running_;
    ended_.notify_all();
}

bool ParallelCore::wait_until_few(int count, base::TimePoint until) {
    std::unique_lock lock(running_mutex_);
    return ended_.wait_until(lock, until, [&] { return running_ <= count; });
}

Result<void> ParallelCore::close(std::chrono::nanoseconds timeout, ParallelConsumer::CloseMode mode) {
    if (works_for == this || (own_loop_ && own_loop_->is_current()))
        return Error::of(ErrorCode::invalid_state, "close() waits for handlers, and this is one");
    if (closing_.exchange(true)) return Error::of(ErrorCode::closed, "the parallel consumer is closed");
    const auto left_before = stats().left_behind;
    const auto until = begin_close(timeout, mode);
    const bool is_over = wait_until_few(0, until == base::TimePoint::max() ? until : until + 1s);
    const auto left = stats().left_behind - left_before;
    let_go();
    if (letters_) (void)letters_->close(100ms).has_value();
    return close_result(is_over, left);
}

TimePoint ParallelCore::begin_close(std::chrono::nanoseconds timeout, ParallelConsumer::CloseMode mode) {
    const auto until = runtime_->deadline(timeout);
    // What is left then is for the commit and the group.
    const auto work_until =
        until == base::TimePoint::max() ? until : until - std::min<std::chrono::nanoseconds>(timeout / 4, 2s);
    intake_->close(work_until, until, mode);
    return until;
}

Result<void> ParallelCore::close_result(bool is_over, std::uint64_t left) {
    if (!is_over) return Error::of(ErrorCode::timed_out, "close: a handler has not returned; it keeps its thread");
    if (left > 0)
        return Error::of(ErrorCode::timed_out,
                         fmt::format("close: {} records that were here are not done, and are done "
                                     "again by who reads next",
                                     left));
    return ok();
}

void ParallelCore::let_go() {
    // The intake ends within its deadlines.
    poller_.reset();
    desk_->close();
    if (own_loop_) own_loop_.reset();
    if (!threads_) return;
    // A thread that never returns cannot be waited for: it is left, with what it needs.
    if (wait_until_few(0, clock_.now() + 10ms))
        threads_.reset();
    else
        (void)threads_.release();
}

ParallelStats ParallelCore::stats() const {
    ParallelStats s;
    desk_->fill(s);
    intake_->fill(s);
    return s;
}

std::string ParallelCore::describe() const { return to_string(stats()) + intake_->describe(); }

}  // namespace ottla::client
