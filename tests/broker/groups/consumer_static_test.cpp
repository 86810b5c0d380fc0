// SPDX-License-Identifier: Apache-2.0
// Static members of the consumer protocol, offsets of members by their epochs, and groups as tools see them.
#include <gmock/gmock.h>

#include "tests/broker/groups/consumer_script.hpp"

namespace ottla::broker::groups {
namespace {

using Member = ConsumerScript::Member;
using FetchedGroup = protocol::OffsetFetchResponse::OffsetFetchResponseGroup;

TEST(ConsumerStatic, who_comes_back_has_what_it_had_without_a_rebalance) {
    ConsumerScript s;
    s.make_topic("t", 4);
    auto a = s.joined("a", {"t"}, "i-a");
    auto b = s.joined("b", {"t"});
    s.settle({&a, &b});
    const auto owned = a.owned;
    const auto epoch = s.described_consumer().group_epoch;
    EXPECT_EQ(s.leave_consumer(a, static_leave_epoch), ErrorCode::none);
    EXPECT_EQ(s.last_record<MemberPositionRecord>().value->member_epoch, -2);
    s.restart();
    auto again = s.joined("a2", {"t"}, "i-a");
    EXPECT_EQ(again.owned, owned);
    EXPECT_EQ(again.epoch, epoch);
    EXPECT_EQ(s.described_consumer().group_epoch, epoch);
    EXPECT_EQ(s.described_consumer().group_state, "Stable");
    EXPECT_EQ(s.beat(b), ErrorCode::none);
    EXPECT_EQ(s.beat(a), ErrorCode::fenced_instance_id);
    const auto before = s.described_consumer();
    s.restart();
    EXPECT_EQ(s.described_consumer(), before);
}

TEST(ConsumerStatic, a_second_process_by_the_name_is_refused) {
    ConsumerScript s;
    s.make_topic("t", 1);
    auto a = s.joined("a", {"t"}, "i");
    Member second{"b", {"t"}, "i", 0, {}, {}, {}};
    EXPECT_EQ(s.join(second), ErrorCode::unreleased_instance_id);
    EXPECT_EQ(s.beat(a), ErrorCode::none);
    second.epoch = 2;
    EXPECT_EQ(s.beat(second), ErrorCode::fenced_instance_id);
    EXPECT_EQ(s.leave_consumer(second), ErrorCode::fenced_instance_id);
}

TEST(ConsumerStatic, who_stays_away_is_out_after_its_session) {
    ConsumerScript s;
    const Uuid t = s.make_topic("t", 2);
    auto a = s.joined("a", {"t"}, "i");
    auto b = s.joined("b", {"t"});
    s.settle({&a, &b});
    EXPECT_EQ(s.leave_consumer(a, static_leave_epoch), ErrorCode::none);
    for (int i = 0; i < 9; ++i) {
        EXPECT_EQ(size_of(b.owned), 1U);
        s.pass(5s);
        EXPECT_EQ(s.beat(b), ErrorCode::none);
    }
    s.settle({&b});
    EXPECT_EQ(b.owned, all_of(t, 2));
    Member late{"a3", {"t"}, "i", 3, {}, {}, {}};
    EXPECT_EQ(s.beat(late), ErrorCode::unknown_member_id);
    EXPECT_EQ(s.join(late), ErrorCode::none);
}

// Not only for a while.
TEST(ConsumerStatic, who_leaves_for_good_frees_its_name) {
    ConsumerScript s;
    s.make_topic("t", 1);
    auto a = s.joined("a", {"t"}, "i");
    EXPECT_EQ(s.leave_consumer(a, leave_epoch), ErrorCode::none);
    s.joined("b", {"t"}, "i");
}

TEST(ConsumerStatic, range_keeps_to_the_names) {
    ConsumerScript s;
    const Uuid t = s.make_topic("t", 3);
    Member z{"z", {"t"}, "i-1", 0, {}, {}, {}};
    auto request = s.joining(z);
    request.server_assignor = "range";
    s.take(z, s.ask_beat(request));
    auto a = s.joined("a", {"t"}, "i-2");
    s.settle({&z, &a});
    EXPECT_EQ(z.owned, all_of(t, 2));
    EXPECT_EQ(s.described_consumer().assignor_name, "range");
}

// --- offsets ---

TEST(ConsumerOffsets, are_taken_from_members_in_their_epoch) {
    ConsumerScript s;
    const Uuid t = s.make_topic("t", 2);
    auto a = s.joined("a", {"t"});
    auto b = s.joined("b", {"t"});
    const auto commit = [&](const std::string& member, std::int32_t epoch, std::int32_t partition = 0) {
        auto request = s.commit_of(7, member, epoch);
        request.topics.at(0).topic_id = t;
        request.topics.at(0).partitions.at(0).partition_index = partition;
        return code_of(s.ask<OffsetCommitResponse>(request).topics.at(0).partitions.at(0).error_code);
    };
    EXPECT_EQ(commit("a", 2), ErrorCode::none);
    EXPECT_EQ(commit("a", 3), ErrorCode::stale_member_epoch);
    EXPECT_EQ(commit("c", 2), ErrorCode::unknown_member_id);
    EXPECT_EQ(commit("", -1), ErrorCode::unknown_member_id);
    s.settle({&a, &b});
    ASSERT_EQ(a.epoch, 3);
    const std::int32_t kept = *a.owned.at(t).begin();
    const std::int32_t moved = 1 - kept;
    // What was on its way when its epoch went up (KIP-1251).
    EXPECT_EQ(commit("a", 2, kept), ErrorCode::none);
    EXPECT_EQ(commit("a", 2, moved), ErrorCode::stale_member_epoch);
    EXPECT_EQ(commit("b", 2, moved), ErrorCode::stale_member_epoch);
    EXPECT_EQ(commit("b", 3, moved), ErrorCode::none);
    const auto old_client = s.commit_of(7, "a", 3);
    EXPECT_EQ(code_of(s.ask<OffsetCommitResponse>(old_client, 8).topics.at(0).partitions.at(0).error_code),
              ErrorCode::unsupported_version);
    EXPECT_EQ(s.leave_consumer(a), ErrorCode::none);
    EXPECT_EQ(s.leave_consumer(b), ErrorCode::none);
    EXPECT_EQ(commit("", -1), ErrorCode::none);
}

TEST(ConsumerOffsets, are_told_to_members_in_their_epoch) {
    ConsumerScript s;
    s.make_topic("t", 1);
    s.joined("a", {"t"});
    const auto fetch = [&](std::optional<std::string> member, std::int32_t epoch) {
        FetchOffsets request;
        request.group_id = "g";
        request.member_id = std::move(member);
        request.member_epoch = epoch;
        return code_of(s.ask<FetchedGroup>(request).error_code);
    };
    EXPECT_EQ(fetch({}, -1), ErrorCode::none);
    EXPECT_EQ(fetch("a", 2), ErrorCode::none);
    EXPECT_EQ(fetch("a", 1), ErrorCode::stale_member_epoch);
    EXPECT_EQ(fetch("b", 2), ErrorCode::unknown_member_id);
}

TEST(ConsumerOffsets, of_topics_that_are_read_do_not_go) {
    auto settings = GroupScript::quick();
    settings.retention_ms = 60'000;
    ConsumerScript s(settings);
    s.make_topic("t", 1);
    auto a = s.joined("a", {"t"});
    ASSERT_EQ(s.commit(5, "a", 2), ErrorCode::none);
    protocol::OffsetDeleteRequest request;
    request.group_id = "g";
    request.topics.emplace_back().name = "t";
    request.topics.back().partitions.emplace_back();
    const auto answer = s.ask<protocol::OffsetDeleteResponse>(request);
    EXPECT_EQ(code_of(answer.topics.at(0).partitions.at(0).error_code), ErrorCode::group_subscribed_to_topic);
    for (int i = 0; i < 30; ++i) {
        s.pass(30s);
        ASSERT_EQ(s.beat(a), ErrorCode::none);
    }
    EXPECT_EQ(s.committed(), 5);
    EXPECT_EQ(s.leave_consumer(a), ErrorCode::none);
    s.pass(20min);
    EXPECT_EQ(s.committed(), -1);
    // A group that nothing is left of goes too.
    s.pass(20min);
    EXPECT_EQ(s.coordinator().group_count(), 0U);
}

// --- as tools see them ---

TEST(ConsumerTools, see_a_group_of_the_consumer_protocol) {
    ConsumerScript s;
    s.make_topic("t", 1);
    const auto a = s.joined("a", {"t"});
    const auto listed = s.ask<protocol::ListGroupsResponse>(ListGroups{{"stable"}, {"Consumer"}});
    ASSERT_EQ(listed.groups.size(), 1U);
    EXPECT_EQ(listed.groups[0].group_type, "consumer");
    EXPECT_EQ(listed.groups[0].group_state, "Stable");
    EXPECT_EQ(listed.groups[0].protocol_type, "consumer");
    EXPECT_TRUE(s.ask<protocol::ListGroupsResponse>(ListGroups{{}, {"classic"}}).groups.empty());
    EXPECT_EQ(code_of(s.described("g", 6).error_code), ErrorCode::group_id_not_found);
    EXPECT_EQ(s.described("g", 5).group_state, "Dead");
    EXPECT_EQ(s.described("g", 5).error_code, 0);
    EXPECT_EQ(code_of(s.described_consumer("other").error_code), ErrorCode::group_id_not_found);
    EXPECT_EQ(s.remove_group(), ErrorCode::non_empty_group);
    EXPECT_EQ(s.leave_consumer(a), ErrorCode::none);
    EXPECT_EQ(s.remove_group(), ErrorCode::none);
    EXPECT_EQ(s.coordinator().group_count(), 0U);
}

// --- from one protocol to the other, with nobody in the group ---

TEST(ConsumerTools, an_empty_classic_group_becomes_one_of_the_consumer_protocol) {
    ConsumerScript s;
    s.make_topic("t", 1);
    const auto ids = s.stable(1);
    ASSERT_EQ(s.commit(5, ids[0], s.generation()), ErrorCode::none);
    Member a{"a", {"t"}, {}, 0, {}, {}, {}};
    EXPECT_EQ(s.leave(ids[0]), ErrorCode::none);
    EXPECT_EQ(s.join(a), ErrorCode::none);
    EXPECT_EQ(s.described_consumer().members.size(), 1U);
    EXPECT_EQ(s.committed(), 5);
    s.restart();
    EXPECT_EQ(s.described_consumer().members.size(), 1U);
    EXPECT_EQ(s.committed(), 5);
}

TEST(ConsumerTools, an_empty_group_of_the_consumer_protocol_becomes_classic) {
    ConsumerScript s;
    s.make_topic("t", 1);
    const auto a = s.joined("a", {"t"});
    ASSERT_EQ(s.commit(5, "a", 2), ErrorCode::none);
    EXPECT_EQ(s.leave_consumer(a), ErrorCode::none);
    const auto ids = s.stable(1);
    EXPECT_EQ(s.described().members.size(), 1U);
    EXPECT_EQ(code_of(s.described_consumer().error_code), ErrorCode::group_id_not_found);
    s.restart();
    EXPECT_EQ(s.described().group_state, "Stable");
    EXPECT_EQ(s.committed(), 5);
}

}  // namespace
}  // namespace ottla::broker::groups
