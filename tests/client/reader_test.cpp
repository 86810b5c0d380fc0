// SPDX-License-Identifier: Apache-2.0
// The reader against a real broker in this process, on real sockets.
#include <ottla/reader.hpp>

#include <set>
#include <thread>

#include <gtest/gtest.h>
#include <boost/asio.hpp>
#include <ottla/admin.hpp>
#include <ottla/broker/cluster.hpp>
#include <ottla/producer.hpp>

namespace ottla {
namespace {

using namespace std::chrono_literals;
using broker::Cluster;
using broker::Fault;
using protocol::ApiKey;

class ReaderBroker : public ::testing::Test {
protected:
    ReaderBroker() {
        cluster.create_topic("t", 2).value();
        fill(0, 10);
    }
    // "0" … "n-1", a second apart, into the partition.
    void fill(std::int32_t partition, int n) {
        auto producer = Producer::create({{"bootstrap.servers", cluster.bootstrap_servers()}}).value();
        for (int i = 0; i < n; ++i) {
            const std::string value = std::to_string(i);
            Record record;
            record.topic = "t";
            record.partition = partition;
            record.value = value;
            record.timestamp_ms = 1'000'000 + i * 1000;
            producer.produce(record, [](const DeliveryReport& r) { ASSERT_TRUE(r) << to_string(r); }).value();
        }
        ASSERT_EQ(producer.flush(10s).value(), 0U);
    }
    ReaderConfig config(std::string group = {}) {
        ReaderConfig c;
        c.brokers = cluster.bootstrap_servers();
        c.topic = "t";
        c.group_id = std::move(group);
        c.max_wait = 50ms;
        return c;
    }
    // Each call gives the next.
    static std::string read(Reader& reader, int n, bool fetch = false) {
        std::string out;
        for (int i = 0; i < n; ++i) {
            const auto m = fetch ? reader.fetch_message(20s) : reader.read_message(20s);
            out += m ? std::string(m->value().text()) + " " : to_string(m.error());
        }
        return out;
    }
    std::int64_t committed(std::int32_t partition = 0, const char* group = "g") {
        auto asks = Consumer::create({{"bootstrap.servers", cluster.bootstrap_servers()}, {"group.id", group}}).value();
        return asks.committed({{"t", partition}}, 10s).value().at(0).offset.value();
    }

