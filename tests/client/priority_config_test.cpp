// SPDX-License-Identifier: Apache-2.0
// What a PriorityConsumerConfig may say.
#include "client/priority/priority_config.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

PriorityConsumerConfig two_classes() {
    PriorityConsumerConfig c;
    c.brokers = "b:9092";
    c.group_id = "g";
    c.classes = {{"urgent", {"alarms"}, 10}, {"", {"mails", "reports"}, 1}};
    return c;
}
std::string what_is_wrong(const PriorityConsumerConfig& c) {
    const auto s = priority_settings(c);
    return s ? "fine" : std::string(s.error().text());
}

TEST(PriorityConfig, goes_to_the_consumer) {
    auto c = two_classes();
    c.config = {{"session.timeout.ms", 6000}};
    const auto s = priority_settings(c).value();
    EXPECT_EQ(s.consumer.get("bootstrap.servers"), "b:9092");
    EXPECT_EQ(s.consumer.get("group.id"), "g");
    EXPECT_EQ(s.consumer.get("session.timeout.ms"), "6000");
    EXPECT_EQ(s.consumer.get("enable.auto.commit"), "true");
    EXPECT_EQ(s.consumer.get("enable.auto.offset.store"), "false") << "what it gave may be buffered";
    EXPECT_TRUE(s.stores_what_was_returned);
    EXPECT_EQ(s.topics, (std::vector<std::string>{"alarms", "mails", "reports"}));
    c.config = {{"enable.auto.offset.store", false}, {"group.id", "from here"}};
    EXPECT_FALSE(priority_settings(c).value().stores_what_was_returned);
    EXPECT_EQ(priority_settings(c).value().consumer.get("group.id"), "from here");
}

TEST(PriorityConfig, classes_and_topics_that_are_wrong_are_named) {
    auto c = two_classes();
    c.classes.clear();
    EXPECT_EQ(what_is_wrong(c), "PriorityConsumerConfig::classes is empty: what is to be read?");
    c.classes.resize(101);
    EXPECT_EQ(what_is_wrong(c), "PriorityConsumerConfig::classes has 101: up to 100");
    c = two_classes();
    c.classes[1].topics.clear();
    EXPECT_EQ(what_is_wrong(c), "PriorityConsumerConfig::classes[1].topics is empty: what is to be read?");
    c = two_classes();
    c.classes[1].topics[1] = "";
    EXPECT_EQ(what_is_wrong(c), "PriorityConsumerConfig::classes[1].topics[1] is empty");
    c.classes[1].topics[1] = "^re.*";
    EXPECT_EQ(what_is_wrong(c),
              "PriorityConsumerConfig::classes[1].topics[1] is the pattern '^re.*': a class has names of topics");
    c.classes[1].topics[1] = "alarms";
    EXPECT_EQ(what_is_wrong(c),
              "PriorityConsumerConfig::classes[1].topics[1]: topic 'alarms' is in classes[0] already");
    c.classes[1].topics[1] = "mails";
    EXPECT_EQ(what_is_wrong(c), "PriorityConsumerConfig::classes[1].topics[1]: topic 'mails' is in classes[1] already");
    c = two_classes();
    c.classes[1].name = "urgent";
    EXPECT_EQ(what_is_wrong(c), "PriorityConsumerConfig::classes[1].name 'urgent' is another's already");
}

TEST(PriorityConfig, numbers_that_are_wrong_are_named) {
    for (const std::int32_t weight : {0, -1, 1'000'001, std::numeric_limits<std::int32_t>::max()}) {
        auto c = two_classes();
        c.classes[0].weight = weight;
        EXPECT_EQ(what_is_wrong(c),
                  "PriorityConsumerConfig::classes[0].weight is " + std::to_string(weight) + ": from 1 to 1000000");
    }
    auto c = two_classes();
    c.starvation_limit = -1ms;
    EXPECT_EQ(what_is_wrong(c), "PriorityConsumerConfig::starvation_limit is -1: from 0 to 86400000 ms");
    c.starvation_limit = std::chrono::milliseconds::max();
    EXPECT_NE(what_is_wrong(c), "fine");
    c = two_classes();
    c.buffered_records = 0;
    EXPECT_EQ(what_is_wrong(c), "PriorityConsumerConfig::buffered_records is 0: from 1 to 1000000");
    c.buffered_records = 1;
    c.buffered_bytes = 0;
    EXPECT_EQ(what_is_wrong(c), "PriorityConsumerConfig::buffered_bytes is 0: from 1 up");
    c = two_classes();
    c.order = static_cast<PriorityOrder>(7);
    EXPECT_EQ(what_is_wrong(c), "PriorityConsumerConfig::order is 7: strict or weighted");
}

TEST(PriorityConfig, settings_of_the_consumer_that_are_wrong_are_named) {
    auto c = two_classes();
    c.group_id = "";
    EXPECT_EQ(what_is_wrong(c), "PriorityConsumerConfig::group_id is empty: whose offsets are they?");
    c = two_classes();
    c.config = {{"auto.ofset.reset", "earliest"}};
    EXPECT_NE(what_is_wrong(c).find("auto.offset.reset"), std::string::npos) << what_is_wrong(c);
    c.config = {{"enable.auto.offset.store", "perhaps"}};
    EXPECT_NE(what_is_wrong(c).find("enable.auto.offset.store"), std::string::npos) << what_is_wrong(c);
}

}  // namespace
}  // namespace ottla::client
