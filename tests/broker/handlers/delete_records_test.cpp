// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/delete_records.hpp"

#include <gtest/gtest.h>

#include "tests/broker/handlers/data_plane.hpp"

namespace ottla::broker {
namespace {

using log::batch_of;

protocol::DeleteRecordsRequest before(std::int64_t offset, std::vector<std::int32_t> partitions = {0},
                                      std::string topic = "orders") {
    protocol::DeleteRecordsRequest request;
    auto& wanted = request.topics.emplace_back();
    wanted.name = std::move(topic);
    for (const std::int32_t partition : partitions) {
        auto& one = wanted.partitions.emplace_back();
        one.partition_index = partition;
        one.offset = offset;
    }
    return request;
}

struct Deleted {
    ErrorCode error = ErrorCode::none;
    std::int64_t low_watermark = -1;
    friend bool operator==(const Deleted&, const Deleted&) = default;
};

class DeleteRecords : public testing::Test {
protected:
    DeleteRecords() {
        for (const std::int32_t partition : {0, 1}) {
            plane_.answer<ProduceHandler>(9, DataPlane::produce(partition, batch_of(3)));
            plane_.answer<ProduceHandler>(9, DataPlane::produce(partition, batch_of(2)));
        }
    }
    std::vector<Deleted> ask(protocol::DeleteRecordsRequest request) {
        const auto response = plane_.answer<DeleteRecordsHandler>(2, std::move(request));
        std::vector<Deleted> all;
        for (const auto& answer : response.topics.at(0).partitions)
            all.push_back({static_cast<ErrorCode>(answer.error_code), answer.low_watermark});
        return all;
    }
    Deleted ask_one(protocol::DeleteRecordsRequest request) { return ask(std::move(request)).at(0); }

    DataPlane plane_{3};
};

TEST_F(DeleteRecords, moves_the_begin_of_the_log) {
    EXPECT_EQ(ask_one(before(2)), (Deleted{ErrorCode::none, 2}));
    EXPECT_EQ(plane_.partition(0).log_start_offset(), 2);
    EXPECT_EQ(plane_.partition(1).log_start_offset(), 0);
    const auto fetched = plane_.answer<FetchHandler>(12, DataPlane::fetch({{0, 1}}));
    EXPECT_EQ(static_cast<ErrorCode>(fetched.responses.at(0).partitions.at(0).error_code),
              ErrorCode::offset_out_of_range);
}

TEST_F(DeleteRecords, does_not_go_back) {
    EXPECT_EQ(ask_one(before(4)), (Deleted{ErrorCode::none, 4}));
    EXPECT_EQ(ask_one(before(1)), (Deleted{ErrorCode::none, 4}));
}

TEST_F(DeleteRecords, minus_one_is_all_that_is_committed) {
    EXPECT_EQ(ask(before(-1, {0, 1})), (std::vector<Deleted>{{ErrorCode::none, 5}, {ErrorCode::none, 5}}));
    EXPECT_EQ(plane_.partition(0).log_end_offset(), 5);
    plane_.answer<ProduceHandler>(9, DataPlane::produce(0, batch_of(1)));
    EXPECT_EQ(plane_.partition(0).log_end_offset(), 6);
}

TEST_F(DeleteRecords, each_partition_has_its_own_error) {
    EXPECT_EQ(ask(before(6, {0, 5, 77})), (std::vector<Deleted>{{ErrorCode::offset_out_of_range, -1},
                                                                {ErrorCode::not_leader_or_follower, -1},
                                                                {ErrorCode::unknown_topic_or_partition, -1}}));
    EXPECT_EQ(ask_one(before(-2)).error, ErrorCode::offset_out_of_range);
    EXPECT_EQ(ask_one(before(0, {0}, "others")).error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(plane_.partition(0).log_start_offset(), 0);
}

TEST_F(DeleteRecords, what_is_only_compacted_keeps_its_records) {
    PartitionSettings settings = plane_.partition(0).settings();
    settings.deleted = false;
    plane_.partition(0).set_settings(settings);
    EXPECT_EQ(ask_one(before(2)).error, ErrorCode::policy_violation);
    EXPECT_EQ(plane_.partition(0).log_start_offset(), 0);
}

}  // namespace
}  // namespace ottla::broker
