// SPDX-License-Identifier: Apache-2.0
// Groups with members that go from the classic protocol to the consumer protocol and back, while both kinds are in
// them.
#include <gmock/gmock.h>

#include "broker/groups/embedded_protocol.hpp"
#include "tests/broker/groups/consumer_script.hpp"

namespace ottla::broker::groups {
namespace {

using Member = ConsumerScript::Member;

class Migration : public testing::Test {
protected:
    // As a consumer of the classic protocol subscribes; it says what it has, as cooperative ones do.
    JoinGroupRequest joining(const std::string& id, const std::vector<std::int32_t>& owned = {}) {
        auto request = GroupScript::join(id, {"cooperative-sticky"});
        protocol::ConsumerProtocolSubscription subscription;
        subscription.topics = {"t"};
        if (!owned.empty()) {
            auto& one = subscription.owned_partitions.emplace_back();
            one.topic = "t";
            one.partitions = owned;
        }
        protocol::Writer writer;
        writer.int16(1);
        EXPECT_TRUE(encode(writer, subscription, 1));
        request.protocols.front().metadata = writer.finish().flatten().value();
        return request;
    }
    static Bytes assignment(const std::vector<std::int32_t>& partitions) {
        protocol::ConsumerProtocolAssignment all;
        auto& one = all.assigned_partitions.emplace_back();
        one.topic = "t";
        one.partitions = partitions;
        protocol::Writer writer;
        writer.int16(1);
        EXPECT_TRUE(encode(writer, all, 1));
        return writer.finish().flatten().value();
    }
    static std::vector<std::int32_t> partitions_of(const Bytes& bytes) {
        const auto read = assignment_in(bytes.span());
        EXPECT_TRUE(read);
        if (!read || read->assigned_partitions.empty()) return {};
        return read->assigned_partitions.front().partitions;
    }
    // A classic group of one member, which has all four partitions.
    std::string classic() {
        const std::string id = s.new_id();
        const auto joined = s.ask<JoinGroupResponse>(joining(id));
        generation = joined.generation_id;
        auto request = GroupScript::sync(id, generation);
        auto& one = request.assignments.emplace_back();
        one.member_id = id;
        one.assignment = assignment({0, 1, 2, 3});
        EXPECT_EQ(code_of(s.ask<SyncGroupResponse>(request).error_code), ErrorCode::none);
        return id;
    }
    // Joins again, and is told its assignment.
    std::vector<std::int32_t> rejoin(const std::string& id, const std::vector<std::int32_t>& owned) {
        const auto joined = s.ask<JoinGroupResponse>(joining(id, owned));
        EXPECT_EQ(code_of(joined.error_code), ErrorCode::none);
        EXPECT_EQ(joined.protocol_name, "cooperative-sticky");
        EXPECT_TRUE(joined.leader.empty());
        generation = joined.generation_id;
        const auto synced = s.ask<SyncGroupResponse>(GroupScript::sync(id, generation));
        EXPECT_EQ(code_of(synced.error_code), ErrorCode::none);
        return partitions_of(synced.assignment);
    }

