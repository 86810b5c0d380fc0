// SPDX-License-Identifier: Apache-2.0
#include <ottla/writer.hpp>

#include <algorithm>

#include <fmt/format.h>

#include "client/producer/producer_core.hpp"
#include "client/runtime/blocking.hpp"
#include "client/runtime/spawn.hpp"
#include "client/writer/owned_record.hpp"
#include "client/writer/write_call.hpp"

namespace ottla::inline v0 {

namespace asio = boost::asio;
using client::OwnedRecord;
using client::ProducerCore;
using client::WriteCall;
using WriteCallPtr = std::shared_ptr<WriteCall>;

namespace {

std::string_view acks_of(RequiredAcks acks) {
    switch (acks) {
        case RequiredAcks::none: return "0";
        case RequiredAcks::one: return "1";
        case RequiredAcks::all: break;
    }
    return "all";
}

Result<Config> settings_of(const WriterConfig& w) {
    if (w.max_attempts < 0)
        return Error::of(ErrorCode::invalid_argument,
                         fmt::format("WriterConfig::max_attempts is {}: from 1, or 0 for no limit", w.max_attempts));
    Config config;
    std::vector<Config::Entry> entries = {{"partitioner", w.balancer},
                                          {"batch.num.messages", w.batch_size},
                                          {"batch.size", w.batch_bytes},
                                          {"linger.ms", static_cast<double>(w.batch_timeout.count())},
                                          {"acks", acks_of(w.required_acks)},
                                          {"compression.type", w.compression},
                                          {"delivery.timeout.ms", w.write_timeout.count()}};
    if (!w.brokers.empty()) entries.emplace_back("bootstrap.servers", w.brokers);
    if (w.max_attempts > 0) entries.emplace_back("retries", w.max_attempts - 1);
    for (const auto& [name, value] : w.config.entries()) entries.emplace_back(name, value);
    for (const Config::Entry& entry : entries)
        if (auto set = config.set(entry.name, entry.value); !set) return set.error();
    return config;
}

template <class... Executor>
Result<Writer> make_writer(WriterConfig config, Executor... executor) {
    const auto settings = settings_of(config);
    if (!settings) return settings.error();
    ProducerOptions options;
    options.partitioner = std::move(config.balancer_function);
    auto producer = Producer::create(std::move(executor)..., *settings, std::move(options));
    if (!producer) return producer.error();
    return Writer(std::move(*producer), std::move(config.topic));
}

// Hands a message over. queue_full: nobody has been told. Every other failure is the message's answer. One that is
// alone does not linger while nothing of its partition is in flight; for several, all_are_handed_over() says so.
Result<void> hand_over(ProducerCore& core, const WriteCallPtr& call, std::size_t index, const Record& message,
                       std::chrono::nanoseconds block_for) {
    Record record = message;
    const std::string& topic = call->writer().topic;
    if (record.topic.empty()) record.topic = topic;
    if (!topic.empty() && record.topic != topic) {
        const Error error =
            Error::of(ErrorCode::invalid_argument,
                      fmt::format("the writer is for topic '{}', the message names topic '{}'", topic, record.topic));
        call->tell(index, error, DeliveryStatus::not_persisted);
        return ok();
    }
    auto told = [call, index, bytes = client::payload_bytes(record)](const DeliveryReport& report) {
        call->tell(index, report, bytes);
    };
    auto taken = core.produce(record, std::move(told), block_for, call->is_of_one());
    if (taken)
        call->took(index);
    else if (taken.error() == ErrorCode::queue_full)
        return taken;
    else
        call->tell(index, taken.error(), DeliveryStatus::not_persisted);
    return ok();
}

// The caller waits now: nothing that can go must linger for what he does not write meanwhile.
void all_are_handed_over(ProducerCore& core, const WriteCall& call) {
    if (!call.is_of_one()) core.accumulator().await_open();
}

// What found no room yet, of a call that does not block.
struct Waiting {
    explicit Waiting(std::size_t at, const Record& record) : index(at), message(record) {}
    std::size_t index;
    OwnedRecord message;
};

client::awaitable<void> write_rest(std::shared_ptr<ProducerCore> core, WriteCallPtr call, std::vector<Waiting> rest,
                                   client::TimePoint deadline) {
    client::Runtime& runtime = core->runtime();
    std::vector<Header> headers;
    for (const Waiting& w : rest) {
        const Record record = w.message.view(headers);
        for (;;) {
            const auto taken = hand_over(*core, call, w.index, record, {});
            if (taken) break;
            const auto now = runtime.now();
            if (now >= deadline) {
                call->tell(w.index, taken.error(), DeliveryStatus::not_persisted);
                break;
            }
            const auto left = deadline == client::TimePoint::max() ? client::nanoseconds::max() : deadline - now;
            // What it says is seen when the message is tried again.
            (void)co_await ProducerCore::wait_for_room(core, left, client::payload_bytes(record));
        }
    }
    if (!rest.empty()) all_are_handed_over(*core, *call);
    client::Watch watch(core->progress(), runtime.executor());
    while (!call->is_complete() && runtime.now() < deadline) co_await watch.wait_until(runtime.timers(), deadline);
}

Error unheard_of() {
    return Error::of(ErrorCode::timed_out, "not acknowledged within the time of the call; it may still be written");
}

}  // namespace

Result<Writer> Writer::create(WriterConfig config) { return make_writer(std::move(config)); }

Result<Writer> Writer::create(asio::any_io_executor executor, WriterConfig config) {
    return make_writer(std::move(config), std::move(executor));
}

Writer::Writer(Producer producer, std::string topic)
    : producer_(std::move(producer)),
      state_(std::make_shared<client::WriterState>(std::move(topic))) {}
Writer::Writer(Writer&&) noexcept = default;
Writer& Writer::operator=(Writer&&) noexcept = default;
Writer::~Writer() = default;

WriteResult Writer::write_messages(std::span<const Record> messages, std::chrono::nanoseconds timeout) {
    ProducerCore& core = *producer_.core_;
    const auto call = std::make_shared<WriteCall>(state_, messages.size());
    if (core.runtime().on_loop()) {
        const Error error = client::on_own_loop("write_messages");
        for (std::size_t i = 0; i < messages.size(); ++i) call->tell(i, error, DeliveryStatus::not_persisted);
        return call->finish(error);
    }
    const auto deadline = core.runtime().deadline(timeout);
    for (std::size_t i = 0; i < messages.size(); ++i) {
        auto taken = hand_over(core, call, i, messages[i], {});
        if (!taken) {
            const auto is_endless = deadline == client::TimePoint::max();
            const auto left = is_endless ? client::nanoseconds::max() : deadline - core.runtime().now();
            taken = hand_over(core, call, i, messages[i], left);
        }
        if (!taken) call->tell(i, taken.error(), DeliveryStatus::not_persisted);
    }
    all_are_handed_over(core, *call);
    call->wait_until(deadline);
    return call->finish(unheard_of());
}

void Writer::start_write(std::span<const Record> messages, std::chrono::nanoseconds timeout, WriteCompletion done) {
    const auto core = producer_.core_;
    const auto deadline = core->runtime().deadline(timeout);
    auto call = std::make_shared<WriteCall>(state_, messages.size());
    // In a child of fork() no loop runs that could tell of it later.
    if (core->runtime().is_of_parent()) return std::move(done)(call->finish(client::made_before_fork()));
    std::vector<Waiting> rest;
    for (std::size_t i = 0; i < messages.size(); ++i)
        if (!rest.empty() || !hand_over(*core, call, i, messages[i], {})) rest.emplace_back(i, messages[i]);
    if (rest.empty()) all_are_handed_over(*core, *call);

    const client::Runtime::Entry entry(core->runtime());
    if (!entry) {
        const auto own = asio::get_associated_executor(done, asio::system_executor());
        return client::run_without_loop(own, [done = std::move(done), call]() mutable {
            std::move(done)(call->finish(Error::of(ErrorCode::closed)));
        });
    }
    const asio::any_io_executor loop = core->runtime().executor();
    auto slot = asio::get_associated_cancellation_slot(done);
    auto executor = asio::get_associated_executor(done, loop);
    auto finish = [done = std::move(done), call](std::exception_ptr cancelled) mutable {
        const Error unheard = cancelled ? Error::of(ErrorCode::cancelled) : unheard_of();
        std::move(done)(call->finish(unheard));
    };
    asio::co_spawn(loop, write_rest(core, call, std::move(rest), deadline),
                   asio::bind_cancellation_slot(slot, asio::bind_executor(executor, std::move(finish))));
}

WriterStats Writer::stats() const noexcept {
    WriterStats s;
    s.writes = state_->writes;
    s.messages = state_->messages;
    s.bytes = state_->bytes;
    s.errors = state_->errors;
    return s;
}

WriteErrors::WriteErrors(std::vector<Error> each, std::vector<DeliveryStatus> statuses)
    : each_(std::move(each)),
      statuses_(std::move(statuses)) {}

std::size_t WriteErrors::count() const noexcept {
    return static_cast<std::size_t>(
        std::ranges::count_if(each_, [](const Error& e) { return e.code() != ErrorCode::none; }));
}

Error WriteErrors::summary() const {
    const auto first = std::ranges::find_if(each_, [](const Error& e) { return e.code() != ErrorCode::none; });
    if (first == each_.end()) return {};
    return first->with_context(fmt::format("{} of {} messages were not written; the first is message {}", count(),
                                           each_.size(), first - each_.begin()));
}

std::string to_string(const WriteErrors& errors) { return to_string(errors.summary()); }

void throw_exception_from_error(const WriteErrors& errors, const boost::source_location&) {
    throw Exception(errors.summary());
}

std::string to_string(const WriterStats& s) {
    return fmt::format("{} writes, {} messages ({} bytes), {} errors", s.writes, s.messages, s.bytes, s.errors);
}

}  // namespace ottla::inline v0
