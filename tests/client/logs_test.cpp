// SPDX-License-Identifier: Apache-2.0
// What a client says about itself, to whom, and what it never says.
#include <algorithm>
#include <stdexcept>

#include <gtest/gtest.h>

#include "tests/client/scripted_broker.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

struct Heard {
    std::vector<LogEvent> lines;

    LogCallback callback() {
        return [this](const LogEvent& line) { lines.push_back(line); };
    }
    std::size_t count(std::string_view context, LogLevel level = LogLevel::debug) const {
        return static_cast<std::size_t>(std::ranges::count_if(
            lines, [&](const LogEvent& line) { return line.context == context && line.level == level; }));
    }
    bool says(std::string_view text) const {
        return std::ranges::any_of(lines, [&](const auto& line) { return line.text.find(text) != std::string::npos; });
    }
};

// A record that is tried twice, over two connections.
Heard heard_from(Config config) {
    Heard heard;
    EXPECT_TRUE(config.set("linger.ms", 0));
    ProducerScript s(std::move(config));
    s.options.log = heard.callback();
    s.broker.reactions = {refused(ErrorCode::not_leader_or_follower), lost_answer()};
    EXPECT_TRUE(s.produce(0, "a"));
    s.loop.run_for(5s);
    EXPECT_EQ(s.codes, Codes(1));
    return heard;
}

TEST(Debug, shows_the_lines_of_its_contexts_alone) {
    for (const char* context : {"broker", "metadata", "protocol", "msg", "eos", "topic", "feature"}) {
        const Heard heard = heard_from(Config{{"debug", context}});
        EXPECT_GE(heard.count(context), 1U) << context;
        for (const LogEvent& line : heard.lines)
            EXPECT_TRUE(line.level != LogLevel::debug || line.context == context) << to_string(line);
    }
    EXPECT_EQ(heard_from(Config{{"debug", "mock"}}).count("broker"), 0U) << "there are no lines about everything";
    const Heard two = heard_from(Config{{"debug", "Broker, msg"}});
    EXPECT_GE(two.count("broker"), 1U);
    EXPECT_GE(two.count("msg"), 1U);
    EXPECT_EQ(two.count("protocol"), 0U);
}

TEST(Debug, all_is_all) {
    const Heard heard = heard_from(Config{{"debug", "all"}});
    for (const char* context : {"broker", "metadata", "protocol", "msg", "eos", "topic", "feature"})
        EXPECT_GE(heard.count(context), 1U) << context;
    EXPECT_TRUE(heard.says("connecting to broker:9092/bootstrap"));
    EXPECT_TRUE(heard.says("Produce v13 to broker:9092/1: "));
    EXPECT_TRUE(heard.says("topic 't' partition 0: attempt 1 failed, trying again: NOT_LEADER_OR_FOLLOWER"));
    EXPECT_TRUE(heard.says("1 records in "));
    EXPECT_TRUE(heard.says("t[0] is led by broker 1"));
    EXPECT_TRUE(heard.says("producer id 4000, epoch 0"));
}

TEST(Debug, is_needed_for_debug_lines_and_enough) {
    const Heard silent = heard_from(Config{{"log_level", 7}});
    EXPECT_TRUE(std::ranges::none_of(silent.lines, [](const auto& l) { return l.level == LogLevel::debug; }));
    EXPECT_GE(silent.count("broker", LogLevel::info), 1U) << "a connection that ended";
    EXPECT_GE(heard_from(Config{{"log_level", 0}, {"debug", "msg"}}).count("msg"), 1U);
    EXPECT_TRUE(heard_from(Config{{"log_level", 4}}).lines.empty());
}

TEST(Debug, refuses_names_that_do_not_exist) {
    const auto refused = Producer::create({{"bootstrap.servers", "b:1"}, {"debug", "msg,brokr"}});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), ErrorCode::invalid_argument);
    for (const char* part : {"debug", "msg,brokr", "broker", "telemetry", "all"})
        EXPECT_NE(refused.error().text().find(part), std::string_view::npos) << refused.error().text();
}

TEST(Logs, tell_the_end_of_a_connection_unless_they_are_not_to) {
    EXPECT_TRUE(heard_from({}).says("connection to broker:9092 ended"));
    EXPECT_FALSE(heard_from(Config{{"log.connection.close", false}}).says("ended"));
}

TEST(Logs, carry_who_when_and_about_what) {
    Heard heard;
    ProducerScript s(Config{{"linger.ms", 0}, {"debug", "eos"}});
    s.options.log = heard.callback();
    const std::int64_t before = s.loop.timers.wall_ms();
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(1s);
    ASSERT_FALSE(heard.lines.empty());
    const LogEvent& line = heard.lines.front();
    EXPECT_EQ(line.client, "test");
    EXPECT_EQ(line.context, "eos");
    EXPECT_GE(line.time_ms, before);
    EXPECT_LE(line.time_ms, before + 1000);
    EXPECT_EQ(to_string(line), "debug test [eos]: producer id 4000, epoch 0");
}

TEST(Logs, may_throw_in_the_users_hands) {
    ProducerScript s(Config{{"linger.ms", 0}, {"debug", "all"}});
    s.options.log = [](const LogEvent&) { throw std::runtime_error("no room"); };
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(1s);
    EXPECT_EQ(s.codes, Codes(1));
}

