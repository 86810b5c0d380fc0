// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/describe_log_dirs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/handlers/data_plane.hpp"

namespace ottla::broker {
namespace {

using log::batch_of;
using testing::ElementsAre;
using testing::IsEmpty;

protocol::DescribeLogDirsRequest everything() {
    protocol::DescribeLogDirsRequest request;
    request.topics.reset();
    return request;
}

protocol::DescribeLogDirsRequest only(std::string topic, std::vector<std::int32_t> partitions) {
    protocol::DescribeLogDirsRequest request;
    request.topics.emplace();
    auto& wanted = request.topics->emplace_back();
    wanted.topic = std::move(topic);
    wanted.partitions = std::move(partitions);
    return request;
}

std::vector<std::int32_t> partitions_in(const protocol::DescribeLogDirsResponse& response) {
    std::vector<std::int32_t> numbers;
    for (const auto& topic : response.results.at(0).topics) {
        EXPECT_EQ(topic.name, "orders");
        for (const auto& partition : topic.partitions) numbers.push_back(partition.partition_index);
    }
    return numbers;
}

TEST(DescribeLogDirs, tells_what_lies_in_the_directory) {
    for (const std::size_t shards : {1U, 3U}) {
        DataPlane plane(shards);
        const Bytes batch = batch_of(5);
        plane.answer<ProduceHandler>(9, DataPlane::produce(2, batch));
        const auto response = plane.answer<DescribeLogDirsHandler>(4, everything());
        EXPECT_EQ(response.error_code, 0);
        ASSERT_EQ(response.results.size(), 1U);
        EXPECT_EQ(response.results[0].error_code, 0);
        EXPECT_EQ(response.results[0].log_dir, "/data");
        EXPECT_GT(response.results[0].usable_bytes, 0);
        EXPECT_GE(response.results[0].total_bytes, response.results[0].usable_bytes);
        EXPECT_THAT(partitions_in(response), ElementsAre(0, 1, 2, 3, 4));
        const auto& partitions = response.results[0].topics[0].partitions;
        EXPECT_EQ(partitions[2].partition_size, static_cast<std::int64_t>(batch.size()));
        EXPECT_EQ(partitions[0].partition_size, 0);
        for (const auto& partition : partitions) {
            EXPECT_EQ(partition.offset_lag, 0);
            EXPECT_FALSE(partition.is_future_key);
        }
    }
}

TEST(DescribeLogDirs, tells_of_what_is_asked_for_only) {
    DataPlane plane(3);
    const auto asked = [&](const protocol::DescribeLogDirsRequest& request) {
        return partitions_in(plane.answer<DescribeLogDirsHandler>(1, request));
    };
    EXPECT_THAT(asked(only("orders", {4, 1, 5, 77})), ElementsAre(1, 4));
    EXPECT_THAT(asked(only("orders", {})), IsEmpty());
    EXPECT_THAT(asked(only("others", {0})), IsEmpty());
    protocol::DescribeLogDirsRequest nothing;
    nothing.topics.emplace();
    EXPECT_THAT(asked(nothing), IsEmpty());
}

TEST(DescribeLogDirs, a_directory_that_failed_says_so) {
    DataPlane plane;
    plane.bench().directory().take_offline(Error::of(ErrorCode::file_system));
    const auto response = plane.answer<DescribeLogDirsHandler>(5, everything());
    ASSERT_EQ(response.results.size(), 1U);
    EXPECT_EQ(static_cast<ErrorCode>(response.results[0].error_code), ErrorCode::kafka_storage_error);
    EXPECT_EQ(response.results[0].log_dir, "/data");
    EXPECT_THAT(response.results[0].topics, IsEmpty());
    EXPECT_EQ(response.results[0].total_bytes, -1);
}

TEST(DescribeLogDirs, tells_what_lies_where) {
    DataPlane plane(3);
    auto& bench = plane.bench();
    const auto second = log::LogDirectory::open(bench.disk(), "/more", {1, "cluster", Uuid{}}, {}).value();
    const auto io = log::GroupSync::make(*second, log::FlushPolicy::ack, bench.workers(), bench.timers(),
                                         bench.context().get_executor());
    auto log = second->create_log({"orders", 5}, plane.topic_id(), {}).value();
    const auto partition = Partition::make({plane.topic_id(), 5}, "orders", std::move(log), io, {});
    plane.add(*second, partition);
    bench.directory().take_offline(Error::of(ErrorCode::file_system));
    const auto response = plane.answer<DescribeLogDirsHandler>(4, everything());
    ASSERT_EQ(response.results.size(), 2U);
    EXPECT_EQ(static_cast<ErrorCode>(response.results[0].error_code), ErrorCode::kafka_storage_error);
    EXPECT_THAT(response.results[0].topics, IsEmpty());
    EXPECT_EQ(response.results[1].log_dir, "/more");
    EXPECT_EQ(response.results[1].error_code, 0);
    ASSERT_EQ(response.results[1].topics.size(), 1U);
    ASSERT_EQ(response.results[1].topics[0].partitions.size(), 1U);
    EXPECT_EQ(response.results[1].topics[0].partitions[0].partition_index, 5);
}

TEST(DescribeLogDirs, knows_how_much_room_there_is) {
    DataPlane plane;
    plane.bench().disk().set_capacity(1 << 20);
    plane.answer<ProduceHandler>(9, DataPlane::produce(0, batch_of(100)));
    const auto response = plane.answer<DescribeLogDirsHandler>(4, everything());
    EXPECT_EQ(response.results.at(0).total_bytes, 1 << 20);
    EXPECT_LT(response.results.at(0).usable_bytes, (1 << 20) - 1000);
}

}  // namespace
}  // namespace ottla::broker
