// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/list_offsets.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/handlers/data_plane.hpp"

namespace ottla::broker {
namespace {

using log::batch_of;
using log::TimestampOffset;

protocol::ListOffsetsRequest ask(std::int32_t partition, std::int64_t timestamp, std::int32_t epoch = -1) {
    protocol::ListOffsetsRequest request;
    request.replica_id = -1;
    auto& topic = request.topics.emplace_back();
    topic.name = "orders";
    auto& wanted = topic.partitions.emplace_back();
    wanted.partition_index = partition;
    wanted.timestamp = timestamp;
    wanted.current_leader_epoch = epoch;
    return request;
}

class ListOffsets : public testing::Test {
protected:
    ListOffsets() {
        plane_.answer<ProduceHandler>(9, DataPlane::produce(0, batch_of({{100}, {300}, {200}})));
        plane_.answer<ProduceHandler>(9, DataPlane::produce(0, batch_of({{400}})));
    }
    TimestampOffset at(std::int64_t timestamp) {
        const auto response = plane_.answer<ListOffsetsHandler>(11, ask(0, timestamp));
        const auto& answer = response.topics.at(0).partitions.at(0);
        EXPECT_EQ(answer.error_code, 0);
        return {answer.timestamp, answer.offset, answer.leader_epoch};
    }
    ErrorCode code(const protocol::ListOffsetsRequest& request, std::int16_t version = 11) {
        const auto response = plane_.answer<ListOffsetsHandler>(version, request);
        return static_cast<ErrorCode>(response.topics.at(0).partitions.at(0).error_code);
    }

    DataPlane plane_{3};
};

TEST_F(ListOffsets, answers_the_ends) {
    EXPECT_EQ(at(-1), (TimestampOffset{-1, 4, 3}));
    EXPECT_EQ(at(-2), (TimestampOffset{-1, 0, 3}));
    EXPECT_EQ(at(-3), (TimestampOffset{400, 3, 3}));
    EXPECT_EQ(at(-4), (TimestampOffset{-1, 0, 3}));
    EXPECT_EQ(at(-5), (TimestampOffset{-1, -1, -1}));
    EXPECT_EQ(at(-6), (TimestampOffset{-1, -1, -1}));
}

TEST_F(ListOffsets, answers_the_first_record_at_a_time) {
    EXPECT_EQ(at(0), (TimestampOffset{100, 0, 3}));
    EXPECT_EQ(at(101), (TimestampOffset{300, 1, 3}));
    EXPECT_EQ(at(400), (TimestampOffset{400, 3, 3}));
    EXPECT_EQ(at(401), (TimestampOffset{-1, -1, -1}));
}

TEST_F(ListOffsets, refuses_what_it_must) {
    EXPECT_EQ(code(ask(77, -1)), ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(code(ask(5, -1)), ErrorCode::not_leader_or_follower);
    EXPECT_EQ(code(ask(0, -1, 2)), ErrorCode::fenced_leader_epoch);
    EXPECT_EQ(code(ask(0, -1, 4)), ErrorCode::unknown_leader_epoch);
    EXPECT_EQ(code(ask(0, -7)), ErrorCode::unsupported_version);
    EXPECT_EQ(code(ask(0, -3), 6), ErrorCode::unsupported_version);
    EXPECT_EQ(code(ask(0, -6), 10), ErrorCode::unsupported_version);
    auto twice = ask(0, -1);
    twice.topics.push_back(twice.topics.front());
    EXPECT_EQ(code(twice), ErrorCode::invalid_request);
}

TEST_F(ListOffsets, consumers_see_what_is_committed_and_followers_the_whole_log) {
    DataPlane::Call<ProduceHandler> unsynced(plane_, 9, DataPlane::produce(0, batch_of({{500}})));
    ASSERT_FALSE(unsynced.done());
    const auto asked = [this](std::int64_t timestamp, std::int32_t replica, std::int8_t isolation = 0) {
        auto request = ask(0, timestamp);
        request.replica_id = replica;
        request.isolation_level = isolation;
        return plane_.answer<ListOffsetsHandler>(11, request).topics.at(0).partitions.at(0).offset;
    };
    for (std::int8_t isolation = 0; isolation <= 1; ++isolation) {
        EXPECT_EQ(asked(-1, -1, isolation), 4);
        EXPECT_EQ(asked(-1, 2, isolation), 5);
        EXPECT_EQ(asked(-1, -2, isolation), 5);
    }
    // Looking into the log takes its time, in which the sync ends.
    EXPECT_EQ(asked(500, -1), -1);
    EXPECT_EQ(asked(500, -1), 4);
}

TEST_F(ListOffsets, a_new_leader_tells_no_end_before_its_epoch_is_committed) {
    DataPlane::Call<ProduceHandler> unsynced(plane_, 9, DataPlane::produce(0, batch_of({{500}})));
    plane_.partition(0).lead(5);
    EXPECT_EQ(code(ask(0, -1)), ErrorCode::offset_not_available);
    EXPECT_EQ(code(ask(0, -1), 4), ErrorCode::leader_not_available);
    EXPECT_EQ(at(-2).offset, 0);
    EXPECT_EQ(at(300).offset, 1);
    plane_.bench().pass(std::chrono::milliseconds(100));
    EXPECT_EQ(at(-1), (TimestampOffset{-1, 5, 5}));
}

TEST_F(ListOffsets, an_epoch_ends_where_the_next_begins) {
    plane_.partition(0).lead(5);
    const auto end = [this](std::int32_t partition, std::int32_t epoch) {
        protocol::OffsetForLeaderEpochRequest request;
        auto& topic = request.topics.emplace_back();
        topic.topic = "orders";
        auto& wanted = topic.partitions.emplace_back();
        wanted.partition = partition;
        wanted.leader_epoch = epoch;
        return plane_.answer<OffsetForLeaderEpochHandler>(4, request).topics.at(0).partitions.at(0);
    };
    EXPECT_EQ(end(0, 3).end_offset, 4);
    EXPECT_EQ(end(0, 4).leader_epoch, 3);
    EXPECT_EQ(end(0, 5).end_offset, 4);
    EXPECT_EQ(end(0, 6).end_offset, -1);
    EXPECT_EQ(end(5, 3).error_code, static_cast<std::int16_t>(ErrorCode::not_leader_or_follower));
}

}  // namespace
}  // namespace ottla::broker
