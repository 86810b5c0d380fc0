// SPDX-License-Identifier: Apache-2.0
// Topics that a producer writes to and that go: deleted, made anew, with fewer partitions.
#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/client/scripted_broker.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

constexpr auto unknown_topic = ErrorCode::unknown_topic_or_partition;

// One record has been written to partition 0, and is the first of the reports.
class KnownTopic : public ProducerScript {
public:
    explicit KnownTopic(Config config = one_record_each(), std::int16_t produce_version_max = 13)
        : ProducerScript(std::move(config)) {
        broker.produce_version_max = produce_version_max;
        EXPECT_TRUE(produce(0, "0"));
        loop.run_for(1s);
        EXPECT_EQ(codes, Codes(1));
    }
    // How long until so many reports are there, at most `most`.
    base::Duration until(std::size_t count, base::Duration most) {
        const auto began = loop.timers.now();
        while (codes.size() < count && loop.timers.now() - began < most) loop.run_for(100ms);
        return loop.timers.now() - began;
    }
};

TEST(ProducerTopics, one_that_was_known_and_is_deleted_is_reported_after_its_time) {
    for (const std::int16_t version : {std::int16_t{13}, std::int16_t{9}}) {
        KnownTopic s(one_record_each(), version);
        s.broker.delete_topic("t");
        ASSERT_TRUE(s.produce(0, "1"));
        ASSERT_TRUE(s.produce(1, "2"));
        s.loop.run_for(20s);
        ASSERT_TRUE(s.produce(0, "3"));
        const auto took = 20s + s.until(4, 60s);
        EXPECT_GE(took, 29s);
        EXPECT_LE(took, 33s);
        EXPECT_EQ(s.codes, (Codes{ErrorCode::none, unknown_topic, unknown_topic, unknown_topic}));
        EXPECT_EQ(s.statuses.back(), DeliveryStatus::not_persisted);
        EXPECT_NE(s.reports.back().find("topic 't' does not exist"), std::string::npos) << s.reports.back();
        // From now on it is like one that was never known, and can come back.
        ASSERT_TRUE(s.produce(0, "4"));
        s.loop.run_for(20s);
        EXPECT_EQ(s.codes.size(), 4U);
        s.broker.topics["t"] = 1;
        s.loop.run_for(2s);
        ASSERT_EQ(s.codes.size(), 5U);
        EXPECT_EQ(s.codes.back(), ErrorCode::none);
        EXPECT_EQ(s.broker.log[p0], Lines{"4"});
    }
}

TEST(ProducerTopics, a_deleted_one_ends_a_flush_where_records_have_no_deadline) {
    Config config = one_record_each();
    ASSERT_TRUE(config.set("delivery.timeout.ms", 0));
    ASSERT_TRUE(config.set("topic.metadata.propagation.max.ms", 5000));
    KnownTopic s(config);
    s.broker.delete_topic("t");
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(s.produce(i % 2, std::to_string(i)));
    std::optional<std::size_t> left;
    s.producer().async_flush(10s, [&](Result<std::size_t> r) { left = r.value(); });
    s.loop.run_for(10s);
    EXPECT_EQ(left, 0U);
    EXPECT_EQ(s.codes.size(), 21U);
    EXPECT_EQ(s.codes.back(), unknown_topic);
}

TEST(ProducerTopics, of_a_deleted_one_it_is_told_what_may_have_been_written) {
    KnownTopic s;
    s.broker.reactions = {lost_answer()};
    ASSERT_TRUE(s.produce(0, "1"));
    s.loop.run_for(10ms);
    s.broker.delete_topic("t");
    ASSERT_TRUE(s.produce(1, "2"));
    s.loop.run_for(40s);
    EXPECT_EQ(s.codes, (Codes{ErrorCode::none, unknown_topic, unknown_topic}));
    EXPECT_EQ(std::ranges::count(s.statuses, DeliveryStatus::possibly_persisted), 1);
    EXPECT_EQ(std::ranges::count(s.statuses, DeliveryStatus::not_persisted), 1);
}

