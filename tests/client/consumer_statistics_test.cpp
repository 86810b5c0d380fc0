// SPDX-License-Identifier: Apache-2.0
// What a consumer counts, against a broker of the test, on virtual time.
#include <boost/json/parse.hpp>

#include "tests/client/consumer_script.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

std::int64_t number(const json::value& v) { return v.to_number<std::int64_t>(); }

json::object statistics_of(ConsumerScript& s) {
    json::object all;
    s.consumer->async_statistics([&](const Result<std::string>& said) { all = json::parse(said.value()).as_object(); });
    s.loop.run_for(1ms);
    return all;
}

json::object partition_of(ConsumerScript& s, int partition = 0) {
    const json::object all = statistics_of(s);
    return all.at("topics").at("t").at("partitions").at(std::to_string(partition)).as_object();
}

TEST(ConsumerStatistics, have_the_layout_of_librdkafkas) {
    ConsumerScript s(Config{{"client.id", "me"}});
    s.broker.log = {{10, batch_of(10, 3) + batch_of(13, 1)}};
    s.broker.low = 5;
    s.broker.high = 20;
    statistics_of(s);  // the windows are kept from now on
    s.consumer->assign({{"t", 0, 10}}).value();
    EXPECT_EQ(s.events_after(100ms), "v10 v11 v12 v13 ");
    const json::object all = statistics_of(s);
    EXPECT_EQ(all.at("client_id"), "me");
    EXPECT_EQ(all.at("type"), "consumer");
    EXPECT_EQ(number(all.at("rxmsgs")), 4);
    EXPECT_EQ(number(all.at("rxmsg_bytes")), 12) << "keys and values";
    EXPECT_EQ(number(all.at("replyq")), 0);
    EXPECT_EQ(number(all.at("metadata_cache_cnt")), 1);
    const auto& broker = all.at("brokers").at("broker:9092/1").as_object();
    EXPECT_GE(number(broker.at("req").at("Fetch")), 1);
    EXPECT_GE(number(broker.at("throttle").at("cnt")), 1);
    const auto& topic = all.at("topics").at("t").as_object();
    EXPECT_EQ(number(topic.at("batchcnt").at("cnt")), 2);
    EXPECT_EQ(number(topic.at("batchcnt").at("max")), 3);
    EXPECT_GT(number(topic.at("batchsize").at("min")), 61);
    const auto& p = topic.at("partitions").at("0").as_object();
    EXPECT_EQ(number(p.at("leader")), 1);
    EXPECT_EQ(p.at("fetch_state"), "active");
    EXPECT_EQ(number(p.at("next_offset")), 14);
    EXPECT_EQ(number(p.at("app_offset")), 14);
    EXPECT_EQ(number(p.at("query_offset")), -1001);
    EXPECT_EQ(number(p.at("stored_offset")), -1001);
    EXPECT_EQ(number(p.at("committed_offset")), -1001);
    EXPECT_EQ(number(p.at("lo_offset")), 5);
    EXPECT_EQ(number(p.at("hi_offset")), 20);
    EXPECT_EQ(number(p.at("ls_offset")), 20);
    EXPECT_EQ(number(p.at("consumer_lag")), 6);
    EXPECT_EQ(number(p.at("fetchq_cnt")), 0);
    EXPECT_EQ(number(p.at("fetchq_size")), 0);
    EXPECT_EQ(number(p.at("rxmsgs")), 4);
    EXPECT_EQ(number(p.at("rxbytes")), 12);
    EXPECT_EQ(number(statistics_of(s).at("topics").at("t").at("batchcnt").at("cnt")), 0) << "a new window";
}

TEST(ConsumerStatistics, tell_what_is_fetched_and_waits) {
    ConsumerScript s;
    s.broker.log = {{0, batch_of(0, 3)}};
    s.broker.high = 3;
    s.consumer->assign({{"t", 0, 0}}).value();
    s.loop.run_for(10ms);
    const auto waiting = partition_of(s);
    EXPECT_EQ(number(waiting.at("fetchq_cnt")), 3);
    EXPECT_EQ(number(waiting.at("fetchq_size")), static_cast<std::int64_t>(batch_of(0, 3).size()));
    EXPECT_EQ(number(waiting.at("rxmsgs")), 0);
    EXPECT_EQ(number(waiting.at("consumer_lag")), 3);
    EXPECT_EQ(number(statistics_of(s).at("replyq")), 0);
}

