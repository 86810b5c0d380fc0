// SPDX-License-Identifier: Apache-2.0
#include <ottla/producer.hpp>

#include "client/cluster/metadata_call.hpp"
#include "client/cluster/offset_calls.hpp"
#include "client/producer/producer_core.hpp"
#include "client/runtime/blocking.hpp"
#include "client/runtime/spawn.hpp"

namespace ottla::inline v0 {

using client::ProducerCore;

namespace {

template <class MakeRuntime>
Result<Producer> make_on(const Config& config, ProducerOptions options, bool waits_at_end, MakeRuntime make_runtime) {
    const auto settings = client::producer_config(config);
    if (!settings) return settings.error();
    auto runtime = make_runtime(client::client_name(settings->common, "producer"), settings->common,
                                client::Listeners{std::move(options.log), std::move(options.hooks)});
    client::log_settings_without_effect(config, "P", runtime->log(client::DebugContext::conf));
    client::log_settings(config, runtime->log(client::DebugContext::conf));
    if (!settings->no_idempotence_because.empty())
        runtime->log(client::DebugContext::conf)
            .info("enable.idempotence is off, since it needs {}: a retry may write a record twice",
                  settings->no_idempotence_because);
    return Producer(ProducerCore::make(std::move(runtime), *settings, waits_at_end, std::move(options)));
}

}  // namespace

Result<Producer> Producer::create(const Config& config, ProducerOptions options) {
    return make_on(config, std::move(options), true,
                   [](std::string name, const client::CommonConfig& common, client::Listeners listeners) {
                       return client::Runtime::with_thread(std::move(name), common, std::move(listeners));
                   });
}

Result<Producer> Producer::create(boost::asio::any_io_executor executor, const Config& config,
                                  ProducerOptions options) {
    return make_on(config, std::move(options), false,
                   [&](std::string name, const client::CommonConfig& common, client::Listeners listeners) {
                       return client::Runtime::on_executor(std::move(executor), std::move(name), common,
                                                           std::move(listeners));
                   });
}

Producer::Producer(std::shared_ptr<ProducerCore> core) noexcept : core_(std::move(core)) {}
Producer::Producer(Producer&&) noexcept = default;

Producer& Producer::operator=(Producer&& other) noexcept {
    if (this == &other) return *this;
    let_go();
    core_ = std::move(other.core_);
    return *this;
}

Producer::~Producer() { let_go(); }

void Producer::let_go() noexcept {
    if (!core_) return;
    if (core_->runtime().is_of_parent()) {
        // Its threads are not here to be waited for, nor is anything of theirs to be touched: it stays as it is.
        static_cast<void>(new std::shared_ptr<ProducerCore>(std::move(core_)));
        return;
    }
    core_->abandon();
}

Result<void> Producer::produce(const Record& record) { return core_->produce(record, DeliveryCallback()); }

Result<void> Producer::produce(const Record& record, DeliveryCallback callback) {
    return core_->produce(record, std::move(callback));
}

Result<void> Producer::produce(const Record& record, DeliveryCallback callback, std::chrono::nanoseconds block_for) {
    return core_->produce(record, std::move(callback), block_for);
}

std::optional<Event> Producer::events(std::chrono::nanoseconds timeout) {
    if (core_->runtime().is_of_parent()) return std::nullopt;
    // The loop can't wait for itself.
    return core_->events().pop(core_->runtime().on_loop() ? std::chrono::nanoseconds::zero() : timeout);
}

std::size_t Producer::size() const noexcept {
    if (core_->runtime().is_of_parent()) return 0;
    return core_->accumulator().unreported() + core_->events().size();
}

Result<std::size_t> Producer::flush(std::chrono::nanoseconds timeout) {
    return client::wait_for<std::size_t>(core_->runtime(), "flush", timeout, [&](Completion<std::size_t> done) {
        start_flush(*core_, timeout, std::move(done));
    });
}

Result<void> Producer::wait_for_room(std::chrono::nanoseconds timeout) {
    if (!core_->runtime().is_of_parent() && core_->accumulator().has_room()) return ok();
    return client::wait_for<void>(core_->runtime(), "wait_for_room", timeout, [&](Completion<void> done) {
        start_wait_for_room(*core_, timeout, std::move(done));
    });
}

Result<void> Producer::purge(PurgeWhat what) {
    constexpr auto timeout = std::chrono::seconds(5);
    return client::wait_for<void>(core_->runtime(), "purge", timeout,
                                  [&](Completion<void> done) { start_purge(*core_, what, std::move(done)); });
}

Result<void> Producer::close(std::chrono::nanoseconds timeout) { return core_->close_and_wait(timeout); }

Result<std::string> Producer::statistics(std::chrono::nanoseconds timeout) {
    return client::wait_for<std::string>(core_->runtime(), "statistics", timeout, [&](Completion<std::string> done) {
        start_statistics(*core_, std::move(done));
    });
}

Result<Metadata> Producer::metadata(std::optional<std::string> topic, std::chrono::nanoseconds timeout) {
    return client::wait_for<Metadata>(core_->runtime(), "metadata", timeout, [&](Completion<Metadata> done) {
        start_metadata(*core_, std::move(topic), timeout, std::move(done));
    });
}

Result<WatermarkOffsets> Producer::query_watermark_offsets(std::string_view topic, std::int32_t partition,
                                                           std::chrono::nanoseconds timeout) {
    return client::wait_for<WatermarkOffsets>(
        core_->runtime(), "query_watermark_offsets", timeout, [&](Completion<WatermarkOffsets> done) {
            start_query_watermark_offsets(*core_, TopicPartition(std::string(topic), partition), timeout,
                                          std::move(done));
        });
}

Result<std::vector<TopicPartition>> Producer::offsets_for_times(std::vector<TopicPartition> times,
                                                                std::chrono::nanoseconds timeout) {
    using Answer = std::vector<TopicPartition>;
    return client::wait_for<Answer>(core_->runtime(), "offsets_for_times", timeout, [&](Completion<Answer> done) {
        start_offsets_for_times(*core_, std::move(times), timeout, std::move(done));
    });
}

std::optional<Error> Producer::fatal_error() const {
    if (core_->runtime().is_of_parent()) return std::nullopt;
    const Error error = core_->accumulator().refusal();
    return error.is_fatal() ? std::optional(error) : std::nullopt;
}

Result<void> Producer::test_fatal_error(ErrorCode code, std::string_view reason) {
    return core_->fail(Error::of(code, std::string(reason)));
}

bool Producer::is_closed() const noexcept { return core_->is_closed(); }

const std::string& Producer::name() const noexcept { return core_->runtime().name(); }

void Producer::start_produce(ProducerCore& core, const Record& record, Completion<DeliveryReport> done) {
    core.start_produce(record, std::move(done));
}

void Producer::start_flush(ProducerCore& core, std::chrono::nanoseconds timeout, Completion<std::size_t> done) {
    client::spawn_call(core.runtime(), ProducerCore::flush(core.shared_from_this(), timeout), std::move(done));
}

void Producer::start_wait_for_room(ProducerCore& core, std::chrono::nanoseconds timeout, Completion<void> done) {
    client::spawn_call(core.runtime(), ProducerCore::wait_for_room(core.shared_from_this(), timeout), std::move(done));
}

void Producer::start_purge(ProducerCore& core, PurgeWhat what, Completion<void> done) {
    client::spawn_call(core.runtime(), ProducerCore::purge(core.shared_from_this(), what), std::move(done));
}

void Producer::start_statistics(ProducerCore& core, Completion<std::string> done) {
    client::spawn_call(core.runtime(), ProducerCore::statistics(core.shared_from_this()), std::move(done));
}

void Producer::start_metadata(ProducerCore& core, std::optional<std::string> topic, std::chrono::nanoseconds timeout,
                              Completion<Metadata> done) {
    client::spawn_call(core.runtime(),
                       client::metadata_call(core.cluster(), std::move(topic), core.runtime().deadline(timeout)),
                       std::move(done));
}

void Producer::start_query_watermark_offsets(ProducerCore& core, TopicPartition of, std::chrono::nanoseconds timeout,
                                             Completion<WatermarkOffsets> done) {
    client::spawn_call(
        core.runtime(),
        client::watermark_offsets(core.cluster(), std::move(of), client::IsolationLevel::read_uncommitted,
                                  core.runtime().deadline(timeout)),
        std::move(done));
}

void Producer::start_offsets_for_times(ProducerCore& core, std::vector<TopicPartition> times,
                                       std::chrono::nanoseconds timeout, Completion<std::vector<TopicPartition>> done) {
    client::spawn_call(
        core.runtime(),
        client::offsets_for_times(core.cluster(), std::move(times), client::IsolationLevel::read_uncommitted,
                                  core.runtime().deadline(timeout)),
        std::move(done));
}

void Producer::start_close(ProducerCore& core, std::chrono::nanoseconds timeout, Completion<void> done) {
    if (core.runtime().has_finished()) return client::complete_without_loop(std::move(done), ok());
    client::spawn_call(core.runtime(), ProducerCore::close(core.shared_from_this(), timeout), std::move(done));
}

}  // namespace ottla::inline v0
