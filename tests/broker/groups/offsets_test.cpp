// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "tests/broker/groups/group_script.hpp"

namespace ottla::broker::groups {
namespace {

using FetchedGroup = protocol::OffsetFetchResponse::OffsetFetchResponseGroup;

TEST(Offsets, are_there_once_their_record_is_in_the_log) {
    GroupScript s;
    EXPECT_EQ(s.committed(), -1);
    s.fail_next_append(ErrorCode::not_coordinator);
    EXPECT_EQ(s.commit(5), ErrorCode::not_coordinator);
    EXPECT_EQ(s.committed(), -1);
    EXPECT_EQ(s.coordinator().group_count(), 0U);
    EXPECT_EQ(s.commit(6), ErrorCode::none);
    EXPECT_EQ(s.committed(), 6);
    s.restart();
    EXPECT_EQ(s.committed(), 6);
}

TEST(Offsets, bring_all_that_was_said_of_them) {
    GroupScript s;
    s.commit(5);
    const auto& value = *std::get<OffsetRecord>(s.log().back()).value;
    EXPECT_EQ(value.commit_timestamp, s.wall_ms());
    EXPECT_EQ(value.expire_timestamp, -1);
    EXPECT_EQ(value.topic_id.bytes[0], 1);
    FetchOffsets all;
    all.group_id = "g";
    const auto fetched = s.ask<FetchedGroup>(all);
    EXPECT_EQ(fetched.group_id, "g");
    ASSERT_EQ(fetched.topics.size(), 1U);
    EXPECT_EQ(fetched.topics[0].name, "t");
    const auto& one = fetched.topics[0].partitions.at(0);
    EXPECT_EQ(one.committed_offset, 5);
    EXPECT_EQ(one.committed_leader_epoch, 3);
    EXPECT_EQ(one.metadata, "m");
}

TEST(Offsets, with_a_time_to_stay_end_by_themselves) {
    GroupScript s;
    auto request = s.commit_of(5);
    request.retention_time_ms = 1000;
    s.send(request, 4);
    EXPECT_EQ(std::get<OffsetRecord>(s.log().back()).value->expire_timestamp, s.wall_ms() + 1000);
}

TEST(Offsets, that_were_never_committed_are_minus_one) {
    GroupScript s;
    FetchOffsets fetch;
    fetch.group_id = "unknown";
    auto& topic = fetch.topics.emplace().emplace_back();
    topic.name = "t";
    topic.partition_indexes = {3};
    const auto answer = s.ask<FetchedGroup>(fetch);
    EXPECT_EQ(answer.error_code, 0);
    const auto& one = answer.topics.at(0).partitions.at(0);
    EXPECT_EQ(one.partition_index, 3);
    EXPECT_EQ(one.committed_offset, -1);
    EXPECT_EQ(one.committed_leader_epoch, -1);
    EXPECT_EQ(one.metadata, "");
    fetch.topics.reset();
    EXPECT_TRUE(s.ask<FetchedGroup>(fetch).topics.empty());
}

TEST(Offsets, of_a_topic_that_was_made_again_are_not_its) {
    GroupScript s;
    s.commit(5);
    FetchOffsets fetch;
    fetch.group_id = "g";
    auto& topic = fetch.topics.emplace().emplace_back();
    topic.name = "t";
    topic.partition_indexes = {0};
    topic.topic_id.bytes[0] = 2;
    EXPECT_EQ(s.ask<FetchedGroup>(fetch).topics.at(0).partitions.at(0).committed_offset, -1);
    fetch.topics->at(0).topic_id.bytes[0] = 1;
    EXPECT_EQ(s.ask<FetchedGroup>(fetch).topics.at(0).partitions.at(0).committed_offset, 5);
}

TEST(Offsets, with_too_much_metadata_are_refused_alone) {
    GroupScript s;
    auto request = s.commit_of(5);
    auto& second = request.topics[0].partitions.emplace_back();
    second.partition_index = 1;
    second.committed_offset = 6;
    second.committed_metadata = std::string(4097, 'x');
    const auto answer = s.ask<OffsetCommitResponse>(request);
    EXPECT_EQ(answer.topics.at(0).partitions.at(0).error_code, 0);
    EXPECT_EQ(code_of(answer.topics.at(0).partitions.at(1).error_code), ErrorCode::offset_metadata_too_large);
    EXPECT_EQ(s.committed(0), 5);
    EXPECT_EQ(s.committed(1), -1);
}

TEST(Offsets, are_committed_by_members_of_the_present_generation_alone) {
    GroupScript s;
    const auto ids = s.stable(2);
    EXPECT_EQ(s.commit(5, ids[0], 1), ErrorCode::none);
    EXPECT_EQ(s.commit(6, ids[0], 0), ErrorCode::illegal_generation);
    EXPECT_EQ(s.commit(6, ids[0], 2), ErrorCode::illegal_generation);
    EXPECT_EQ(s.commit(6, "zombie", 1), ErrorCode::unknown_member_id);
    EXPECT_EQ(s.commit(6, "", -1), ErrorCode::unknown_member_id);
    EXPECT_EQ(s.commit(6, ids[0], -1), ErrorCode::illegal_generation);
    auto fenced = s.commit_of(6, ids[0], 1);
    fenced.group_instance_id = "i";
    EXPECT_EQ(code_of(s.ask<OffsetCommitResponse>(fenced).topics.at(0).partitions.at(0).error_code),
              ErrorCode::unknown_member_id);
    EXPECT_EQ(s.committed(), 5);
}

TEST(Offsets, are_committed_while_others_join_but_not_while_the_leader_deals) {
    GroupScript s;
    const auto ids = s.stable(2);
    s.send(GroupScript::join(ids[0]));
    EXPECT_EQ(s.commit(5, ids[1], 1), ErrorCode::none);
    s.send(GroupScript::join(ids[1]));
    EXPECT_EQ(s.commit(6, ids[1], 2), ErrorCode::rebalance_in_progress);
    EXPECT_EQ(s.commit(6, ids[1], 1), ErrorCode::illegal_generation);
}

TEST(Offsets, keep_their_member_alive) {
    GroupScript s;
    const auto ids = s.stable(1);
    for (int i = 0; i < 5; ++i) {
        s.pass(9s);
        EXPECT_EQ(s.commit(i, ids[0], 1), ErrorCode::none);
    }
}

TEST(Offsets, are_committed_without_members_where_there_are_none) {
    GroupScript s;
    EXPECT_EQ(s.commit(5), ErrorCode::none);
    EXPECT_EQ(s.commit(6, "admin", -1), ErrorCode::none);
    EXPECT_EQ(s.commit(7, "member", 3), ErrorCode::unknown_member_id);
    EXPECT_EQ(s.committed(), 6);
    const auto ids = s.stable(1);
    EXPECT_EQ(s.commit(8), ErrorCode::unknown_member_id);
    s.leave(ids[0]);
    EXPECT_EQ(s.commit(9), ErrorCode::none);
}

TEST(Offsets, of_a_group_that_nobody_knows_are_refused_by_the_words_of_the_version) {
    GroupScript s;
    const auto code = [&](std::int16_t version) {
        const auto answer = s.ask<OffsetCommitResponse>(s.commit_of(5, "m", 1), version);
        return code_of(answer.topics.at(0).partitions.at(0).error_code);
    };
    EXPECT_EQ(code(8), ErrorCode::illegal_generation);
    EXPECT_EQ(code(9), ErrorCode::group_id_not_found);
}

TEST(Offsets, may_belong_to_the_group_without_a_name) {
    GroupScript s;
    auto request = s.commit_of(5);
    request.group_id.clear();
    s.send(request);
    EXPECT_EQ(s.committed(0, ""), 5);
}

TEST(Offsets, with_a_time_to_stay_beyond_all_time_stay) {
    GroupScript s;
    auto request = s.commit_of(5);
    request.retention_time_ms = std::numeric_limits<std::int64_t>::max();
    s.send(request, 4);
    s.pass(24h * 365);
    EXPECT_EQ(s.committed(), 5);
}

}  // namespace
}  // namespace ottla::broker::groups
