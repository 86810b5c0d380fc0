// SPDX-License-Identifier: Apache-2.0
// DeliveryDues: each record gets what it was added with, in whatever way it is kept.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "client/producer/delivery_dues.hpp"

namespace ottla::client {
namespace {

class DuesTest : public testing::Test {
protected:
    void add(DeliveryCallback callback, std::uintptr_t opaque, std::int64_t timestamp_ms) {
        while (!dues.has_room()) dues.add_chunk(Buffer(dues.chunk_wanted()));
        dues.add(std::move(callback), reinterpret_cast<void*>(opaque), timestamp_ms);
    }
    // What each record is told: "timestamp opaque what its callback noted".
    std::vector<std::string> told() {
        std::vector<std::string> all;
        for (DeliveryDues::Reader due(dues); due.next();) {
            noted = "event";
            if (due.has_callback()) due.take_callback()(DeliveryReport());
            all.push_back(std::to_string(due.timestamp_ms()) + " " +
                          std::to_string(reinterpret_cast<std::uintptr_t>(due.opaque())) + " " + noted);
        }
        return all;
    }
    DeliveryCallback noting(std::int64_t n) {
        return [this, n](const DeliveryReport&) { noted = std::to_string(n); };
    }
    DeliveryCallback owning(const std::shared_ptr<int>& n) {
        return [this, n](const DeliveryReport&) { noted = "owned " + std::to_string(*n); };
    }

    std::string noted;
    DeliveryDues dues;
};

TEST_F(DuesTest, records_that_have_all_in_common_take_nothing_of_their_own) {
    for (int i = 0; i < 100'000; ++i) add(noting(1), 2, 3);
    EXPECT_EQ(dues.count(), 100'000U);
    EXPECT_EQ(dues.events(), 0U);
    EXPECT_EQ(dues.pooled_bytes(), 0U);
    const auto all = told();
    ASSERT_EQ(all.size(), 100'000U);
    EXPECT_EQ(all.back(), "3 2 1");
}

TEST_F(DuesTest, a_callback_with_a_state_has_it_for_itself) {
    for (int i = 0; i < 3; ++i)
        add([this, calls = std::int64_t{0}](const DeliveryReport&) mutable { noted = std::to_string(++calls); }, 0, 1);
    EXPECT_EQ(told(), (std::vector<std::string>{"1 0 1", "1 0 1", "1 0 1"}));
}

TEST_F(DuesTest, one_that_owns_something_is_destroyed_once_told_or_not) {
    const auto n = std::make_shared<int>(7);
    add(owning(n), 0, 1);
    add(owning(n), 0, 1);
    EXPECT_EQ(n.use_count(), 3);
    EXPECT_EQ(told(), (std::vector<std::string>{"1 0 owned 7", "1 0 owned 7"}));
    EXPECT_EQ(n.use_count(), 1);
    DeliveryDues::Reader again(dues);
    ASSERT_TRUE(again.next());
    EXPECT_TRUE(again.has_callback()) << "it had one: it is no event";
    EXPECT_FALSE(again.take_callback());
    dues.clear();
    EXPECT_EQ(dues.count(), 0U);
    add(owning(n), 0, 1);
    EXPECT_EQ(n.use_count(), 2);
    dues.clear();
    EXPECT_EQ(n.use_count(), 1);
}

TEST_F(DuesTest, each_record_is_told_what_it_came_with) {
    base::Random random(7);
    for (int round = 0; round < 20; ++round) {
        std::vector<std::string> expected;
        std::vector<std::shared_ptr<int>> owned;
        const std::size_t kinds = 1 + random.below(4);
        const std::size_t count = random.below(3000);
        for (std::size_t i = 0; i < count; ++i) {
            const auto opaque = random.below(kinds) == 0 ? std::uintptr_t{0} : random.below(kinds);
            const auto timestamp = static_cast<std::int64_t>(100 + random.below(kinds));
            const std::string head = std::to_string(timestamp) + " " + std::to_string(opaque) + " ";
            if (const auto kind = random.below(kinds); kind == 0) {
                const auto n = static_cast<std::int64_t>(random.below(kinds));
                add(noting(n), opaque, timestamp);
                expected.push_back(head + std::to_string(n));
            } else if (kind == 1) {
                add(nullptr, opaque, timestamp);
                expected.push_back(head + "event");
            } else {
                owned.push_back(std::make_shared<int>(static_cast<int>(i)));
                add(owning(owned.back()), opaque, timestamp);
                expected.push_back(head + "owned " + std::to_string(i));
            }
        }
        EXPECT_EQ(dues.count(), count);
        EXPECT_EQ(told(), expected) << "round " << round;
        for (const auto& n : owned) EXPECT_EQ(n.use_count(), 1);
        dues.clear();
        EXPECT_EQ(dues.pooled_bytes(), 0U);
    }
}

}  // namespace
}  // namespace ottla::client
