// SPDX-License-Identifier: Apache-2.0
// ottla bench latency: produces at a steady rate and times each record from the call of produce() to its report.
#include <algorithm>
#include <chrono>
#include <memory>

#include <sys/prctl.h>
#include <time.h>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <ottla/producer.hpp>

#include "tools/ottla/bench.hpp"
#include "tools/ottla/deliveries.hpp"
#include "tools/ottla/numbers.hpp"
#include "tools/ottla/output.hpp"
#include "tools/ottla/partitions_of.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

namespace {

std::int64_t now_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

void wait_until_ns(std::int64_t due) {
    const timespec at{due / 1'000'000'000, due % 1'000'000'000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);
}

class LatencyRun {
public:
    LatencyRun(const BenchOptions& options, Producer& producer, const std::atomic<bool>& stop)
        : options_(options),
          producer_(producer),
          stop_(stop),
          payloads_(payloads(options)) {}

    // The records of the first call warm up; only those of the last are kept.
    void run(std::int64_t count) {
        times_ns_.clear();
        times_ns_.reserve(static_cast<std::size_t>(count));
        const double step = 1e9 / options_.rate;
        const std::int64_t began = now_ns();
        for (std::int64_t i = 0; i < count && !stop_; ++i) {
            const std::int64_t due = began + static_cast<std::int64_t>(step * static_cast<double>(i));
            if (now_ns() < due) wait_until_ns(due);
            produce();
        }
        while (deliveries_.done() < sent_ && !stop_) deliveries_.wait_for(sent_);
    }
    const Deliveries& deliveries() const { return deliveries_; }

    double percentile_us(double p) {
        if (times_ns_.empty()) return 0;
        std::sort(times_ns_.begin(), times_ns_.end());
        const auto at = static_cast<std::size_t>(p * static_cast<double>(times_ns_.size()));
        return static_cast<double>(times_ns_[std::min(at, times_ns_.size() - 1)]) / 1e3;
    }

private:
    void produce() {
        Record record;
        record.topic = options_.topic;
        record.partition = static_cast<std::int32_t>(sent_ % options_.partitions);
        record.value = payloads_[static_cast<std::size_t>(sent_) % payloads_.size()];
        while (!stop_) {
            const std::int64_t called = now_ns();
            auto taken = producer_.produce(record, [this, called](const DeliveryReport& report) {
                times_ns_.push_back(now_ns() - called);
                deliveries_.report(report);
            });
            if (!taken.has_error()) break;
            if (taken.error() != ErrorCode::queue_full) throw Exception(taken.error());
            deliveries_.wait_for(deliveries_.done() + 1);
        }
        ++sent_;
    }

    const BenchOptions& options_;
    Producer& producer_;
    const std::atomic<bool>& stop_;
    std::vector<std::string> payloads_;
    Deliveries deliveries_;
    std::vector<std::int64_t> times_ns_;  // the loop's, until all is reported
    std::int64_t sent_ = 0;
};

int bench_latency(Session& session, const BenchOptions& options) {
    const Config config = to_config(options.connection);
    auto producer = Producer::create(config);
    if (producer.has_error()) throw UsageError(std::string(producer.error().text()));
    (void)partitions_of(config, options.topic);
    prctl(PR_SET_TIMERSLACK, 1);
    LatencyRun run(options, *producer, session.stop);
    struct Closing {
        Producer& producer;
        ~Closing() { (void)producer.close(std::chrono::seconds(0)); }
    } closing{*producer};
    run.run(std::max<std::int64_t>(options.records / 10, options.partitions));
    const std::int64_t warmed = run.deliveries().done();
    const std::int64_t failed = run.deliveries().failed();
    BenchResult result{.mode = "latency"};
    result.began = Usage::now();
    run.run(options.records);
    result.ended = Usage::now();
    result.records = run.deliveries().done() - warmed;
    result.bytes = result.records * static_cast<std::int64_t>(options.size);
    result.errors = run.deliveries().failed() - failed;
    session.out.print(fmt::format("{} p50_us={:.1f} p99_us={:.1f} p999_us={:.1f}\n", to_line(result),
                                  run.percentile_us(0.5), run.percentile_us(0.99), run.percentile_us(0.999)));
    if (result.errors > 0) throw Exception(run.deliveries().first_error());
    return result.records == options.records ? exit_ok : exit_failure;
}

}  // namespace

Action declare_bench_latency(CLI::App& app) {
    auto options = std::make_shared<BenchOptions>();
    options->records = 100'000;
    add_bench_options(app, *options);
    app.add_option("--rate", options->rate, "Records per second")->check(number(0.001, 1e9))->capture_default_str();
    return [options](Session& session) { return bench_latency(session, *options); };
}

}  // namespace ottla::tools
