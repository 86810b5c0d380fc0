// SPDX-License-Identifier: Apache-2.0
// Counts page views in windows of event time, writes each window's counts and its most frequent pages to a topic, and
// shows them. May be killed at any time: what it commits is where the open windows begin.
// window_counts BROKERS GROUP INPUT OUTPUT WINDOW_MS LATENESS_MS IDLE_MS
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <unistd.h>

#include <ottla/consumer.hpp>
#include <ottla/writer.hpp>

#include "../support/stop.hpp"
#include "screen.hpp"
#include "tumbling_counts.hpp"

using namespace std::chrono_literals;
using analytics::TumblingCounts;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t top_n = 5;
// So that late events of a moment are one correction.
constexpr auto tell_interval = 200ms;
constexpr auto commit_interval = 1s;

struct Settings {
    std::string brokers, group, input, output;
    std::int64_t window_ms, lateness_ms;
    std::chrono::milliseconds idle;
};

class Analysis {
public:
    explicit Analysis(const Settings& settings)
        : settings_(settings),
          consumer_(ottla::Consumer::create({{"bootstrap.servers", settings.brokers},
                                             {"group.id", settings.group},
                                             {"enable.auto.commit", false},
                                             {"fetch.wait.max.ms", 100},
                                             {"auto.offset.reset", "earliest"}})
                        .value()),
          writer_(make_writer(settings)),
          heard_(partition_count(), Clock::now()),
          counts_(settings.window_ms, settings.lateness_ms, heard_.size()),
          screen_(::isatty(STDOUT_FILENO) == 1, top_n) {
        begin();
    }

    void run() {
        auto next_tell = Clock::now() + tell_interval, next_commit = Clock::now() + commit_interval;
        while (!stop::asked) {
            take_in(consumer_.poll_batch(50ms));
            look_for_idle();
            if (Clock::now() >= next_tell) {
                for (const auto& result : counts_.take_results()) tell(result);
                screen_.show(counts_, tally_);
                next_tell = Clock::now() + tell_interval;
            }
            if (Clock::now() >= next_commit) {
                commit();
                next_commit = Clock::now() + commit_interval;
            }
        }
        commit();
        consumer_.close(10s).value();
    }

private:
    static ottla::Writer make_writer(const Settings& settings) {
        ottla::WriterConfig config;
        config.brokers = settings.brokers;
        config.topic = settings.output;
        config.balancer = "murmur2_random";
        config.batch_timeout = 0ms;
        config.write_timeout = 60s;
        return ottla::Writer::create(std::move(config)).value();
    }
    std::size_t partition_count() {
        const auto metadata = consumer_.metadata(settings_.input, 30s).value();
        const auto& topic = metadata.topics.front();
        if (topic.error.code() != ottla::ErrorCode::none) throw ottla::Exception(topic.error);
        return topic.partitions.size();
    }
    std::vector<ottla::TopicPartition> partitions() const {
        std::vector<ottla::TopicPartition> all;
        for (std::size_t p = 0; p < heard_.size(); ++p) all.emplace_back(settings_.input, static_cast<std::int32_t>(p));
        return all;
    }

    // Where the open windows of the one before us begin, and which are closed: it wrote that beside the offset.
    void begin() {
        auto from = consumer_.committed(partitions(), 30s).value();
        std::int64_t closed_before = 0;
        for (auto& tp : from) {
            if (tp.error.code() != ottla::ErrorCode::none) throw ottla::Exception(tp.error);
            closed_before = std::max<std::int64_t>(closed_before, std::atoll(tp.metadata.c_str()));
            tp.metadata.clear();
        }
        counts_.begin(closed_before);
        consumer_.assign(std::move(from)).value();
    }

    void take_in(const ottla::Result<ottla::MessageBatch>& batch) {
        if (!batch) {
            if (batch.error().is_fatal()) throw ottla::Exception(batch.error());
            std::fprintf(stderr, "%s\n", to_string(batch.error()).c_str());
            return;
        }
        if (batch->empty()) return;
        const auto partition = static_cast<std::size_t>(batch->partition());
        heard_[partition] = Clock::now();
        for (const auto& view : *batch) {
            using enum TumblingCounts::Taken;
            const auto taken = counts_.add(partition, view.offset(), view.timestamp_ms(), view.value().text());
            ++(taken == too_late ? tally_.too_late : tally_.counted);
            tally_.late += taken == counted_late ? 1 : 0;
        }
    }

    // One that is silent because nothing is there, as far as the last answer tells: one whose leader does not answer
    // may count as idle, too, and what it brings then may be late.
    void look_for_idle() {
        for (std::size_t p = 0; p < heard_.size(); ++p)
            if (Clock::now() - heard_[p] >= settings_.idle &&
                consumer_.lag(settings_.input, static_cast<std::int32_t>(p)) == 0)
                counts_.is_idle(p);
    }

    // The same keys each time: the last record of a key is what holds.
    void tell(const analytics::WindowResult& result) {
        const auto start = std::to_string(result.start_ms);
        std::vector<std::pair<std::string, std::string>> pairs;
        for (const auto& [name, count] : result.counts) pairs.emplace_back(start + " " + name, std::to_string(count));
        pairs.emplace_back(start, line_of(result, top_n));
        std::vector<ottla::Record> records;
        for (const auto& [key, value] : pairs) records.push_back({.key = key, .value = value});
        writer_.write_messages(records, 60s).value();
        screen_.told(result);
    }

    void commit() {
        auto offsets = partitions();
        for (auto& tp : offsets) {
            tp.offset = ottla::Offset(counts_.offset_to_commit(static_cast<std::size_t>(tp.partition)));
            tp.metadata = std::to_string(counts_.closed_before_ms());
        }
        std::erase_if(offsets, [](const auto& tp) { return !tp.offset.is_absolute(); });
        if (offsets.empty()) return;
        // Later is early enough: what is read again comes to the same.
        if (const auto done = consumer_.commit(std::move(offsets), 10s); !done)
            std::fprintf(stderr, "%s\n", to_string(done.error()).c_str());
    }

    const Settings settings_;
    ottla::Consumer consumer_;
    ottla::Writer writer_;
    std::vector<Clock::time_point> heard_;  // by partition
    TumblingCounts counts_;
    analytics::Tally tally_;
    analytics::Screen screen_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 8 || std::atoll(argv[5]) < 1 || std::atoll(argv[6]) < 0) {
        std::fprintf(stderr, "usage: window_counts BROKERS GROUP INPUT OUTPUT WINDOW_MS LATENESS_MS IDLE_MS\n");
        return 2;
    }
    stop::on_signals();
    try {
        const Settings settings{argv[1],
                                argv[2],
                                argv[3],
                                argv[4],
                                std::atoll(argv[5]),
                                std::atoll(argv[6]),
                                std::chrono::milliseconds(std::atoll(argv[7]))};
        Analysis(settings).run();
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "window_counts: %s\n", e.what());
        return 1;
    }
}
