// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/fetch_session.hpp"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/handlers/fetch_session_cache.hpp"

namespace ottla::broker {
namespace {

using namespace std::chrono_literals;
using protocol::FetchRequest;
using testing::ElementsAre;
using testing::IsEmpty;

std::shared_ptr<const FetchedTopic> named(std::string name) {
    auto topic = std::make_shared<FetchedTopic>();
    topic->name = std::move(name);
    return topic;
}
FetchItem item(const std::string& topic, std::int32_t partition, std::int64_t offset = 0) {
    FetchItem item;
    item.topic = named(topic);
    item.wanted.partition = partition;
    item.wanted.fetch_offset = offset;
    return item;
}
std::vector<FetchItem> items_of(std::size_t count) {
    std::vector<FetchItem> items;
    for (std::size_t i = 0; i < count; ++i) items.push_back(item("t", static_cast<std::int32_t>(i)));
    return items;
}
FetchNews quiet(std::int64_t high_watermark = 0) { return {high_watermark, 0, false, false, false}; }
FetchNews records(std::int64_t high_watermark) { return {high_watermark, 0, true, false, false}; }
FetchNews broken() { return {-1, -1, false, true, false}; }
std::vector<std::string> names_of(const FetchSession& session) {
    std::vector<std::string> names;
    for (const auto& item : session.items()) {
        names.push_back(item.topic->name + std::to_string(item.wanted.partition) + "@" +
                        std::to_string(item.wanted.fetch_offset));
    }
    return names;
}
FetchRequest::ForgottenTopic forgotten(const std::string& topic, std::vector<std::int32_t> partitions) {
    FetchRequest::ForgottenTopic out;
    out.topic = topic;
    out.partitions = std::move(partitions);
    return out;
}

// "a" 0 and 1, "b" 0, told as quiet at high watermark 0.
class SessionOfThree : public testing::Test {
protected:
    const std::vector<FetchItem> items_{item("a", 0), item("a", 1), item("b", 0)};
    const std::vector<FetchNews> news_{quiet(), quiet(), quiet()};
    FetchSession session_{7, false, items_, news_};
};

TEST_F(SessionOfThree, tells_only_what_is_new) {
    using News = std::vector<FetchNews>;
    const auto tell = [this](const News& news) { return session_.tell(news); };
    EXPECT_THAT(tell({quiet(), quiet(), quiet()}), ElementsAre(false, false, false));
    EXPECT_THAT(tell({quiet(), quiet(5), quiet()}), ElementsAre(false, true, false));
    EXPECT_THAT(tell({quiet(), quiet(5), quiet()}), ElementsAre(false, false, false));
    FetchNews cut = quiet();
    cut.log_start_offset = 3;
    EXPECT_THAT(tell({cut, quiet(5), quiet()}), ElementsAre(true, false, false));
    EXPECT_THAT(tell({cut, quiet(5), quiet()}), ElementsAre(false, false, false));
    FetchNews diverging = quiet();
    diverging.is_diverging = true;
    EXPECT_THAT(tell({cut, quiet(5), diverging}), ElementsAre(false, false, true));
    EXPECT_THAT(tell({cut, quiet(5), diverging}), ElementsAre(false, false, true));
}

TEST_F(SessionOfThree, tells_an_error_as_long_as_it_lasts_and_its_end) {
    const std::vector<FetchNews> bad{quiet(), broken(), quiet()};
    EXPECT_THAT(session_.tell(bad), ElementsAre(false, true, false));
    EXPECT_THAT(session_.tell(bad), ElementsAre(false, true, false));
    EXPECT_THAT(session_.tell(news_), ElementsAre(false, true, false));
    EXPECT_THAT(session_.tell(news_), ElementsAre(false, false, false));
}

TEST_F(SessionOfThree, what_was_served_goes_to_the_end) {
    EXPECT_THAT(session_.tell(std::vector<FetchNews>{records(1), quiet(), records(1)}), ElementsAre(true, false, true));
    EXPECT_THAT(names_of(session_), ElementsAre("a1@0", "a0@0", "b0@0"));
    // Records are told again, though the high watermark stands.
    EXPECT_THAT(session_.tell(std::vector<FetchNews>{quiet(), records(1), quiet(1)}), ElementsAre(false, true, false));
    EXPECT_THAT(names_of(session_), ElementsAre("a1@0", "b0@0", "a0@0"));
}

TEST_F(SessionOfThree, follows_the_changes_of_a_request) {
    session_.update({item("a", 1, 44), item("b", 1, 5)}, {});
    EXPECT_THAT(names_of(session_), ElementsAre("a0@0", "a1@44", "b0@0", "b1@5"));
    const std::vector gone{forgotten("a", {0, 1, 9}), forgotten("unknown", {0})};
    session_.update({}, gone);
    EXPECT_THAT(names_of(session_), ElementsAre("b0@0", "b1@5"));
    // The new one has been told nothing.
    EXPECT_THAT(session_.tell(std::vector<FetchNews>{quiet(), quiet()}), ElementsAre(false, true));
    session_.update({item("a", 0, 1)}, {});
    EXPECT_THAT(session_.tell(std::vector<FetchNews>{quiet(), quiet(), quiet()}), ElementsAre(false, false, true));
}

TEST(FetchSession, keeps_a_partition_named_twice_once) {
    const std::vector items{item("a", 0, 1), item("a", 0, 2)};
    const std::vector news{quiet(), quiet()};
    EXPECT_THAT(names_of(FetchSession(1, false, items, news)), ElementsAre("a0@2"));
}

TEST(FetchSession, tells_topics_apart_by_id) {
    FetchRequest request;
    for (std::uint8_t i = 0; i < 2; ++i) {
        auto& topic = request.topics.emplace_back();
        topic.topic = "ignored";
        topic.topic_id.bytes[0] = i + 1;
        topic.partitions.resize(1);
    }
    const auto items = take_items(request, true);
    const std::vector news{quiet(), quiet()};
    FetchSession session(1, true, items, news);
    ASSERT_EQ(session.size(), 2U);
    FetchRequest::ForgottenTopic first;
    first.topic_id.bytes[0] = 1;
    first.partitions = {0};
    session.update({}, std::span(&first, 1));
    ASSERT_EQ(session.size(), 1U);
    EXPECT_EQ(session.items()[0].topic->id.bytes[0], 2);
    EXPECT_THAT(session.items()[0].topic->name, IsEmpty());
}

TEST(FetchSession, epochs_start_over_at_one) {
    EXPECT_EQ(FetchSession::epoch_after(1), 2);
    EXPECT_EQ(FetchSession::epoch_after(std::numeric_limits<std::int32_t>::max()), 1);
}

class SessionCache : public testing::Test {
protected:
    // The id of a new session of `size` partitions, 0 when there is no room.
    std::int32_t create(std::size_t size, bool privileged = false) {
        const auto items = items_of(size);
        const std::vector<FetchNews> news(size, quiet());
        const auto made = cache_.create(privileged, false, items, news, now_);
        return made ? made->id() : 0;
    }
    ErrorCode resume(std::int32_t id, std::int32_t epoch, bool by_topic_id = false, std::vector<FetchItem> changed = {},
                     const std::vector<FetchRequest::ForgottenTopic>& forgotten = {}) {
        const auto resumed = cache_.resume(id, epoch, by_topic_id, std::move(changed), forgotten, now_);
        return resumed ? ErrorCode::none : resumed.error().code();
    }
    bool has(std::int32_t id) {
        return resume(id, std::numeric_limits<std::int32_t>::min()) != ErrorCode::fetch_session_id_not_found;
    }
    void pass(base::Duration by) { now_ += by; }

