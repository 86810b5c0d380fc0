// SPDX-License-Identifier: Apache-2.0
// ottla bench consume: reads the partitions from their beginning; the first and the last byte of every value are
// looked at. The clock starts when the first batch is there.
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

    BenchResult result{.mode = "consume"};
    std::int64_t seen = 0, first = 0;
    std::uint64_t sum = 0;
    // Seconds without a record: more are expected until all that the broker spoke of were there.
    const auto patience = [&] { return seen < available || seen == 0 ? 5 : 1; };
    for (int idle = 0; idle < patience() && !session.stop && seen - first < options.records;) {
        const auto batch = consumer->poll_batch(std::chrono::seconds(1));
        if (batch.has_error()) {
            if (!batch.error().is_retriable()) throw Exception(batch.error());
            ++result.errors;
            continue;
        }
        if (batch->empty()) {
            ++idle;
            continue;
        }
        idle = 0;
        for (const MessageView& message : *batch) {
            const BytesView value = message.value();
            if (value.size() > 0) sum += value.data()[0] + value.data()[value.size() - 1];
            result.bytes += static_cast<std::int64_t>(value.size());
        }
        seen += static_cast<std::int64_t>(batch->size());
        result.ended = Usage::now();
        if (first == 0) {
            first = seen;
            result.bytes = 0;
            result.began = result.ended;
        }
    }
    result.records = seen - first;
    (void)consumer->close(std::chrono::seconds(1));
    session.out.print(fmt::format("{} sum={}\n", to_line(result), sum % 1000));
    return seen >= std::min(options.records, available) ? exit_ok : exit_failure;
}

}  // namespace

Action declare_bench_consume(CLI::App& app) {
    auto options = std::make_shared<BenchOptions>();
    add_bench_options(app, *options);
    return [options](Session& session) { return bench_consume(session, *options); };
}

}  // namespace ottla::tools
