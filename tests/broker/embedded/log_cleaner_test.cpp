// SPDX-License-Identifier: Apache-2.0
// Which logs a broker compacts, when, and how fast: whole brokers on virtual time.
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/embedded/simulated_cluster.hpp"
#include "tests/broker/embedded/topic_calls.hpp"

namespace ottla::broker {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class CleanerTest : public testing::Test {
protected:
    // A broker with such settings, and the topic "t" with those besides small segments and compaction.
    void start(std::vector<std::string> overrides, Configs configs = {}) {
        cluster.emplace(1, 2, std::move(overrides));
        cluster->start();
        data = cluster->core().broker(1)->directory().path();
        create("t", std::move(configs));
    }
    void create(const std::string& topic, Configs configs = {}) {
        configs.emplace_back("cleanup.policy", "compact");
        configs.emplace_back("internal.segment.bytes", "1000");
        configs.emplace_back("file.delete.delay.ms", "1000");
        create_topic(*cluster, topic, configs);
    }
    // Records of about 180 bytes, the same `keys` over and over.
    void write(const std::string& topic, int from, int to, int keys = 5, std::int64_t timestamp = 1000) {
        for (int i = from; i < to; ++i) {
            const std::string value = std::string(100, 'x') + std::to_string(i);
            ASSERT_EQ(cluster->produce(1, topic, 0, value, "key " + std::to_string(i % keys), timestamp),
                      ErrorCode::none);
        }
    }
    void run_for(base::Duration time) { cluster->loop().run_for(time); }
    std::int64_t now_ms() { return cluster->loop().timers.wall_ms(); }
    const LogCleaner& cleaner() { return cluster->core().broker(1)->cleaner(); }
    std::uint64_t rounds() { return cleaner().counts().rounds; }
    PartitionKey key(const std::string& topic) { return {cluster->image().topic(topic)->id, 0}; }
    std::int64_t clean_up_to(const std::string& topic) {
        return cluster->core().broker(1)->node().owner_of(key(topic)).find(key(topic))->clean_up_to();
    }
    // How long it takes until so many rounds have ended.
    base::Duration until_rounds(std::uint64_t count) {
        const auto began = cluster->loop().timers.now();
        EXPECT_TRUE(cluster->loop().run_until([&] { return rounds() >= count; }));
        return cluster->loop().timers.now() - began;
    }
    std::vector<std::string> files(const std::string& topic, std::string_view suffix) {
        std::vector<std::string> names;
        for (const auto& entry : cluster->disk(1).list(data + "/" + topic + "-0").value())
            if (entry.name.ends_with(suffix)) names.push_back(entry.name);
        return names;
    }
    void damage(const std::string& topic) {
        auto file = cluster->disk(1).open(data + "/" + topic + "-0/00000000000000000000.log").value();
        const std::uint8_t flipped[] = {0xff};
        ASSERT_TRUE(file->write_at(150, ByteSpan(flipped)));
    }

