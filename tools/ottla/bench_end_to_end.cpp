// SPDX-License-Identifier: Apache-2.0
// ottla bench end-to-end: produces at a steady rate, and times each record from the call of produce() until poll() of a
// consumer in another thread hands it out. The value says when it was produced.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <thread>

#include <sys/prctl.h>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <ottla/consumer.hpp>
#include <ottla/producer.hpp>

#include "tools/ottla/bench.hpp"
#include "tools/ottla/deliveries.hpp"
#include "tools/ottla/numbers.hpp"
#include "tools/ottla/output.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

namespace {

// Reads all partitions from their ends on, and remembers how long each record took.
class TimedReader {
public:
    TimedReader(const Config& config, const BenchOptions& options) : consumer_(Consumer::create(config).value()) {
        std::vector<TopicPartition> all;
        for (std::int32_t p = 0; p < options.partitions; ++p) {
            const auto marks = expect(consumer_.query_watermark_offsets(options.topic, p, answer_within),
                                      fmt::format("asking for the offsets of {}[{}]", options.topic, p));
            all.emplace_back(options.topic, p, marks.high);
        }
        expect(consumer_.assign(std::move(all)), "starting to read");
        thread_ = std::thread([this] { read(); });
    }
    ~TimedReader() {
        stop_ = true;
        thread_.join();
        (void)consumer_.close(std::chrono::seconds(1));
    }
    std::int64_t seen() const noexcept { return seen_.load(std::memory_order_acquire); }
    // When so many were seen, or a while has passed.
    void wait_for(std::int64_t count) const {
        const std::int64_t deadline = now_ns() + 5'000'000'000;
        while (seen() < count && now_ns() < deadline) wait_until_ns(now_ns() + 1'000'000);
    }
    // Of the last so many; call when no more come.
    std::vector<std::int64_t> last_times(std::int64_t count) const {
        const auto first = times_ns_.size() - std::min(times_ns_.size(), static_cast<std::size_t>(count));
        return {times_ns_.begin() + static_cast<std::ptrdiff_t>(first), times_ns_.end()};
    }

private:
    void read() {
        while (!stop_) {
            const auto event = consumer_.poll(std::chrono::milliseconds(100));
            const auto* message = event ? std::get_if<Message>(&*event) : nullptr;
            if (!message || message->value().size() < sizeof(std::int64_t)) continue;
            std::int64_t produced = 0;
            std::memcpy(&produced, message->value().data(), sizeof produced);
            times_ns_.push_back(now_ns() - produced);
            seen_.store(seen_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
        }
    }

    Consumer consumer_;
    std::vector<std::int64_t> times_ns_;
    std::atomic<std::int64_t> seen_{0};
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

void produce_steadily(Producer& producer, Deliveries& deliveries, const BenchOptions& options, std::int64_t count) {
    std::string value(std::max(options.size, sizeof(std::int64_t)), 'x');
    const std::int64_t began = now_ns();
    for (std::int64_t i = 0; i < count; ++i) {
        wait_until_ns(began + static_cast<std::int64_t>(1e9 / options.rate * static_cast<double>(i)));
        const std::int64_t now = now_ns();
        std::memcpy(value.data(), &now, sizeof now);
        Record record;
        record.topic = options.topic;
        record.partition = static_cast<std::int32_t>(i % options.partitions);
        record.value = value;
        expect(producer.produce(record, [&](const DeliveryReport& report) { deliveries.report(report); }), "producing");
    }
}

int bench_end_to_end(Session& session, const BenchOptions& options) {
    const Config config = to_config(options.connection, {{"linger.ms", "0"}});
    Deliveries deliveries;
    auto producer = Producer::create(config).value();
    TimedReader reader(to_config(options.connection), options);
    prctl(PR_SET_TIMERSLACK, 1);
    const std::int64_t warm = std::max<std::int64_t>(options.records / 10, options.partitions);
    produce_steadily(producer, deliveries, options, warm);
    reader.wait_for(warm);
    BenchResult result{.mode = "end-to-end"};
    result.began = Usage::now();
    produce_steadily(producer, deliveries, options, options.records);
    reader.wait_for(warm + options.records);
    result.ended = Usage::now();
    (void)producer.close(std::chrono::seconds(5));
    if (deliveries.failed() > 0) throw Exception(deliveries.first_error());
    if (reader.seen() != warm + options.records) {
        throw Exception(Error::of(ErrorCode::timed_out,
                                  fmt::format("{} of {} records came", reader.seen(), warm + options.records)));
    }
    auto times = reader.last_times(options.records);
    result.records = options.records;
    result.bytes = options.records * static_cast<std::int64_t>(options.size);
    session.out.print(to_line(result) + percentiles(times) + "\n");
    return exit_ok;
}

}  // namespace

Action declare_bench_end_to_end(CLI::App& app) {
    auto options = std::make_shared<BenchOptions>();
    options->records = 10'000;
    options->rate = 1'000;
    add_bench_options(app, *options);
    app.add_option("--rate", options->rate, "Records per second")->check(number(0.001, 1e9))->capture_default_str();
    return [options](Session& session) { return bench_end_to_end(session, *options); };
}

}  // namespace ottla::tools
