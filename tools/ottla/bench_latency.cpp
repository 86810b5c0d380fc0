// SPDX-License-Identifier: Apache-2.0
// ottla bench latency: produces at a steady rate and times each record from the call of produce() to its report.
#include <algorithm>
#include <chrono>
#include <memory>

#include <sys/prctl.h>

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
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

// What is sent when, and how long each took.
class LatencyRun {
public:
    LatencyRun(const BenchOptions& options, const std::atomic<bool>& stop)
        : options_(options),
          stop_(stop),
          payloads_(payloads(options)) {}
    virtual ~LatencyRun() = default;

    // The records of the first call warm up; only those of the last are kept.
    virtual void run(std::int64_t count) = 0;
    const Deliveries& deliveries() const { return deliveries_; }
    std::vector<std::int64_t>& times_ns() { return times_ns_; }

protected:
    void begin(std::int64_t count) {
        times_ns_.clear();
        times_ns_.reserve(static_cast<std::size_t>(count));
        began_ = now_ns();
    }
    std::int64_t due_ns(std::int64_t i) const {
        return began_ + static_cast<std::int64_t>(1e9 / options_.rate * static_cast<double>(i));
    }
    Record next_record() const {
        Record record;
        record.topic = options_.topic;
        record.partition = static_cast<std::int32_t>(sent_ % options_.partitions);
        record.value = payloads_[static_cast<std::size_t>(sent_) % payloads_.size()];
        return record;
    }
    void reported(std::int64_t called, const DeliveryReport& report) {
        times_ns_.push_back(now_ns() - called);
        deliveries_.report(report);
    }

    const BenchOptions& options_;
    const std::atomic<bool>& stop_;
    Deliveries deliveries_;
    std::int64_t sent_ = 0;

private:
    std::vector<std::string> payloads_;
    std::vector<std::int64_t> times_ns_;  // the loop's, until all is reported
    std::int64_t began_ = 0;
};

// produce() on this thread, its callback on the producer's.
class ThreadRun final : public LatencyRun {
public:
    ThreadRun(const BenchOptions& options, const Config& config, const std::atomic<bool>& stop)
        : LatencyRun(options, stop),
          producer_(Producer::create(config).value()) {}
    ~ThreadRun() override { (void)producer_.close(std::chrono::seconds(0)); }

    void run(std::int64_t count) override {
        begin(count);
        for (std::int64_t i = 0; i < count && !stop_; ++i) {
            const std::int64_t due = due_ns(i);
            if (now_ns() < due) wait_until_ns(due);
            produce();
        }
        while (deliveries_.done() < sent_ && !stop_) deliveries_.wait_for(sent_);
    }

private:
    void produce() {
        const Record record = next_record();
        while (!stop_) {
            const std::int64_t called = now_ns();
            auto taken =
                producer_.produce(record, [this, called](const DeliveryReport& report) { reported(called, report); });
            if (!taken.has_error()) break;
            if (taken.error() != ErrorCode::queue_full) throw Exception(taken.error());
            deliveries_.wait_for(deliveries_.done() + 1);
        }
        ++sent_;
    }

    Producer producer_;
};

// async_produce() and its handlers on one loop, which is this thread's.
class ExecutorRun final : public LatencyRun {
public:
    ExecutorRun(const BenchOptions& options, const Config& config, const std::atomic<bool>& stop)
        : LatencyRun(options, stop),
          producer_(Producer::create(loop_.get_executor(), config).value()) {}
    ~ExecutorRun() override {
        producer_.async_close(std::chrono::seconds(0), [this](const Result<void>&) { loop_.stop(); });
        loop_.restart();
        loop_.run();
    }

    void run(std::int64_t count) override {
        begin(count);
        first_ = sent_;
        target_ = sent_ + count;
        send_when_due();
        loop_.restart();
        while (options_.spins && !loop_.stopped()) loop_.poll();
        loop_.run();
        if (error_.code() != ErrorCode::none) throw Exception(error_);
    }

private:
    void send_when_due() {
        while (sent_ < target_ && !stop_) {
            const std::int64_t due = due_ns(sent_ - first_);
            if (now_ns() < due) {
                timer_.expires_at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(due)));
                timer_.async_wait([this](const boost::system::error_code&) { send_when_due(); });
                return;
            }
            const std::int64_t called = now_ns();
            producer_.async_produce(next_record(), [this, called](const Result<DeliveryReport>& report) {
                if (report) {
                    reported(called, *report);
                } else {
                    error_ = report.error();
                }
                if (!report || deliveries_.done() == target_) loop_.stop();
            });
            ++sent_;
        }
        if (stop_) loop_.stop();
    }

    boost::asio::io_context loop_{1};
    boost::asio::steady_timer timer_{loop_};
    Producer producer_;
    std::int64_t first_ = 0, target_ = 0;
    Error error_;
};

std::unique_ptr<LatencyRun> make_run(const BenchOptions& options, const Config& config, const std::atomic<bool>& stop) {
    if (options.on_executor) return std::make_unique<ExecutorRun>(options, config, stop);
    return std::make_unique<ThreadRun>(options, config, stop);
}

int bench_latency(Session& session, const BenchOptions& options) {
    const Config config = to_config(options.connection);
    if (const auto checked = Producer::create(config); !checked) throw UsageError(std::string(checked.error().text()));
    (void)partitions_of(config, options.topic);
    prctl(PR_SET_TIMERSLACK, 1);
    const auto run = make_run(options, config, session.stop);
    run->run(std::max<std::int64_t>(options.records / 10, options.partitions));
    const std::int64_t warmed = run->deliveries().done();
    const std::int64_t failed = run->deliveries().failed();
    BenchResult result{.mode = "latency"};
    result.began = Usage::now();
    run->run(options.records);
    result.ended = Usage::now();
    result.records = run->deliveries().done() - warmed;
    result.bytes = result.records * static_cast<std::int64_t>(options.size);
    result.errors = run->deliveries().failed() - failed;
    auto& times = run->times_ns();
    session.out.print(to_line(result) + percentiles(times) + "\n");
    if (result.errors > 0) throw Exception(run->deliveries().first_error());
    return result.records == options.records ? exit_ok : exit_failure;
}

}  // namespace

Action declare_bench_latency(CLI::App& app) {
    auto options = std::make_shared<BenchOptions>();
    options->records = 100'000;
    add_bench_options(app, *options);
    app.add_option("--rate", options->rate, "Records per second")->check(number(0.001, 1e9))->capture_default_str();
    app.add_flag("--on-executor", options->on_executor,
                 "async_produce() on the loop that also produces, instead of produce() and the producer's own thread");
    app.add_flag("--spin", options->spins, "With --on-executor: the loop looks for work without ever sleeping")
        ->needs("--on-executor");
    return [options](Session& session) { return bench_latency(session, *options); };
}

}  // namespace ottla::tools