    std::optional<SimulatedCluster> cluster;
    std::string data;
};

TEST_F(CleanerTest, leaves_the_last_value_of_each_key_and_says_how_far_it_came) {
    start({});
    write("t", 0, 100);
    run_for(30s);
    // Segments that are closed hold the last value of each key at most once; the active one is as it was.
    EXPECT_LE(cluster->consume(1, "t", 0).size(), 12U);
    const auto written = log::read_text(cluster->disk(1), data + "/cleaner-offset-checkpoint");
    EXPECT_THAT(written.value(), HasSubstr("\nt 0 9"));
    run_for(5s);
    for (const auto suffix : {".deleted", ".cleaned", ".swap"}) EXPECT_THAT(files("t", suffix), IsEmpty());
    const auto before = cluster->consume(1, "t", 0);
    cluster->stop();
    cluster->start();
    EXPECT_EQ(cluster->consume(1, "t", 0), before);
    write("t", 100, 200);
    run_for(1min);
    EXPECT_LE(cluster->consume(1, "t", 0).size(), 12U);
}

TEST_F(CleanerTest, sets_a_damaged_log_aside_and_goes_on_with_the_others) {
    start({});
    create("u");
    write("t", 0, 100);
    write("u", 0, 50, 1);
    damage("t");
    const auto before = files("t", ".log");
    run_for(1min);
    EXPECT_LE(cluster->consume(1, "u", 0).size(), 10U);
    EXPECT_EQ(files("t", ".log"), before);
    EXPECT_FALSE(cluster->core().broker(1)->directory().offline());
    EXPECT_EQ(cleaner().counts().set_aside, 1U);
    EXPECT_THAT(std::string(cleaner().set_aside().at(key("t")).text()), HasSubstr("t-0/0000"));
}

TEST_F(CleanerTest, a_log_set_aside_does_not_concern_the_next_of_its_name) {
    start({});
    write("t", 0, 100);
    damage("t");
    run_for(20s);
    ASSERT_EQ(cleaner().set_aside().size(), 1U);
    delete_topic(*cluster, "t");
    create("t");
    EXPECT_THAT(cleaner().set_aside(), IsEmpty());
    write("t", 0, 100);
    run_for(20s);
    EXPECT_GT(clean_up_to("t"), 80);
}

// A round works in a directory by its name: it must be over before another topic gets that name.
TEST_F(CleanerTest, a_topic_that_is_deleted_and_made_again_keeps_nothing_of_the_old) {
    for (const auto after : {1s, 2s, 3s, 5s, 8s, 13s}) {
        start({"log.cleaner.io.max.bytes.per.second=1000", "log.cleaner.backoff.ms=1"});
        write("t", 0, 100);
        run_for(after);
        delete_topic(*cluster, "t");
        create("t");
        ASSERT_EQ(cluster->produce(1, "t", 0, "new", "key"), ErrorCode::none);
        run_for(20s);
        EXPECT_FALSE(cluster->core().broker(1)->directory().offline());
        for (const auto suffix : {".cleaned", ".swap"}) EXPECT_THAT(files("t", suffix), IsEmpty());
        cluster->stop();
        cluster->start();
        EXPECT_THAT(cluster->consume(1, "t", 0), ElementsAre("new"));
    }
}

// --- which, and when ---

TEST_F(CleanerTest, takes_the_dirtiest_first) {
    // Whose key and shard come first is chance: each is the dirtiest once.
    for (const std::string dirtiest : {"t", "u"}) {
        const std::string other = dirtiest == "t" ? "u" : "t";
        start({"log.cleaner.backoff.ms=60000"}, {{"min.cleanable.dirty.ratio", "0.1"}});
        create("u", {{"min.cleanable.dirty.ratio", "0.1"}});
        for (const auto* topic : {"t", "u"}) write(topic, 0, 60, 30);
        until_rounds(2);
        run_for(5s);
        const auto before = clean_up_to(other);
        write(dirtiest, 60, 120, 30);
        write(other, 60, 80, 30);
        ASSERT_EQ(rounds(), 2U);
        until_rounds(3);
        EXPECT_GT(clean_up_to(dirtiest), 100);
        EXPECT_EQ(clean_up_to(other), before);
        until_rounds(4);
        EXPECT_GT(clean_up_to(other), before);
    }
}

TEST_F(CleanerTest, leaves_a_log_that_is_not_dirty_enough) {
    start({"log.cleaner.backoff.ms=1000"}, {{"min.cleanable.dirty.ratio", "0.6"}});
    write("t", 0, 60, 40);
    until_rounds(1);
    // About as much again: half of it is dirty.
    write("t", 60, 100, 40);
    run_for(1min);
    EXPECT_EQ(rounds(), 1U);
    set_topic_config(*cluster, "t", "min.cleanable.dirty.ratio", "0.4");
    run_for(2s);
    EXPECT_EQ(rounds(), 2U);
}

TEST_F(CleanerTest, leaves_records_that_are_younger_than_the_least_lag) {
    start({"log.cleaner.backoff.ms=1000"}, {{"min.compaction.lag.ms", "60000"}, {"min.cleanable.dirty.ratio", "0"}});
    write("t", 0, 50, 5, now_ms());
    run_for(40s);
    EXPECT_EQ(rounds(), 0U);
    write("t", 50, 100, 5, now_ms());
    run_for(30s);
    EXPECT_GT(clean_up_to("t"), 30);
    EXPECT_LE(clean_up_to("t"), 50);
    run_for(40s);
    EXPECT_GT(clean_up_to("t"), 80);
}

TEST_F(CleanerTest, takes_a_log_that_has_waited_the_most_lag_though_it_is_hardly_dirty) {
    start({"log.cleaner.backoff.ms=1000"}, {{"max.compaction.lag.ms", "60000"}, {"min.cleanable.dirty.ratio", "1"}});
    write("t", 0, 50, 5, now_ms());
    run_for(55s);
    EXPECT_EQ(rounds(), 0U);
    run_for(10s);
    EXPECT_EQ(rounds(), 1U);
}

TEST_F(CleanerTest, records_without_a_time_have_not_waited) {
    start({"log.cleaner.backoff.ms=1000"}, {{"max.compaction.lag.ms", "60000"}, {"min.cleanable.dirty.ratio", "1"}});
    write("t", 0, 50, 5, -1);
    run_for(10min);
    EXPECT_EQ(rounds(), 0U);
    // Nor do they hide those behind them.
    write("t", 50, 100, 5, now_ms());
    run_for(65s);
    EXPECT_EQ(rounds(), 1U);
}

// --- what log.cleaner.* asks ---

TEST_F(CleanerTest, has_as_many_keys_in_memory_as_it_may) {
    start({"log.cleaner.backoff.ms=1000", "log.cleaner.dedupe.buffer.size=320"}, {{"min.cleanable.dirty.ratio", "0"}});
    write("t", 0, 100, 100);
    run_for(10s);
    EXPECT_GT(rounds(), 4U);
    EXPECT_GT(clean_up_to("t"), 80);
    const auto before = rounds();
    set_config(*cluster, 4, "", "log.cleaner.dedupe.buffer.size", "1048576");
    write("t", 100, 200, 100);
    run_for(10s);
    EXPECT_GT(clean_up_to("t"), 180);
    // Most of it in one, though one may fall into the middle of the writing.
    EXPECT_LE(rounds(), before + 2);
}

TEST_F(CleanerTest, reads_and_writes_no_faster_than_it_may) {
    start({"log.cleaner.io.max.bytes.per.second=1000"});
    write("t", 0, 100);
    until_rounds(1);
    const auto& counts = cleaner().counts();
    const double seconds = static_cast<double>(counts.bytes_read + counts.bytes_written) / 1000;
    ASSERT_GT(seconds, 20);
    const auto asked = cluster->loop().timers.now();
    write("t", 100, 200);
    EXPECT_LT(cluster->loop().timers.now() - asked, 1s);
    const std::uint64_t before = counts.bytes_read + counts.bytes_written;
    // It looks again every 15 s; the round itself takes what its bytes ask for.
    const std::chrono::duration<double> took = until_rounds(2);
    const double bytes = static_cast<double>(counts.bytes_read + counts.bytes_written - before);
    EXPECT_GE(took.count(), bytes / 1000);
    EXPECT_LE(took.count(), bytes / 1000 + 17);
}

TEST_F(CleanerTest, another_rate_is_in_force_within_a_round) {
    start({"log.cleaner.io.max.bytes.per.second=1", "log.cleaner.backoff.ms=1000"});
    write("t", 0, 100);
    run_for(5min);
    ASSERT_EQ(rounds(), 0U);
    set_config(*cluster, 4, "1", "log.cleaner.io.max.bytes.per.second", "10000000");
    run_for(1s);
    EXPECT_EQ(rounds(), 1U);
}

TEST_F(CleanerTest, another_backoff_is_in_force_at_once) {
    start({"log.cleaner.backoff.ms=86400000"});
    write("t", 0, 100);
    run_for(1h);
    ASSERT_EQ(rounds(), 0U);
    set_config(*cluster, 4, "", "log.cleaner.backoff.ms", "100");
    run_for(1s);
    EXPECT_EQ(rounds(), 1U);
}

}  // namespace
}  // namespace ottla::broker
