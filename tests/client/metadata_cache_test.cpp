// SPDX-License-Identifier: Apache-2.0
#include "client/cluster/metadata_cache.hpp"

#include <gtest/gtest.h>

#include "client/cluster/backoff.hpp"

namespace ottla::client {
namespace {

using protocol::MetadataResponse;

MetadataResponse::MetadataResponsePartition partition(std::int32_t id, BrokerId leader, std::int32_t epoch) {
    MetadataResponse::MetadataResponsePartition p;
    p.partition_index = id;
    p.leader_id = leader;
    p.leader_epoch = epoch;
    p.replica_nodes = {leader};
    return p;
}

struct Answer {
    explicit Answer(std::string topic = "t", std::uint8_t id = 1) {
        for (const std::int32_t node : {1, 2}) {
            auto& b = message.brokers.emplace_back();
            b.node_id = node;
            b.host = "h";
            b.port = 9000 + node;
        }
        auto& t = message.topics.emplace_back();
        t.name = std::move(topic);
        t.topic_id.bytes[0] = id;
    }
    Answer&& with(MetadataResponse::MetadataResponsePartition p) && {
        message.topics.back().partitions.push_back(std::move(p));
        return std::move(*this);
    }
    Answer&& failing(ErrorCode code) && {
        message.topics.back().error_code = static_cast<std::int16_t>(code);
        return std::move(*this);
    }
    MetadataResponse message;
};

TEST(MetadataCache, never_goes_back_to_an_older_leader_epoch) {
    MetadataCache cache;
    cache.update(Answer().with(partition(0, 1, 5)).message, false, {});
    EXPECT_EQ(cache.partition("t", 0)->leader, 1);
    cache.update(Answer().with(partition(0, 2, 4)).message, false, {});
    EXPECT_EQ(cache.partition("t", 0)->leader, 1) << "an old view";
    cache.update(Answer().with(partition(0, 2, 6)).message, false, {});
    EXPECT_EQ(cache.partition("t", 0)->leader, 2);
    EXPECT_FALSE(cache.apply_leader_hint("t", 0, 1, 6)) << "not newer";
    EXPECT_TRUE(cache.apply_leader_hint("t", 0, 1, 7));
    EXPECT_EQ(cache.partition("t", 0)->leader, 1);
    EXPECT_FALSE(cache.apply_leader_hint("t", 1, 1, 9));
    EXPECT_FALSE(cache.apply_leader_hint("other", 0, 1, 9));
}

TEST(MetadataCache, a_topic_made_again_starts_afresh) {
    MetadataCache cache;
    cache.update(Answer("t", 1).with(partition(0, 1, 50)).message, false, {});
    const Uuid before = cache.topic("t")->id;
    cache.update(Answer("t", 2).with(partition(0, 2, 0)).message, false, {});
    EXPECT_EQ(cache.partition("t", 0)->leader, 2);
    EXPECT_EQ(cache.partition("t", 0)->leader_epoch, 0);
    EXPECT_EQ(cache.topic(before), nullptr);
    ASSERT_NE(cache.topic(cache.topic("t")->id), nullptr);
    EXPECT_EQ(cache.topic(cache.topic("t")->id)->name, "t");
}

TEST(MetadataCache, an_error_keeps_what_may_still_be_good) {
    MetadataCache cache;
    cache.update(Answer().with(partition(0, 1, 5)).message, false, {});
    cache.update(Answer().failing(ErrorCode::leader_not_available).message, false, {});
    EXPECT_EQ(cache.topic("t")->error, ErrorCode::leader_not_available);
    EXPECT_NE(cache.partition("t", 0), nullptr);
    cache.update(Answer().failing(ErrorCode::topic_authorization_failed).message, false, {});
    EXPECT_EQ(cache.partition("t", 0), nullptr);
}

TEST(MetadataCache, a_topic_that_is_absent_is_gone_after_its_time_and_only_when_an_answer_says_so_then) {
    using namespace std::chrono_literals;
    const auto at = [](base::Duration d) { return TimePoint{} + d; };
    const auto absent = [] { return Answer().failing(ErrorCode::unknown_topic_or_partition).message; };
    MetadataCache cache;
    cache.update(Answer().with(partition(0, 1, 5)).message, false, at(1s));
    EXPECT_EQ(cache.topic("t")->gone_at(30s), TimePoint::max());
    cache.update(absent(), false, at(10s));
    EXPECT_EQ(cache.topic("t")->gone_at(30s), at(40s));
    EXPECT_FALSE(cache.topic("t")->is_gone(30s));
    EXPECT_TRUE(cache.topic("t")->is_gone(0s)) << "the first answer counts";
    cache.update(absent(), false, at(39s));
    EXPECT_FALSE(cache.topic("t")->is_gone(30s));
    cache.update(Answer().with(partition(0, 1, 5)).message, false, at(40s));
    EXPECT_EQ(cache.topic("t")->gone_at(30s), TimePoint::max()) << "another broker had not heard of it yet";
    cache.update(absent(), false, at(50s));
    // By its id, with no name.
    Answer by_id = Answer("", 1).failing(ErrorCode::unknown_topic_id);
    by_id.message.topics.back().name.reset();
    cache.update(by_id.message, false, at(80s));
    EXPECT_TRUE(cache.topic("t")->is_gone(30s));
    cache.update(Answer("t", 2).with(partition(0, 1, 0)).message, false, at(90s));
    EXPECT_FALSE(cache.topic("t")->is_gone(30s));
    cache.update(by_id.message, false, at(91s));
    EXPECT_EQ(cache.topic("t")->error, ErrorCode::none) << "that is the id of the one before";
}

TEST(MetadataCache, a_topic_loses_partitions_only_when_it_is_made_again) {
    MetadataCache cache;
    cache.update(Answer().with(partition(0, 1, 5)).with(partition(1, 2, 5)).message, false, {});
    cache.update(Answer().with(partition(0, 1, 5)).message, false, {});
    ASSERT_EQ(cache.topic("t")->partitions.size(), 2U) << "an old view";
    EXPECT_EQ(cache.partition("t", 1)->leader, 2);
    cache.update(Answer("t", 2).with(partition(0, 1, 5)).message, false, {});
    EXPECT_EQ(cache.topic("t")->partitions.size(), 1U);
    // From brokers without ids nobody can tell.
    cache.update(Answer("old", 0).with(partition(0, 1, 5)).with(partition(1, 2, 5)).message, false, {});
    cache.update(Answer("old", 0).with(partition(0, 1, 5)).message, false, {});
    EXPECT_EQ(cache.topic("old")->partitions.size(), 1U);
}

TEST(MetadataCache, survives_answers_that_make_no_sense) {
    MetadataCache cache;
    cache.update(Answer()
                     .with(partition(-1, 1, 0))
                     .with(partition(1'000'000'000, 1, 0))
                     .with(partition(1, 1, 0))
                     .with(partition(1, 2, 1))
                     .message,
                 false, {});
    ASSERT_EQ(cache.topic("t")->partitions.size(), 2U);
    EXPECT_EQ(cache.partition("t", 0)->error, ErrorCode::leader_not_available);
    EXPECT_EQ(cache.partition("t", -1), nullptr);
    EXPECT_EQ(cache.partition("t", 2), nullptr);
    MetadataResponse odd;
    auto& broker = odd.brokers.emplace_back();
    broker.node_id = 7;
    broker.port = 70000;
    odd.topics.emplace_back();
    cache.update(odd, false, {});
    EXPECT_EQ(cache.broker(7), nullptr);
}

TEST(MetadataCache, a_list_of_all_topics_drops_the_others) {
    MetadataCache cache;
    cache.update(Answer("gone", 1).with(partition(0, 1, 0)).message, false, {});
    cache.update(Answer("here", 2).with(partition(0, 1, 0)).message, true, {});
    EXPECT_EQ(cache.topic("gone"), nullptr);
    EXPECT_NE(cache.topic("here"), nullptr);
    cache.forget("here");
    EXPECT_TRUE(cache.topics().empty());
}

TEST(Backoff, doubles_up_to_its_limit_with_jitter) {
    using namespace std::chrono_literals;
    base::Random random(7);
    Backoff backoff(100ms, 1s);
    for (const auto full : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
        const auto wait = backoff.next(random);
        EXPECT_GE(wait, full * 8 / 10);
        EXPECT_LE(wait, full * 12 / 10);
    }
    EXPECT_EQ(backoff.failures(), 6);
    backoff.reset();
    EXPECT_LE(backoff.next(random), 120ms);
}

}  // namespace
}  // namespace ottla::client
