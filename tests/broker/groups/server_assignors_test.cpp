// SPDX-License-Identifier: Apache-2.0
// The assignors of the consumer protocol: by hand, and against what must hold whatever the group.
#include "broker/groups/assignors/server_assignor.hpp"

#include <algorithm>
#include <deque>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "tests/support/uuids.hpp"

namespace ottla::broker::groups {
namespace {

using test::uuid_ending_in;

class AssignorCase {
public:
    AssignorCase& topic(std::uint8_t number, std::int32_t count) {
        partitions_[uuid_ending_in(number)] = count;
        return *this;
    }
    AssignorCase& member(std::string id, std::vector<std::uint8_t> topics, TopicPartitions current = {},
                         std::optional<std::string> instance = {}) {
        auto& one = members_.emplace_back();
        one.id = std::move(id);
        for (const auto number : topics) one.topics.push_back(uuid_ending_in(number));
        one.current = std::move(current);
        one.instance = std::move(instance);
        return *this;
    }
    AssignorGroup group() const {
        AssignorGroup group;
        for (const auto& one : members_) {
            std::optional<std::string_view> instance;
            if (one.instance) instance = *one.instance;
            group.members.push_back({one.id, instance, &one.topics, &one.current});
            for (const auto& topic : one.topics) {
                if (partitions_.contains(topic)) group.partitions[topic] = partitions_.at(topic);
            }
        }
        return group;
    }
    // The same with what was assigned as what they have.
    AssignorCase& settled(const Assigned& assigned) {
        for (std::size_t i = 0; i < assigned.size(); ++i) members_[i].current = assigned[i];
        return *this;
    }

    struct One {
        std::string id;
        std::vector<Uuid> topics;
        TopicPartitions current;
        std::optional<std::string> instance;
    };
    std::deque<One> members_;
    std::map<Uuid, std::int32_t> partitions_;
};

std::size_t load(const TopicPartitions& one) {
    std::size_t size = 0;
    for (const auto& [topic, numbers] : one) size += numbers.size();
    return size;
}

std::size_t moved(const AssignorGroup& group, const Assigned& assigned) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < assigned.size(); ++i) {
        for (const auto& [topic, numbers] : assigned[i]) {
            const auto had = group.members[i].current->find(topic);
            for (const auto number : numbers)
                count += had == group.members[i].current->end() || !had->second.contains(number) ? 1 : 0;
        }
    }
    return count;
}

// Every partition of a topic that is read is one's who reads it.
void expect_valid(const AssignorGroup& group, const Assigned& assigned) {
    ASSERT_EQ(assigned.size(), group.members.size());
    std::map<std::pair<Uuid, std::int32_t>, int> owners;
    for (std::size_t i = 0; i < assigned.size(); ++i) {
        for (const auto& [topic, numbers] : assigned[i]) {
            EXPECT_TRUE(std::ranges::binary_search(*group.members[i].topics, topic));
            for (const auto number : numbers) ++owners[{topic, number}];
        }
    }
    std::size_t total = 0;
    for (const auto& [topic, count] : group.partitions) {
        for (std::int32_t p = 0; p < count; ++p) EXPECT_EQ((owners[{topic, p}]), 1) << "partition " << p;
        total += static_cast<std::size_t>(count);
    }
    EXPECT_EQ(owners.size(), total);
}

// Of each topic, nobody who reads it could take one from another and be better off.
void expect_even(const AssignorGroup& group, const Assigned& assigned) {
    for (const auto& [topic, count] : group.partitions) {
        std::size_t least = SIZE_MAX, most = 0;
        for (std::size_t i = 0; i < assigned.size(); ++i) {
            if (!std::ranges::binary_search(*group.members[i].topics, topic)) continue;
            least = std::min(least, load(assigned[i]));
            if (assigned[i].contains(topic)) most = std::max(most, load(assigned[i]));
        }
        EXPECT_LE(most, least + 1);
    }
}

TEST(ServerAssignors, are_found_by_their_names) {
    EXPECT_EQ(find_server_assignor("uniform")->assign, &assign_uniform);
    EXPECT_EQ(find_server_assignor("range")->assign, &assign_range);
    EXPECT_EQ(find_server_assignor("roundrobin"), nullptr);
    EXPECT_EQ(server_assignors().size(), 2U);
}

