// SPDX-License-Identifier: Apache-2.0
// What a ParallelConsumerConfig may say.
#include "client/parallel/parallel_config.hpp"

#include <gtest/gtest.h>

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

ParallelConsumerConfig fine() {
    ParallelConsumerConfig c;
    c.brokers = "b:9092";
    c.group_id = "g";
    c.topics = {"t"};
    return c;
}
std::string wrong(const ParallelConsumerConfig& c) {
    const auto s = parallel_settings(c);
    return s ? "fine" : std::string(s.error().text());
}

TEST(ParallelConfig, dead_letters_do_not_come_back) {
    for (const char* topic : {"orders-dead", "^orders.*", "^.*-dead$"}) {
        ParallelConsumerConfig c;
        c.group_id = "g";
        c.topics = {"orders", topic};
        c.dead_letter_topic = "orders-dead";
        const auto refused = parallel_settings(c);
        ASSERT_FALSE(refused.has_value()) << topic;
        EXPECT_NE(refused.error().text().find("dead letters would come back"), std::string::npos)
            << refused.error().text();
    }
}

TEST(ParallelConfig, goes_to_the_consumer_and_the_producer_of_dead_letters) {
    auto c = fine();
    c.config = {{"session.timeout.ms", 6000}};
    const auto plain = parallel_settings(c).value();
    EXPECT_EQ(plain.consumer.get("bootstrap.servers"), "b:9092");
    EXPECT_EQ(plain.consumer.get("group.id"), "g");
    EXPECT_EQ(plain.consumer.get("enable.auto.commit"), "false");
    EXPECT_EQ(plain.consumer.get("session.timeout.ms"), "6000");
    EXPECT_FALSE(plain.producer);
    c.dead_letter_topic = "dead";
    c.producer_config = {{"linger.ms", 50}};
    const auto letters = parallel_settings(c).value();
    EXPECT_EQ(letters.producer->get("bootstrap.servers"), "b:9092");
    EXPECT_EQ(letters.producer->get("linger.ms"), "50");
}

TEST(ParallelConfig, what_is_wrong_is_named) {
    auto c = fine();
    c.max_concurrency = 0;
    EXPECT_EQ(wrong(c), "ParallelConsumerConfig::max_concurrency is 0: from 1 to 100000");
    c = fine();
    c.retry_delay_max = 10ms;
    EXPECT_EQ(wrong(c), "ParallelConsumerConfig::retry_delay_max is 10: from 1000 to 86400000");
    c = fine();
    c.metadata_bytes = 100'000;
    EXPECT_EQ(wrong(c), "ParallelConsumerConfig::metadata_bytes is 100000: from 0 to 65536");
    c = fine();
    c.group_id = "";
    EXPECT_EQ(wrong(c), "ParallelConsumerConfig::group_id is empty: whose offsets are they?");
    c.config = {{"group.id", "from here"}};
    EXPECT_EQ(wrong(c), "fine");
    c = fine();
    c.topics = {};
    EXPECT_EQ(wrong(c), "ParallelConsumerConfig::topics is empty: what is to be read?");
    c = fine();
    c.config = {{"enable.auto.commit", true}};
    EXPECT_EQ(
        wrong(c),
        "ParallelConsumerConfig::config sets enable.auto.commit: the parallel consumer itself commits what is done");
    c = fine();
    c.producer_config = {{"linger.ms", 1}};
    EXPECT_EQ(wrong(c), "ParallelConsumerConfig::producer_config needs a dead_letter_topic, or retry_topics");
    c.dead_letter_topic = "dead";
    c.producer_config = {{"acks", "1"}};
    EXPECT_EQ(wrong(c),
              "ParallelConsumerConfig::producer_config sets acks: dead letters and retries are written with acks=all");
    c = fine();
    c.config = {{"sesion.timeout.ms", 1}};
    EXPECT_NE(wrong(c).find("session.timeout.ms"), std::string::npos) << "the nearest name";
}

// Who waits for handlers does not poll.
TEST(ParallelConfig, partitions_are_given_back_before_the_membership_is_lost) {
    auto c = fine();
    EXPECT_EQ(wrong(c), "fine") << "the defaults";
    c.config = {{"max.poll.interval.ms", 12'000}, {"session.timeout.ms", 6000}};
    EXPECT_EQ(wrong(c),
              "ParallelConsumerConfig::revoke_timeout is 10000 ms: at most 6000, half of max.poll.interval.ms (12000), "
              "after which the group counts a member that has not polled as gone");
    c.revoke_timeout = 6001ms;
    EXPECT_NE(wrong(c), "fine");
    c.revoke_timeout = 6000ms;
    EXPECT_EQ(wrong(c), "fine");
    c = fine();
    c.revoke_timeout = 1h;
    EXPECT_NE(wrong(c).find("at most 150000, half of max.poll.interval.ms (300000)"), std::string::npos);
}

TEST(ParallelConfig, retry_topics_are_other_topics) {
    auto c = fine();
    c.retry_topics = {{"t-retry-1", 10s}, {"t-retry-2", 1min}};
    EXPECT_TRUE(parallel_settings(c).value().producer);
    c.retry_topics = {{"t-retry-1", 10s}, {"t-retry-1", 1min}};
    EXPECT_EQ(wrong(c), "ParallelConsumerConfig::retry_topics has 't-retry-1', which is named elsewhere, too");
    c.retry_topics = {{"t", 10s}};
    EXPECT_EQ(wrong(c), "ParallelConsumerConfig::retry_topics has 't', which is named elsewhere, too");
    c.retry_topics = {{"dead", 10s}};
    c.dead_letter_topic = "dead";
    EXPECT_EQ(wrong(c), "ParallelConsumerConfig::retry_topics has 'dead', which is named elsewhere, too");
    c.retry_topics = {{"^t-.*", 10s}};
    EXPECT_EQ(wrong(c), "ParallelConsumerConfig::retry_topics has '^t-.*', which is no topic's name");
    c.retry_topics = {{"r", -1ms}};
    EXPECT_EQ(wrong(c), "ParallelConsumerConfig::retry_topics has 'r' with a delay of -1 ms: from 0 to 604800000");
    c.retry_topics = {{"r", 1s}};
    c.retry_delay_function = [](const WorkItem&) { return 1ms; };
    EXPECT_NE(wrong(c).find("exclude each other"), std::string::npos);
}

TEST(ParallelConfig, delays_grow_up_to_their_maximum) {
    auto c = fine();
    c.retry_delay = 100ms;
    c.retry_delay_max = 500ms;
    EXPECT_EQ(retry_delay(c, 1), 100ms);
    EXPECT_EQ(retry_delay(c, 2), 200ms);
    EXPECT_EQ(retry_delay(c, 3), 400ms);
    EXPECT_EQ(retry_delay(c, 4), 500ms);
    EXPECT_EQ(retry_delay(c, 2'000'000'000), 500ms);
    c.retry_delay = 0ms;
    EXPECT_EQ(retry_delay(c, 2'000'000'000), 0ms);
}

}  // namespace
}  // namespace ottla::client
