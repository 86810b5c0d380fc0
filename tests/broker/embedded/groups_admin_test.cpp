// SPDX-License-Identifier: Apache-2.0
// What operators do to consumer groups over whole brokers, in every version; and what goes by itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ottla/protocol/messages/delete_groups_request.hpp>
#include <ottla/protocol/messages/delete_groups_response.hpp>
#include <ottla/protocol/messages/describe_groups_request.hpp>
#include <ottla/protocol/messages/describe_groups_response.hpp>
#include <ottla/protocol/messages/find_coordinator_request.hpp>
#include <ottla/protocol/messages/find_coordinator_response.hpp>
#include <ottla/protocol/messages/list_groups_request.hpp>
#include <ottla/protocol/messages/list_groups_response.hpp>
#include <ottla/protocol/messages/offset_commit_request.hpp>
#include <ottla/protocol/messages/offset_commit_response.hpp>
#include <ottla/protocol/messages/offset_delete_request.hpp>
#include <ottla/protocol/messages/offset_delete_response.hpp>
#include <ottla/protocol/messages/offset_fetch_request.hpp>
#include <ottla/protocol/messages/offset_fetch_response.hpp>
#include "tests/broker/embedded/simulated_cluster.hpp"
#include "tests/broker/embedded/topic_calls.hpp"

namespace ottla::broker {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

class GroupsAdmin : public testing::Test {
protected:
    static ErrorCode code(std::int16_t code) { return static_cast<ErrorCode>(code); }

    void SetUp() override {
        cluster.start();
        create_topic(cluster, "t", {});
        create_topic(cluster, "u", {});
        protocol::FindCoordinatorRequest request;
        request.coordinator_keys = {"g"};
        ASSERT_TRUE(cluster.call(1, request, 6));
        cluster.loop().run_for(1s);
    }
    ErrorCode commit(const std::string& group, const std::string& topic, std::int64_t offset) {
        protocol::OffsetCommitRequest request;
        request.group_id = group;
        request.topics.emplace_back().name = topic;
        request.topics[0].partitions.emplace_back().committed_offset = offset;
        return code(cluster.call(1, request, 9)->topics.at(0).partitions.at(0).error_code);
    }
    // All offsets of a group, whatever topics there are.
    std::vector<std::string> topics_of(const std::string& group) {
        protocol::OffsetFetchRequest request;
        request.groups.emplace_back().group_id = group;
        request.groups[0].topics.reset();
        std::vector<std::string> names;
        const auto answer = cluster.call(1, request, 9).value();
        for (const auto& topic : answer.groups.at(0).topics) names.push_back(topic.name);
        return names;
    }
    std::vector<std::string> listed(std::int16_t version = 5, std::vector<std::string> states = {}) {
        protocol::ListGroupsRequest request;
        request.states_filter = std::move(states);
        const auto answer = cluster.call(1, request, version).value();
        EXPECT_EQ(answer.error_code, 0);
        std::vector<std::string> ids;
        for (const auto& one : answer.groups) {
            ids.push_back(one.group_id);
            if (version >= 4) {
                EXPECT_EQ(one.group_state, "Empty");
            }
            if (version >= 5) {
                EXPECT_EQ(one.group_type, "classic");
            }
        }
        return ids;
    }
    void restart() {
        ASSERT_TRUE(cluster.run(cluster.core().broker_down(1)));
        ASSERT_TRUE(cluster.run(cluster.core().broker_up(1)));
        cluster.loop().run_for(1s);
    }