// One without an answer is no answer: the report waits for the broker to say what it is now.
TEST(ProducerTopics, one_that_is_back_before_anybody_was_asked_is_not_gone) {
    KnownTopic s;
    s.broker.delete_topic("t");
    ASSERT_TRUE(s.produce(0, "1"));
    s.loop.run_for(10s);
    s.stop_broker();
    s.loop.run_for(60s);
    EXPECT_EQ(s.codes.size(), 1U);
    s.broker.topics["t"] = 2;
    s.listen();
    s.loop.run_for(15s);
    EXPECT_EQ(s.codes, Codes(2));
    EXPECT_EQ(s.broker.log[p0], Lines{"1"});
}

TEST(ProducerTopics, one_made_anew_in_time_gets_what_waited_in_order) {
    KnownTopic s;
    ASSERT_TRUE(s.produce(0, "1"));
    s.loop.run_for(1s);
    s.broker.delete_topic("t");
    Lines expected;
    for (int i = 2; i < 12; ++i) {
        ASSERT_TRUE(s.produce(0, std::to_string(i)));
        expected.push_back(std::to_string(i));
    }
    s.loop.run_for(20s);
    s.broker.topics["t"] = 2;
    s.loop.run_for(3s);
    EXPECT_EQ(s.codes, Codes(12));
    EXPECT_EQ(s.broker.log[p0], expected);
}

TEST(ProducerTopics, records_for_partitions_that_it_no_longer_has_are_reported) {
    KnownTopic s;
    ASSERT_TRUE(s.produce(1, "1"));
    s.loop.run_for(1s);
    s.broker.delete_topic("t");
    for (int i = 2; i < 10; ++i) ASSERT_TRUE(s.produce(i % 2, std::to_string(i)));
    s.loop.run_for(5s);
    EXPECT_EQ(s.codes.size(), 2U);
    s.broker.topics["t"] = 1;
    s.loop.run_for(3s);
    ASSERT_EQ(s.codes.size(), 10U);
    EXPECT_EQ(std::ranges::count(s.codes, ErrorCode::none), 6);
    EXPECT_EQ(std::ranges::count(s.codes, ErrorCode::unknown_partition), 4);
    EXPECT_EQ(s.broker.log[p0], (Lines{"2", "4", "6", "8"}));
    EXPECT_EQ(s.produce(1, "none").error(), ErrorCode::unknown_partition);
    const auto refused = std::ranges::find(s.codes, ErrorCode::unknown_partition) - s.codes.begin();
    EXPECT_NE(s.reports[static_cast<std::size_t>(refused)].find("there is no partition 1"), std::string::npos);
    EXPECT_EQ(s.statuses[static_cast<std::size_t>(refused)], DeliveryStatus::not_persisted);
}

// What is under way when the others are reported comes back later, and finds the topic gone.
TEST(ProducerTopics, what_is_in_flight_when_it_is_gone_is_reported_with_its_answer) {
    Config config = one_record_each();
    ASSERT_TRUE(config.set("topic.metadata.propagation.max.ms", 5000));
    KnownTopic s(config);
    s.broker.reactions = {slow(20s)};
    ASSERT_TRUE(s.produce(1, "slow"));
    s.loop.run_for(100ms);
    s.broker.delete_topic("t");
    ASSERT_TRUE(s.produce(0, "1"));
    s.loop.run_for(40s);
    EXPECT_EQ(s.codes, (Codes{ErrorCode::none, unknown_topic, unknown_topic}));
    EXPECT_EQ(s.statuses.back(), DeliveryStatus::not_persisted);
}

// One topic is written to all the time, a thousand others once.
class ManyTopics : public ProducerScript {
public:
    ManyTopics() : ProducerScript(one_record_each()) {
        for (int i = 0; i < count; ++i) broker.topics[name(i)] = 1;
    }
    static constexpr int count = 1000;
    static std::string name(int i) { return "once-" + std::to_string(i); }
    void write_to_all(const std::string& value) {
        for (int i = 0; i < count; ++i) EXPECT_TRUE(produce(0, value, name(i)));
        loop.run_for(10s);
    }
    void use_one_for(base::Duration time) {
        for (base::Duration done{0}; done < time; done += 30s) {
            EXPECT_TRUE(produce(0, "u"));
            loop.run_for(30s);
        }
    }
    std::string statistics() {
        std::string json;
        producer().async_statistics([&](Result<std::string> r) { json = std::move(r).value(); });
        loop.run_for(1ms);
        return json;
    }
};