TEST(ConsumerStatistics, count_once_what_a_pause_hands_out_later) {
    ConsumerScript s;
    s.broker.log = {{0, batch_of(0, 3)}};
    s.broker.high = 3;
    s.consumer->assign({{"t", 0, 0}}).value();
    s.loop.run_for(10ms);
    ASSERT_TRUE(s.consumer->poll(0s));
    s.consumer->pause({{"t", 0}}).value();
    EXPECT_FALSE(s.consumer->poll(0s));
    EXPECT_EQ(number(partition_of(s).at("rxmsgs")), 1);
    EXPECT_EQ(number(partition_of(s).at("fetchq_cnt")), 2);
    s.consumer->resume({{"t", 0}}).value();
    EXPECT_EQ(s.events_after(10ms), "v1 v2 ");
    EXPECT_EQ(number(partition_of(s).at("rxmsgs")), 3);
    EXPECT_EQ(number(partition_of(s).at("rxbytes")), 6);
    EXPECT_EQ(number(partition_of(s).at("fetchq_cnt")), 0);
}

TEST(ConsumerStatistics, name_where_a_partition_stands) {
    ConsumerScript s(Config{{"auto.offset.reset", "error"}, {"enable.partition.eof", true}});
    s.broker.partitions = 3;
    s.broker.high = 2;
    s.broker.log = {{0, batch_of(0, 2)}};
    s.consumer->assign({{"t", 0, 0}, {"t", 1}}).value();
    s.loop.run_for(10ms);
    EXPECT_EQ(partition_of(s, 1).at("fetch_state"), "stopped") << "no place, and nobody may choose one";
    EXPECT_EQ(number(partition_of(s, 1).at("consumer_lag")), -1);
    s.events_after(1s);
    EXPECT_EQ(number(partition_of(s).at("eof_offset")), 2);
    EXPECT_EQ(number(partition_of(s).at("consumer_lag")), 0);
}

TEST(ConsumerStatistics, name_a_place_that_is_being_looked_up) {
    ConsumerScript s;
    s.broker.knows_topic = false;
    s.consumer->assign({{"t", 0, Offset::beginning()}}).value();
    s.loop.run_for(10ms);
    EXPECT_EQ(partition_of(s).at("fetch_state"), "offset-wait");
    EXPECT_EQ(number(partition_of(s).at("query_offset")), -2);
    EXPECT_EQ(partition_of(s).at("unknown"), true);
}

TEST(ConsumerStatistics, come_as_events) {
    ConsumerScript s(Config{{"statistics.interval.ms", 1000}});
    s.loop.run_for(3500ms);
    const auto event = s.consumer->poll(0s);
    ASSERT_TRUE(event);
    const auto all = json::parse(std::get<ottla::Statistics>(*event).json).as_object();
    EXPECT_EQ(number(all.at("age")), 3'000'000) << "only the last waits";
    EXPECT_FALSE(s.consumer->poll(0s));
    s.loop.run_for(1s);
    EXPECT_EQ(s.consumer->read_message(0s).error(), ErrorCode::timed_out) << "it passes them over";
    EXPECT_FALSE(s.consumer->poll(0s));
}

TEST(ConsumerStatistics, are_refused_by_a_closed_consumer) {
    ConsumerScript s(Config{{"statistics.interval.ms", 1000}});
    s.consumer->async_close(1s, [](const Result<void>&) {});
    s.loop.run_for(2s);
    Error error;
    auto told = asio::bind_executor(s.loop.io, [&](const Result<std::string>& said) { error = said.error(); });
    s.consumer->async_statistics(std::move(told));
    s.loop.run_for(1ms);
    EXPECT_EQ(error, ErrorCode::closed);
}

}  // namespace
}  // namespace ottla::client