TEST(ServerAssignors, uniform_moves_only_what_must) {
    AssignorCase three;
    const Uuid t = uuid_ending_in(1);
    // b has the one partition more already, though a comes first.
    three.topic(1, 3).member("a", {1}, {{t, {0}}}).member("b", {1}, {{t, {1, 2}}});
    EXPECT_EQ(moved(three.group(), assign_uniform(three.group())), 0U);
    three.member("c", {1});
    const auto assigned = assign_uniform(three.group());
    EXPECT_EQ(assigned[0], (TopicPartitions{{t, {0}}}));
    EXPECT_EQ(assigned[1], (TopicPartitions{{t, {1}}}));
    EXPECT_EQ(assigned[2], (TopicPartitions{{t, {2}}}));
}

TEST(ServerAssignors, uniform_leaves_nobody_out_who_alone_reads_a_topic) {
    AssignorCase mixed;
    mixed.topic(1, 2).topic(2, 4).member("a", {1}).member("b", {1, 2}).member("c", {2});
    const auto assigned = assign_uniform(mixed.group());
    expect_valid(mixed.group(), assigned);
    EXPECT_EQ(load(assigned[0]), 2U);
    EXPECT_EQ(load(assigned[1]), 2U);
    EXPECT_EQ(load(assigned[2]), 2U);
}

TEST(ServerAssignors, range_gives_neighbours_and_the_same_of_topics_that_are_alike) {
    AssignorCase two;
    const Uuid t = uuid_ending_in(1), u = uuid_ending_in(2);
    two.topic(1, 5).topic(2, 5).member("a", {1, 2}).member("b", {1, 2});
    const auto assigned = assign_range(two.group());
    EXPECT_EQ(assigned[0], (TopicPartitions{{t, {0, 1, 2}}, {u, {0, 1, 2}}}));
    EXPECT_EQ(assigned[1], (TopicPartitions{{t, {3, 4}}, {u, {3, 4}}}));
}

TEST(ServerAssignors, range_puts_static_members_first_by_their_names) {
    AssignorCase two;
    const Uuid t = uuid_ending_in(1);
    two.topic(1, 3).member("a", {1}).member("b", {1}, {}, "i-2").member("c", {1}, {}, "i-1");
    const auto assigned = assign_range(two.group());
    EXPECT_EQ(assigned[2], (TopicPartitions{{t, {0}}}));
    EXPECT_EQ(assigned[1], (TopicPartitions{{t, {1}}}));
    EXPECT_EQ(assigned[0], (TopicPartitions{{t, {2}}}));
}

TEST(ServerAssignors, members_without_partitions_get_none) {
    AssignorCase few;
    few.topic(1, 1).member("a", {1}).member("b", {1}).member("c", {});
    for (const auto& assignor : server_assignors()) expect_valid(few.group(), assignor.assign(few.group()));
    EXPECT_TRUE(assign_uniform(AssignorGroup{}).empty());
}

TEST(ServerAssignors, keep_to_their_word_with_random_groups) {
    for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
        SCOPED_TRACE(seed);
        base::Random random(seed);
        AssignorCase some;
        const auto topics = static_cast<std::uint8_t>(random.between(1, 6));
        for (std::uint8_t t = 1; t <= topics; ++t) some.topic(t, static_cast<std::int32_t>(random.between(0, 12)));
        const bool all_alike = random.chance(0.5);
        const std::int64_t members = random.between(1, 9);
        for (std::int64_t m = 0; m < members; ++m) {
            std::vector<std::uint8_t> read;
            for (std::uint8_t t = 1; t <= topics; ++t) {
                if (all_alike || random.chance(0.6)) read.push_back(t);
            }
            TopicPartitions current;
            for (std::uint8_t t = 1; t <= topics; ++t) {
                if (random.chance(0.3))
                    current[uuid_ending_in(t)].insert(static_cast<std::int32_t>(random.between(0, 13)));
            }
            some.member("m" + std::to_string(m), read, current);
        }
        const auto group = some.group();
        const auto uniform = assign_uniform(group);
        expect_valid(group, uniform);
        expect_even(group, uniform);
        expect_valid(group, assign_range(group));
        EXPECT_EQ(assign_uniform(group), uniform);
        // What is settled stays.
        some.settled(uniform);
        EXPECT_EQ(assign_uniform(some.group()), uniform);
        if (testing::Test::HasFailure()) return;
    }
}

}  // namespace
}  // namespace ottla::broker::groups
