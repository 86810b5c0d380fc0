// SPDX-License-Identifier: Apache-2.0
// The consumer against real brokers in this process, on real sockets.
#include <gtest/gtest.h>
#include <boost/asio.hpp>
#include <ottla/broker/cluster.hpp>
#include <ottla/consumer.hpp>
#include <ottla/producer.hpp>

namespace ottla {
namespace {

using namespace std::chrono_literals;
using broker::Cluster;
using broker::Fault;
using protocol::ApiKey;

class ConsumerBroker : public ::testing::Test {
protected:
    void start(int brokers = 1) {
        broker::ClusterOptions options;
        options.brokers = brokers;
        cluster.emplace(Cluster::start(options).value());
    }
    Config config(std::initializer_list<Config::Entry> more = {}) {
        Config c = more;
        c.set("bootstrap.servers", cluster->bootstrap_servers()).value();
        return c;
    }
    // "0" … "n-1" into the partition.
    void fill(const std::string& topic, std::int32_t partition, int n, std::string codec = "none") {
        auto producer = Producer::create(config({{"linger.ms", 0}, {"compression.type", std::move(codec)}})).value();
        for (int i = 0; i < n; ++i) {
            const std::string value = std::to_string(i);
            const Header headers[] = {{"n", value}, {"none", nullptr}};
            Record record;
            record.topic = topic;
            record.partition = partition;
            record.value = value;
            record.headers = headers;
            record.timestamp_ms = 1000 + i;
            producer.produce(record, [](const DeliveryReport& r) { ASSERT_TRUE(r) << to_string(r); }).value();
        }
        ASSERT_EQ(producer.flush(10s).value(), 0U);
    }
    static std::string value(const Result<Message>& m) {
        return m ? std::string(m->value().text()) : to_string(m.error());
    }

