// SPDX-License-Identifier: Apache-2.0
// Consumer groups over whole brokers: from the connection to the coordinator's log and back, over restarts, power cuts
// and changes of leadership.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ottla/protocol/messages/find_coordinator_request.hpp>
#include <ottla/protocol/messages/find_coordinator_response.hpp>
#include <ottla/protocol/messages/heartbeat_request.hpp>
#include <ottla/protocol/messages/heartbeat_response.hpp>
#include <ottla/protocol/messages/join_group_request.hpp>
#include <ottla/protocol/messages/join_group_response.hpp>
#include <ottla/protocol/messages/leave_group_request.hpp>
#include <ottla/protocol/messages/leave_group_response.hpp>
#include <ottla/protocol/messages/metadata_request.hpp>
#include <ottla/protocol/messages/metadata_response.hpp>
#include <ottla/protocol/messages/offset_commit_request.hpp>
#include <ottla/protocol/messages/offset_commit_response.hpp>
#include <ottla/protocol/messages/offset_fetch_request.hpp>
#include <ottla/protocol/messages/offset_fetch_response.hpp>
#include <ottla/protocol/messages/sync_group_request.hpp>
#include <ottla/protocol/messages/sync_group_response.hpp>
#include "broker/groups/group_id.hpp"
#include "tests/broker/embedded/simulated_cluster.hpp"
#include "tests/broker/embedded/topic_calls.hpp"

namespace ottla::broker {
namespace {

using namespace std::chrono_literals;

ErrorCode as_code(std::int16_t code) { return static_cast<ErrorCode>(code); }

class Groups : public testing::Test {
protected:
    // --- calls, each at the version that is asked for ---
    protocol::FindCoordinatorResponse find(const std::string& group, std::int16_t version = 6, int broker = 1) {
        protocol::FindCoordinatorRequest request;
        if (version >= 4) {
            request.coordinator_keys = {group};
        } else {
            request.key = group;
        }
        return cluster.call(broker, request, version).value();
    }
    int coordinator_of(const std::string& group) { return find(group).coordinators.at(0).node_id; }

    static protocol::JoinGroupRequest joining(const std::string& group, const std::string& member) {
        protocol::JoinGroupRequest request;
        request.group_id = group;
        request.session_timeout_ms = 10'000;
        request.rebalance_timeout_ms = 60'000;
        request.member_id = member;
        request.protocol_type = "consumer";
        request.protocols.emplace_back().name = "range";
        return request;
    }
    protocol::JoinGroupResponse join(const std::string& group, const std::string& member, std::int16_t version = 9,
                                     int broker = 1) {
        auto request = joining(group, member);
        if (version == 0) request.rebalance_timeout_ms = -1;
        return cluster.call(broker, request, version).value();
    }
    protocol::SyncGroupResponse sync(const std::string& group, const protocol::JoinGroupResponse& joined,
                                     std::int16_t version = 5) {
        protocol::SyncGroupRequest request;
        request.group_id = group;
        request.generation_id = joined.generation_id;
        request.member_id = joined.member_id;
        auto& one = request.assignments.emplace_back();
        one.member_id = joined.member_id;
        one.assignment = Bytes::of_static("all");
        return cluster.call(1, request, version).value();
    }
    ErrorCode heartbeat(const std::string& group, const protocol::JoinGroupResponse& joined, std::int16_t version = 4,
                        int broker = 1) {
        protocol::HeartbeatRequest request;
        request.group_id = group;
        request.generation_id = joined.generation_id;
        request.member_id = joined.member_id;
        return as_code(cluster.call(broker, request, version)->error_code);
    }
    // A group of one, in its first generation.
    protocol::JoinGroupResponse settle(const std::string& group) {
        find(group);
        const auto joined = join(group, join(group, "").member_id);
        EXPECT_EQ(joined.error_code, 0);
        EXPECT_EQ(sync(group, joined).assignment.text(), "all");
        return joined;
    }

