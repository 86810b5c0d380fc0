// SPDX-License-Identifier: Apache-2.0
// What OffsetCommit and OffsetFetch ask and what is read of their answers, by names and by ids.
#include <gtest/gtest.h>

#include "client/group/offset_requests.hpp"

namespace ottla::client {
namespace {

Uuid numbered(std::uint8_t number) {
    Uuid id;
    id.bytes[15] = number;
    return id;
}

struct Offsets {
    std::vector<TopicPartition> partitions{{"a", 0, 10}, {"a", 1, 11}, {"b", 0, 12}};
    OpenOffsets open = all_open(partitions);
    OfferedIds ids =
        OfferedIds::of(open, [](const std::string& topic) { return std::optional(numbered(topic == "a" ? 1 : 2)); });
    Error last;

    std::string errors() const {
        std::string out;
        for (const auto& tp : partitions) out += to_string(tp.error.code()) + " ";
        return out;
    }
};

TEST(OffsetRequests, a_commit_names_topics_both_ways_and_the_version_decides) {
    Offsets o;
    EXPECT_EQ(o.ids.commit_versions().max, 10);
    EXPECT_EQ(o.ids.fetch_versions().max, 10);
    const auto request = commit_request("g", {"m", 7}, "i", o.open, o.ids);
    EXPECT_EQ(request.generation_id_or_member_epoch, 7);
    EXPECT_EQ(request.group_instance_id, "i");
    ASSERT_EQ(request.topics.size(), 2U);
    EXPECT_EQ(request.topics[0].name, "a");
    EXPECT_EQ(request.topics[0].topic_id, numbered(1));
    EXPECT_EQ(request.topics[0].partitions.size(), 2U);
    EXPECT_EQ(request.topics[1].partitions[0].committed_offset, 12);
    EXPECT_EQ(commit_request("g", {"", -1}, "i", o.open, o.ids).group_instance_id, std::nullopt);
}

TEST(OffsetRequests, without_the_id_of_one_topic_all_go_by_name) {
    Offsets o;
    const auto some = OfferedIds::of(
        o.open, [](const std::string& topic) { return topic == "a" ? std::optional(numbered(1)) : std::nullopt; });
    EXPECT_EQ(some.commit_versions().max, 9);
    EXPECT_EQ(some.fetch_versions().max, 9);
    EXPECT_EQ(commit_request("g", {"m", 7}, std::nullopt, o.open, some).topics[1].name, "b");
}

TEST(OffsetRequests, a_commit_is_told_by_partition_and_what_may_pass_stays_open) {
    Offsets o;
    protocol::OffsetCommitResponse answer;
    const auto add = [&](std::uint8_t topic, std::int32_t partition, ErrorCode code) {
        auto& t = answer.topics.emplace_back();
        t.topic_id = numbered(topic);
        auto& p = t.partitions.emplace_back();
        p.partition_index = partition;
        p.error_code = static_cast<std::int16_t>(code);
    };
    add(1, 0, ErrorCode::none);
    add(1, 1, ErrorCode::stale_member_epoch);
    add(2, 0, ErrorCode::unknown_topic_id);
    add(3, 0, ErrorCode::fenced_member_epoch);  // of a topic that nobody asked of
    ASSERT_TRUE(take_commits(answer, true, o.open, o.ids, o.last));
    EXPECT_EQ(o.last, ErrorCode::stale_member_epoch);
    EXPECT_EQ(o.open.size(), 1U);
    EXPECT_EQ(o.errors(), "NONE STALE_MEMBER_EPOCH UNKNOWN_TOPIC_ID ");
    for (const auto code : {ErrorCode::unknown_member_id, ErrorCode::fenced_member_epoch, ErrorCode::illegal_generation,
                            ErrorCode::fenced_instance_id, ErrorCode::group_authorization_failed}) {
        answer.topics.clear();
        add(1, 1, code);
        EXPECT_EQ(take_commits(answer, true, o.open, o.ids, o.last).error(), code) << "the group as a whole";
    }
}

TEST(OffsetRequests, a_fetch_says_who_asks_and_takes_no_id_that_is_gone_for_nothing_committed) {
    Offsets o;
    auto request = fetch_request("g", {"m", 7}, o.open, o.ids, 10);
    ASSERT_EQ(request.groups.size(), 1U);
    EXPECT_EQ(request.groups[0].member_id, "m");
    EXPECT_EQ(request.groups[0].member_epoch, 7);
    EXPECT_EQ((*request.groups[0].topics)[1].topic_id, numbered(2));
    EXPECT_TRUE(request.require_stable);
    request = fetch_request("g", {"m", -1}, o.open, o.ids, 9);
    EXPECT_EQ(request.groups[0].member_id, std::nullopt);
    EXPECT_EQ(request.groups[0].member_epoch, -1);
    EXPECT_EQ(fetch_request("g", {"m", 7}, o.open, o.ids, 7).topics->size(), 2U);

    protocol::OffsetFetchResponse answer;
    auto& group = answer.groups.emplace_back();
    const auto add = [&](std::uint8_t topic, std::int32_t partition, std::int64_t offset, ErrorCode code) {
        auto& t = group.topics.emplace_back();
        t.topic_id = numbered(topic);
        auto& p = t.partitions.emplace_back();
        p.partition_index = partition;
        p.committed_offset = offset;
        p.error_code = static_cast<std::int16_t>(code);
    };
    add(1, 0, 5, ErrorCode::none);
    add(1, 1, -1, ErrorCode::none);
    add(2, 0, -1, ErrorCode::unknown_topic_id);
    ASSERT_TRUE(take_committed(answer, 10, o.open, o.ids, o.last));
    EXPECT_EQ(o.partitions[0].offset, Offset(5));
    EXPECT_EQ(o.partitions[1].offset, Offset::invalid());
    EXPECT_EQ(o.open.size(), 1U);
    EXPECT_EQ(o.last, ErrorCode::unknown_topic_id);
    group.error_code = static_cast<std::int16_t>(ErrorCode::stale_member_epoch);
    EXPECT_EQ(take_committed(answer, 10, o.open, o.ids, o.last).error(), ErrorCode::stale_member_epoch);
}

}  // namespace
}  // namespace ottla::client
