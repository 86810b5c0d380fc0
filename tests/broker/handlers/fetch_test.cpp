// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/fetch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/handlers/data_plane.hpp"

namespace ottla::broker {
namespace {

using namespace std::chrono_literals;
using log::batch_of;
using log::values_in;
using testing::ElementsAre;

const auto& answer_of(const protocol::FetchResponse& response, std::size_t i = 0) {
    return response.responses.at(0).partitions.at(i);
}
std::size_t bytes_of(const protocol::FetchResponse& response, std::size_t i = 0) {
    return answer_of(response, i).records->size();
}
ErrorCode code_of(const protocol::FetchResponse& response, std::size_t i = 0) {
    return static_cast<ErrorCode>(answer_of(response, i).error_code);
}
void append(DataPlane& plane, std::int32_t partition, const Bytes& batch) {
    plane.answer<ProduceHandler>(9, DataPlane::produce(partition, batch));
}

class Fetch : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Shards, Fetch, testing::Values(1, 3));

TEST_P(Fetch, brings_what_was_produced) {
    DataPlane plane(GetParam());
    for (std::int32_t p = 0; p < 5; ++p) append(plane, p, batch_of({{1, "value " + std::to_string(p)}}));
    const auto response = plane.answer<FetchHandler>(12, DataPlane::fetch({{0, 0}, {1, 0}, {2, 0}, {3, 0}, {4, 1}}));
    for (std::size_t p = 0; p < 4; ++p) {
        EXPECT_EQ(code_of(response, p), ErrorCode::none);
        EXPECT_EQ(answer_of(response, p).high_watermark, 1);
        EXPECT_EQ(answer_of(response, p).last_stable_offset, 1);
        EXPECT_EQ(answer_of(response, p).log_start_offset, 0);
        const auto bytes = answer_of(response, p).records->flatten().value();
        EXPECT_THAT(values_in(bytes), ElementsAre("value " + std::to_string(p)));
    }
    EXPECT_EQ(bytes_of(response, 4), 0U);
    EXPECT_EQ(response.session_id, 0);
}

TEST(FetchSizes, are_those_of_one_shard_however_many_there_are) {
    DataPlane one(1), three(3);
    for (DataPlane* plane : {&one, &three}) {
        for (std::int32_t p = 0; p < 4; ++p)
            for (int i = 0; i < 3; ++i) append(*plane, p, batch_of(1, 1000));
    }
    const auto sizes = [](DataPlane& plane, std::int32_t bytes_max, std::int32_t partition_bytes_max) {
        auto request = DataPlane::fetch({{0, 0}, {1, 3}, {2, 0}, {3, 0}});
        request.max_bytes = bytes_max;
        for (auto& partition : request.topics[0].partitions) partition.partition_max_bytes = partition_bytes_max;
        const auto response = plane.answer<FetchHandler>(12, request);
        std::vector<std::size_t> found;
        for (std::size_t p = 0; p < 4; ++p) found.push_back(bytes_of(response, p));
        return found;
    };
    for (const std::int32_t partition_bytes_max : {1500, 2500, 10'000})
        for (std::int32_t bytes_max = 0; bytes_max <= 12'000; bytes_max += 100)
            EXPECT_EQ(sizes(three, bytes_max, partition_bytes_max), sizes(one, bytes_max, partition_bytes_max))
                << bytes_max << ", " << partition_bytes_max << " of a partition";
    EXPECT_GT(sizes(three, 1, 1)[0], 1000U) << "the first batch comes whole";
    EXPECT_EQ(sizes(three, 1, 1)[2], 0U);
    EXPECT_GT(sizes(three, 10'000, 10'000)[3], 3000U);
}

TEST_P(Fetch, waits_for_records_and_is_woken) {
    DataPlane plane(GetParam());
    DataPlane::Call<FetchHandler> call(plane, 12, DataPlane::fetch({{0, 0}, {1, 0}, {2, 0}, {3, 0}, {4, 0}}));
    plane.bench().pass(100ms);
    EXPECT_FALSE(call.done());
    EXPECT_EQ(plane.waiters(), 5U);
    append(plane, 3, batch_of(2));
    plane.bench().run();
    ASSERT_TRUE(call.done());
    EXPECT_GT(bytes_of(call.response(), 3), 0U);
    plane.bench().run();
    EXPECT_EQ(plane.waiters(), 0U);
}

TEST_P(Fetch, answers_empty_at_its_deadline) {
    DataPlane plane(GetParam());
    DataPlane::Call<FetchHandler> call(plane, 12, DataPlane::fetch({{0, 0}, {3, 0}}));
    plane.bench().pass(499ms);
    EXPECT_FALSE(call.done());
    plane.bench().pass(1ms);
    ASSERT_TRUE(call.done());
    EXPECT_EQ(code_of(call.response()), ErrorCode::none);
    EXPECT_EQ(bytes_of(call.response()), 0U);
    EXPECT_EQ(plane.waiters(), 0U);
}

TEST_P(Fetch, waits_for_the_least_bytes) {
    DataPlane plane(GetParam());
    const Bytes batch = batch_of(1, 100);
    auto request = DataPlane::fetch({{0, 0}, {1, 0}});
    request.min_bytes = static_cast<std::int32_t>(2 * batch.size() + 1);
    request.max_wait_ms = 10'000;
    DataPlane::Call<FetchHandler> call(plane, 12, request);
    append(plane, 0, batch);
    append(plane, 1, batch);
    EXPECT_FALSE(call.done());
    append(plane, 0, batch);
    plane.bench().run();
    ASSERT_TRUE(call.done());
    EXPECT_EQ(bytes_of(call.response(), 0), 2 * batch.size());
    EXPECT_EQ(bytes_of(call.response(), 1), batch.size());
}

TEST_P(Fetch, a_connection_that_goes_leaves_no_wait) {
    DataPlane plane(GetParam());
    {
        DataPlane::Call<FetchHandler> call(plane, 12, DataPlane::fetch({{0, 0}, {1, 0}, {2, 0}}));
        plane.bench().run();
        EXPECT_EQ(plane.waiters(), 3U);
        call.stop.emit(boost::asio::cancellation_type::all);
        plane.bench().run();
        EXPECT_TRUE(call.cancelled);
    }
    EXPECT_EQ(plane.waiters(), 0U);
}

TEST_P(Fetch, keeps_to_its_sizes) {
    DataPlane plane(GetParam());
    const Bytes batch = batch_of(1, 1000);
    for (std::int32_t p = 0; p < 3; ++p) {
        for (int i = 0; i < 4; ++i) append(plane, p, batch);
    }
    auto request = DataPlane::fetch({{0, 0}, {1, 0}, {2, 0}});
    request.max_bytes = static_cast<std::int32_t>(5 * batch.size());
    auto response = plane.answer<FetchHandler>(12, request);
    std::size_t sum = 0;
    for (std::size_t p = 0; p < 3; ++p) sum += bytes_of(response, p);
    EXPECT_LE(sum, 5 * batch.size());
    EXPECT_EQ(bytes_of(response, 0), 4 * batch.size());
    // The broker's own limit counts as well.
    plane.config().fetch_bytes_max = static_cast<std::int32_t>(2 * batch.size());
    response = plane.answer<FetchHandler>(12, request);
    EXPECT_EQ(bytes_of(response, 0), 2 * batch.size());
    EXPECT_EQ(bytes_of(response, 1), 0U);
    // The first batch comes whole, whatever the sizes say (KIP-74), but only one.
    request.max_bytes = 1;
    for (auto& partition : request.topics[0].partitions) partition.partition_max_bytes = 1;
    response = plane.answer<FetchHandler>(12, request);
    EXPECT_EQ(bytes_of(response, 0), batch.size());
    EXPECT_EQ(bytes_of(response, 1), 0U);
    EXPECT_EQ(bytes_of(response, 2), 0U);
}

TEST(Fetch, answers_errors_at_once) {
    DataPlane plane;
    append(plane, 0, batch_of(3));
    const auto code = [&](std::int32_t partition, std::int64_t offset, std::int32_t epoch = -1) {
        auto request = DataPlane::fetch({{partition, offset}, {1, 0}});
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        DataPlane::Call<FetchHandler> call(plane, 12, request);
        EXPECT_TRUE(call.done());
        return code_of(call.response());
    };
    EXPECT_EQ(code(0, 4), ErrorCode::offset_out_of_range);
    EXPECT_EQ(code(0, -1), ErrorCode::offset_out_of_range);
    EXPECT_EQ(code(77, 0), ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(code(5, 0), ErrorCode::not_leader_or_follower);
    EXPECT_EQ(code(0, 0, 2), ErrorCode::fenced_leader_epoch);
    EXPECT_EQ(code(0, 0, 4), ErrorCode::unknown_leader_epoch);
    EXPECT_EQ(code(0, 0, 3), ErrorCode::none);
}

TEST(Fetch, names_the_leader_that_it_is_not) {
    DataPlane plane;
    const auto response = plane.answer<FetchHandler>(16, DataPlane::fetch({{5, 0}}));
    EXPECT_EQ(answer_of(response).current_leader.leader_id, 2);
    EXPECT_EQ(response.node_endpoints.at(0).port, 9093);
    EXPECT_EQ(answer_of(response).high_watermark, -1);
}

TEST(Fetch, knows_topics_by_id) {
    DataPlane plane;
    append(plane, 0, batch_of(1));
    auto request = DataPlane::fetch({{0, 0}});
    request.topics[0].topic.clear();
    EXPECT_GT(bytes_of(plane.answer<FetchHandler>(13, request)), 0U);
    request.topics[0].topic_id.bytes[3] = 1;
    EXPECT_EQ(code_of(plane.answer<FetchHandler>(13, request)), ErrorCode::unknown_topic_id);
}

TEST(Fetch, puts_an_error_where_the_version_has_it) {
    auto request = DataPlane::fetch({{0, 0}, {1, 0}});
    EXPECT_EQ(FetchHandler::error_answer(request, 12, ErrorCode::fetch_session_id_not_found).error_code, 70);
    EXPECT_EQ(FetchHandler::error_answer(request, 4, ErrorCode::corrupt_message).responses[0].partitions.size(), 2U);
}

TEST(Fetch, says_null_aborted_transactions_only_to_who_reads_uncommitted) {
    DataPlane plane;
    append(plane, 0, batch_of(1));
    auto request = DataPlane::fetch({{0, 0}});
    EXPECT_FALSE(answer_of(plane.answer<FetchHandler>(12, request)).aborted_transactions.has_value());
    request.isolation_level = 1;
    const auto response = plane.answer<FetchHandler>(12, request);
    EXPECT_TRUE(answer_of(response).aborted_transactions.has_value());
    EXPECT_GT(bytes_of(response), 0U);
}

TEST(Fetch, tells_where_histories_part) {
    DataPlane plane;
    append(plane, 0, batch_of(3));
    auto request = DataPlane::fetch({{0, 3}});
    request.topics[0].partitions[0].last_fetched_epoch = 3;
    request.max_wait_ms = 0;
    EXPECT_EQ(answer_of(plane.answer<FetchHandler>(12, request)).diverging_epoch.epoch, -1);
    plane.partition(0).lead(5);
    append(plane, 0, batch_of(3));
    request.topics[0].partitions[0].fetch_offset = 5;
    const auto diverging = answer_of(plane.answer<FetchHandler>(12, request)).diverging_epoch;
    EXPECT_EQ(diverging.epoch, 3);
    EXPECT_EQ(diverging.end_offset, 3);
    // Nothing can be said of an epoch that nobody here has heard of.
    request.topics[0].partitions[0].last_fetched_epoch = 99;
    const auto unknown = plane.answer<FetchHandler>(12, request);
    EXPECT_EQ(answer_of(unknown).error_code, static_cast<std::int16_t>(ErrorCode::offset_out_of_range));
    EXPECT_EQ(answer_of(unknown).diverging_epoch.epoch, -1);
}

// Two transactions, the first aborted, the second still open.
TEST_P(Fetch, tells_who_reads_committed_records_what_was_aborted) {
    DataPlane plane(GetParam());
    Partition& partition = plane.partition(2);
    const auto write = [&](std::int64_t producer, const Bytes& bytes, log::Origin origin) {
        ASSERT_TRUE(partition.append(bytes.span(), origin, 3, 1000)) << producer;
        plane.bench().pass(20ms);
    };
    const auto in_transaction = [](std::int64_t producer) {
        protocol::BatchStamp stamp;
        stamp.producer_id = producer;
        stamp.producer_epoch = 0;
        stamp.base_sequence = 0;
        stamp.transactional = true;
        return stamp;
    };
    write(7, batch_of(2, 10, 1000, in_transaction(7)), log::Origin::client);
    write(7, protocol::build_marker_batch(0, 3, 1000, 7, 0, {false, 1}).freeze(), log::Origin::coordinator);
    write(8, batch_of(2, 10, 1000, in_transaction(8)), log::Origin::client);

    auto committed = DataPlane::fetch({{2, 0}});
    committed.isolation_level = 1;
    const auto told = plane.answer<FetchHandler>(12, std::move(committed));
    EXPECT_EQ(answer_of(told).high_watermark, 5);
    EXPECT_EQ(answer_of(told).last_stable_offset, 3);
    EXPECT_EQ(values_in(answer_of(told).records->flatten().value().span()).size(), 3U);  // the marker is one of them
    ASSERT_EQ(answer_of(told).aborted_transactions->size(), 1U);
    EXPECT_EQ(answer_of(told).aborted_transactions->at(0).producer_id, 7);
    EXPECT_EQ(answer_of(told).aborted_transactions->at(0).first_offset, 0);

    auto behind = DataPlane::fetch({{2, 3}});
    behind.isolation_level = 1;
    behind.max_wait_ms = 0;
    const auto nothing = plane.answer<FetchHandler>(12, std::move(behind));
    EXPECT_EQ(bytes_of(nothing), 0U);
    EXPECT_TRUE(answer_of(nothing).aborted_transactions->empty());

    const auto all = plane.answer<FetchHandler>(12, DataPlane::fetch({{2, 0}}));
    EXPECT_EQ(values_in(answer_of(all).records->flatten().value().span()).size(), 5U);
    EXPECT_FALSE(answer_of(all).aborted_transactions.has_value());
}

}  // namespace
}  // namespace ottla::broker