TEST(ProducerTopics, those_that_nobody_writes_to_any_more_are_forgotten) {
    ManyTopics s;
    s.use_one_for(30s);
    s.write_to_all("a");
    ASSERT_EQ(s.codes, Codes(s.count + 1));
    s.use_one_for(270s);
    EXPECT_NE(s.statistics().find("once-7"), std::string::npos) << "metadata.max.idle.ms are not over";
    // Two refreshes later.
    s.use_one_for(660s);
    EXPECT_EQ(s.broker.last_asked, std::set<std::string>{"t"});
    const std::string json = s.statistics();
    EXPECT_EQ(json.find("once-"), std::string::npos);
    EXPECT_NE(json.find("\"metadata_cache_cnt\":1,"), std::string::npos) << json;

    // The broker remembers the producer in each of them: what comes now must not be taken for what it has.
    ASSERT_TRUE(s.produce(0, "b", s.name(7)));
    ASSERT_TRUE(s.produce(0, "c", s.name(7)));
    s.loop.run_for(1s);
    EXPECT_EQ(std::ranges::count(s.codes, ErrorCode::none), std::ssize(s.codes));
    EXPECT_EQ((s.broker.log[{s.name(7), 0}]), (Lines{"a", "b", "c"}));
    const auto& last = s.broker.batches_seen.back();
    EXPECT_EQ(last.producer_epoch, 1);
    EXPECT_EQ(last.base_sequence, 1);
    EXPECT_EQ(s.broker.ids_given, 1);
    s.use_one_for(30s);
    EXPECT_EQ(s.broker.batches_seen.back().producer_epoch, 0) << "that of the others stays";
}

TEST(ProducerTopics, one_that_is_forgotten_when_its_epochs_are_used_up_gets_another_producer_id) {
    ProducerScript s(one_record_each());
    s.broker.producer_epoch = 32767;
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(301s);
    s.broker.producer_epoch = 0;
    ASSERT_TRUE(s.produce(0, "b"));
    s.loop.run_for(1s);
    EXPECT_EQ(s.codes, Codes(2));
    EXPECT_EQ(s.broker.log[p0], (Lines{"a", "b"}));
    EXPECT_EQ(s.broker.ids_given, 2);
}

// What waits, or is in flight, is in use for as long as it takes.
TEST(ProducerTopics, one_is_not_forgotten_while_something_of_it_is_unreported) {
    Config config = one_record_each();
    ASSERT_TRUE(config.set("metadata.max.idle.ms", 5000));
    KnownTopic s(config);
    s.broker.reactions = {slow(59s)};
    ASSERT_TRUE(s.produce(0, "slow"));
    ASSERT_TRUE(s.produce(0, "1"));
    s.broker.topics["later"] = 0;
    ASSERT_TRUE(s.produce(0, "2", "later"));
    s.loop.run_for(30s);
    s.broker.topics["later"] = 1;
    s.loop.run_for(60s);
    EXPECT_EQ(s.codes, Codes(4));
    EXPECT_EQ(s.broker.log[p0], (Lines{"0", "slow", "1"}));
    EXPECT_EQ((s.broker.log[{"later", 0}]), Lines{"2"});
    EXPECT_EQ(s.broker.batches_seen.back().producer_epoch, 0);
}

// It may be there again at any time; nobody asks for it while nobody writes to it.
TEST(ProducerTopics, one_that_is_not_there_is_forgotten_too) {
    Config config = one_record_each();
    ASSERT_TRUE(config.set("metadata.max.idle.ms", 60'000));
    ProducerScript s(config);
    ASSERT_TRUE(s.produce(0, "a", "nowhere"));
    s.loop.run_for(100s);
    EXPECT_EQ(s.codes, Codes{unknown_topic});
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(1s);
    EXPECT_EQ(s.broker.last_asked, std::set<std::string>{"t"});
}

}  // namespace
}  // namespace ottla::client
