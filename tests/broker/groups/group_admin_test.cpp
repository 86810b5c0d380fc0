// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "tests/broker/groups/group_script.hpp"

namespace ottla::broker::groups {
namespace {

using protocol::ListGroupsResponse;
using protocol::OffsetDeleteRequest;
using protocol::OffsetDeleteResponse;

std::vector<std::string> listed(GroupScript& s, std::vector<std::string> states = {},
                                std::vector<std::string> types = {}) {
    std::vector<std::string> words;
    const auto answer = s.ask<ListGroupsResponse>(ListGroups{std::move(states), std::move(types)}, 5);
    for (const auto& one : answer.groups)
        words.push_back(one.group_id + " " + one.protocol_type + " " + one.group_state + " " + one.group_type);
    return words;
}

OffsetDeleteResponse drop(GroupScript& s, const std::string& topic, std::string group_id = "g") {
    OffsetDeleteRequest request;
    request.group_id = std::move(group_id);
    auto& one = request.topics.emplace_back();
    one.name = topic;
    one.partitions.resize(2);
    one.partitions[1].partition_index = 1;
    return s.ask<OffsetDeleteResponse>(request, 0);
}

TEST(ListedGroups, are_chosen_by_state_and_type) {
    GroupScript s;
    EXPECT_TRUE(listed(s).empty());
    auto simple = s.commit_of(5);
    simple.group_id = "a simple one";
    s.send(simple);
    s.stable(1);
    using testing::ElementsAre;
    EXPECT_THAT(listed(s), ElementsAre("a simple one  Empty classic", "g consumer Stable classic"));
    EXPECT_THAT(listed(s, {"stable"}), ElementsAre("g consumer Stable classic"));
    EXPECT_THAT(listed(s, {"Dead", "EMPTY"}, {"Classic"}), ElementsAre("a simple one  Empty classic"));
    EXPECT_TRUE(listed(s, {}, {"consumer"}).empty());
    EXPECT_TRUE(listed(s, {"nonsense"}).empty());
}

TEST(DescribedGroups, tell_of_a_stable_group_who_reads_what) {
    GroupScript s;
    const auto ids = s.stable(2);
    const auto group = s.described();
    EXPECT_EQ(group.group_state, "Stable");
    EXPECT_EQ(group.protocol_type, "consumer");
    EXPECT_EQ(group.protocol_data, "range");
    ASSERT_EQ(group.members.size(), 2U);
    EXPECT_EQ(group.members[0].member_id, ids[0]);
    EXPECT_EQ(group.members[0].client_id, "c");
    EXPECT_EQ(group.members[0].client_host, "/127.0.0.1");
    EXPECT_EQ(group.members[0].member_metadata.text(), "range metadata");
    EXPECT_EQ(group.members[0].member_assignment.text(), "for " + ids[0]);
}

TEST(DescribedGroups, tell_no_protocol_while_members_join) {
    GroupScript s;
    const auto ids = s.stable(2);
    s.send(GroupScript::join(ids[0]));
    const auto group = s.described();
    EXPECT_EQ(group.group_state, "PreparingRebalance");
    EXPECT_EQ(group.protocol_data, "");
    ASSERT_EQ(group.members.size(), 2U);
    EXPECT_TRUE(group.members[0].member_metadata.empty());
}

TEST(DescribedGroups, that_nobody_knows_are_dead_by_the_words_of_the_version) {
    GroupScript s;
    const auto old = s.described("nowhere", 5);
    EXPECT_EQ(old.error_code, 0);
    EXPECT_EQ(old.group_state, "Dead");
    EXPECT_FALSE(old.error_message);
    const auto now = s.described("nowhere", 6);
    EXPECT_EQ(code_of(now.error_code), ErrorCode::group_id_not_found);
    EXPECT_EQ(now.group_state, "Dead");
    EXPECT_TRUE(now.error_message);
    EXPECT_EQ(s.coordinator().group_count(), 0U);
}

TEST(DeletedGroups, are_gone_with_their_offsets_for_good) {
    GroupScript s;
    EXPECT_EQ(s.remove_group(), ErrorCode::group_id_not_found);
    const auto ids = s.stable(1);
    s.commit(5, ids[0], 1);
    EXPECT_EQ(s.remove_group(), ErrorCode::non_empty_group);
    s.leave(ids[0]);
    EXPECT_EQ(s.remove_group(), ErrorCode::none);
    EXPECT_EQ(s.coordinator().group_count(), 0U);
    EXPECT_EQ(s.committed(), -1);
    s.restart();
    EXPECT_EQ(s.coordinator().group_count(), 0U);
    EXPECT_EQ(s.remove_group(), ErrorCode::group_id_not_found);
}

TEST(DeletedGroups, stay_when_the_log_takes_nothing) {
    GroupScript s;
    s.commit(5);
    s.fail_next_append(ErrorCode::not_coordinator);
    EXPECT_EQ(s.remove_group(), ErrorCode::not_coordinator);
    EXPECT_EQ(s.committed(), 5);
}

TEST(DeletedGroups, may_have_more_offsets_than_fit_into_a_batch) {
    GroupScript s;
    auto request = s.commit_of(5);
    for (std::int32_t i = 1; i < 2500; ++i) {
        request.topics[0].partitions.push_back(request.topics[0].partitions[0]);
        request.topics[0].partitions.back().partition_index = i;
    }
    s.send(request);
    s.fail_append_after(1, ErrorCode::not_coordinator);
    EXPECT_EQ(s.remove_group(), ErrorCode::not_coordinator);
    EXPECT_EQ(s.committed(2499), 5);
    EXPECT_EQ(s.remove_group(), ErrorCode::none);
    EXPECT_EQ(s.coordinator().group_count(), 0U);
    s.restart();
    EXPECT_EQ(s.coordinator().group_count(), 0U);
}

TEST(DeletedOffsets, are_those_that_nobody_reads) {
    GroupScript s;
    EXPECT_EQ(code_of(drop(s, "t").error_code), ErrorCode::group_id_not_found);
    EXPECT_EQ(code_of(drop(s, "t", "").error_code), ErrorCode::invalid_group_id);
    const auto id = s.stable_reader_of({"u"});
    s.commit(5, id, 1);
    const auto read = drop(s, "u").topics.at(0);
    EXPECT_EQ(code_of(read.partitions.at(0).error_code), ErrorCode::group_subscribed_to_topic);
    const auto gone = drop(s, "t");
    EXPECT_EQ(gone.error_code, 0);
    EXPECT_EQ(gone.topics.at(0).partitions.at(0).error_code, 0);
    EXPECT_EQ(gone.topics.at(0).partitions.at(1).error_code, 0);
    EXPECT_EQ(s.committed(), -1);
    s.restart();
    EXPECT_EQ(s.committed(), -1);
    // What was read from the log knows what it reads.
    EXPECT_EQ(code_of(drop(s, "u").topics.at(0).partitions.at(0).error_code), ErrorCode::group_subscribed_to_topic);
}

TEST(DeletedOffsets, of_a_group_of_others_than_consumers_must_wait_until_it_is_empty) {
    GroupScript s;
    auto request = GroupScript::join("");
    request.protocol_type = "connect";
    const auto id = s.ask<JoinGroupResponse>(request, 3).member_id;
    EXPECT_EQ(code_of(drop(s, "t").error_code), ErrorCode::non_empty_group);
    s.leave(id);
    EXPECT_EQ(drop(s, "t").error_code, 0);
}

TEST(DeletedOffsets, of_consumers_whose_topics_cannot_be_read_stay) {
    GroupScript s;
    const auto ids = s.stable(1);
    s.commit(5, ids[0], 1);
    EXPECT_EQ(code_of(drop(s, "t").topics.at(0).partitions.at(0).error_code), ErrorCode::group_subscribed_to_topic);
    s.leave(ids[0]);
    EXPECT_EQ(drop(s, "t").topics.at(0).partitions.at(0).error_code, 0);
    EXPECT_EQ(s.committed(), -1);
}

}  // namespace
}  // namespace ottla::broker::groups
