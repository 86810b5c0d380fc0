// SPDX-License-Identifier: Apache-2.0
// The public face: blocking calls wait on this thread, async_ ones run on the loop.
#include <ottla/consumer.hpp>

#include <fmt/format.h>

#include "client/cluster/metadata_call.hpp"
#include "client/cluster/offset_calls.hpp"
#include "client/consumer/consumer_core.hpp"
#include "client/runtime/blocking.hpp"
#include "client/runtime/spawn.hpp"

namespace ottla::inline v0 {
namespace {

using client::awaitable;
using client::ConsumerCore;
using std::chrono::nanoseconds;
using CorePtr = std::shared_ptr<ConsumerCore>;

template <class MakeRuntime>
Result<Consumer> create_on(const Config& config, ConsumerOptions options, MakeRuntime make_runtime) {
    auto settings = client::consumer_config(config, std::move(options.assignors));
    if (!settings) return settings.error();
    settings->group.tells_commits = options.tells_commits;
    auto runtime = make_runtime(client::client_name(settings->common, "consumer"), settings->common,
                                client::Listeners{std::move(options.log), std::move(options.hooks)});
    client::log_settings_without_effect(config, "C", runtime->log(client::DebugContext::conf));
    client::log_settings(config, runtime->log(client::DebugContext::conf));
    return Consumer(ConsumerCore::make(std::move(runtime), std::move(*settings)));
}

awaitable<Result<std::optional<Event>>> poll_async(CorePtr core, nanoseconds timeout) {
    auto next = [](ConsumerCore& c) { return c.next_event(); };
    auto event = co_await ConsumerCore::wait_async<Event>(core, timeout, next);
    if (!event && core->is_closed()) event.emplace(core->closed_error("poll"));
    co_return event;
}

awaitable<Result<Message>> read_async(CorePtr core, nanoseconds timeout) {
    auto next = [](ConsumerCore& c) { return c.next_message(); };
    auto message = co_await ConsumerCore::wait_async<Result<Message>>(core, timeout, next);
    if (message) co_return std::move(*message);
    if (core->is_closed()) co_return core->closed_error("read_message");
    co_return core->nothing_came(timeout);
}

awaitable<Result<MessageBatch>> batch_async(CorePtr core, nanoseconds timeout) {
    auto next = [](ConsumerCore& c) { return c.next_batch(); };
    auto batch = co_await ConsumerCore::wait_async<Result<MessageBatch>>(core, timeout, next);
    if (batch) co_return std::move(*batch);
    if (core->is_closed()) co_return core->closed_error("poll_batch");
    co_return MessageBatch();
}

}  // namespace

Result<Consumer> Consumer::create(const Config& config, ConsumerOptions options) {
    return create_on(config, std::move(options),
                     [](std::string name, const client::CommonConfig& common, client::Listeners listeners) {
                         return client::Runtime::with_thread(std::move(name), common, std::move(listeners));
                     });
}

Result<Consumer> Consumer::create(boost::asio::any_io_executor executor, const Config& config,
                                  ConsumerOptions options) {
    return create_on(config, std::move(options),
                     [&](std::string name, const client::CommonConfig& common, client::Listeners listeners) {
                         return client::Runtime::on_executor(std::move(executor), std::move(name), common,
                                                             std::move(listeners));
                     });
}

Consumer::Consumer(std::shared_ptr<ConsumerCore> core) noexcept : core_(std::move(core)) {}
Consumer::Consumer(Consumer&&) noexcept = default;

Consumer& Consumer::operator=(Consumer&& other) noexcept {
    Consumer old(std::move(*this));
    core_ = std::move(other.core_);
    return *this;
}

Consumer::~Consumer() {
    if (!core_ || core_->is_closed()) return;
    // Perhaps what was handed out last has thrown: it comes again.
    core_->delivery().not_returned();
    static_cast<void>(close(std::chrono::seconds(1)).has_value());
}

Result<void> Consumer::assign(std::vector<TopicPartition> partitions) {
    if (core_->is_closed()) return core_->closed_error("assign");
    if (auto may = core_->before_assignment("assign"); !may) return may;
    return core_->delivery().assign(std::move(partitions));
}

Result<void> Consumer::unassign() {
    if (core_->is_closed()) return core_->closed_error("unassign");
    if (auto may = core_->before_assignment("unassign"); !may) return may;
    return core_->delivery().assign({});
}

Result<void> Consumer::incremental_assign(std::vector<TopicPartition> partitions) {
    if (core_->is_closed()) return core_->closed_error("incremental_assign");
    if (auto may = core_->before_assignment("incremental_assign"); !may) return may;
    return core_->delivery().incremental_assign(std::move(partitions));
}

Result<void> Consumer::incremental_unassign(std::vector<TopicPartition> partitions) {
    if (core_->is_closed()) return core_->closed_error("incremental_unassign");
    if (auto may = core_->before_assignment("incremental_unassign"); !may) return may;
    return core_->delivery().incremental_unassign(partitions);
}

std::vector<TopicPartition> Consumer::assignment() const { return core_->delivery().assignment(); }

// One variable for all that is returned: an Event is large, and need not be moved.
std::optional<Event> Consumer::poll(nanoseconds timeout) {
    std::optional<Event> event = core_->is_closed() ? std::nullopt : core_->next_event();
    if (event) [[likely]]
        return event;
    if (!core_->is_closed() && timeout > nanoseconds::zero()) {
        if (core_->runtime().on_loop())
            event.emplace(client::on_own_loop("poll"));
        else
            event = core_->wait<Event>(timeout, [this] { return core_->next_event(); });
    }
    if (!event && core_->is_closed()) event.emplace(core_->closed_error("poll"));
    return event;
}

Result<Message> Consumer::read_message(nanoseconds timeout) {
    if (core_->is_closed()) return core_->closed_error("read_message");
    if (auto message = core_->next_message()) return std::move(*message);
    if (timeout > nanoseconds::zero() && core_->runtime().on_loop()) return client::on_own_loop("read_message");
    auto message = core_->wait<Result<Message>>(timeout, [this] { return core_->next_message(); });
    if (message) return std::move(*message);
    if (core_->is_closed()) return core_->closed_error("read_message");
    return core_->nothing_came(timeout);
}

Result<MessageBatch> Consumer::poll_batch(nanoseconds timeout) {
    if (core_->is_closed()) return core_->closed_error("poll_batch");
    if (auto batch = core_->next_batch()) return std::move(*batch);
    if (timeout > nanoseconds::zero() && core_->runtime().on_loop()) return client::on_own_loop("poll_batch");
    auto batch = core_->wait<Result<MessageBatch>>(timeout, [this] { return core_->next_batch(); });
    if (batch) return std::move(*batch);
    if (core_->is_closed()) return core_->closed_error("poll_batch");
    return MessageBatch();
}

Result<void> Consumer::seek(const TopicPartition& partition) {
    if (core_->is_closed()) return core_->closed_error("seek");
    const auto sought = core_->delivery().seek({partition});
    if (sought.front().error.code() != ErrorCode::none) return sought.front().error.with_context("seek");
    return ok();
}

std::vector<TopicPartition> Consumer::seek(std::vector<TopicPartition> partitions) {
    if (!core_->is_closed()) return core_->delivery().seek(std::move(partitions));
    for (auto& tp : partitions) tp.error = core_->closed_error("seek");
    return partitions;
}

std::vector<TopicPartition> Consumer::position(std::vector<TopicPartition> partitions) const {
    return core_->delivery().position(std::move(partitions));
}

Result<void> Consumer::pause(const std::vector<TopicPartition>& partitions) {
    if (core_->is_closed()) return core_->closed_error("pause");
    return core_->delivery().set_paused(partitions, true).with_context("pause");
}

Result<void> Consumer::resume(const std::vector<TopicPartition>& partitions) {
    if (core_->is_closed()) return core_->closed_error("resume");
    auto resumed = core_->delivery().set_paused(partitions, false).with_context("resume");
    // What was fetched before the pause is here.
    core_->wake_waiting();
    return resumed;
}

Result<WatermarkOffsets> Consumer::query_watermark_offsets(std::string_view topic, std::int32_t partition,
                                                           nanoseconds timeout) {
    if (core_->is_closed()) return core_->closed_error("query_watermark_offsets");
    return client::wait_for<WatermarkOffsets>(
        core_->runtime(), "query_watermark_offsets", timeout, [&](Completion<WatermarkOffsets> done) {
            start_query_watermark_offsets(*core_, TopicPartition(std::string(topic), partition), timeout,
                                          std::move(done));
        });
}

Result<WatermarkOffsets> Consumer::get_watermark_offsets(std::string_view topic, std::int32_t partition) const {
    return core_->delivery().watermarks(topic, partition);
}

std::optional<std::int64_t> Consumer::lag(std::string_view topic, std::int32_t partition) const {
    return core_->delivery().lag(topic, partition);
}

Result<std::vector<TopicPartition>> Consumer::offsets_for_times(std::vector<TopicPartition> times,
                                                                nanoseconds timeout) {
    if (core_->is_closed()) return core_->closed_error("offsets_for_times");
    return client::wait_for<std::vector<TopicPartition>>(
        core_->runtime(), "offsets_for_times", timeout, [&](Completion<std::vector<TopicPartition>> done) {
            start_offsets_for_times(*core_, std::move(times), timeout, std::move(done));
        });
}

Result<Metadata> Consumer::metadata(std::optional<std::string> topic, nanoseconds timeout) {
    if (core_->is_closed()) return core_->closed_error("metadata");
    return client::wait_for<Metadata>(core_->runtime(), "metadata", timeout, [&](Completion<Metadata> done) {
        start_metadata(*core_, std::move(topic), timeout, std::move(done));
    });
}

Result<std::string> Consumer::statistics(nanoseconds timeout) {
    if (core_->is_closed()) return core_->closed_error("statistics");
    return client::wait_for<std::string>(core_->runtime(), "statistics", timeout, [&](Completion<std::string> done) {
        start_statistics(*core_, std::move(done));
    });
}

void Consumer::wakeup() { core_->wake_up(); }

Result<void> Consumer::close(nanoseconds timeout) {
    auto& runtime = core_->runtime();
    if (core_->is_called_back())
        return Error::of(ErrorCode::invalid_state,
                         "close: it waits for the rebalance callbacks to end, and was called by one; close when the "
                         "poll has returned, or call async_close");
    if (!core_->begin_close()) return core_->closed_error("close");
    const auto until = runtime.deadline(timeout);
    if (runtime.on_loop()) {
        client::spawn_call(runtime, ConsumerCore::close(core_, until), Completion<void>([](Result<void>) {}));
        return ok();
    }
    core_->leave_group(until);
    const auto left = until == client::TimePoint::max() ? timeout : until - runtime.now();
    auto closed = client::wait_for<void>(runtime, "close", left, [&](Completion<void> done) {
        client::spawn_call(runtime, ConsumerCore::end(core_, until), std::move(done));
    });
    runtime.finish(until);
    return closed;
}

bool Consumer::is_closed() const noexcept { return core_->is_closed(); }
const std::string& Consumer::name() const noexcept { return core_->runtime().name(); }

void Consumer::start_poll(ConsumerCore& core, nanoseconds timeout, Completion<std::optional<Event>> done) {
    if (core.is_closed()) return client::answer_without_loop(std::move(done), core.closed_error("poll"));
    client::spawn_call(core.runtime(), poll_async(core.shared_from_this(), timeout), std::move(done));
}

void Consumer::start_read_message(ConsumerCore& core, nanoseconds timeout, Completion<Message> done) {
    if (core.is_closed()) return client::answer_without_loop(std::move(done), core.closed_error("read_message"));
    client::spawn_call(core.runtime(), read_async(core.shared_from_this(), timeout), std::move(done));
}

void Consumer::start_poll_batch(ConsumerCore& core, nanoseconds timeout, Completion<MessageBatch> done) {
    if (core.is_closed()) return client::answer_without_loop(std::move(done), core.closed_error("poll_batch"));
    client::spawn_call(core.runtime(), batch_async(core.shared_from_this(), timeout), std::move(done));
}

void Consumer::start_offsets_for_times(ConsumerCore& core, std::vector<TopicPartition> times, nanoseconds timeout,
                                       Completion<std::vector<TopicPartition>> done) {
    if (core.is_closed()) return client::answer_without_loop(std::move(done), core.closed_error("offsets_for_times"));
    client::spawn_call(core.runtime(),
                       client::offsets_for_times(core.cluster(), std::move(times), core.config().isolation_level,
                                                 core.runtime().deadline(timeout)),
                       std::move(done));
}

void Consumer::start_query_watermark_offsets(ConsumerCore& core, TopicPartition partition, nanoseconds timeout,
                                             Completion<WatermarkOffsets> done) {
    if (core.is_closed())
        return client::answer_without_loop(std::move(done), core.closed_error("query_watermark_offsets"));
    client::spawn_call(core.runtime(),
                       client::watermark_offsets(core.cluster(), std::move(partition), core.config().isolation_level,
                                                 core.runtime().deadline(timeout)),
                       std::move(done));
}

void Consumer::start_statistics(ConsumerCore& core, Completion<std::string> done) {
    if (core.is_closed()) return client::answer_without_loop(std::move(done), core.closed_error("statistics"));
    client::spawn_call(core.runtime(), ConsumerCore::statistics(core.shared_from_this()), std::move(done));
}

void Consumer::start_close(ConsumerCore& core, nanoseconds timeout, Completion<void> done) {
    if (!core.begin_close()) return client::answer_without_loop(std::move(done), core.closed_error("close"));
    client::spawn_call(core.runtime(), ConsumerCore::close(core.shared_from_this(), core.runtime().deadline(timeout)),
                       std::move(done));
}

void Consumer::start_metadata(ConsumerCore& core, std::optional<std::string> topic, nanoseconds timeout,
                              Completion<Metadata> done) {
    if (core.is_closed()) return client::answer_without_loop(std::move(done), core.closed_error("metadata"));
    client::spawn_call(core.runtime(),
                       client::metadata_call(core.cluster(), std::move(topic), core.runtime().deadline(timeout)),
                       std::move(done));
}

}  // namespace ottla::inline v0