    ConsumerScript s;
    const Uuid t = s.make_topic("t", 4);
    std::int32_t generation = 0;
};

TEST_F(Migration, a_member_of_the_consumer_protocol_takes_a_classic_group_over) {
    const std::string old = classic();
    ASSERT_EQ(s.commit(7, old, generation), ErrorCode::none);
    auto a = s.joined("a", {"t"});
    EXPECT_EQ(a.epoch, generation + 1);
    EXPECT_EQ(size_of(a.owned), 0U);
    const auto group = s.described_consumer();
    ASSERT_EQ(group.members.size(), 2U);
    EXPECT_EQ(s.committed(), 7);
    EXPECT_EQ(code_of(s.described().error_code), ErrorCode::group_id_not_found);
    const auto before = s.described_consumer();
    s.restart();
    EXPECT_EQ(s.described_consumer(), before);

    // The old one is to join again, gives up, and joins once more.
    EXPECT_EQ(s.commit(8, old, generation), ErrorCode::none);
    EXPECT_EQ(s.heartbeat(old, generation), ErrorCode::rebalance_in_progress);
    auto kept = rejoin(old, {0, 1, 2, 3});
    EXPECT_EQ(kept.size(), 2U);
    EXPECT_EQ(s.beat(a), ErrorCode::none);
    EXPECT_EQ(size_of(a.owned), 0U);
    EXPECT_EQ(s.heartbeat(old, generation), ErrorCode::rebalance_in_progress);
    EXPECT_EQ(rejoin(old, kept), kept);
    EXPECT_EQ(s.heartbeat(old, generation), ErrorCode::none);
    EXPECT_EQ(s.beat(a), ErrorCode::none);
    EXPECT_EQ(size_of(a.owned), 2U);
    EXPECT_EQ(s.described_consumer().group_state, "Stable");
    EXPECT_EQ(s.commit(9, old, generation - 1), ErrorCode::illegal_generation);
    EXPECT_EQ(s.commit(9, old, generation), ErrorCode::none);
}

TEST_F(Migration, the_last_of_the_consumer_protocol_leaves_a_classic_group_behind) {
    const std::string old = classic();
    auto a = s.joined("a", {"t"});
    auto kept = rejoin(old, {0, 1, 2, 3});
    kept = rejoin(old, kept);
    s.settle({&a});
    const std::int32_t epoch = s.described_consumer().group_epoch;
    EXPECT_EQ(s.leave_consumer(a), ErrorCode::none);
    const auto group = s.described();
    ASSERT_EQ(group.members.size(), 1U);
    EXPECT_EQ(group.group_state, "PreparingRebalance");
    EXPECT_EQ(code_of(s.described_consumer().error_code), ErrorCode::group_id_not_found);
    // It has lost nothing by that, and joins again with what it has.
    EXPECT_EQ(s.commit(9, old, generation), ErrorCode::none);
    EXPECT_EQ(s.heartbeat(old, generation), ErrorCode::rebalance_in_progress);
    // In a generation after all epochs that there were.
    const auto joined = s.ask<JoinGroupResponse>(joining(old, kept));
    EXPECT_GT(joined.generation_id, epoch);
    EXPECT_EQ(joined.leader, old);
    auto request = GroupScript::sync(old, joined.generation_id);
    request.assignments.emplace_back().member_id = old;
    request.assignments.back().assignment = assignment({0, 1, 2, 3});
    EXPECT_EQ(partitions_of(s.ask<SyncGroupResponse>(request).assignment).size(), 4U);
    s.restart();
    EXPECT_EQ(s.described().group_state, "Stable");
    EXPECT_EQ(s.heartbeat(old, joined.generation_id), ErrorCode::none);
}

TEST_F(Migration, who_is_left_behind_shares_out_anew_also_after_a_restart) {
    const std::string old = classic();
    auto a = s.joined("a", {"t"});
    auto kept = rejoin(old, {0, 1, 2, 3});
    kept = rejoin(old, kept);
    s.settle({&a});
    EXPECT_EQ(s.leave_consumer(a), ErrorCode::none);
    s.restart();
    EXPECT_EQ(s.described().group_state, "PreparingRebalance") << "half of the partitions are nobody's";
    EXPECT_EQ(s.heartbeat(old, generation), ErrorCode::rebalance_in_progress);
    s.restart();
    EXPECT_EQ(s.described().group_state, "PreparingRebalance");

    // One that takes the group over meanwhile deals at once.
    auto b = s.joined("b", {"t"});
    EXPECT_GT(b.epoch, generation);
    EXPECT_EQ(s.heartbeat(old, generation), ErrorCode::rebalance_in_progress);
    kept = rejoin(old, kept);
    s.settle({&b});
    EXPECT_EQ(kept.size(), 2U);
    EXPECT_EQ(size_of(b.owned), 2U);
}

TEST_F(Migration, what_was_to_be_dealt_next_is_dealt_also_when_a_static_member_comes_back) {
    auto request = joining("");
    request.group_instance_id = "i";
    const auto first = s.ask<JoinGroupResponse>(request);
    auto sync = GroupScript::sync(first.member_id, first.generation_id);
    sync.group_instance_id = "i";
    sync.assignments.emplace_back().member_id = first.member_id;
    // Cooperative members deal the others when those who had them have given them up.
    sync.assignments.back().assignment = assignment({0, 1});
    ASSERT_EQ(code_of(s.ask<SyncGroupResponse>(sync).error_code), ErrorCode::none);
    auto a = s.joined("a", {"t"}, "i");
    s.settle({&a});
    EXPECT_EQ(a.owned, all_of(t, 4));
}

TEST_F(Migration, a_member_that_fails_is_out_of_a_mixed_group_too) {
    const std::string old = classic();
    auto a = s.joined("a", {"t"});
    for (int i = 0; i < 2; ++i) {
        s.pass(5s);
        EXPECT_EQ(s.beat(a), ErrorCode::none);
    }
    // Its session is the one that it asked for.
    s.settle({&a});
    EXPECT_EQ(a.owned, all_of(t, 4));
    EXPECT_EQ(s.heartbeat(old, generation), ErrorCode::unknown_member_id);
}

TEST_F(Migration, who_does_not_join_again_is_out) {
    const std::string old = classic();
    auto a = s.joined("a", {"t"});
    for (int i = 0; i < 12; ++i) {
        EXPECT_EQ(s.heartbeat(old, generation), ErrorCode::rebalance_in_progress);
        EXPECT_EQ(s.beat(a), ErrorCode::none);
        s.pass(5s);
    }
    EXPECT_EQ(s.heartbeat(old, generation), ErrorCode::unknown_member_id);
    s.settle({&a});
    EXPECT_EQ(a.owned, all_of(t, 4));
}

TEST_F(Migration, new_classic_members_come_to_a_group_of_the_consumer_protocol) {
    auto a = s.joined("a", {"t"});
    const auto asked = s.ask<JoinGroupResponse>(joining(""));
    EXPECT_EQ(code_of(asked.error_code), ErrorCode::member_id_required);
    EXPECT_TRUE(rejoin(asked.member_id, {}).empty());
    // Told to give two up, and saying that it has.
    EXPECT_EQ(s.beat(a), ErrorCode::none);
    EXPECT_EQ(s.beat(a), ErrorCode::none);
    EXPECT_EQ(s.heartbeat(asked.member_id, generation), ErrorCode::rebalance_in_progress);
    EXPECT_EQ(rejoin(asked.member_id, {}).size(), 2U);
    EXPECT_EQ(s.heartbeat(asked.member_id, generation), ErrorCode::none);
    EXPECT_EQ(s.described_consumer().members.at(0).member_type + s.described_consumer().members.at(1).member_type, 1);
    EXPECT_EQ(s.leave(asked.member_id), ErrorCode::none);
    s.settle({&a});
    EXPECT_EQ(a.owned, all_of(t, 4));
}

TEST_F(Migration, what_cannot_go_over_is_refused) {
    const std::string old = classic();
    auto other = GroupScript::join("", {"x"});
    Member a{"a", {"t"}, {}, 0, {}, {}, {}};
    EXPECT_EQ(s.join(a), ErrorCode::none);
    EXPECT_EQ(code_of(s.ask<JoinGroupResponse>(other).error_code), ErrorCode::inconsistent_group_protocol);
    EXPECT_EQ(s.heartbeat("a", a.epoch), ErrorCode::unknown_member_id);

    auto settings = GroupScript::quick();
    settings.consumer.migration = MigrationPolicy::downgrade;
    ConsumerScript strict(settings);
    strict.stable(1);
    Member b{"b", {"t"}, {}, 0, {}, {}, {}};
    EXPECT_EQ(strict.join(b), ErrorCode::group_id_not_found);
    // Bytes that are no subscription.
    ConsumerScript odd;
    odd.stable(1);
    EXPECT_EQ(odd.join(b), ErrorCode::group_id_not_found);
    EXPECT_EQ(odd.described().group_state, "Stable");
}

TEST_F(Migration, who_waits_in_a_classic_rebalance_is_told_of_the_next) {
    const std::string old = classic();
    const std::string late = s.ask<JoinGroupResponse>(joining("")).member_id;
    const Ticket waits = s.send(joining(late));
    ASSERT_TRUE(s.waits(waits));
    auto a = s.joined("a", {"t"});
    EXPECT_EQ(code_of(s.answer<JoinGroupResponse>(waits).error_code), ErrorCode::rebalance_in_progress);
    EXPECT_EQ(s.described_consumer().members.size(), 3U);
}

TEST_F(Migration, that_the_log_refuses_changes_nothing) {
    const std::string old = classic();
    Member a{"a", {"t"}, {}, 0, {}, {}, {}};
    s.fail_next_append(ErrorCode::coordinator_not_available);
    EXPECT_EQ(s.failure(s.send(ConsumerScript::joining(a), 1)), ErrorCode::coordinator_not_available);
    EXPECT_EQ(s.described().group_state, "Stable");
    EXPECT_EQ(s.heartbeat(old, generation), ErrorCode::none);
    EXPECT_EQ(s.join(a), ErrorCode::none);
}

TEST_F(Migration, stays_where_the_policy_keeps_it) {
    auto settings = GroupScript::quick();
    settings.consumer.migration = MigrationPolicy::upgrade;
    ConsumerScript up(settings);
    up.make_topic("t", 2);
    auto a = up.joined("a", {"t"});
    const auto asked = up.ask<JoinGroupResponse>(joining(""));
    EXPECT_EQ(code_of(up.ask<JoinGroupResponse>(joining(asked.member_id)).error_code), ErrorCode::none);
    EXPECT_EQ(up.leave_consumer(a), ErrorCode::none);
    EXPECT_EQ(up.described_consumer().members.size(), 1U);
}

}  // namespace
}  // namespace ottla::broker::groups
