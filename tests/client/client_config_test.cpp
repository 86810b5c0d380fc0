// SPDX-License-Identifier: Apache-2.0
#include "client/config/client_config.hpp"

#include <gtest/gtest.h>

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

TEST(ClientConfig, defaults_are_safe) {
    const auto p = producer_config({{"bootstrap.servers", "h:1"}}).value();
    EXPECT_EQ(p.acks, Acks::all);
    EXPECT_TRUE(p.idempotence);
    EXPECT_EQ(p.common.max_in_flight, 5);
    EXPECT_EQ(p.partitioner, Partitioner::murmur2_random);
    EXPECT_EQ(p.linger, 5ms);
    EXPECT_EQ(p.batch_bytes_max, 1'000'000U);
    EXPECT_EQ(p.compression, Compression::none);
    EXPECT_EQ(p.queue_bytes_max, std::size_t{1} << 30);
    const auto c = consumer_config({{"bootstrap.servers", "h:1"}}).value();
    EXPECT_EQ(c.isolation_level, IsolationLevel::read_committed);
    EXPECT_EQ(c.offset_reset, OffsetReset::latest);
    EXPECT_TRUE(c.check_crcs);
    EXPECT_FALSE(c.partition_eof);
    EXPECT_EQ(c.prefetch_bytes_max, 64 << 20);
    EXPECT_EQ(c.common.metadata_max_age, 5min);
}

TEST(ClientConfig, values_arrive_with_their_units) {
    const auto p = producer_config({{"bootstrap.servers", "a:1, b:2,[::1]:3"},
                                    {"linger.ms", 0.5},
                                    {"acks", 1},
                                    {"compression.codec", "ZSTD"},
                                    {"compression.level", 7},
                                    {"partitioner", "fnv1a"},
                                    {"queue.buffering.max.kbytes", 2}})
                       .value();
    EXPECT_EQ(p.linger, 500us);
    EXPECT_EQ(p.acks, Acks::leader);
    EXPECT_EQ(p.compression, Compression::zstd);
    EXPECT_EQ(p.compression_level, 7);
    EXPECT_EQ(p.partitioner, Partitioner::fnv1a);
    EXPECT_EQ(p.queue_bytes_max, 2048U);
    ASSERT_EQ(p.common.bootstrap_servers.size(), 3U);
    EXPECT_EQ(p.common.bootstrap_servers[2], net::Endpoint("::1", 3));
    for (const auto& [word, policy] : {std::pair{"earliest", OffsetReset::earliest},
                                       {"smallest", OffsetReset::earliest},
                                       {"latest", OffsetReset::latest},
                                       {"error", OffsetReset::none},
                                       {"none", OffsetReset::none}})
        EXPECT_EQ(consumer_config({{"bootstrap.servers", "h:1"}, {"auto.offset.reset", word}})->offset_reset, policy);
}