    ErrorCode commit(const std::string& group, std::int64_t offset, std::int16_t version = 9,
                     std::int32_t partition = 0, int broker = 1) {
        protocol::OffsetCommitRequest request;
        request.group_id = group;
        auto& topic = request.topics.emplace_back();
        if (version >= 10) {
            topic.topic_id = cluster.image().topic("t")->id;
        } else {
            topic.name = "t";
        }
        auto& one = topic.partitions.emplace_back();
        one.partition_index = partition;
        one.committed_offset = offset;
        const auto answer = cluster.call(broker, request, version);
        return answer ? as_code(answer->topics.at(0).partitions.at(0).error_code) : answer.error().code();
    }
    protocol::OffsetFetchResponse fetch(const std::string& group, std::int16_t version, int broker = 1) {
        protocol::OffsetFetchRequest request;
        if (version < 8) {
            request.group_id = group;
            auto& topic = request.topics.emplace().emplace_back();
            topic.name = "t";
            topic.partition_indexes = {0};
        } else {
            auto& one = request.groups.emplace_back();
            one.group_id = group;
            auto& topic = one.topics.emplace().emplace_back();
            topic.partition_indexes = {0};
            if (version >= 10) {
                topic.topic_id = cluster.image().topic("t")->id;
            } else {
                topic.name = "t";
            }
        }
        return cluster.call(broker, request, version).value();
    }
    // The offset, or the code below -1.
    std::int64_t committed(const std::string& group, int broker = 1) {
        const auto answer = fetch(group, 9, broker);
        const auto& one = answer.groups.at(0);
        if (one.error_code != 0) return -one.error_code;
        return one.topics.at(0).partitions.at(0).committed_offset;
    }
    std::int32_t partition_of(const std::string& group) { return groups::partition_of(group, 50); }

    void SetUp() override {
        cluster.start();
        create_topic(cluster, "t", {});
    }

