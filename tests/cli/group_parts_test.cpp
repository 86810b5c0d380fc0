// SPDX-License-Identifier: Apache-2.0
// What the verbs about groups decide without a broker: times, scopes, files, and where offsets are reset to.
#include <gtest/gtest.h>

#include "tools/ottla/iso_time.hpp"
#include "tools/ottla/offsets_csv.hpp"
#include "tools/ottla/reset_plan.hpp"
#include "tools/ottla/topic_scope.hpp"

namespace ottla::tools {
namespace {

TEST(IsoTime, times_are_read_in_utc_or_with_their_zone) {
    const std::pair<const char*, std::int64_t> table[] = {
        {"1970-01-01", 0},
        {"1970-01-02T00:00", 86'400'000},
        {"2026-11-22T18:05:20", 1795370720000},
        {"2026-11-22T18:05:20.25", 1795370720250},
        {"2026-11-22T18:05:20.123456", 1795370720123},
        {"2026-11-22 18:05:20Z", 1795370720000},
        {"2026-11-22T19:05:20+01:00", 1795370720000},
        {"2026-11-22T13:35:20-0430", 1795370720000},
        {"2026-11-22T20:05+02", 1795370700000},
        {"2024-02-29", 1709164800000},
    };
    for (const auto& [text, ms] : table) {
        const auto read = parse_datetime_ms(text);
        ASSERT_TRUE(read.has_value()) << text;
        EXPECT_EQ(*read, ms) << text;
    }
    for (const char* text : {"", "yesterday", "2026-13-01", "2025-02-29", "2026-11-22T", "2026-11-22T25:00",
                             "2026-11-22T18", "2026-11-22T18:05:61", "2026-11-22T18:05:20.", "2026-11-22T18:05:20+1",
                             "2026-11-22T18:05X", "2026-1-2", "-001-01-01", "2026-11-22T18:05:20Zz"})
        EXPECT_EQ(parse_datetime_ms(text).error(), ErrorCode::invalid_argument) << text;
}

TEST(IsoTime, durations_have_days_hours_minutes_and_seconds) {
    const std::pair<const char*, std::int64_t> table[] = {
        {"PT0S", 0},       {"P1D", 86'400'000},           {"PT90M", 5'400'000},
        {"PT1.5S", 1'500}, {"P1DT2H3M4.005S", 93784'005}, {"PT2H4S", 7'204'000},
    };
    for (const auto& [text, ms] : table) {
        const auto read = parse_duration_ms(text);
        ASSERT_TRUE(read.has_value()) << text;
        EXPECT_EQ(*read, ms) << text;
    }
    for (const char* text :
         {"", "P", "PT", "1h", "P1H", "PT1D", "PT1M2H", "PT-1S", "P1DT", "PT1.S", "PT1", "PT999999999999H"})
        EXPECT_EQ(parse_duration_ms(text).error(), ErrorCode::invalid_argument) << text;
}

TEST(IsoTime, spans_are_told_with_two_units_at_most) {
    EXPECT_EQ(duration_text(0), "0ms");
    EXPECT_EQ(duration_text(999), "999ms");
    EXPECT_EQ(duration_text(12'999), "12s");
    EXPECT_EQ(duration_text(184'000), "3m04s");
    EXPECT_EQ(duration_text(7'500'000), "2h05m");
    EXPECT_EQ(duration_text(273'600'000), "3d04h");
}

TEST(TopicScopes, name_a_topic_or_partitions_of_it) {
    const auto all = parse_topic_scope("orders").value();
    EXPECT_EQ(all.topic, "orders");
    EXPECT_TRUE(all.has("orders", 7));
    EXPECT_FALSE(all.has("order", 7));
    const auto some = parse_topic_scope("orders:0,12").value();
    EXPECT_TRUE(some.has("orders", 12));
    EXPECT_FALSE(some.has("orders", 1));
    EXPECT_TRUE(in_scope({}, "x", 1));
    EXPECT_TRUE(in_scope({all, some}, "orders", 1));
    EXPECT_FALSE(in_scope({some}, "orders", 1));
    for (const char* text : {"", ":1", "orders:", "orders:a", "orders:1,", "orders:-1", "orders:1:2"})
        EXPECT_EQ(parse_topic_scope(text).error(), ErrorCode::invalid_argument) << text;
}

TEST(OffsetsCsv, is_what_kafkas_command_writes) {
    const auto read = read_offsets_csv("orders,0,5\r\n\n\"a-topic-whose-name-is-long-enough\",12,0\n", "g").value();
    ASSERT_EQ(read.size(), 2U);
    EXPECT_EQ(read[0], TopicPartition("orders", 0, 5));
    EXPECT_EQ(read[1], TopicPartition("a-topic-whose-name-is-long-enough", 12, 0));
    EXPECT_EQ(read_offsets_csv("\"g\",orders,1,2", "g").value().front(), TopicPartition("orders", 1, 2));
    EXPECT_EQ(offsets_csv("", {TopicPartition("orders", 0, 5)}), "orders,0,5\n");
    EXPECT_EQ(offsets_csv("g", {TopicPartition("orders", 0, 5)}), "\"g\",orders,0,5\n");
}

TEST(OffsetsCsv, says_which_line_is_wrong) {
    const std::pair<const char*, const char*> table[] = {
        {"", "no lines"},
        {"\n\n", "no lines"},
        {"orders,0", "line 1"},
        {"orders,0,5\norders,x,5", "line 2"},
        {"orders,0,-1", "line 1"},
        {",0,1", "line 1"},
        {"\"orders,0,1", "line 1"},
        {"orders,0,1\norders,0,2", "named twice"},
        {"h,orders,0,1", "group 'h'"},
    };
    for (const auto& [text, says] : table) {
        const auto read = read_offsets_csv(text, "g");
        ASSERT_TRUE(read.has_error()) << text;
        EXPECT_NE(read.error().text().find(says), std::string_view::npos) << read.error().text();
    }
}

TEST(ResetPlan, stays_within_the_partition) {
    using Kind = ResetTarget::Kind;
    ResetFacts facts;
    facts.start = 10;
    facts.end = 100;
    facts.committed = 50;
    const auto to = [&](Kind kind, std::int64_t value = 0) { return plan_reset({kind, value}, facts); };
    EXPECT_EQ(to(Kind::earliest).offset, 10);
    EXPECT_EQ(to(Kind::latest).offset, 100);
    EXPECT_EQ(to(Kind::current).offset, 50);
    EXPECT_EQ(to(Kind::offset, 60).offset, 60);
    EXPECT_TRUE(to(Kind::offset, 60).note.empty());
    EXPECT_EQ(to(Kind::offset, 5).offset, 10);
    EXPECT_NE(to(Kind::offset, 5).note.find("begins at 10"), std::string::npos);
    EXPECT_EQ(to(Kind::offset, 500).offset, 100);
    EXPECT_NE(to(Kind::offset, 500).note.find("ends at 100"), std::string::npos);
    EXPECT_EQ(to(Kind::shift, -20).offset, 30);
    EXPECT_EQ(to(Kind::shift, 20).offset, 70);
    EXPECT_EQ(to(Kind::shift, -90).offset, 10);
    EXPECT_EQ(to(Kind::shift, INT64_MAX).offset, 100);
    EXPECT_EQ(to(Kind::shift, INT64_MIN).offset, 10);
    EXPECT_EQ(to(Kind::time, 1).offset, 100);
    EXPECT_FALSE(to(Kind::time, 1).note.empty());
    facts.at_time = 77;
    EXPECT_EQ(to(Kind::time, 1).offset, 77);
    facts.committed.reset();
    EXPECT_FALSE(to(Kind::shift, 1).offset.has_value());
    EXPECT_FALSE(to(Kind::current).offset.has_value());
    EXPECT_EQ(to(Kind::offset, 60).offset, 60);
}

}  // namespace
}  // namespace ottla::tools
