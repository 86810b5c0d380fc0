// SPDX-License-Identifier: Apache-2.0
// Produce with producer ids, and DescribeProducers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/handlers/describe_producers.hpp"
#include "tests/broker/handlers/data_plane.hpp"

namespace ottla::broker {
namespace {

using log::batch_of;

Bytes numbered_batch(std::int64_t producer, std::int16_t epoch, std::int32_t sequence, int records = 2,
                     std::int64_t timestamp = 1000) {
    protocol::BatchStamp stamp;
    stamp.producer_id = producer;
    stamp.producer_epoch = epoch;
    stamp.base_sequence = sequence;
    return batch_of(records, 10, timestamp, stamp);
}
struct Said {
    ErrorCode code;
    std::int64_t base_offset;
    std::int64_t log_append_time_ms;
    friend bool operator==(const Said&, const Said&) = default;
    friend void PrintTo(const Said& said, std::ostream* out) {
        *out << name(said.code) << " @" << said.base_offset << " time " << said.log_append_time_ms;
    }
};
Said send_numbered(DataPlane& plane, Bytes batch, std::int16_t acks = -1) {
    const auto response = plane.answer<ProduceHandler>(9, DataPlane::produce(0, std::move(batch), acks));
    const auto& said = response.responses.at(0).partition_responses.at(0);
    return {static_cast<ErrorCode>(said.error_code), said.base_offset, said.log_append_time_ms};
}

TEST(Idempotence, a_batch_that_comes_again_is_answered_as_before) {
    for (const std::int16_t acks : {std::int16_t{-1}, std::int16_t{1}}) {
        DataPlane plane;
        for (std::int32_t i = 0; i < 6; ++i)
            EXPECT_EQ(send_numbered(plane, numbered_batch(9, 0, i * 2), acks), (Said{ErrorCode::none, i * 2, -1}));
        for (std::int32_t i = 5; i >= 1; --i)
            EXPECT_EQ(send_numbered(plane, numbered_batch(9, 0, i * 2), acks), (Said{ErrorCode::none, i * 2, -1}));
        EXPECT_EQ(send_numbered(plane, numbered_batch(9, 0, 0), acks).code, ErrorCode::out_of_order_sequence_number);
        EXPECT_EQ(plane.partition(0).log_end_offset(), 12);
        EXPECT_EQ(plane.partition(0).io().directory().counts().batches_repeated.value(), 5U);
        EXPECT_EQ(plane.partition(0).io().directory().counts().appends.value(), 6U);
    }
}

// Its records are not on stable storage yet, so it is not acknowledged either; others are not waited for.
TEST(Idempotence, a_batch_that_comes_again_waits_for_its_own_sync) {
    DataPlane plane;
    DataPlane::Call<ProduceHandler> first(plane, 9, DataPlane::produce(0, numbered_batch(9, 0, 0)));
    DataPlane::Call<ProduceHandler> again(plane, 9, DataPlane::produce(0, numbered_batch(9, 0, 0)));
    EXPECT_FALSE(first.done());
    EXPECT_FALSE(again.done());
    plane.bench().pass(std::chrono::milliseconds(5));
    EXPECT_TRUE(first.done());
    ASSERT_TRUE(again.done());
    EXPECT_EQ(again.response().responses[0].partition_responses[0].base_offset, 0);
    EXPECT_EQ(plane.partition(0).log_end_offset(), 2);
    DataPlane::Call<ProduceHandler> next(plane, 9, DataPlane::produce(0, numbered_batch(9, 0, 2)));
    DataPlane::Call<ProduceHandler> old(plane, 9, DataPlane::produce(0, numbered_batch(9, 0, 0)));
    EXPECT_FALSE(next.done());
    EXPECT_TRUE(old.done());
    plane.bench().pass(std::chrono::milliseconds(5));
}

TEST(Idempotence, gaps_and_old_epochs_are_refused_and_harm_nobody_else) {
    DataPlane plane;
    EXPECT_EQ(send_numbered(plane, numbered_batch(9, 1, 0)).code, ErrorCode::none);
    EXPECT_EQ(send_numbered(plane, numbered_batch(9, 1, 4)).code, ErrorCode::out_of_order_sequence_number);
    EXPECT_EQ(send_numbered(plane, numbered_batch(9, 0, 0)).code, ErrorCode::invalid_producer_epoch);
    EXPECT_EQ(send_numbered(plane, numbered_batch(8, 0, 7)).code, ErrorCode::none);
    EXPECT_EQ(send_numbered(plane, batch_of(2)).code, ErrorCode::none);
    EXPECT_EQ(send_numbered(plane, numbered_batch(9, 1, 2)), (Said{ErrorCode::none, 6, -1}));
    EXPECT_EQ(send_numbered(plane, numbered_batch(9, 2, 0)).code, ErrorCode::none);
    EXPECT_EQ(send_numbered(plane, numbered_batch(9, 1, 2)).code, ErrorCode::invalid_producer_epoch);
    EXPECT_EQ(plane.partition(0).log_end_offset(), 10);
    // No epoch, or no sequence: nobody knows what to make of it.
    EXPECT_EQ(send_numbered(plane, numbered_batch(9, -1, 0)).code, ErrorCode::invalid_record);
    EXPECT_EQ(send_numbered(plane, numbered_batch(9, 2, -1)).code, ErrorCode::invalid_record);
}

TEST(Idempotence, the_time_of_the_log_is_that_of_the_first_append) {
    PartitionSettings settings;
    settings.log_append_time = true;
    DataPlane plane(1, settings);
    const Said first = send_numbered(plane, numbered_batch(9, 0, 0));
    EXPECT_GE(first.log_append_time_ms, 0);
    plane.bench().pass(std::chrono::seconds(3));
    EXPECT_EQ(send_numbered(plane, numbered_batch(9, 0, 0)), first);
}

TEST(Idempotence, describe_producers_tells_what_is_known) {
    DataPlane plane;
    EXPECT_EQ(send_numbered(plane, numbered_batch(9, 1, 5, 3, 4000)).code, ErrorCode::none);
    EXPECT_EQ(send_numbered(plane, numbered_batch(7, 0, 0, 1, 2000)).code, ErrorCode::none);
    protocol::DescribeProducersRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = "orders";
    topic.partition_indexes = {0, 1, DataPlane::partition_count - 1, 99};
    const auto response = plane.answer<DescribeProducersHandler>(0, request);
    const auto& partitions = response.topics.at(0).partitions;
    ASSERT_EQ(partitions.size(), 4U);
    ASSERT_EQ(partitions[0].active_producers.size(), 2U);
    const auto& second = partitions[0].active_producers[1];
    EXPECT_EQ(partitions[0].active_producers[0].producer_id, 7);
    EXPECT_EQ(second.producer_id, 9);
    EXPECT_EQ(second.producer_epoch, 1);
    EXPECT_EQ(second.last_sequence, 7);
    EXPECT_EQ(second.last_timestamp, 4000);
    EXPECT_EQ(second.current_txn_start_offset, -1);
    EXPECT_TRUE(partitions[1].active_producers.empty());
    EXPECT_EQ(static_cast<ErrorCode>(partitions[2].error_code), ErrorCode::not_leader_or_follower);
    EXPECT_EQ(static_cast<ErrorCode>(partitions[3].error_code), ErrorCode::unknown_topic_or_partition);
    const auto refused = DescribeProducersHandler::error_answer(request, 0, ErrorCode::unknown_server_error);
    EXPECT_EQ(refused.topics.at(0).partitions.at(3).error_code, -1);
}

}  // namespace
}  // namespace ottla::broker
