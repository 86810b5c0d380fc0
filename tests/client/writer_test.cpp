// SPDX-License-Identifier: Apache-2.0
// The writer against a broker that answers as the script says, on virtual time.
#include <ottla/writer.hpp>

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio.hpp>

#include "tests/client/scripted_broker.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

class WriterTest : public testing::Test {
protected:
    Writer& writer() {
        if (!writer_) writer_.emplace(std::move(script(config).producer()), topic);
        return *writer_;
    }
    ProducerScript& script(const Config& c) {
        if (!script_) script_.emplace(c);
        return *script_;
    }
    ProducerScript& script() { return script(config); }
    // Partition 0 unless it says another.
    static Record message(std::string_view value, std::string_view of_topic = {}, std::int32_t partition = 0) {
        Record r;
        r.topic = of_topic;
        r.partition = partition;
        r.value = value;
        return r;
    }
    // What became of it: "a and b and timed_out", or "written"; "nothing yet".
    void write(std::span<const Record> messages, std::chrono::nanoseconds timeout = 30s) {
        writer().async_write_messages(messages, timeout, [this](WriteResult r) { result = std::move(r); });
    }
    std::vector<ErrorCode> codes() const {
        std::vector<ErrorCode> all;
        if (result && !*result)
            for (const Error& e : result->error().each()) all.push_back(e.code());
        return all;
    }
    std::vector<std::string>& log(int partition = 0) { return script().broker.log[{"t", partition}]; }

    using Codes = std::vector<ErrorCode>;
    using Statuses = std::vector<DeliveryStatus>;
    using Lines = std::vector<std::string>;

    Config config;
    std::string topic = "t";
    std::optional<WriteResult> result;

private:
    std::optional<ProducerScript> script_;
    std::optional<Writer> writer_;
};

TEST_F(WriterTest, is_done_when_all_are_acknowledged) {
    const Record messages[] = {message("a"), message("bc", "t"), message("d", {}, 1)};
    script().broker.reactions = {slow(10ms)};
    write(messages);
    script().loop.settle();
    EXPECT_FALSE(result);
    script().loop.run_for(1s);
    ASSERT_TRUE(result);
    EXPECT_TRUE(*result);
    EXPECT_EQ(log(0), (Lines{"a", "bc"}));
    EXPECT_EQ(log(1), (Lines{"d"}));
    EXPECT_EQ(to_string(writer().stats()), "1 writes, 3 messages (4 bytes), 0 errors");
}