TEST(ClientConfig, a_reset_by_age_takes_a_duration_of_iso_8601) {
    using namespace std::chrono_literals;
    const auto with = [](std::string value) {
        return consumer_config({{"bootstrap.servers", "h:1"}, {"auto.offset.reset", std::move(value)}});
    };
    const auto day = milliseconds(24h);
    for (const auto& [text, age] : {std::pair<std::string, milliseconds>{"PT1H", 1h},
                                    {"P7D", 7 * day},
                                    {"p1dt2h3m4.5s", day + 2h + 3min + 4500ms},
                                    {"PT90M", 90min},
                                    {"PT0S", 0ms},
                                    {"PT0.1239S", 123ms},
                                    {"PT1,5S", 1500ms},
                                    {"P365000D", 365'000 * day}}) {
        const auto c = with("by_duration:" + text);
        ASSERT_TRUE(c.has_value()) << text << ": " << to_string(c.error());
        EXPECT_EQ(c->offset_reset, OffsetReset::by_duration);
        EXPECT_EQ(c->offset_reset_age, age) << text;
    }
    EXPECT_EQ(with(" By_Duration:PT1H ")->offset_reset_age, 1h) << "blanks around a word are allowed";
    EXPECT_EQ(with(" latest\t")->offset_reset, OffsetReset::latest);
    for (const char* wrong : {"",
                              "P",
                              "PT",
                              "1H",
                              "PT1",
                              "PT1X",
                              "P1H",
                              "PT1D",
                              "P1DT",
                              "PT1M1H",
                              "PT1H1H",
                              "-PT1H",
                              "PT-1H",
                              "+PT1H",
                              "PT1.5H",
                              "PT.5S",
                              "P1Y",
                              "P400000D",
                              "P99999999999999999999D",
                              "PT1.0000000000S",
                              "PT1H/2",
                              "yesterday"}) {
        const auto c = with(std::string("by_duration:") + wrong);
        ASSERT_TRUE(c.has_error()) << wrong;
        EXPECT_EQ(c.error(), ErrorCode::invalid_argument);
        EXPECT_NE(c.error().text().find("auto.offset.reset"), std::string::npos) << c.error().text();
    }
    EXPECT_TRUE(with("by_duration").has_error());
    EXPECT_TRUE(Config().set("auto.offset.reset", "by_duration:PT5M").has_value());
    EXPECT_TRUE(Config().set("auto.offset.reset", "by_duration:5 minutes").has_error());
}

TEST(ClientConfig, what_contradicts_itself_is_refused_with_both_keys) {
    struct Case {
        Config config;
        const char* one;
        const char* other;
    };
    const Case cases[] = {
        {{{"reconnect.backoff.ms", 20000}}, "reconnect.backoff.ms", "reconnect.backoff.max.ms"},
        {{{"retry.backoff.ms", 2000}}, "retry.backoff.ms", "retry.backoff.max.ms"},
        {{{"linger.ms", 1000}, {"delivery.timeout.ms", 500}}, "linger.ms", "delivery.timeout.ms"},
        {{{"fetch.wait.max.ms", 5000}, {"socket.timeout.ms", 5000}}, "fetch.wait.max.ms", "socket.timeout.ms"},
        {{{"fetch.min.bytes", 100}, {"fetch.max.bytes", 10}}, "fetch.min.bytes", "fetch.max.bytes"},
    };
    for (const auto& c : cases) {
        Config config = c.config;
        ASSERT_TRUE(config.set("bootstrap.servers", "h:1").has_value());
        const auto p = producer_config(config);
        const auto q = consumer_config(config);
        const Error e = p ? (q ? Error() : q.error()) : p.error();
        EXPECT_EQ(e, ErrorCode::invalid_argument) << c.one;
        EXPECT_NE(e.text().find(c.one), std::string_view::npos) << e.text();
        EXPECT_NE(e.text().find(c.other), std::string_view::npos) << e.text();
    }
}

TEST(ClientConfig, a_level_is_one_of_the_codec) {
    const auto made = [](const char* codec, int level) {
        return producer_config(
            {{"bootstrap.servers", "h:1"}, {"compression.type", codec}, {"compression.level", level}});
    };
    for (const auto& [codec, level] : {std::pair("gzip", 9), {"lz4", 12}, {"zstd", 12}, {"snappy", 0}, {"none", 7}})
        EXPECT_TRUE(made(codec, level)) << codec;
    for (const char* codec : {"gzip", "snappy", "lz4", "zstd"}) EXPECT_TRUE(made(codec, -1)) << codec;
    for (const auto& [codec, level] : {std::pair("gzip", 10), {"snappy", 6}}) {
        const auto refused = made(codec, level);
        ASSERT_TRUE(refused.has_error()) << codec;
        EXPECT_EQ(refused.error(), ErrorCode::invalid_argument);
        for (const char* word : {"compression.level", "compression.type", codec})
            EXPECT_NE(refused.error().text().find(word), std::string_view::npos) << refused.error().text();
    }
}

TEST(ClientConfig, brokers_must_be_named_and_readable) {
    EXPECT_EQ(common_config({}).error(), ErrorCode::not_configured);
    EXPECT_NE(common_config({}).error().text().find("bootstrap.servers"), std::string_view::npos);
    for (const char* bad : {"h:99999", "h:port", ":", ","}) {
        const auto c = common_config({{"bootstrap.servers", bad}});
        ASSERT_FALSE(c.has_value()) << bad;
        EXPECT_NE(c.error().text().find("bootstrap.servers"), std::string_view::npos) << c.error().text();
    }
    EXPECT_NE(common_config({{"bootstrap.servers", "h:1"}, {"linger_ms", 5}}).error().text().find("linger.ms"),
              std::string_view::npos);
}

TEST(ClientConfig, idempotence_is_the_default_that_other_settings_end) {
    const struct {
        const char *name, *value, *because;
    } against[] = {{"acks", "1", "acks=all (it is 1)"},
                   {"acks", "0", "acks=all (it is 0)"},
                   {"max.in.flight", "6", "max.in.flight of at most 5 (it is 6)"},
                   {"retries", "0", "retries above 0 (it is 0)"}};
    for (const auto& [name, value, because] : against) {
        Config config{{"bootstrap.servers", "b"}, {name, value}};
        const auto without = producer_config(config).value();
        EXPECT_FALSE(without.idempotence);
        EXPECT_EQ(without.no_idempotence_because, because);
        ASSERT_TRUE(config.set("enable.idempotence", false));
        EXPECT_EQ(producer_config(config).value().no_idempotence_because, "") << "it was not asked for";
        ASSERT_TRUE(config.set("enable.idempotence", true));
        const auto refused = producer_config(config);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error(), ErrorCode::invalid_argument);
        EXPECT_EQ(refused.error().text(), std::string("enable.idempotence=true needs ") + because);
    }
    const auto all = producer_config({{"bootstrap.servers", "b"}, {"acks", "1"}, {"retries", 0}}).value();
    EXPECT_EQ(all.no_idempotence_because, "acks=all (it is 1) and retries above 0 (it is 0)");
    const auto idempotent = producer_config({{"bootstrap.servers", "b"}, {"max.in.flight", 1}}).value();
    EXPECT_TRUE(idempotent.idempotence);
}

TEST(ClientConfig, what_cannot_be_of_a_group_is_refused_when_there_is_one) {
    const auto group = [](Config c) {
        c.set("bootstrap.servers", "b").value();
        return consumer_config(c);
    };
    const Config refused[] = {
        {{"group.id", "g"}, {"group.remote.assignor", "uniform"}},
        {{"group.id", "g"}, {"partition.assignment.strategy", "range,even"}},
        {{"group.id", "g"}, {"session.timeout.ms", 3000}},
        {{"group.id", "g"}, {"max.poll.interval.ms", 30'000}},
    };
    for (const auto& c : refused) EXPECT_EQ(group(c).error(), ErrorCode::invalid_argument) << to_string(c);
    EXPECT_NE(group(refused[1]).error().text().find("'even'"), std::string_view::npos);
    const auto fine = group({{"group.id", "g"}, {"partition.assignment.strategy", " sticky , range"}}).value();
    EXPECT_EQ(fine.group.assignors, (std::vector<std::string>{"sticky", "range"}));
    EXPECT_FALSE(fine.group.instance_id);
    EXPECT_TRUE(group({{"session.timeout.ms", 3000}})) << "without a group it does not matter";
}

TEST(ClientConfig, what_the_brokers_decide_is_refused_with_the_consumer_protocol) {
    const auto group = [](Config c) {
        c.set("bootstrap.servers", "b").value();
        c.set("group.id", "g").value();
        c.set("group.protocol", "consumer").value();
        return consumer_config(c);
    };
    const Config refused[] = {{{"session.timeout.ms", 45'000}},
                              {{"heartbeat.interval.ms", 3000}},
                              {{"partition.assignment.strategy", "range"}}};
    for (const auto& c : refused) {
        const auto made = group(c);
        ASSERT_EQ(made.error(), ErrorCode::invalid_argument) << to_string(c);
        EXPECT_TRUE(made.error().text().starts_with(c.entries().begin()->first)) << made.error().text();
        EXPECT_NE(made.error().text().find("group.protocol=consumer"), std::string_view::npos) << made.error().text();
    }
    const auto fine = group({{"group.remote.assignor", "range"}, {"max.poll.interval.ms", 10'000}}).value();
    EXPECT_EQ(fine.group.protocol, GroupProtocol::consumer);
    EXPECT_EQ(fine.group.remote_assignor, "range");
    EXPECT_EQ(fine.group.give_back_max, std::chrono::seconds(5));
    EXPECT_EQ(group({}).value().group.remote_assignor, "");
}

TEST(ClientConfig, settings_without_effect_are_logged) {
    std::string said;
    const base::Log log("x", base::LogLevel::info, [&](base::LogLevel, std::string_view, std::string_view text) {
        said += std::string(text) + "\n";
    });
    log_settings_without_effect({{"max.poll.records", 7}, {"linger.ms", 7}, {"client.id", "me"}}, "C", log);
    EXPECT_NE(said.find("max.poll.records"), std::string::npos);
    EXPECT_NE(said.find("queue.buffering.max.ms has no effect on a consumer"), std::string::npos) << said;
    EXPECT_EQ(said.find("client.id"), std::string::npos);
    said.clear();
    log_settings_without_effect({{"enable.metrics.push", true}, {"acks", "all"}}, "P", log);
    EXPECT_NE(said.find("enable.metrics.push has no effect"), std::string::npos) << "though the default";
    EXPECT_EQ(said.find("acks"), std::string::npos);
    said.clear();
    log_settings_without_effect({{"statistics.interval.ms", 1000}}, "C", log);
    EXPECT_EQ(said, "");
    log_settings_without_effect({{"statistics.interval.ms", 1000}}, "A", log);
    EXPECT_NE(said.find("call statistics()"), std::string::npos) << said;
}

}  // namespace
}  // namespace ottla::client
