// SPDX-License-Identifier: Apache-2.0
// Offsets and groups that go by themselves, on the default settings: kept for seven days, looked at every ten minutes.
#include "tests/broker/groups/group_script.hpp"

namespace ottla::broker::groups {
namespace {

constexpr auto day = 24h;
constexpr auto look = 10min;

TEST(CleanUp, takes_offsets_of_a_group_without_members_after_their_time) {
    GroupScript s;
    s.commit(5);
    s.pass(4 * day);
    s.commit(6);
    s.pass(7 * day - look);
    EXPECT_EQ(s.committed(), 6);
    s.pass(2 * look);
    EXPECT_EQ(s.committed(), -1);
    EXPECT_EQ(s.coordinator().group_count(), 0U);
    s.restart();
    EXPECT_EQ(s.coordinator().group_count(), 0U);
}

TEST(CleanUp, counts_from_the_moment_that_the_last_member_left) {
    GroupScript s;
    const auto id = s.stable_reader_of({"t"});
    s.commit(5, id, 1);
    for (int i = 0; i < 10; ++i) {
        // Time passes in which it is alive; coming and going of heartbeats is not what is looked at.
        for (int k = 0; k < 10'000; ++k) {
            s.pass(9s);
            ASSERT_EQ(s.heartbeat(id, 1), ErrorCode::none);
        }
    }
    EXPECT_EQ(s.committed(), 5);
    s.leave(id);
    s.pass(7 * day - look);
    EXPECT_EQ(s.committed(), 5);
    s.restart();
    s.pass(2 * look);
    EXPECT_EQ(s.committed(), -1);
    EXPECT_EQ(s.coordinator().group_count(), 0U);
}

TEST(CleanUp, spares_what_an_operator_committed_after_the_last_member_left) {
    GroupScript s;
    const auto id = s.stable_reader_of({"t"});
    s.leave(id);
    s.commit(1);
    s.pass(6 * day);
    s.commit(2);
    s.pass(6 * day);
    EXPECT_EQ(s.committed(), 2);
}

TEST(CleanUp, takes_of_a_stable_group_what_it_no_longer_reads) {
    GroupSettings settings = GroupScript::quick();
    settings.retention_ms = 60'000;
    settings.retention_check_interval_ms = 10'000;
    GroupScript s(settings);
    const auto id = s.stable_reader_of({"u"});
    auto request = s.commit_of(5, id, 1);
    request.topics.push_back(request.topics[0]);
    request.topics[1].name = "u";
    s.send(request);
    for (int i = 0; i < 10; ++i) {
        s.pass(8s);
        ASSERT_EQ(s.heartbeat(id, 1), ErrorCode::none);
    }
    EXPECT_EQ(s.committed(), -1);
    FetchOffsets all;
    all.group_id = "g";
    const auto left = s.ask<protocol::OffsetFetchResponse::OffsetFetchResponseGroup>(all);
    ASSERT_EQ(left.topics.size(), 1U);
    EXPECT_EQ(left.topics[0].name, "u");
}

TEST(CleanUp, takes_nothing_of_consumers_whose_topics_cannot_be_read) {
    GroupSettings settings = GroupScript::quick();
    settings.retention_ms = 1;
    settings.retention_check_interval_ms = 1'000;
    GroupScript s(settings);
    const auto ids = s.stable(1);
    s.commit(5, ids[0], 1);
    s.pass(9s);
    EXPECT_EQ(s.committed(), 5);
}

TEST(CleanUp, takes_offsets_with_a_time_of_their_own_when_that_is_over) {
    GroupScript s;
    auto request = s.commit_of(5);
    request.retention_time_ms = 3'600'000;
    s.send(request, 4);
    s.pass(50min);
    EXPECT_EQ(s.committed(), 5);
    s.pass(2 * look);
    EXPECT_EQ(s.committed(), -1);
}

TEST(CleanUp, takes_empty_groups_that_have_no_offsets) {
    GroupScript s;
    const auto id = s.stable_reader_of({"t"});
    s.leave(id);
    EXPECT_EQ(s.described().group_state, "Empty");
    s.pass(look);
    EXPECT_EQ(s.described().group_state, "Dead");
    s.restart();
    EXPECT_EQ(s.coordinator().group_count(), 0U);
}

TEST(CleanUp, comes_again_where_the_log_took_nothing) {
    GroupScript s;
    s.commit(5);
    s.pass(7 * day - look);
    s.fail_next_append(ErrorCode::coordinator_not_available);
    s.pass(look);
    EXPECT_EQ(s.committed(), 5);
    s.pass(look);
    EXPECT_EQ(s.committed(), -1);
}

TEST(CleanUp, takes_many_in_several_batches) {
    GroupScript s;
    auto request = s.commit_of(5);
    for (std::int32_t i = 1; i < 1500; ++i) {
        request.topics[0].partitions.push_back(request.topics[0].partitions[0]);
        request.topics[0].partitions.back().partition_index = i;
    }
    for (const char* group : {"a", "b", "c"}) {
        request.group_id = group;
        s.send(request);
    }
    s.pass(7 * day + look);
    EXPECT_EQ(s.coordinator().group_count(), 0U);
    EXPECT_LE(s.largest_append_but(1500), drop_records_max);
}

TEST(CleanUp, forgets_offsets_of_topics_that_are_gone) {
    GroupScript s;
    auto request = s.commit_of(5);
    request.topics.push_back(request.topics[0]);
    request.topics[1].name = "u";
    for (int i = 0; i < 600; ++i) {
        request.group_id = "g" + std::to_string(i);
        s.send(request);
    }
    s.delete_topics([](const std::string& name, const Uuid& id) { return name == "t" && id.bytes[0] == 2; });
    EXPECT_EQ(s.committed(0, "g0"), 5);
    s.delete_topics([](const std::string& name, const Uuid& id) { return name == "t" && id.bytes[0] == 1; });
    EXPECT_EQ(s.committed(0, "g0"), -1);
    EXPECT_EQ(s.coordinator().group_count(), 600U);
    s.delete_topics([](const std::string&, const Uuid&) { return true; });
    EXPECT_EQ(s.coordinator().group_count(), 0U);
    s.restart();
    EXPECT_EQ(s.coordinator().group_count(), 0U);
}

TEST(CleanUp, keeps_batches_small_where_names_are_long) {
    GroupScript s;
    auto request = s.commit_of(5);
    request.group_id = std::string(30'000, 'g');
    auto& partitions = request.topics[0].partitions;
    partitions.resize(100, partitions[0]);
    for (std::int32_t i = 0; i < 100; ++i) partitions[static_cast<std::size_t>(i)].partition_index = i;
    s.send(request);
    s.pass(7 * day + 2 * look);
    EXPECT_EQ(s.coordinator().group_count(), 0U);
    EXPECT_LE(s.largest_append_but(100), 10U);
}

}  // namespace
}  // namespace ottla::broker::groups