    // Heartbeats of groups that the broker deals to are its own.
    Cluster cluster = Cluster::start({.config = {"group.consumer.min.heartbeat.interval.ms=100",
                                                 "group.consumer.heartbeat.interval.ms=100"}})
                          .value();
};

TEST_F(ReaderBroker, reads_a_partition_from_where_it_is_told) {
    auto reader = Reader::create(config()).value();
    EXPECT_EQ(read(reader, 3), "0 1 2 ");
    EXPECT_EQ(reader.offset(), Offset(3));
    EXPECT_EQ(reader.lag(), 7);
    reader.set_offset(8).value();
    EXPECT_EQ(read(reader, 2), "8 9 ");
    EXPECT_EQ(reader.lag(), 0);
    EXPECT_EQ(reader.read_message(10ms).error(), ErrorCode::timed_out);
    reader.set_offset(Offset::tail(3)).value();
    EXPECT_EQ(read(reader, 1), "7 ");
    reader.set_offset_at(std::chrono::system_clock::time_point(1'004'500ms), 10s).value();
    EXPECT_EQ(read(reader, 1), "5 ");
    reader.set_offset_at(std::chrono::system_clock::time_point(2'000'000ms), 10s).value();
    EXPECT_EQ(reader.read_message(10ms).error(), ErrorCode::timed_out) << "from the end on";
    EXPECT_EQ(reader.config().topic, "t");
    EXPECT_EQ(to_string(reader.stats()), "7 messages (7 bytes), 2 timeouts, 0 errors, 0 rebalances");
    EXPECT_EQ(reader.commit_messages(Message(), 1s).error(), ErrorCode::invalid_state);
    reader.close(5s).value();
    EXPECT_EQ(reader.read_message(1s).error(), ErrorCode::closed);
    EXPECT_EQ(reader.close(1s).error(), ErrorCode::closed);
    EXPECT_TRUE(reader.is_closed());
}

TEST_F(ReaderBroker, starts_at_the_end_or_at_an_offset) {
    auto c = config();
    c.start_offset = 6;
    auto reader = Reader::create(c).value();
    EXPECT_EQ(read(reader, 1), "6 ");
    c.start_offset = Offset::end();
    auto late = Reader::create(c).value();
    EXPECT_EQ(late.read_message(300ms).error(), ErrorCode::timed_out);
    fill(0, 1);
    EXPECT_EQ(read(late, 1), "0 ");
}

TEST_F(ReaderBroker, a_group_goes_on_behind_what_was_read) {
    auto first = Reader::create(config("g")).value();
    EXPECT_EQ(read(first, 4), "0 1 2 3 ");
    EXPECT_FALSE(first.offset().is_absolute());
    EXPECT_EQ(first.set_offset(0).error(), ErrorCode::invalid_state);
    EXPECT_EQ(first.set_offset_at({}, 1s).error(), ErrorCode::invalid_state);
    EXPECT_EQ(first.stats().rebalances, 1U);
    first.close(10s).value();
    EXPECT_EQ(committed(), 4);
    auto second = Reader::create(config("g")).value();
    EXPECT_EQ(read(second, 2), "4 5 ");
}

TEST_F(ReaderBroker, what_was_in_hand_when_the_reader_was_destroyed_comes_again) {
    for (const auto interval : {0ms, 1000ms}) {
        auto c = config("g" + std::to_string(interval.count()));
        c.commit_interval = interval;
        {
            auto reader = Reader::create(c).value();
            EXPECT_EQ(read(reader, 3), "0 1 2 ");
        }
        EXPECT_EQ(committed(0, c.group_id.c_str()), 2);
        auto next = Reader::create(c).value();
        EXPECT_EQ(read(next, 1), "2 ");
    }
}

TEST_F(ReaderBroker, a_read_that_waits_is_ended_by_a_wakeup) {
    auto c = config("g");
    c.start_offset = Offset::end();
    auto reader = Reader::create(c).value();
    Result<Message> ended = Error::of(ErrorCode::failed);
    std::thread thread([&] { ended = reader.read_message(60s); });
    reader.wakeup();
    thread.join();
    EXPECT_EQ(ended.error(), ErrorCode::cancelled);
}

TEST_F(ReaderBroker, what_was_read_is_committed_by_the_next_read) {
    auto c = config("g");
    c.commit_interval = 0ms;
    auto reader = Reader::create(c).value();
    EXPECT_EQ(read(reader, 3), "0 1 2 ");
    EXPECT_EQ(committed(), 2) << "the third is in the application's hands";
    EXPECT_EQ(reader.read_message(0ms).error(), ErrorCode::timed_out) << "no time for the commit";
    EXPECT_EQ(read(reader, 1), "3 ") << "which is tried again";
    EXPECT_EQ(committed(), 3);
    reader.close(10s).value();
    EXPECT_EQ(committed(), 4);
}

TEST_F(ReaderBroker, what_was_fetched_is_committed_when_it_is_said) {
    auto reader = Reader::create(config("g")).value();
    std::vector<Message> messages;
    for (int i = 0; i < 5; ++i) messages.push_back(reader.fetch_message(20s).value());
    EXPECT_EQ(committed(), Offset::invalid().value());
    std::swap(messages[0], messages[2]);
    reader.commit_messages({messages.data(), 3}, 10s).value();
    EXPECT_EQ(committed(), 3) << "the highest of them";
    reader.commit_messages(std::span<const Message>(), 0s).value();
    reader.close(10s).value();
    EXPECT_EQ(committed(), 3);
    auto next = Reader::create(config("g")).value();
    EXPECT_EQ(read(next, 1, true), "3 ");
}

TEST_F(ReaderBroker, two_readers_share_the_topics_of_a_group) {
    cluster.create_topic("u", 2).value();
    fill(1, 10);
    auto c = config("g");
    c.topic = "";
    c.group_topics = {"t", "u"};
    auto a = Reader::create(c).value();
    auto b = Reader::create(c).value();
    for (int i = 0; i < 200 && (a.consumer().assignment().size() != 2 || b.consumer().assignment().size() != 2); ++i) {
        static_cast<void>(a.read_message(50ms).has_value());
        static_cast<void>(b.read_message(50ms).has_value());
    }
    EXPECT_EQ(a.consumer().assignment().size(), 2U);
    EXPECT_EQ(b.consumer().assignment().size(), 2U);
}

TEST_F(ReaderBroker, readers_of_a_group_that_the_broker_deals_to) {
    fill(1, 10);
    auto c = config("g");
    c.config.set("group.protocol", "consumer").value();
    auto a = Reader::create(c).value();
    EXPECT_EQ(a.read_message(20s).value().offset(), 0);
    auto b = Reader::create(c).value();
    std::set<std::pair<std::int32_t, std::int64_t>> read;
    const auto take = [&](Reader& from) {
        const auto m = from.read_message(20ms);
        if (m) {
            EXPECT_TRUE(read.emplace(m->partition(), m->offset()).second) << to_string(*m);
        }
    };
    bool is_shared = false;
    for (int i = 0; i < 1000 && (!is_shared || read.size() < 19); ++i) {
        is_shared = a.consumer().assignment().size() == 1 && b.consumer().assignment().size() == 1;
        // Rebalances are served by reads.
        take(a);
        take(b);
    }
    EXPECT_TRUE(is_shared);
    EXPECT_EQ(read.size(), 19U) << "each of the others once";
    auto admin = Admin::create({{"bootstrap.servers", cluster.bootstrap_servers()}}).value();
    EXPECT_EQ(admin.describe_groups({"g"}).value().at(0).type, GroupType::consumer);
    a.close(10s).value();
    b.close(10s).value();
    EXPECT_EQ(committed(0), 10);
    EXPECT_EQ(committed(1), 10);
}

TEST_F(ReaderBroker, a_commit_that_is_refused_is_told) {
    auto c = config("g");
    c.commit_interval = 0ms;
    auto reader = Reader::create(c).value();
    EXPECT_EQ(read(reader, 1), "0 ");
    cluster.inject(Fault::error(ErrorCode::group_authorization_failed).on(ApiKey::offset_commit));
    EXPECT_EQ(reader.read_message(10s).error(), ErrorCode::group_authorization_failed);
    EXPECT_EQ(reader.stats().errors, 1U);
    EXPECT_EQ(read(reader, 1), "1 ") << "it goes on";
}

TEST_F(ReaderBroker, settings_that_do_not_go_together_are_refused) {
    const auto why = [](const ReaderConfig& c) {
        const auto made = Reader::create(c);
        return made ? std::string("fine") : to_string(made.error());
    };
    auto c = config();
    c.topic = "";
    EXPECT_NE(why(c).find("ReaderConfig::topic is empty"), std::string::npos) << why(c);
    c.group_topics = {"t"};
    EXPECT_NE(why(c).find("group_topics needs a group_id"), std::string::npos) << why(c);
    c.group_id = "g";
    EXPECT_EQ(why(c), "fine");
    c.topic = "t";
    EXPECT_NE(why(c).find("give one of them"), std::string::npos) << why(c);
    c.group_topics.clear();
    c.start_offset = 7;
    EXPECT_NE(why(c).find("ReaderConfig::start_offset is 7"), std::string::npos) << why(c);
    c = config();
    c.partition = -1;
    EXPECT_NE(why(c).find("ReaderConfig::partition is -1"), std::string::npos) << why(c);
    c = config();
    c.config = Config{{"group.id", "g"}, {"enable.auto.offset.store", true}};
    EXPECT_NE(why(c).find("enable.auto.offset.store"), std::string::npos) << why(c);
    c = config();
    c.min_bytes = -1;
    EXPECT_NE(why(c).find("fetch.min.bytes"), std::string::npos) << why(c);
}

TEST_F(ReaderBroker, runs_on_the_callers_executor) {
    boost::asio::io_context loop;
    auto c = config("g");
    c.commit_interval = 0ms;
    auto reader = Reader::create(loop.get_executor(), c).value();
    std::string said;
    const auto work = [](Reader& r, std::string& out) -> boost::asio::awaitable<void> {
        for (int i = 0; i < 2; ++i) {
            const auto m = co_await r.async_read_message(20s, boost::asio::use_awaitable);
            out += m ? std::string(m->value().text()) + " " : to_string(m.error());
        }
        const auto fetched = co_await r.async_fetch_message(20s, boost::asio::use_awaitable);
        out += fetched ? "and " + std::string(fetched->value().text()) : to_string(fetched.error());
        const auto done =
            co_await r.async_commit_messages(std::span<const Message>(&*fetched, 1), 10s, boost::asio::use_awaitable);
        if (!done) out += to_string(done.error());
        const auto closed = co_await r.async_close(10s, boost::asio::use_awaitable);
        if (!closed) out += to_string(closed.error());
    };
    boost::asio::co_spawn(loop, work(reader, said), boost::asio::detached);
    loop.run();
    EXPECT_EQ(said, "0 1 and 2");
    EXPECT_EQ(committed(), 3);
}

TEST_F(ReaderBroker, alone_on_an_executor_it_seeks_by_time) {
    boost::asio::io_context loop;
    auto reader = Reader::create(loop.get_executor(), config()).value();
    std::string said;
    const auto work = [](Reader& r, std::string& out) -> boost::asio::awaitable<void> {
        const std::chrono::system_clock::time_point time(1'006'000ms);
        const auto set = co_await r.async_set_offset_at(time, 10s, boost::asio::use_awaitable);
        if (!set) out += to_string(set.error());
        const auto m = co_await r.async_read_message(20s, boost::asio::use_awaitable);
        out += m ? std::string(m->value().text()) : to_string(m.error());
        const auto refused =
            co_await r.async_commit_messages(std::span<const Message>(&*m, 1), 10s, boost::asio::use_awaitable);
        out += refused.error() == ErrorCode::invalid_state ? "" : " committed";
        static_cast<void>((co_await r.async_close(5s, boost::asio::use_awaitable)).has_value());
    };
    boost::asio::co_spawn(loop, work(reader, said), boost::asio::detached);
    loop.run();
    EXPECT_EQ(said, "6");
}

}  // namespace
}  // namespace ottla
