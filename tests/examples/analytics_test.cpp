// SPDX-License-Identifier: Apache-2.0
// examples/analytics: windows with late events are told, corrected and written back; after SIGKILL the next one comes
// to the same counts.
#include <map>

#include <gtest/gtest.h>
#include <ottla/broker/cluster.hpp>
#include <ottla/consumer.hpp>
#include <ottla/producer.hpp>

#include "base/random.hpp"
#include "tests/examples/programs.hpp"

namespace ottla {
namespace {

using namespace std::chrono_literals;
using namespace test_programs;

// Some day; a multiple of the windows.
constexpr std::int64_t day_ms = 1'790'000'000'000;

class Analytics : public ::testing::Test {
protected:
    Analytics() {
        cluster.create_topic("views", 3).value();
        cluster.create_topic("counts", 2).value();
    }

    void view(std::int32_t partition, std::int64_t time_ms, const std::string& page) {
        const auto on_report = [](const DeliveryReport& r) { ASSERT_TRUE(r) << to_string(r); };
        producer
            .produce({.topic = "views", .value = page, .partition = partition, .timestamp_ms = day_ms + time_ms},
                     on_report)
            .value();
    }
    void flush() { ASSERT_EQ(producer.flush(20s).value(), 0U); }
    std::vector<std::string> analysis(int lateness_ms, int idle_ms) const {
        return {OTTLA_WINDOW_COUNTS,         cluster.bootstrap_servers(), "analysts", "views", "counts", "1000",
                std::to_string(lateness_ms), std::to_string(idle_ms)};
    }
    static auto has(const std::string& line) {
        return [line](const std::string& seen) { return seen.find(line + "\n") != std::string::npos; };
    }
    static std::string at(std::int64_t time_ms, const std::string& rest) {
        return std::to_string(day_ms + time_ms) + ": " + rest;
    }
    // The last value of each key.
    std::map<std::string, std::string> written() {
        auto consumer =
            Consumer::create({{"bootstrap.servers", cluster.bootstrap_servers()}, {"enable.partition.eof", true}})
                .value();
        consumer.assign({{"counts", 0, Offset::beginning()}, {"counts", 1, Offset::beginning()}}).value();
        std::map<std::string, std::string> last;
        for (int ends = 0; ends < 2;) {
            const auto event = consumer.poll(20s);
            if (!event) break;
            if (const auto* m = std::get_if<Message>(&*event)) last[std::string(m->key().text())] = m->value().text();
            ends += std::holds_alternative<PartitionEof>(*event) ? 1 : 0;
        }
        return last;
    }

