// SPDX-License-Identifier: Apache-2.0
// ottla bench produce: records from one thread, in turn over the partitions or where the partitioner wants them, a
// delivery callback for each.
#include <memory>

#include <CLI/CLI.hpp>

#include <ottla/producer.hpp>

#include "tools/ottla/bench.hpp"
#include "tools/ottla/deliveries.hpp"
#include "tools/ottla/output.hpp"
#include "tools/ottla/partitions_of.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

namespace {

class ProduceRun {
public:
    ProduceRun(const BenchOptions& options, Producer& producer, const std::atomic<bool>& stop)
        : options_(options),
          producer_(producer),
          stop_(stop),
          payloads_(payloads(options)) {}

    // Produces `count` records and waits until each is reported.
    void run(std::int64_t count) {
        const std::int64_t target = sent_ + count;
        Record record;
        record.topic = options_.topic;
        std::size_t next = 0;
        while (sent_ < target && !stop_) {
            if (!options_.is_spread) record.partition = static_cast<std::int32_t>(sent_ % options_.partitions);
            record.value = payloads_[next];
            auto taken =
                producer_.produce(record, [this](const DeliveryReport& report) { deliveries_.report(report); });
            if (!taken.has_error()) {
                ++sent_;
                if (++next == payloads_.size()) next = 0;
                continue;
            }
            if (taken.error() != ErrorCode::queue_full) throw Exception(taken.error());
            deliveries_.wait_for(deliveries_.done() + (sent_ - deliveries_.done()) / 2);
        }
        while (deliveries_.done() < sent_ && !stop_) deliveries_.wait_for(sent_);
    }
    // About: of the values in turn.
    std::int64_t bytes_of(std::int64_t records) const {
        std::size_t sum = 0;
        for (const std::string& p : payloads_) sum += p.size();
        return static_cast<std::int64_t>(static_cast<double>(sum) / static_cast<double>(payloads_.size()) *
                                         static_cast<double>(records));
    }
    const Deliveries& deliveries() const { return deliveries_; }

private:
    const BenchOptions& options_;
    Producer& producer_;
    const std::atomic<bool>& stop_;
    std::vector<std::string> payloads_;
    Deliveries deliveries_;
    std::int64_t sent_ = 0;
};

int bench_produce(Session& session, const BenchOptions& options) {
    const Config config = to_config(options.connection);
    auto producer = Producer::create(config);
    if (producer.has_error()) throw UsageError(std::string(producer.error().text()));
    (void)partitions_of(config, options.topic);
    ProduceRun run(options, *producer, session.stop);
    struct Closing {
        Producer& producer;
        ~Closing() { (void)producer.close(std::chrono::seconds(0)); }
    } closing{*producer};
    run.run(std::int64_t{4} * options.partitions);  // connections and metadata are there before the clock starts
    const std::int64_t warmed = run.deliveries().done();
    const std::int64_t failed = run.deliveries().failed();
    BenchResult result{.mode = "produce"};
    result.began = Usage::now();
    run.run(options.records);
    result.ended = Usage::now();
    result.records = run.deliveries().done() - warmed;
    result.bytes = run.bytes_of(result.records);
    result.errors = run.deliveries().failed() - failed;
    session.out.print(to_line(result) + "\n");
    if (result.errors > 0) throw Exception(run.deliveries().first_error());
    return result.records == options.records ? exit_ok : exit_failure;
}

}  // namespace

Action declare_bench_produce(CLI::App& app) {
    auto options = std::make_shared<BenchOptions>();
    add_bench_options(app, *options);
    app.add_flag("--spread", options->is_spread, "The partitioner chooses, among all partitions; no turns");
    return [options](Session& session) { return bench_produce(session, *options); };
}

}  // namespace ottla::tools