// Who waits for an acknowledgement writes nothing meanwhile that could fill a batch.
TEST_F(WriterTest, does_not_linger_while_nothing_is_in_flight) {
    config = Config{{"linger.ms", 10'000}};
    const Record one[] = {message("a")};
    const Record several[] = {message("b"), message("c", {}, 1), message("d"), message("e", {}, 1)};
    for (int i = 0; i < 20; ++i) {
        result.reset();
        if (i % 2 == 0)
            write(one);
        else
            write(several);
        script().loop.settle();
        ASSERT_TRUE(result) << i;
        EXPECT_TRUE(*result);
    }
    EXPECT_EQ(log(0).size(), 30U);
    EXPECT_EQ(script().broker.produced, 20) << "what is written together goes together";
}

TEST_F(WriterTest, does_not_linger_when_it_had_to_wait_for_room) {
    config = Config{{"linger.ms", 10'000}, {"queue.buffering.max.messages", 4}};
    std::vector<Record> messages(10, message("a"));
    messages.back().partition = 1;
    write(messages);
    script().loop.run_for(1s);
    ASSERT_TRUE(result);
    EXPECT_TRUE(*result);
}

TEST_F(WriterTest, of_several_writers_what_comes_while_others_are_in_flight_goes_together) {
    config = Config{{"linger.ms", 10'000}};
    const Record one[] = {message("a")};
    write(one);
    script().loop.settle();
    script().broker.reactions = {slow(50ms)};
    int written = 0;
    for (int i = 0; i < 10; ++i) writer().async_write_messages(one, 30s, [&](WriteResult r) { written += r ? 1 : 0; });
    script().loop.settle();
    for (int i = 0; i < 10; ++i) writer().async_write_messages(one, 30s, [&](WriteResult r) { written += r ? 1 : 0; });
    script().loop.settle();
    EXPECT_EQ(written, 0);
    script().loop.run_for(100ms);
    EXPECT_EQ(written, 20);
    EXPECT_EQ(script().broker.produced, 3) << "the first alone, ten, and ten when those had landed";
}

TEST_F(WriterTest, writing_nothing_is_done) {
    write({});
    script().loop.settle();
    ASSERT_TRUE(result);
    EXPECT_TRUE(*result);
}

TEST_F(WriterTest, tells_of_each_message_why_it_was_not_written) {
    script().broker.topics["other"] = 1;
    const Header nameless[] = {{"", "v"}};
    Record bad = message("b");
    bad.headers = nameless;
    const Record messages[] = {message("a"), bad, message("c", "other"), message("d", {}, 1), message("e", {}, 7)};
    Reaction refused;
    refused.error = ErrorCode::topic_authorization_failed;
    refused.only = 1;
    refused.append = false;
    script().broker.reactions = {refused};
    write(messages);
    script().loop.run_for(5s);
    EXPECT_EQ(codes(), (Codes{ErrorCode::none, ErrorCode::invalid_argument, ErrorCode::invalid_argument,
                              ErrorCode::topic_authorization_failed, ErrorCode::unknown_partition}));
    EXPECT_EQ(result->error().statuses()[3], DeliveryStatus::not_persisted);
    EXPECT_EQ(result->error().statuses()[0], DeliveryStatus::persisted);
    EXPECT_EQ(result->error().count(), 4U);
    const std::string text = to_string(result->error());
    EXPECT_NE(text.find("4 of 5 messages were not written; the first is message 1: "), std::string::npos) << text;
    EXPECT_NE(to_string(result->error().each()[2]).find("'other'"), std::string::npos);
    EXPECT_THROW(result->value(), Exception);
    EXPECT_EQ(log(), (Lines{"a"}));
    EXPECT_EQ(to_string(writer().stats()), "1 writes, 1 messages (1 bytes), 4 errors");
}

TEST_F(WriterTest, without_a_topic_of_its_own_takes_each_messages) {
    topic = "";
    script().broker.topics["other"] = 1;
    const Record messages[] = {message("a", "t"), message("b", "other"), message("c")};
    write(messages);
    script().loop.run_for(1s);
    EXPECT_EQ(codes(), (Codes{ErrorCode::none, ErrorCode::none, ErrorCode::invalid_argument}));
    EXPECT_EQ((script().broker.log[{"other", 0}]), (Lines{"b"}));
}

TEST_F(WriterTest, waits_for_room_and_keeps_the_order) {
    config = Config{{"queue.buffering.max.messages", 4}, {"linger.ms", 0}};
    const Header headers[] = {{"h", nullptr}};
    {
        std::vector<std::string> values;
        for (int i = 0; i < 50; ++i) values.push_back(std::to_string(i));
        std::vector<Record> messages;
        for (const std::string& v : values) {
            messages.push_back(message(v));
            messages.back().headers = headers;
        }
        write(messages);
        // What it was given is gone now.
    }
    script().loop.run_for(20s);
    ASSERT_TRUE(result);
    EXPECT_TRUE(*result) << to_string(result->error());
    ASSERT_EQ(log().size(), 50U);
    for (int i = 0; i < 50; ++i) EXPECT_EQ(log()[static_cast<std::size_t>(i)], std::to_string(i));
}

TEST_F(WriterTest, ends_at_its_time_and_says_what_may_be_written) {
    config = Config{{"queue.buffering.max.messages", 1}, {"linger.ms", 0}};
    Reaction slow;
    slow.delay = 10s;
    script().broker.reactions = {slow};
    const Record messages[] = {message("a"), message("b")};
    write(messages, 2s);
    script().loop.run_for(1900ms);
    EXPECT_FALSE(result);
    script().loop.run_for(200ms);
    EXPECT_EQ(codes(), (Codes{ErrorCode::timed_out, ErrorCode::queue_full}));
    EXPECT_EQ(result->error().statuses(),
              (Statuses{DeliveryStatus::possibly_persisted, DeliveryStatus::not_persisted}));
    script().loop.run_for(20s);
    EXPECT_EQ(log(), (Lines{"a"})) << "it arrived after all, and nobody was told twice";
}

TEST_F(WriterTest, a_cancelled_wait_ends_and_what_was_taken_still_arrives) {
    config = Config{{"queue.buffering.max.messages", 1}};
    Reaction slow;
    slow.delay = 100ms;
    script().broker.reactions = {slow};
    asio::cancellation_signal cancel;
    const Record messages[] = {message("a"), message("b")};
    writer().async_write_messages(
        messages, 30s, asio::bind_cancellation_slot(cancel.slot(), [this](WriteResult r) { result = std::move(r); }));
    script().loop.settle();
    cancel.emit(asio::cancellation_type::terminal);
    script().loop.settle();
    EXPECT_EQ(codes(), (Codes{ErrorCode::cancelled, ErrorCode::cancelled}));
    EXPECT_EQ(result->error().statuses(),
              (Statuses{DeliveryStatus::possibly_persisted, DeliveryStatus::not_persisted}));
    script().loop.run_for(1s);
    EXPECT_EQ(log(), (Lines{"a"}));
}

TEST_F(WriterTest, a_closed_writer_writes_nothing) {
    const Record messages[] = {message("a")};
    writer().async_close(1s, [](const Result<void>&) {});
    script().loop.run_for(1s);
    EXPECT_TRUE(writer().is_closed());
    write(messages);
    script().loop.settle();
    EXPECT_EQ(codes(), (Codes{ErrorCode::closed}));
}

TEST_F(WriterTest, a_closed_writer_ends_the_calls_that_wait) {
    config = Config{{"queue.buffering.max.messages", 1}};
    Reaction never;
    never.delay = 100s;
    script().broker.reactions = {never};
    const Record messages[] = {message("a"), message("b")};
    write(messages);
    script().loop.run_for(1s);
    writer().async_close(1s, [](const Result<void>&) {});
    script().loop.run_for(2s);
    EXPECT_EQ(codes(), (Codes{ErrorCode::closed, ErrorCode::closed}));
}

asio::awaitable<bool> write_awaited(Writer& writer, std::span<const Record> messages) {
    const auto written = co_await writer.async_write_messages(messages, 10s, asio::use_awaitable);
    co_return written.has_value();
}

TEST_F(WriterTest, can_be_awaited_and_refuses_to_block_on_the_loop) {
    const Record messages[] = {message("a")};
    EXPECT_EQ(script().loop.run(write_awaited(writer(), messages)), true);
    asio::post(script().loop.io, [&] { result = writer().write_messages(messages, 1s); });
    script().loop.settle();
    EXPECT_EQ(codes(), (Codes{ErrorCode::invalid_state}));
}

TEST(WriterConfig, says_what_is_wrong) {
    const auto error = [](WriterConfig c) { return to_string(Writer::create(std::move(c)).error()); };
    const auto says = [&](const char* what, WriterConfig c) {
        const std::string text = error(std::move(c));
        EXPECT_NE(text.find(what), std::string::npos) << text;
    };
    says("bootstrap.servers", {});
    says("partitioner", {.brokers = "b", .balancer = "least_bytes"});
    says("batch.num.messages", {.brokers = "b", .batch_size = 0});
    says("max_attempts", {.brokers = "b", .max_attempts = -1});
    says("compression.type", {.brokers = "b", .compression = "rar"});
    says("enable.idempotence",
         {.brokers = "b", .required_acks = RequiredAcks::one, .config = {{"enable.idempotence", true}}});
    says("no.such", {.brokers = "b", .config = {{"no.such.setting", 1}}});
}

}  // namespace
}  // namespace ottla::client