    broker::Cluster cluster = broker::Cluster::start().value();
    Producer producer = Producer::create({{"bootstrap.servers", cluster.bootstrap_servers()}}).value();
};

TEST_F(Analytics, windows_are_told_corrected_and_closed) {
    Started counts(analysis(2000, 300));
    // Partitions 1 and 2 have nothing: after a while nobody waits for them.
    for (const auto time : {100, 900, 300}) view(0, time, "/home");
    view(0, 500, "/cart");
    view(0, 1500, "/home");
    flush();
    EXPECT_TRUE(counts.read_until(has(at(0, "4 of 2: /home 3, /cart 1")), 20s)) << counts.seen();
    view(0, 600, "/cart");
    flush();
    EXPECT_TRUE(counts.read_until(has(at(0, "5 of 2: /home 3, /cart 2") + " (corrected)"), 20s)) << counts.seen();
    view(0, 9000, "/home");
    flush();
    EXPECT_TRUE(counts.read_until(has(at(1000, "1 of 1: /home 1")), 20s)) << counts.seen();
    view(0, 700, "/too/late");
    view(0, 10'000, "/home");
    flush();
    EXPECT_TRUE(counts.read_until(has(at(9000, "1 of 1: /home 1")), 20s)) << counts.seen();
    EXPECT_EQ(counts.end(SIGTERM), 0);
    EXPECT_EQ(counts.seen().find("/too/late"), std::string::npos);
    const auto day = std::to_string(day_ms), second = std::to_string(day_ms + 1000),
               ninth = std::to_string(day_ms + 9000);
    EXPECT_EQ(written(), (std::map<std::string, std::string>{{day, at(0, "5 of 2: /home 3, /cart 2")},
                                                             {day + " /cart", "2"},
                                                             {day + " /home", "3"},
                                                             {second, at(1000, "1 of 1: /home 1")},
                                                             {second + " /home", "1"},
                                                             {ninth, at(9000, "1 of 1: /home 1")},
                                                             {ninth + " /home", "1"}}));
}

// Two seconds of lateness, and nothing comes later than that: each window's last result is all there is.
TEST_F(Analytics, a_kill_changes_no_count) {
    base::Random random(7);
    std::map<std::string, std::string> expected;
    std::map<std::int64_t, std::map<std::string, int>> windows;
    std::int64_t told_up_to = 0;
    const auto views = [&](std::int64_t from, std::int64_t to) {
        for (auto time = from; time < to; time += 5) {
            const auto happened = std::max<std::int64_t>(time - (random.chance(0.2) ? random.between(0, 1900) : 0), 0);
            const auto page = "/page/" + std::to_string(random.below(8));
            view(static_cast<std::int32_t>(time / 5 % 3), happened, page);
            ++windows[happened - happened % 1000][page];
        }
        for (int p = 0; p < 3; ++p) view(p, to, "/end");
        windows[to]["/end"] += 3;
        flush();
        told_up_to = to - 1000;
    };
    const auto is_told = [&](const std::string& seen) {
        return seen.find(std::to_string(day_ms + told_up_to) + ": ") != seen.npos;
    };
    for (int life = 0; life < 4; ++life) {
        Started counts(analysis(2000, 60'000));
        views(life * 10'000, (life + 1) * 10'000);
        ASSERT_TRUE(counts.read_until(is_told, 20s)) << counts.seen();
        if (life == 1) {
            EXPECT_EQ(counts.end(SIGTERM), 0);
        }
        // The others are killed, some time after their last commit.
    }
    for (const auto& [start, pages] : windows) {
        if (start > told_up_to) continue;
        for (const auto& [page, count] : pages)
            expected[std::to_string(day_ms + start) + " " + page] = std::to_string(count);
    }
    auto found = written();
    std::erase_if(found, [](const auto& entry) { return entry.first.find(' ') == std::string::npos; });
    EXPECT_EQ(found, expected);
}

TEST_F(Analytics, made_up_visitors_are_all_counted) {
    const auto made = run(OTTLA_VISITORS " " + cluster.bootstrap_servers() + " views 500 5000");
    EXPECT_EQ(made.status, 0) << made.output;
    Started counts(analysis(60'000, 300));
    const auto far_ms = std::chrono::system_clock::now().time_since_epoch() / 1ms + 120'000 - day_ms;
    for (int p = 0; p < 3; ++p) view(p, far_ms, "/end");
    flush();
    // The last that was told of each window.
    const auto total_of = [](const std::string& seen) {
        std::map<std::string, std::int64_t> last;
        for (const auto& line : lines_of(seen)) {
            const auto colon = line.find(": ");
            last[line.substr(0, colon)] = std::atoll(line.c_str() + colon + 2);
        }
        std::int64_t total = 0;
        for (const auto& [start, count] : last) total += count;
        return total;
    };
    EXPECT_TRUE(counts.read_until([&](const std::string& seen) { return total_of(seen) >= 500; }, 20s))
        << counts.seen();
    EXPECT_EQ(total_of(counts.seen()), 500);
    EXPECT_NE(counts.seen().find("/home"), std::string::npos);
}

TEST_F(Analytics, what_is_wrong_is_said) {
    EXPECT_NE(run(OTTLA_WINDOW_COUNTS " b g in out 0 0 0").output.find("usage"), std::string::npos);
    const auto ran = run(OTTLA_WINDOW_COUNTS " " + cluster.bootstrap_servers() + " g 'no topic' out 1000 0 0");
    EXPECT_NE(ran.status, 0);
    EXPECT_NE(ran.output.find("window_counts: "), std::string::npos) << ran.output;
}

}  // namespace
}  // namespace ottla