    SimulatedCluster cluster{1, 3};
};

TEST_F(Groups, their_topic_is_made_when_the_first_one_is_looked_for) {
    EXPECT_FALSE(cluster.image().topic("__consumer_offsets"));
    const auto found = find("g");
    EXPECT_EQ(found.coordinators.at(0).error_code, 0);
    EXPECT_EQ(found.coordinators.at(0).key, "g");
    EXPECT_EQ(found.coordinators.at(0).node_id, 1);
    EXPECT_EQ(found.coordinators.at(0).host, "broker-1");
    const auto topic = cluster.image().topic("__consumer_offsets");
    ASSERT_TRUE(topic);
    EXPECT_EQ(topic->partitions.size(), 50U);
    const auto& configs = cluster.image().configs(ConfigResourceType::topic, "__consumer_offsets");
    EXPECT_EQ(configs.at("cleanup.policy"), "compact");
    EXPECT_EQ(configs.at("segment.bytes"), "104857600");
    for (std::int16_t version = 0; version < 4; ++version) {
        const auto one = find("g", version);
        EXPECT_EQ(one.error_code, 0);
        EXPECT_EQ(one.node_id, 1);
    }
}

TEST_F(Groups, their_topic_is_the_same_when_metadata_make_it) {
    protocol::MetadataRequest request;
    request.topics.emplace().emplace_back().name = "__consumer_offsets";
    const auto answer = cluster.call(1, request, 9).value();
    EXPECT_EQ(answer.topics.at(0).partitions.size(), 50U);
    EXPECT_TRUE(answer.topics.at(0).is_internal);
    EXPECT_EQ(commit("g", 5), ErrorCode::none);
}

TEST_F(Groups, coordinators_of_other_kinds_are_not_there) {
    protocol::FindCoordinatorRequest request;
    request.key_type = 1;
    request.coordinator_keys = {"transactional"};
    EXPECT_EQ(as_code(cluster.call(1, request, 4)->coordinators.at(0).error_code),
              ErrorCode::coordinator_not_available);
    request.key_type = 9;
    EXPECT_EQ(as_code(cluster.call(1, request, 4)->coordinators.at(0).error_code), ErrorCode::invalid_request);
}

TEST_F(Groups, who_asks_before_the_topic_is_there_must_look_for_the_coordinator) {
    EXPECT_EQ(commit("g", 5), ErrorCode::not_coordinator);
    EXPECT_EQ(committed("g"), -static_cast<int>(ErrorCode::not_coordinator));
    EXPECT_EQ(as_code(join("g", "").error_code), ErrorCode::not_coordinator);
}

TEST_F(Groups, a_member_joins_heartbeats_and_leaves_in_every_version) {
    for (std::int16_t version = 0; version <= 9; ++version) {
        const std::string group = "g-" + std::to_string(version);
        find(group);
        auto joined = join(group, "", version);
        if (version >= 4) {
            EXPECT_EQ(as_code(joined.error_code), ErrorCode::member_id_required);
            joined = join(group, joined.member_id, version);
        }
        ASSERT_EQ(joined.error_code, 0) << version;
        EXPECT_EQ(joined.generation_id, 1);
        const auto sync_version = static_cast<std::int16_t>(std::min<int>(version, 5));
        EXPECT_EQ(sync(group, joined, sync_version).assignment.text(), "all");
        EXPECT_EQ(heartbeat(group, joined, static_cast<std::int16_t>(std::min<int>(version, 4))), ErrorCode::none);
        protocol::LeaveGroupRequest leave;
        leave.group_id = group;
        if (version < 3) {
            leave.member_id = joined.member_id;
        } else {
            leave.members.emplace_back().member_id = joined.member_id;
        }
        const auto leave_version = static_cast<std::int16_t>(std::min<int>(version, 5));
        EXPECT_EQ(cluster.call(1, leave, leave_version)->error_code, 0);
        const auto gone = cluster.call(1, leave, leave_version).value();
        EXPECT_EQ(as_code(version < 3 ? gone.error_code : gone.members.at(0).error_code), ErrorCode::unknown_member_id);
        EXPECT_EQ(heartbeat(group, joined), ErrorCode::unknown_member_id);
    }
}

TEST_F(Groups, offsets_are_committed_and_fetched_in_every_version) {
    find("g");
    for (std::int16_t version = 2; version <= 10; ++version) EXPECT_EQ(commit("g", version, version), ErrorCode::none);
    for (std::int16_t version = 1; version <= 10; ++version) {
        const auto answer = fetch("g", version);
        if (version < 8) {
            EXPECT_EQ(answer.topics.at(0).partitions.at(0).committed_offset, 10);
        } else {
            EXPECT_EQ(answer.groups.at(0).topics.at(0).partitions.at(0).committed_offset, 10);
        }
    }
}

TEST_F(Groups, offsets_of_what_does_not_exist_are_refused) {
    find("g");
    EXPECT_EQ(commit("g", 5, 9, 1), ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(commit("g", 5, 9, -1), ErrorCode::unknown_topic_or_partition);
    protocol::OffsetCommitRequest request;
    request.group_id = "g";
    for (const char* name : {"nothing", "t"}) {
        auto& topic = request.topics.emplace_back();
        topic.name = name;
        topic.partitions.resize(2);
        topic.partitions[1].partition_index = 7;
    }
    const auto answer = cluster.call(1, request, 9).value();
    ASSERT_EQ(answer.topics.size(), 2U);
    int good = 0;
    for (const auto& topic : answer.topics) {
        ASSERT_EQ(topic.partitions.size(), 2U);
        for (const auto& one : topic.partitions) good += one.error_code == 0 ? 1 : 0;
    }
    EXPECT_EQ(good, 1);
    request.topics.clear();
    request.topics.emplace_back().topic_id.bytes[3] = 9;
    request.topics[0].partitions.resize(1);
    EXPECT_EQ(as_code(cluster.call(1, request, 10)->topics.at(0).partitions.at(0).error_code),
              ErrorCode::unknown_topic_id);
}

TEST_F(Groups, all_offsets_of_many_groups_come_at_once) {
    find("g");
    protocol::OffsetFetchRequest request;
    for (int i = 0; i < 20; ++i) {
        const std::string group = "g" + std::to_string(i);
        ASSERT_EQ(commit(group, i), ErrorCode::none);
        auto& one = request.groups.emplace_back();
        one.group_id = group;
        one.topics.reset();
    }
    for (const std::int16_t version : {std::int16_t{8}, std::int16_t{9}, std::int16_t{10}}) {
        const auto answer = cluster.call(1, request, version).value();
        ASSERT_EQ(answer.groups.size(), 20U);
        for (int i = 0; i < 20; ++i) {
            const auto& one = answer.groups.at(static_cast<std::size_t>(i));
            EXPECT_EQ(one.group_id, "g" + std::to_string(i));
            EXPECT_EQ(one.topics.at(0).partitions.at(0).committed_offset, i);
        }
    }
}

TEST_F(Groups, offsets_of_a_deleted_topic_are_not_those_of_the_next_one) {
    find("g");
    ASSERT_EQ(commit("g", 5, 10), ErrorCode::none);
    delete_topic(cluster, "t");
    create_topic(cluster, "t", {});
    EXPECT_EQ(fetch("g", 10).groups.at(0).topics.at(0).partitions.at(0).committed_offset, -1);
    protocol::OffsetFetchRequest all;
    all.groups.emplace_back().group_id = "g";
    all.groups[0].topics.reset();
    EXPECT_TRUE(cluster.call(1, all, 10)->groups.at(0).topics.empty());
}

TEST_F(Groups, clients_do_not_write_into_their_topic) {
    find("g");
    EXPECT_EQ(cluster.produce(1, "__consumer_offsets", 0, "v", "k"), ErrorCode::invalid_topic_exception);
}

TEST_F(Groups, two_members_wait_for_each_other_on_connections_of_their_own) {
    find("g");
    const auto first = join("g", join("g", "").member_id);
    ASSERT_EQ(sync("g", first).error_code, 0);
    const auto second_id = join("g", "").member_id;
    // The second one's join waits until the first one joins again.
    auto channel = cluster.channel(1).value();
    auto other =
        cluster
            .run(net::ClientChannel::open(*cluster.network().host("client"), cluster.loop().timers, cluster.pool(),
                                          net::Endpoint("broker-1", 9092), {}, cluster.loop().timers.now() + 20s))
            .value();
    std::optional<Result<protocol::JoinGroupResponse>> joined;
    boost::asio::co_spawn(cluster.loop().io, other->call(joining("g", second_id), 9, cluster.loop().timers.now() + 20s),
                          [&](std::exception_ptr, Result<protocol::JoinGroupResponse> answer) { joined = answer; });
    cluster.loop().run_for(2s);
    EXPECT_FALSE(joined);
    EXPECT_EQ(heartbeat("g", first), ErrorCode::rebalance_in_progress);
    EXPECT_EQ(join("g", first.member_id).generation_id, 2);
    cluster.loop().run_for(1s);
    ASSERT_TRUE(joined);
    EXPECT_EQ((*joined)->generation_id, 2);
    other->close();
}

TEST_F(Groups, a_broker_stops_at_once_while_members_wait) {
    const auto first = settle("g");
    const auto id = join("g", "").member_id;
    auto channel = cluster.channel(1).value();
    boost::asio::co_spawn(cluster.loop().io, channel->call(joining("g", id), 9, cluster.loop().timers.now() + 60s),
                          [](std::exception_ptr, const Result<protocol::JoinGroupResponse>&) {});
    cluster.loop().run_for(1s);
    const auto before = cluster.loop().timers.now();
    cluster.stop();
    EXPECT_LT(cluster.loop().timers.now() - before, 1s);
}

TEST_F(Groups, all_that_was_answered_is_there_after_a_power_cut) {
    std::map<std::string, std::int64_t> expected;
    find("g");
    for (int i = 0; i < 40; ++i) {
        const std::string group = "g" + std::to_string(i % 13);
        ASSERT_EQ(commit(group, i), ErrorCode::none);
        expected[group] = i;
        if (i % 8 != 7) continue;
        base::Random random(static_cast<std::uint64_t>(i));
        ASSERT_TRUE(cluster.run(cluster.core().broker_down(1)));
        cluster.disk(1).crash(random);
        ASSERT_TRUE(cluster.run(cluster.core().broker_up(1)));
        cluster.loop().run_for(1s);
        for (const auto& [name, offset] : expected) ASSERT_EQ(committed(name), offset) << name;
    }
}

TEST_F(Groups, a_generation_goes_on_over_a_restart) {
    const auto joined = settle("g");
    ASSERT_TRUE(cluster.run(cluster.core().broker_down(1)));
    ASSERT_TRUE(cluster.run(cluster.core().broker_up(1)));
    cluster.loop().run_for(1s);
    EXPECT_EQ(heartbeat("g", joined), ErrorCode::none);
    EXPECT_EQ(sync("g", joined).assignment.text(), "all");
    cluster.loop().run_for(11s);
    EXPECT_EQ(heartbeat("g", joined), ErrorCode::unknown_member_id);
}

// While its log is read, a coordinator knows nothing; it must not say so.
TEST_F(Groups, who_asks_while_the_log_is_read_is_told_to_come_again) {
    find("g");
    for (int i = 0; i < 3; ++i) ASSERT_EQ(commit("g", i), ErrorCode::none);
    ASSERT_TRUE(cluster.run(cluster.core().broker_down(1)));
    ASSERT_TRUE(cluster.run(cluster.core().broker_up(1)));
    std::set<std::int64_t> seen;
    for (int i = 0; i < 200; ++i) {
        seen.insert(committed("g"));
        cluster.loop().run_for(1ms);
    }
    EXPECT_EQ(*seen.rbegin(), 2);
    seen.erase(2);
    seen.erase(-static_cast<int>(ErrorCode::coordinator_load_in_progress));
    EXPECT_TRUE(seen.empty());
}

TEST_F(Groups, a_log_that_is_damaged_is_not_taken_for_an_empty_one) {
    find("g");
    ASSERT_EQ(commit("g", 5), ErrorCode::none);
    ASSERT_EQ(commit("g", 6), ErrorCode::none);
    ASSERT_TRUE(cluster.run(cluster.core().broker_down(1)));
    const std::string path =
        "/data/broker-1/__consumer_offsets-" + std::to_string(partition_of("g")) + "/00000000000000000000.log";
    const auto file = cluster.disk(1).open(path);
    ASSERT_TRUE(file.has_value());
    ASSERT_TRUE((*file)->write_at(70, as_bytes("damage")));
    ASSERT_TRUE(cluster.run(cluster.core().broker_up(1)));
    cluster.loop().run_for(1s);
    // A start after a kill cuts the log there: what it then holds is served.
    EXPECT_THAT(committed("g"), testing::AnyOf(-1, -static_cast<int>(ErrorCode::coordinator_not_available)));
}

TEST_F(Groups, on_a_directory_that_has_failed_commit_nothing) {
    find("g");
    ASSERT_EQ(commit("g", 5), ErrorCode::none);
    cluster.core().broker(1)->directory().take_offline(Error::of(ErrorCode::file_system, "broken"));
    EXPECT_NE(commit("g", 6), ErrorCode::none);
}

class GroupsOfMany : public Groups {
protected:
    void SetUp() override {}
};

TEST_F(GroupsOfMany, move_with_the_leader_of_their_partition) {
    SimulatedCluster many(3, 2);
    many.start();
    create_topic(many, "t", {});
    const auto call = [&](auto request, std::int16_t version, int broker) {
        return many.call(broker, request, version).value();
    };
    protocol::FindCoordinatorRequest find_request;
    find_request.coordinator_keys = {"g"};
    const int first = call(find_request, 4, 1).coordinators.at(0).node_id;
    protocol::OffsetCommitRequest request;
    request.group_id = "g";
    request.topics.emplace_back().name = "t";
    request.topics[0].partitions.emplace_back().committed_offset = 5;
    const auto commit_at = [&](int broker) {
        return as_code(call(request, 9, broker).topics.at(0).partitions.at(0).error_code);
    };
    EXPECT_EQ(commit_at(first), ErrorCode::none);
    const int other = first % 3 + 1;
    EXPECT_EQ(commit_at(other), ErrorCode::not_coordinator);
    ASSERT_TRUE(many.run(many.core().move_leader("__consumer_offsets", partition_of("g"), other)));
    many.loop().run_for(1s);
    EXPECT_EQ(call(find_request, 4, first).coordinators.at(0).node_id, other);
    EXPECT_EQ(commit_at(first), ErrorCode::not_coordinator);
    protocol::OffsetFetchRequest fetch_request;
    fetch_request.groups.emplace_back().group_id = "g";
    fetch_request.groups[0].topics.reset();
    EXPECT_EQ(call(fetch_request, 9, other).groups.at(0).topics.at(0).partitions.at(0).committed_offset, 5);
    request.topics[0].partitions[0].committed_offset = 6;
    EXPECT_EQ(commit_at(other), ErrorCode::none);
}

}  // namespace
}  // namespace ottla::broker