TEST(Logs, come_as_events_and_take_no_room) {
    ProducerScript s(Config{{"linger.ms", 0}, {"debug", "msg"}, {"log.queue", true}});
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(1s);
    EXPECT_EQ(s.producer().size(), 0U);
    const auto event = s.producer().events(0s);
    ASSERT_TRUE(event);
    EXPECT_NE(to_string(*event).find("debug test [msg]: topic 't' partition 0: 1 records in "), std::string::npos)
        << to_string(*event);
}

TEST(Logs, that_nobody_fetches_are_bounded) {
    ProducerScript s(Config{{"linger.ms", 0}, {"debug", "msg"}, {"log.queue", true}});
    for (std::size_t i = 0; i < LogDelivery::lines_max; ++i) {
        ASSERT_TRUE(s.produce(0, "a"));
        s.loop.settle();
        if (i % 100 == 0) s.loop.run_for(1ms);
    }
    s.loop.run_for(1s);
    std::size_t lines = 0;
    while (const auto event = s.producer().events(0s)) lines += std::holds_alternative<LogEvent>(*event) ? 1U : 0U;
    EXPECT_LE(lines, LogDelivery::lines_max);
    EXPECT_GE(lines, LogDelivery::lines_max / 2);
}

TEST(Logs, that_were_dropped_are_counted_before_the_next_that_is_not) {
    ProducerScript s(Config{{"linger.ms", 0}, {"debug", "msg"}, {"log.queue", true}});
    for (std::size_t i = 0; i < LogDelivery::lines_max; ++i) {
        ASSERT_TRUE(s.produce(0, "a"));
        s.loop.settle();
        if (i % 100 == 0) s.loop.run_for(1ms);
    }
    s.loop.run_for(1s);
    std::size_t lines = 0;
    while (const auto event = s.producer().events(0s)) lines += std::holds_alternative<LogEvent>(*event) ? 1U : 0U;
    ASSERT_EQ(lines, LogDelivery::lines_max);
    std::vector<std::string> said;
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(s.produce(0, "a"));
        s.loop.run_for(1s);
        while (const auto event = s.producer().events(0s)) said.push_back(to_string(*event));
    }
    ASSERT_GE(said.size(), 3U);
    EXPECT_TRUE(said[0].starts_with("warning test [queue]: ")) << said[0];
    EXPECT_NE(said[0].find(" lines were dropped here"), std::string::npos) << said[0];
    EXPECT_EQ(said[0].find(": 0 lines"), std::string::npos) << said[0];
    for (std::size_t i = 1; i < said.size(); ++i) EXPECT_EQ(said[i].find("dropped"), std::string::npos) << "once";
}

TEST(Logs, from_before_there_was_a_queue_come_first) {
    asio::io_context io;
    auto producer =
        Producer::create(
            io.get_executor(),
            {{"bootstrap.servers", "127.0.0.1:1"}, {"client.id", "me"}, {"debug", "conf"}, {"log.queue", true}})
            .value();
    std::vector<std::string> said;
    while (const auto event = producer.events(0s)) said.push_back(std::get<LogEvent>(*event).text);
    EXPECT_EQ(said, (std::vector<std::string>{"setting client.id=me", "setting debug=conf", "setting log.queue=true",
                                              "setting metadata.broker.list=127.0.0.1:1"}));
}

constexpr const char* canary = "Ca9arY-9f3b";

TEST(Secrets, are_in_no_line_about_settings) {
    std::vector<Config::Entry> entries = {{"bootstrap.servers", "b:1"}, {"sasl.pasword", canary}};
    std::size_t secrets = 0;
    for (const ConfigProperty& row : config_properties())
        if (row.is_secret) {
            entries.emplace_back(row.name, canary);
            ++secrets;
        }
    EXPECT_GE(secrets, 8U);
    std::string said;
    const base::Log log("x", base::LogLevel::trace, [&](base::LogLevel, std::string_view, std::string_view text) {
        said += std::string(text) + "\n";
    });
    for (const Config::Entry& entry : entries) {
        const Config one{entry};
        log_settings(one, log);
        for (const char* kind : {"P", "C", "A"}) log_settings_without_effect(one, kind, log);
        const auto checked = one.check();
        if (!checked) said += to_string(checked.error());
        const auto made = Producer::create(one);
        if (!made) said += to_string(made.error());
    }
    EXPECT_NE(said.find("setting sasl.password=[hidden]"), std::string::npos);
    EXPECT_NE(said.find("setting ssl.key.password=[hidden]"), std::string::npos);
    EXPECT_EQ(said.find(canary), std::string::npos) << said;
}

TEST(Secrets, of_records_are_in_no_line_at_the_highest_verbosity) {
    Heard heard;
    ProducerScript s(Config{{"linger.ms", 0}, {"debug", "all"}, {"log_level", 7}});
    s.options.log = heard.callback();
    s.broker.too_large = canary;
    s.broker.reactions = {refused(ErrorCode::not_leader_or_follower), lost_answer()};
    const Header header{canary, BytesView(canary)};
    Record record;
    record.topic = "t";
    record.key = record.value = BytesView(canary);
    record.headers = {&header, 1};
    std::string reported;
    ASSERT_TRUE(s.producer().produce(record, [&](const DeliveryReport& r) { reported = to_string(r); }));
    s.loop.run_for(5s);
    EXPECT_NE(reported.find("MESSAGE_TOO_LARGE"), std::string::npos) << reported;
    EXPECT_EQ(reported.find(canary), std::string::npos);
    EXPECT_GT(heard.lines.size(), 20U);
    EXPECT_FALSE(heard.says(canary));
}

}  // namespace
}  // namespace ottla::client
