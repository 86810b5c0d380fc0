// SPDX-License-Identifier: Apache-2.0
// ottla bench consume: reads the partitions from their beginning, by poll_batch(), or by poll() message by message; the
// first and the last byte of every value are looked at. The clock starts when the first record is there, and stops at
// the last of those asked for.
#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <ottla/consumer.hpp>

#include "tools/ottla/bench.hpp"
#include "tools/ottla/output.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

namespace {

// The first records of every partition, and how many there are in all.
std::int64_t assign_all(Consumer& consumer, const BenchOptions& options) {
    std::vector<TopicPartition> partitions;
    std::int64_t available = 0;
    for (std::int32_t p = 0; p < options.partitions; ++p) {
        const auto marks = expect(consumer.query_watermark_offsets(options.topic, p, answer_within),
                                  fmt::format("asking for the offsets of {}[{}]", options.topic, p));
        available += marks.high.value() - marks.low.value();
        partitions.emplace_back(options.topic, p, Offset::beginning());
    }
    expect(consumer.assign(std::move(partitions)), "starting to read");
    return available;
}

int bench_consume(Session& session, const BenchOptions& options) {
    auto consumer = Consumer::create(to_config(options.connection));
    if (consumer.has_error()) throw UsageError(std::string(consumer.error().text()));
    const std::int64_t available = assign_all(*consumer, options);

    BenchResult result{.mode = options.is_per_message ? "consume-per-message" : "consume"};
    std::uint64_t sum = 0;
    bool begun = false;
    const auto count = [&](const MessageView& message) {
        const BytesView value = message.value();
        if (value.size() > 0) sum += value.data()[0] + value.data()[value.size() - 1];
        result.bytes += static_cast<std::int64_t>(value.size());
        ++result.records;
    };
    // Seconds without a record: more are expected until all that the broker spoke of were there.
    const auto patience = [&] { return begun && result.records + 1 >= available ? 1 : 5; };
    for (int idle = 0; idle < patience() && !session.stop && result.records < options.records;) {
        if (!begun) {
            const auto first = consumer->read_message(std::chrono::seconds(1));
            if (first.has_error() && first.error() != ErrorCode::timed_out) throw Exception(first.error());
            begun = first.has_value();
            idle = begun ? 0 : idle + 1;
            result.began = result.ended = Usage::now();
            continue;
        }
        if (options.is_per_message) {
            const auto event = consumer->poll(std::chrono::seconds(1));
            idle = event ? 0 : idle + 1;
            if (!event) continue;
            if (const auto* message = std::get_if<Message>(&*event)) {
                count(*message);
                // Looking at the clock takes as long as the message.
                if (result.records % 1000 == 0 || result.records == options.records) result.ended = Usage::now();
            } else if (const auto* error = std::get_if<Error>(&*event); error && !error->is_retriable()) {
                throw Exception(*error);
            } else {
                ++result.errors;
            }
            continue;
        }
        const auto batch = consumer->poll_batch(std::chrono::seconds(1));
        if (batch.has_error()) {
            if (!batch.error().is_retriable()) throw Exception(batch.error());
            ++result.errors;
            continue;
        }
        idle = batch->empty() ? idle + 1 : 0;
        for (const MessageView& message : *batch) {
            if (result.records == options.records) break;
            count(message);
        }
        if (!batch->empty()) result.ended = Usage::now();
    }
    (void)consumer->close(std::chrono::seconds(1));
    session.out.print(fmt::format("{} sum={}\n", to_line(result), sum % 1000));
    if (result.records == options.records) return exit_ok;
    throw Exception(
        Error::of(ErrorCode::timed_out,
                  fmt::format("{} records were to be timed, and {} came behind the first one, which starts the clock",
                              options.records, result.records)));
}

}  // namespace

Action declare_bench_consume(CLI::App& app) {
    auto options = std::make_shared<BenchOptions>();
    add_bench_options(app, *options);
    app.add_flag("--per-message", options->is_per_message, "By poll(), one message at a time, instead of poll_batch()");
    return [options](Session& session) { return bench_consume(session, *options); };
}

}  // namespace ottla::tools
