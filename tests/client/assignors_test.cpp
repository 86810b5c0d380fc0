// SPDX-License-Identifier: Apache-2.0
// The assignors against what Apache Kafka's own classes decide, and against what any assignor owes a group.
#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "client/consumer/assignors/assignor.hpp"

namespace ottla::client {
namespace {

std::vector<std::string> split(const std::string& text, char at) {
    std::vector<std::string> parts;
    std::string part;
    for (std::istringstream in(text); std::getline(in, part, at);) parts.push_back(part);
    return parts;
}
std::vector<std::string> list_of(const std::string& text) {
    return text == "-" || text.empty() ? std::vector<std::string>() : split(text, '+');
}
std::optional<std::string> optional_of(const std::string& text) {
    return text == "-" ? std::nullopt : std::optional(text);
}

// Words "T:topic:racks of partition 0/…", "M:member:instance:rack:topics", then the two assignments.
struct GoldenCase {
    explicit GoldenCase(const std::string& line) {
        std::map<std::string, std::string>* to = nullptr;
        for (const auto& word : split(line, ' ')) {
            if (word == "range" || word == "roundrobin")
                to = &expected[word];
            else if (to)
                (*to)[word.substr(0, word.find('='))] = word.substr(word.find('=') + 1);
            else if (word[0] == 'T')
                add_topic(split(word, ':'));
            else
                add_member(split(word, ':'));
        }
    }
    void add_topic(const std::vector<std::string>& parts) {
        auto& partitions = topics[parts[1]];
        if (parts.size() < 3) return;
        for (const auto& racks : split(parts[2], '/')) partitions.push_back(list_of(racks));
    }
    void add_member(const std::vector<std::string>& parts) {
        GroupMember m;
        m.id = parts[1];
        m.instance_id = optional_of(parts[2]);
        m.rack = optional_of(parts[3]);
        m.topics = list_of(parts[4]);
        members.push_back(m);
    }
    static std::string show(const PartitionMap& partitions) {
        std::string out;
        for (const auto& [topic, numbers] : partitions)
            for (const auto p : numbers) out += (out.empty() ? "" : ",") + topic + "." + std::to_string(p);
        return out;
    }
    void check(const std::string& name, const std::string& line) const {
        const auto assignment = find_assignor(name)->assign(members, topics);
        for (const auto& [member, partitions] : expected.at(name))
            EXPECT_EQ(show(assignment.at(member)), partitions) << name << " " << member << " of " << line;
    }

    std::vector<GroupMember> members;
    GroupTopics topics;
    std::map<std::string, std::map<std::string, std::string>> expected;
};

TEST(Assignors, range_and_roundrobin_decide_as_apache_kafka_does) {
    std::ifstream file(OTTLA_GOLDEN_ASSIGNORS "/range_and_roundrobin.txt");
    int cases = 0;
    for (std::string line; std::getline(file, line); ++cases) {
        const GoldenCase golden(line);
        golden.check("range", line);
        golden.check("roundrobin", line);
    }
    EXPECT_EQ(cases, 120);
}

struct RandomGroup {
    explicit RandomGroup(std::uint64_t seed) : random(seed) {
        const auto topic_count = random.between(1, 5);
        for (std::int64_t t = 0; t < topic_count; ++t) {
            auto& partitions = topics["t" + std::to_string(t)];
            partitions.resize(static_cast<std::size_t>(random.between(0, 12)));
            for (auto& racks : partitions)
                if (random.chance(0.5)) racks = {"r" + std::to_string(random.below(3))};
        }
        all_alike = random.chance(0.5);
        for (auto count = random.between(1, 7); count > 0; --count) join();
    }
    void join() {
        GroupMember m;
        m.id = "m" + std::to_string(random.below(1000)) + "-" + std::to_string(next_id++);
        if (random.chance(0.3)) m.instance_id = "i" + m.id;
        if (random.chance(0.5)) m.rack = "r" + std::to_string(random.below(3));
        for (const auto& [topic, partitions] : topics)
            if (all_alike || random.chance(0.6)) m.topics.push_back(topic);
        members.push_back(m);
    }
    // Everybody holds what he was assigned.
    void settle(const GroupAssignment& assignment) {
        ++generation;
        for (auto& m : members) {
            m.owned = assignment.at(m.id);
            m.generation = generation;
        }
    }
    void change() {
        if (members.size() > 1 && random.chance(0.5))
            members.erase(members.begin() + static_cast<std::ptrdiff_t>(random.below(members.size())));
        if (random.chance(0.5)) join();
        if (random.chance(0.2)) topics["t0"].emplace_back();
    }