    base::TimePoint now_{};
    FetchSessionCache cache_{2, 0, 1, base::Random(1)};
};

TEST_F(SessionCache, a_session_goes_on_with_the_next_epoch_only) {
    const auto id = create(3);
    ASSERT_GT(id, 0);
    EXPECT_EQ(resume(id, 0), ErrorCode::invalid_fetch_session_epoch);
    EXPECT_EQ(resume(id, 2), ErrorCode::invalid_fetch_session_epoch);
    EXPECT_EQ(resume(id, 1), ErrorCode::none);
    EXPECT_EQ(resume(id, 1), ErrorCode::invalid_fetch_session_epoch);
    EXPECT_EQ(resume(id, 2, true), ErrorCode::fetch_session_topic_id_error);
    EXPECT_EQ(resume(id, 2), ErrorCode::none);
    EXPECT_EQ(resume(id == 1 ? 2 : id - 1, 1), ErrorCode::fetch_session_id_not_found);
    EXPECT_EQ(resume(0, 1), ErrorCode::fetch_session_id_not_found);
    EXPECT_EQ(resume(-5, 1), ErrorCode::fetch_session_id_not_found);
    cache_.close(id);
    cache_.close(id);
    EXPECT_EQ(resume(id, 3), ErrorCode::fetch_session_id_not_found);
}

TEST_F(SessionCache, a_session_without_partitions_is_closed) {
    const auto id = create(2);
    EXPECT_EQ(cache_.partitions(), 2U);
    EXPECT_EQ(resume(id, 1, false, {item("u", 0)}), ErrorCode::none);
    EXPECT_EQ(cache_.partitions(), 3U);
    const auto left = cache_.resume(id, 2, false, {}, std::vector{forgotten("t", {0, 1}), forgotten("u", {0})}, now_);
    ASSERT_TRUE(left);
    EXPECT_EQ(*left, nullptr);
    EXPECT_EQ(cache_.size(), 0U);
    EXPECT_EQ(cache_.partitions(), 0U);
    EXPECT_EQ(create(0), 0);
}

TEST_F(SessionCache, an_idle_session_makes_room_for_any) {
    const auto first = create(100, true);
    const auto second = create(100, true);
    EXPECT_EQ(create(1), 0);
    pass(2min);
    EXPECT_EQ(resume(first, 1), ErrorCode::none);
    EXPECT_EQ(create(1), 0);
    pass(1ms);
    const auto third = create(1);
    EXPECT_NE(third, 0);
    EXPECT_TRUE(has(first));
    EXPECT_FALSE(has(second));
    EXPECT_EQ(cache_.evictions(), 1U);
    EXPECT_EQ(cache_.size(), 2U);
}

TEST_F(SessionCache, a_larger_session_drives_out_a_smaller_one_that_has_had_its_time) {
    const auto small = create(2);
    const auto large = create(5);
    EXPECT_EQ(create(9), 0);
    pass(90s);
    EXPECT_EQ(resume(small, 1), ErrorCode::none);
    EXPECT_EQ(resume(large, 1), ErrorCode::none);
    pass(31s);
    // Both are in use and older than two minutes, which counts from their last request.
    EXPECT_EQ(create(9), 0);
    EXPECT_EQ(resume(small, 2), ErrorCode::none);
    EXPECT_EQ(resume(large, 2), ErrorCode::none);
    EXPECT_EQ(create(2), 0);
    const auto newcomer = create(3);
    EXPECT_NE(newcomer, 0);
    EXPECT_FALSE(has(small));
    EXPECT_TRUE(has(large));
    EXPECT_NE(create(6), 0);
    EXPECT_FALSE(has(large));
    EXPECT_TRUE(has(newcomer));
}

TEST_F(SessionCache, a_follower_drives_out_consumers_at_once) {
    const auto consumer = create(50);
    const auto follower = create(1, true);
    EXPECT_EQ(create(99), 0);
    const auto second = create(1, true);
    EXPECT_NE(second, 0);
    EXPECT_FALSE(has(consumer));
    // Followers have their time among themselves.
    EXPECT_EQ(create(9, true), 0);
    EXPECT_TRUE(has(follower));
}

TEST_F(SessionCache, never_more_than_its_slots) {
    base::Random random(5);
    std::vector<std::int32_t> ids;
    FetchSessionCache cache(10, 0, 1, base::Random(2));
    for (int i = 0; i < 2000; ++i) {
        now_ += std::chrono::milliseconds(random.below(20'000));
        const std::size_t size = 1 + random.below(30);
        const auto items = items_of(size);
        const std::vector<FetchNews> news(size, quiet());
        cache.create(random.chance(0.3), false, items, news, now_);
        ASSERT_LE(cache.size(), 10U);
    }
    EXPECT_GT(cache.evictions(), 100U);
    FetchSessionCache none;
    const auto one = items_of(1);
    const std::vector<FetchNews> news(1, quiet());
    EXPECT_EQ(none.create(true, false, one, news, now_), nullptr);
}

TEST(FetchSessionIds, tell_the_shard) {
    for (std::size_t shard = 0; shard < 3; ++shard) {
        FetchSessionCache cache(500, shard, 3, base::Random(shard));
        const auto one = items_of(1);
        const std::vector<FetchNews> news(1, quiet());
        for (int i = 0; i < 500; ++i) {
            const auto made = cache.create(false, false, one, news, {});
            ASSERT_GT(made->id(), 0);
            ASSERT_EQ(static_cast<std::size_t>(made->id()) % 3, shard);
        }
        EXPECT_EQ(cache.size(), 500U);
    }
}

}  // namespace
}  // namespace ottla::broker