    std::optional<Cluster> cluster;
};

TEST_F(ConsumerBroker, reads_what_was_written_in_order) {
    start();
    cluster->create_topic("t", 2).value();
    fill("t", 0, 100);
    auto consumer = Consumer::create(config()).value();
    consumer.assign({{"t", 0, Offset::beginning()}}).value();
    for (int i = 0; i < 100; ++i) {
        const auto m = consumer.read_message(10s);
        ASSERT_EQ(value(m), std::to_string(i));
        EXPECT_EQ(m->offset(), i);
        EXPECT_EQ(m->topic(), "t");
        EXPECT_EQ(m->partition(), 0);
        EXPECT_EQ(m->timestamp_ms(), 1000 + i);
        EXPECT_TRUE(m->key().is_null());
        EXPECT_EQ(m->header("n"), BytesView(std::to_string(i)));
        EXPECT_EQ(m->headers().size(), 2U);
        EXPECT_EQ(consumer.position({{"t", 0}})[0].offset, Offset(i + 1));
    }
    EXPECT_EQ(consumer.read_message(0s).error(), ErrorCode::timed_out);
    const auto marks = consumer.get_watermark_offsets("t", 0).value();
    EXPECT_EQ(marks.low, Offset(0));
    EXPECT_EQ(marks.high, Offset(100));
    consumer.close(5s).value();
}

TEST_F(ConsumerBroker, reads_whole_batches_of_every_codec) {
    start();
    for (const std::string codec : {"none", "gzip", "snappy", "lz4", "zstd"}) {
        cluster->create_topic(codec).value();
        fill(codec, 0, 1000, codec);
        auto consumer = Consumer::create(config()).value();
        consumer.assign({{codec, 0, Offset::beginning()}}).value();
        std::int64_t next = 0;
        while (next < 1000) {
            const auto batch = consumer.poll_batch(10s);
            ASSERT_TRUE(batch.has_value()) << to_string(batch.error());
            ASSERT_FALSE(batch->empty());
            EXPECT_EQ(batch->topic(), codec);
            for (const auto& m : *batch) {
                ASSERT_EQ(m.offset(), next);
                ASSERT_EQ(m.value(), BytesView(std::to_string(next)));
                ++next;
            }
            EXPECT_EQ(consumer.position({{codec, 0}})[0].offset, Offset(next));
        }
    }
}

TEST_F(ConsumerBroker, starts_where_it_is_told) {
    start();
    cluster->create_topic("t").value();
    fill("t", 0, 10);
    const std::pair<Offset, const char*> places[] = {
        {Offset::beginning(), "0"}, {Offset(7), "7"}, {Offset::tail(3), "7"}, {Offset::tail(100), "0"}};
    for (const auto& [place, first] : places) {
        auto consumer = Consumer::create(config()).value();
        consumer.assign({{"t", 0, place}}).value();
        EXPECT_EQ(value(consumer.read_message(10s)), first) << to_string(place);
    }
    // The records are of 1970.
    for (const auto& [policy, first] :
         {std::pair{"earliest", "0"}, {"latest", "10"}, {"by_duration:P365D", "10"}, {"by_duration:P36500D", "0"}}) {
        auto consumer =
            Consumer::create(config({{"auto.offset.reset", policy}, {"enable.partition.eof", true}})).value();
        consumer.assign({{"t", 0}}).value();
        const auto event = consumer.poll(10s);
        ASSERT_TRUE(event.has_value());
        if (const auto* m = std::get_if<Message>(&*event))
            EXPECT_EQ(m->value().text(), first);
        else
            EXPECT_EQ(to_string(std::get<PartitionEof>(*event).offset), first);
    }
    auto consumer = Consumer::create(config({{"auto.offset.reset", "error"}})).value();
    consumer.assign({{"t", 0}}).value();
    EXPECT_EQ(consumer.read_message(10s).error(), ErrorCode::auto_offset_reset);
    consumer.seek({"t", 0, 9}).value();
    EXPECT_EQ(value(consumer.read_message(10s)), "9");
}

TEST_F(ConsumerBroker, an_offset_out_of_range_says_from_where_to_where) {
    start();
    cluster->create_topic("t").value();
    fill("t", 0, 10);
    auto consumer = Consumer::create(config({{"auto.offset.reset", "earliest"}})).value();
    consumer.assign({{"t", 0, 1000}}).value();
    auto event = consumer.poll(10s);
    ASSERT_TRUE(event && std::holds_alternative<PartitionError>(*event)) << (event ? to_string(*event) : "nothing");
    const auto& error = std::get<PartitionError>(*event);
    EXPECT_EQ(error.error, ErrorCode::offset_out_of_range);
    EXPECT_EQ(error.offset, Offset(1000));
    EXPECT_EQ(error.moved_to, Offset(0));
    EXPECT_TRUE(error.goes_on);
    EXPECT_EQ(consumer.position({{"t", 0}})[0].offset, Offset(0));
    EXPECT_EQ(value(consumer.read_message(10s)), "0");
}

TEST_F(ConsumerBroker, nothing_of_the_old_position_comes_after_a_seek) {
    start();
    cluster->create_topic("t").value();
    fill("t", 0, 500);
    auto consumer = Consumer::create(config()).value();
    consumer.assign({{"t", 0, Offset::beginning()}}).value();
    for (const std::int64_t target : {400, 3, 250, 0, 499}) {
        ASSERT_TRUE(consumer.read_message(10s).has_value());
        consumer.seek({"t", 0, target}).value();
        EXPECT_EQ(consumer.position({{"t", 0}})[0].offset, Offset(target));
        EXPECT_EQ(value(consumer.read_message(10s)), std::to_string(target));
    }
    EXPECT_EQ(consumer.seek({"other", 0, 1}).error(), ErrorCode::invalid_state);
}

TEST_F(ConsumerBroker, a_paused_partition_hands_out_nothing_and_loses_nothing) {
    start();
    cluster->create_topic("t", 2).value();
    fill("t", 0, 100);
    fill("t", 1, 100);
    auto consumer = Consumer::create(config()).value();
    consumer.assign({{"t", 0, Offset::beginning()}, {"t", 1, Offset::beginning()}}).value();
    int next[2] = {0, 0};
    const auto read = [&](int n) {
        for (int i = 0; i < n; ++i) {
            const auto m = consumer.read_message(10s);
            ASSERT_TRUE(m.has_value()) << to_string(m.error());
            ASSERT_EQ(m->offset(), next[m->partition()]++);
        }
    };
    read(30);
    const int before = next[0];
    consumer.pause({{"t", 0}}).value();
    read(100 - next[1]);
    EXPECT_EQ(next[0], before);
    EXPECT_FALSE(consumer.poll(0s).has_value());
    consumer.resume({{"t", 0}}).value();
    read(100 - next[0]);
    EXPECT_EQ(consumer.pause({{"t", 7}}).error(), ErrorCode::invalid_state);
}

TEST_F(ConsumerBroker, assignments_change_while_it_reads) {
    start();
    cluster->create_topic("t", 3).value();
    for (int p = 0; p < 3; ++p) fill("t", p, 10);
    auto consumer = Consumer::create(config()).value();
    consumer.assign({{"t", 0, Offset::beginning()}}).value();
    ASSERT_TRUE(consumer.read_message(10s).has_value());
    EXPECT_EQ(consumer.incremental_assign({{"t", 0}}).error(), ErrorCode::invalid_state);
    EXPECT_EQ(consumer.incremental_unassign({{"t", 1}}).error(), ErrorCode::invalid_state);
    consumer.incremental_assign({{"t", 1, Offset::beginning()}}).value();
    consumer.incremental_unassign({{"t", 0}}).value();
    ASSERT_EQ(consumer.assignment().size(), 1U);
    for (int i = 0; i < 10; ++i) {
        const auto m = consumer.read_message(10s);
        ASSERT_TRUE(m.has_value());
        ASSERT_EQ(m->partition(), 1);
    }
    consumer.assign({{"t", 2, 5}}).value();
    EXPECT_EQ(value(consumer.read_message(10s)), "5");
    consumer.unassign().value();
    EXPECT_TRUE(consumer.assignment().empty());
    EXPECT_FALSE(consumer.poll(0s).has_value());
    EXPECT_EQ(consumer.assign({{"", 0}}).error(), ErrorCode::invalid_argument);
    EXPECT_EQ(consumer.assign({{"t", -1}}).error(), ErrorCode::invalid_argument);
}

TEST_F(ConsumerBroker, follows_a_leader_that_moves) {
    start(3);
    cluster->create_topic("t").value();
    fill("t", 0, 10);
    auto consumer = Consumer::create(config()).value();
    consumer.assign({{"t", 0, Offset::beginning()}}).value();
    for (int i = 0; i < 10; ++i) ASSERT_EQ(value(consumer.read_message(10s)), std::to_string(i));
    const int leader = cluster->leader("t", 0).value();
    cluster->move_leader("t", 0, leader % 3 + 1).value();
    fill("t", 0, 1);
    EXPECT_EQ(value(consumer.read_message(10s)), "0");
    EXPECT_EQ(consumer.position({{"t", 0}})[0].offset, Offset(11));
}

TEST_F(ConsumerBroker, goes_on_after_lost_connections_and_errors) {
    start();
    cluster->create_topic("t").value();
    auto consumer = Consumer::create(config({{"fetch.error.backoff.ms", 10}, {"reconnect.backoff.ms", 10}})).value();
    consumer.assign({{"t", 0, Offset::beginning()}}).value();
    for (const auto& fault :
         {Fault::disconnect(), Fault::error(ErrorCode::not_leader_or_follower),
          Fault::error(ErrorCode::unknown_leader_epoch), Fault::error(ErrorCode::fenced_leader_epoch),
          Fault::error(ErrorCode::unknown_server_error), Fault::error(ErrorCode::kafka_storage_error)}) {
        cluster->inject(fault.on(ApiKey::fetch));
        fill("t", 0, 1);
        const auto m = consumer.read_message(10s);
        EXPECT_EQ(value(m), "0");
    }
}

TEST_F(ConsumerBroker, a_broker_that_comes_back_is_read_again) {
    start();
    cluster->create_topic("t").value();
    fill("t", 0, 2);
    auto consumer = Consumer::create(config({{"reconnect.backoff.ms", 10}, {"reconnect.backoff.max.ms", 50}})).value();
    consumer.assign({{"t", 0, Offset::beginning()}}).value();
    EXPECT_EQ(value(consumer.read_message(10s)), "0");
    EXPECT_EQ(value(consumer.read_message(10s)), "1");
    cluster->broker_down(1).value();
    auto event = consumer.poll(10s);
    ASSERT_TRUE(event && std::holds_alternative<Error>(*event)) << (event ? to_string(*event) : "nothing");
    EXPECT_EQ(std::get<Error>(*event), ErrorCode::all_brokers_down);
    const auto nothing = consumer.read_message(20ms);
    EXPECT_EQ(nothing.error(), ErrorCode::timed_out);
    EXPECT_NE(nothing.error().text().find("the reason may be"), std::string_view::npos) << nothing.error().text();
    cluster->broker_up(1).value();
    fill("t", 0, 1);
    EXPECT_EQ(value(consumer.read_message(10s)), "0");
}

TEST_F(ConsumerBroker, tells_the_end_of_each_partition_once) {
    start();
    cluster->create_topic("t", 2).value();
    fill("t", 0, 3);
    auto consumer = Consumer::create(config({{"enable.partition.eof", true}, {"fetch.wait.max.ms", 5}})).value();
    consumer.assign({{"t", 0, Offset::beginning()}, {"t", 1, Offset::beginning()}}).value();
    int messages = 0;
    std::vector<std::string> ends;
    while (ends.size() < 2) {
        auto event = consumer.poll(10s);
        ASSERT_TRUE(event.has_value());
        if (std::holds_alternative<Message>(*event)) ++messages;
        if (const auto* eof = std::get_if<PartitionEof>(&*event)) ends.push_back(to_string(*eof));
    }
    std::ranges::sort(ends);
    EXPECT_EQ(ends, (std::vector<std::string>{"end of t[0] at 3", "end of t[1] at 0"}));
    EXPECT_EQ(messages, 3);
    EXPECT_FALSE(consumer.poll(50ms).has_value()) << "told once";
    fill("t", 1, 1);
    EXPECT_TRUE(std::holds_alternative<Message>(*consumer.poll(10s)));
    EXPECT_TRUE(std::holds_alternative<PartitionEof>(*consumer.poll(10s)));
}

TEST_F(ConsumerBroker, a_partition_that_is_assigned_again_is_told_its_end_again) {
    start();
    cluster->create_topic("t", 2).value();
    auto consumer = Consumer::create(config({{"enable.partition.eof", true}, {"fetch.wait.max.ms", 5}})).value();
    // In one fetch session: the broker itself has nothing new to tell.
    for (int i = 0; i < 3; ++i) {
        consumer.assign({{"t", 0, Offset::beginning()}, {"t", 1, Offset::beginning()}}).value();
        for (int end = 0; end < 2; ++end) {
            const auto event = consumer.poll(10s);
            ASSERT_TRUE(event && std::holds_alternative<PartitionEof>(*event));
        }
        EXPECT_FALSE(consumer.poll(20ms).has_value());
    }
}

TEST_F(ConsumerBroker, asks_for_offsets) {
    start(3);
    cluster->create_topic("t", 3).value();
    for (int p = 0; p < 3; ++p) fill("t", p, 5 + p);
    auto consumer = Consumer::create(config()).value();
    EXPECT_EQ(consumer.query_watermark_offsets("t", 2, 10s).value(), (WatermarkOffsets{0, 7}));
    const auto found =
        consumer.offsets_for_times({{"t", 0, 1003}, {"t", 1, 0}, {"t", 2, 99999}, {"t", 9, 0}}, 10s).value();
    EXPECT_EQ(found[0].offset, Offset(3));
    EXPECT_EQ(found[1].offset, Offset(0));
    EXPECT_EQ(found[2].offset, Offset::end());
    EXPECT_EQ(found[3].error, ErrorCode::unknown_partition);
    EXPECT_EQ(consumer.query_watermark_offsets("t", 9, 10s).error(), ErrorCode::unknown_partition);
    const auto unknown = consumer.query_watermark_offsets("nothing", 0, 1500ms);
    EXPECT_EQ(unknown.error(), ErrorCode::unknown_topic_or_partition);
    EXPECT_NE(unknown.error().text().find("nothing"), std::string_view::npos) << unknown.error().text();
}

TEST_F(ConsumerBroker, small_prefetch_reads_all_and_kept_messages_do_not_stop_it) {
    start();
    cluster->create_topic("t").value();
    fill("t", 0, 2000);
    auto consumer =
        Consumer::create(config({{"queued.max.messages.kbytes", 1}, {"fetch.message.max.bytes", 2000}})).value();
    consumer.assign({{"t", 0, Offset::beginning()}}).value();
    std::vector<Message> kept;
    for (int i = 0; i < 2000; ++i) {
        auto m = consumer.read_message(10s);
        ASSERT_EQ(value(m), std::to_string(i));
        kept.push_back(std::move(*m));
    }
    consumer.close(5s).value();
    for (int i = 0; i < 2000; ++i) ASSERT_EQ(kept[static_cast<std::size_t>(i)].value().text(), std::to_string(i));
}

TEST_F(ConsumerBroker, batches_larger_than_every_limit_are_read) {
    start();
    cluster->create_topic("t", 2).value();
    {
        auto producer = Producer::create(config({{"batch.size", 300'000}})).value();
        const std::string value(200'000, 'v');
        for (int i = 0; i < 6; ++i) {
            Record record;
            record.topic = "t";
            record.partition = i % 2;
            record.value = value;
            producer.produce(record).value();
        }
        ASSERT_EQ(producer.flush(10s).value(), 0U);
    }
    auto consumer =
        Consumer::create(
            config({{"max.partition.fetch.bytes", 1}, {"fetch.max.bytes", 1}, {"queued.max.messages.kbytes", 1}}))
            .value();
    consumer.assign({{"t", 0, Offset::beginning()}, {"t", 1, Offset::beginning()}}).value();
    for (int i = 0; i < 6; ++i) ASSERT_EQ(value(consumer.read_message(10s)).size(), 200'000U);
}

TEST_F(ConsumerBroker, a_closed_consumer_says_so) {
    start();
    cluster->create_topic("t").value();
    auto consumer = Consumer::create(config()).value();
    consumer.assign({{"t", 0, Offset::beginning()}}).value();
    consumer.close(5s).value();
    EXPECT_TRUE(consumer.is_closed());
    EXPECT_EQ(consumer.close(5s).error(), ErrorCode::closed);
    EXPECT_EQ(consumer.assign({}).error(), ErrorCode::closed);
    EXPECT_EQ(consumer.read_message(10s).error(), ErrorCode::closed);
    EXPECT_EQ(consumer.poll_batch(10s).error(), ErrorCode::closed);
    EXPECT_EQ(consumer.seek({"t", 0, 0}).error(), ErrorCode::closed);
    EXPECT_EQ(consumer.metadata("t", 10s).error(), ErrorCode::closed);
    EXPECT_EQ(consumer.query_watermark_offsets("t", 0, 10s).error(), ErrorCode::closed);
    EXPECT_EQ(std::get<Error>(*consumer.poll(10s)), ErrorCode::closed);
    EXPECT_NE(consumer.pause({}).error().text().find(consumer.name()), std::string_view::npos);
}

// A coroutine of a user's, on his own loop.
boost::asio::awaitable<void> read_ten(Consumer& consumer, std::vector<std::string>& out) {
    for (int i = 0; i < 10; ++i) {
        const auto m = co_await consumer.async_read_message(10s, boost::asio::use_awaitable);
        out.push_back(m ? std::string(m->value().text()) : to_string(m.error()));
    }
    const auto blocked = consumer.read_message(1s);
    out.push_back(std::string(blocked.error().name()));
    const auto closed = co_await consumer.async_close(5s, boost::asio::use_awaitable);
    out.push_back(closed ? "closed" : to_string(closed.error()));
}

TEST_F(ConsumerBroker, runs_on_the_callers_executor) {
    start();
    cluster->create_topic("t").value();
    fill("t", 0, 10);
    boost::asio::io_context io;
    auto consumer = Consumer::create(io.get_executor(), config()).value();
    consumer.assign({{"t", 0, Offset::beginning()}}).value();
    std::vector<std::string> out;
    boost::asio::co_spawn(io, read_ten(consumer, out), boost::asio::detached);
    io.run_for(20s);
    EXPECT_EQ(out,
              (std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "INVALID_STATE", "closed"}));
    EXPECT_TRUE(io.stopped()) << "something still runs after close";
}

TEST_F(ConsumerBroker, a_wait_can_be_cancelled) {
    start();
    cluster->create_topic("t").value();
    boost::asio::io_context io;
    auto consumer = Consumer::create(io.get_executor(), config()).value();
    consumer.assign({{"t", 0, Offset::beginning()}}).value();
    boost::asio::cancellation_signal signal;
    std::optional<Error> ended;
    consumer.async_read_message(60s, boost::asio::bind_cancellation_slot(signal.slot(), [&](Result<Message> m) {
                                    ended = m.error();
                                    consumer.async_close(5s, [](Result<void>) {});
                                }));
    boost::asio::post(io, [&] { signal.emit(boost::asio::cancellation_type::terminal); });
    io.run_for(20s);
    ASSERT_TRUE(ended.has_value());
    EXPECT_EQ(*ended, ErrorCode::cancelled);
}

TEST(ConsumerAlone, an_absent_broker_is_told_within_the_deadline) {
    auto consumer =
        Consumer::create({{"bootstrap.servers", "127.0.0.1:1"}, {"reconnect.backoff.ms", 10}, {"log_level", 0}})
            .value();
    consumer.assign({{"t", 0, Offset::beginning()}}).value();
    const auto metadata = consumer.metadata("t", 100ms);
    EXPECT_EQ(metadata.error(), ErrorCode::all_brokers_down);
    EXPECT_NE(metadata.error().text().find("127.0.0.1:1"), std::string_view::npos) << metadata.error().text();
    EXPECT_EQ(consumer.query_watermark_offsets("t", 0, 50ms).error(), ErrorCode::all_brokers_down);
    EXPECT_EQ(consumer.read_message(10ms).error(), ErrorCode::timed_out);
    consumer.close(5s).value();
}

TEST(ConsumerAlone, an_executor_that_nobody_runs_does_not_hang_a_call) {
    boost::asio::io_context io;
    auto consumer = Consumer::create(io.get_executor(), {{"bootstrap.servers", "127.0.0.1:1"}}).value();
    EXPECT_EQ(consumer.metadata("t", 1ms).error(), ErrorCode::timed_out);
    EXPECT_EQ(consumer.read_message(1ms).error(), ErrorCode::timed_out);
    EXPECT_EQ(consumer.close(1ms).error(), ErrorCode::timed_out);
}

TEST(ConsumerAlone, wrong_settings_are_refused) {
    EXPECT_EQ(Consumer::create(Config{}).error(), ErrorCode::not_configured);
    EXPECT_EQ(Consumer::create({{"bootstrap.servers", "h:1"}, {"auto.offset.reset", "soon"}}).error(),
              ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace ottla