    SimulatedCluster cluster{1, 3};
};

TEST_F(GroupsAdmin, groups_of_all_partitions_are_listed_in_every_version) {
    EXPECT_TRUE(listed().empty());
    for (const char* group : {"g1", "g2", "g3", "g4"}) ASSERT_EQ(commit(group, "t", 5), ErrorCode::none);
    for (std::int16_t version = 0; version <= 5; ++version)
        EXPECT_THAT(listed(version), UnorderedElementsAre("g1", "g2", "g3", "g4"));
    EXPECT_TRUE(listed(4, {"Stable"}).empty());
    EXPECT_THAT(listed(4, {"empty"}), UnorderedElementsAre("g1", "g2", "g3", "g4"));
}

TEST_F(GroupsAdmin, groups_are_described_in_every_version) {
    ASSERT_EQ(commit("g", "t", 5), ErrorCode::none);
    for (std::int16_t version = 0; version <= 6; ++version) {
        protocol::DescribeGroupsRequest request;
        request.groups = {"g", "nowhere"};
        request.include_authorized_operations = version >= 3;
        const auto answer = cluster.call(1, request, version).value();
        ASSERT_EQ(answer.groups.size(), 2U);
        EXPECT_EQ(answer.groups[0].error_code, 0);
        EXPECT_EQ(answer.groups[0].group_state, "Empty");
        EXPECT_EQ(answer.groups[1].group_state, "Dead");
        EXPECT_EQ(code(answer.groups[1].error_code), version >= 6 ? ErrorCode::group_id_not_found : ErrorCode::none);
        // READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS
        if (version >= 3) {
            EXPECT_EQ(answer.groups[0].authorized_operations, 0x0d48);
        }
    }
}

TEST_F(GroupsAdmin, groups_are_deleted_in_every_version) {
    for (std::int16_t version = 0; version <= 2; ++version) {
        ASSERT_EQ(commit("g", "t", 5), ErrorCode::none);
        protocol::DeleteGroupsRequest request;
        request.groups_names = {"g", "nowhere", "g"};
        const auto answer = cluster.call(1, request, version).value();
        ASSERT_EQ(answer.results.size(), 2U);
        EXPECT_EQ(answer.results[0].group_id, "g");
        EXPECT_EQ(answer.results[0].error_code, 0);
        EXPECT_EQ(code(answer.results[1].error_code), ErrorCode::group_id_not_found);
        EXPECT_TRUE(listed().empty());
        restart();
        EXPECT_TRUE(listed().empty());
    }
}

TEST_F(GroupsAdmin, offsets_are_deleted_where_their_partition_exists) {
    ASSERT_EQ(commit("g", "t", 5), ErrorCode::none);
    ASSERT_EQ(commit("g", "u", 6), ErrorCode::none);
    protocol::OffsetDeleteRequest request;
    request.group_id = "g";
    for (const char* name : {"nothing", "t"}) {
        auto& topic = request.topics.emplace_back();
        topic.name = name;
        topic.partitions.resize(2);
        topic.partitions[1].partition_index = 7;
    }
    const auto answer = cluster.call(1, request, 0).value();
    EXPECT_EQ(answer.error_code, 0);
    std::vector<std::string> told;
    for (const auto& topic : answer.topics) {
        for (const auto& one : topic.partitions)
            told.push_back(topic.name + std::to_string(one.partition_index) + " " + std::to_string(one.error_code));
    }
    EXPECT_THAT(told, UnorderedElementsAre("nothing0 3", "nothing7 3", "t0 0", "t7 3"));
    EXPECT_THAT(topics_of("g"), ElementsAre("u"));
    request.group_id = "nowhere";
    EXPECT_EQ(code(cluster.call(1, request, 0)->error_code), ErrorCode::group_id_not_found);
}

TEST_F(GroupsAdmin, offsets_go_with_their_topic) {
    ASSERT_EQ(commit("g", "t", 5), ErrorCode::none);
    ASSERT_EQ(commit("g", "u", 6), ErrorCode::none);
    ASSERT_EQ(commit("h", "t", 7), ErrorCode::none);
    delete_topic(cluster, "t");
    create_topic(cluster, "t", {});
    cluster.loop().run_for(1s);
    EXPECT_THAT(topics_of("g"), ElementsAre("u"));
    EXPECT_TRUE(topics_of("h").empty());
    restart();
    EXPECT_THAT(topics_of("g"), ElementsAre("u"));
    EXPECT_THAT(listed(), ElementsAre("g"));
}

TEST(GroupsAdminOfMany, offsets_go_with_topics_that_were_deleted_while_their_coordinator_was_down) {
    SimulatedCluster many(3, 2);
    many.start();
    create_topic(many, "t", {});
    protocol::FindCoordinatorRequest find;
    find.coordinator_keys = {"g"};
    const int keeper = many.call(1, find, 4)->coordinators.at(0).node_id;
    many.loop().run_for(1s);
    protocol::OffsetCommitRequest request;
    request.group_id = "g";
    request.topics.emplace_back().name = "t";
    request.topics[0].partitions.emplace_back().committed_offset = 5;
    ASSERT_EQ(many.call(keeper, request, 9)->topics.at(0).partitions.at(0).error_code, 0);
    ASSERT_TRUE(many.run(many.core().broker_down(keeper)));
    protocol::DeleteTopicsRequest gone;
    gone.timeout_ms = 5000;
    gone.topic_names = {"t"};
    ASSERT_EQ(many.call(keeper % 3 + 1, gone, 5)->responses.at(0).error_code, 0);
    ASSERT_TRUE(many.run(many.core().broker_up(keeper)));
    many.loop().run_for(1s);
    protocol::ListGroupsRequest list;
    EXPECT_TRUE(many.call(keeper, list, 5)->groups.empty());
}

TEST(GroupsAdminSettings, say_how_long_offsets_stay) {
    SimulatedCluster cluster(1, 1, {"offsets.retention.minutes=2", "offsets.retention.check.interval.ms=5000"});
    cluster.start();
    create_topic(cluster, "t", {});
    protocol::FindCoordinatorRequest find;
    find.coordinator_keys = {"g"};
    ASSERT_TRUE(cluster.call(1, find, 4));
    cluster.loop().run_for(1s);
    protocol::OffsetCommitRequest request;
    request.group_id = "g";
    request.topics.emplace_back().name = "t";
    request.topics[0].partitions.emplace_back().committed_offset = 5;
    ASSERT_EQ(cluster.call(1, request, 9)->topics.at(0).partitions.at(0).error_code, 0);
    protocol::ListGroupsRequest list;
    cluster.loop().run_for(115s);
    EXPECT_EQ(cluster.call(1, list, 5)->groups.size(), 1U);
    cluster.loop().run_for(10s);
    EXPECT_TRUE(cluster.call(1, list, 5)->groups.empty());
}

}  // namespace
}  // namespace ottla::broker