    base::Random random;
    std::vector<GroupMember> members;
    GroupTopics topics;
    bool all_alike;
    int next_id = 0;
    std::int32_t generation = 0;
};

using Owners = std::map<std::pair<std::string, std::int32_t>, std::string>;

Owners owners_of(const GroupAssignment& assignment) {
    Owners owners;
    for (const auto& [member, partitions] : assignment)
        for (const auto& [topic, numbers] : partitions)
            for (const auto p : numbers) {
                const bool first = owners.emplace(std::pair(topic, p), member).second;
                EXPECT_TRUE(first) << topic << p << " has two owners";
            }
    return owners;
}

std::size_t load(const PartitionMap& partitions) {
    std::size_t count = 0;
    for (const auto& [topic, numbers] : partitions) count += numbers.size();
    return count;
}

// Each partition that somebody wants has one owner, who subscribes to its topic.
void expect_complete(const RandomGroup& group, const GroupAssignment& assignment) {
    ASSERT_EQ(assignment.size(), group.members.size());
    const auto owners = owners_of(assignment);
    std::size_t wanted = 0;
    for (const auto& [topic, partitions] : group.topics)
        for (const auto& m : group.members)
            if (subscribes(m, topic)) {
                wanted += partitions.size();
                break;
            }
    EXPECT_EQ(owners.size(), wanted);
    for (const auto& [partition, owner] : owners)
        for (const auto& m : group.members) EXPECT_TRUE(m.id != owner || subscribes(m, partition.first));
}

// Nobody has two more than another whom he could give one to.
void expect_even(const RandomGroup& group, const GroupAssignment& assignment) {
    for (const auto& a : group.members)
        for (const auto& b : group.members)
            for (const auto& [topic, numbers] : assignment.at(a.id))
                EXPECT_TRUE(!subscribes(b, topic) || load(assignment.at(a.id)) <= load(assignment.at(b.id)) + 1)
                    << a.id << " and " << b.id;
}

class AssignorSeeds : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(AssignorSeeds, every_partition_has_one_owner_who_wants_it) {
    for (std::uint64_t i = 0; i < 50; ++i) {
        const RandomGroup group(GetParam() * 1000 + i);
        for (const auto& assignor : all_assignors()) {
            SCOPED_TRACE(std::string(assignor.name) + " seed " + std::to_string(GetParam() * 1000 + i));
            expect_complete(group, assignor.assign(group.members, group.topics));
        }
    }
}

TEST_P(AssignorSeeds, sticky_is_even_and_moves_nothing_without_need) {
    for (std::uint64_t i = 0; i < 50; ++i) {
        RandomGroup group(GetParam() * 1000 + i);
        auto before = assign_sticky(group.members, group.topics);
        for (int round = 0; round < 6; ++round) {
            SCOPED_TRACE("seed " + std::to_string(GetParam() * 1000 + i) + " round " + std::to_string(round));
            expect_complete(group, before);
            expect_even(group, before);
            group.settle(before);
            EXPECT_EQ(assign_sticky(group.members, group.topics), before) << "nothing has changed";
            group.change();
            const auto after = assign_sticky(group.members, group.topics);
            if (group.all_alike) {
                // Whoever stayed gives up no more than what is above the larger share.
                const auto share = (owners_of(after).size() + group.members.size() - 1) / group.members.size();
                const auto old = owners_of(before);
                for (const auto& m : group.members) {
                    std::size_t kept = 0;
                    for (const auto& [topic, numbers] : after.at(m.id))
                        for (const auto p : numbers) kept += old.contains({topic, p}) && old.at({topic, p}) == m.id;
                    EXPECT_GE(kept + 1, std::min(load(m.owned), share));
                }
            }
            before = after;
        }
    }
}

TEST_P(AssignorSeeds, cooperative_takes_nothing_from_an_owner_who_has_not_given_it_back) {
    for (std::uint64_t i = 0; i < 50; ++i) {
        RandomGroup group(GetParam() * 1000 + i);
        for (int round = 0; round < 4; ++round) {
            SCOPED_TRACE("seed " + std::to_string(GetParam() * 1000 + i) + " round " + std::to_string(round));
            int rebalances = 0;
            for (bool again = true; again; ++rebalances) {
                ASSERT_LT(rebalances, 4) << "it does not settle";
                again = false;
                const auto next = assign_cooperative_sticky(group.members, group.topics);
                for (const auto& [partition, owner] : owners_of(next))
                    for (const auto& m : group.members) {
                        const auto held = m.owned.find(partition.first);
                        if (m.id == owner || held == m.owned.end()) continue;
                        EXPECT_FALSE(std::ranges::binary_search(held->second, partition.second))
                            << m.id << " holds " << partition.first << partition.second << " still";
                    }
                for (const auto& m : group.members) {
                    const auto& to = next.at(m.id);
                    for (const auto& [topic, numbers] : m.owned)
                        for (const auto p : numbers)
                            again = again || !to.contains(topic) || !std::ranges::binary_search(to.at(topic), p);
                }
                group.settle(next);
                if (!again) expect_complete(group, next), expect_even(group, next);
            }
            group.change();
        }
    }
}
INSTANTIATE_TEST_SUITE_P(Assignors, AssignorSeeds, ::testing::Range<std::uint64_t>(1, 9));

GroupMember member(std::string id, std::vector<std::string> topics, PartitionMap owned = {},
                   std::int32_t generation = -1) {
    GroupMember m;
    m.id = std::move(id);
    m.topics = std::move(topics);
    m.owned = std::move(owned);
    m.generation = generation;
    return m;
}
GroupTopics topic_of(std::size_t partitions) { return {{"t", std::vector<std::vector<std::string>>(partitions)}}; }

TEST(Assignors, a_claim_of_an_older_generation_is_not_believed) {
    const std::vector<GroupMember> members{member("a", {"t"}, {{"t", {0, 1}}}, 3), member("b", {"t"}, {{"t", {1}}}, 4)};
    const auto shared = assign_sticky(members, topic_of(2));
    EXPECT_EQ(shared.at("a"), (PartitionMap{{"t", {0}}}));
    EXPECT_EQ(shared.at("b"), (PartitionMap{{"t", {1}}}));
}

TEST(Assignors, sticky_evens_out_along_a_chain_of_members) {
    GroupTopics topics{{"x", std::vector<std::vector<std::string>>(3)},
                       {"y", std::vector<std::vector<std::string>>(1)}};
    // a can give only to b, and b only to c.
    const std::vector<GroupMember> members{member("a", {"x"}, {{"x", {0, 1, 2}}}, 1),
                                           member("b", {"x", "y"}, {{"y", {0}}}, 1), member("c", {"y"}, {}, 1)};
    const auto shared = assign_sticky(members, topics);
    EXPECT_EQ(load(shared.at("a")), 2U);
    EXPECT_EQ(load(shared.at("b")), 1U);
    EXPECT_EQ(shared.at("c"), (PartitionMap{{"y", {0}}}));
}

TEST(Assignors, ten_thousand_partitions_take_no_time) {
    std::vector<GroupMember> members;
    for (int i = 0; i < 100; ++i) members.push_back(member("m" + std::to_string(i), {"t"}));
    auto shared = assign_sticky(members, topic_of(10'000));
    for (auto& m : members) {
        m.owned = shared.at(m.id);
        m.generation = 1;
    }
    members.push_back(member("new", {"t"}));
    shared = assign_cooperative_sticky(members, topic_of(10'000));
    EXPECT_EQ(load(shared.at("new")), 0U) << "all belong to others still";
    EXPECT_EQ(owners_of(shared).size(), 10'000U - 99U);
}

}  // namespace
}  // namespace ottla::client
