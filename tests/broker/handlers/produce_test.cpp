// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/produce.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/handlers/data_plane.hpp"

namespace ottla::broker {
namespace {

using namespace std::chrono_literals;
using log::batch_of;
using Kind = log::MemoryDisk::Kind;

const auto& only_partition(const protocol::ProduceResponse& response) {
    return response.responses.at(0).partition_responses.at(0);
}
ErrorCode code_of(const protocol::ProduceResponse& response) {
    return static_cast<ErrorCode>(only_partition(response).error_code);
}
ErrorCode code_of(DataPlane& plane, protocol::ProduceRequest request, std::int16_t version = 9) {
    return code_of(plane.answer<ProduceHandler>(version, std::move(request)));
}

class Produce : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Shards, Produce, testing::Values(1, 3));

TEST_P(Produce, answers_acks_all_after_the_sync) {
    DataPlane plane(GetParam());
    DataPlane::Call<ProduceHandler> call(plane, 9, DataPlane::produce(0, batch_of(3)));
    plane.bench().pass(1ms);
    EXPECT_FALSE(call.done());
    plane.bench().pass(1ms);
    ASSERT_TRUE(call.done());
    const auto& answer = only_partition(call.response());
    EXPECT_EQ(answer.error_code, 0);
    EXPECT_EQ(answer.base_offset, 0);
    EXPECT_EQ(answer.log_append_time_ms, -1);
    EXPECT_EQ(answer.log_start_offset, 0);
    EXPECT_EQ(plane.partition(0).high_watermark(), 3);
}

TEST_P(Produce, answers_acks_one_after_the_write) {
    DataPlane plane(GetParam());
    DataPlane::Call<ProduceHandler> call(plane, 9, DataPlane::produce(0, batch_of(3), 1));
    EXPECT_TRUE(call.done());
    EXPECT_TRUE(call.context.answer);
    EXPECT_EQ(plane.partition(0).log_end_offset(), 3);
    EXPECT_EQ(plane.partition(0).high_watermark(), 0);
    plane.bench().pass(12ms);
    EXPECT_EQ(plane.partition(0).high_watermark(), 3);
}

TEST_P(Produce, serves_many_partitions_in_one_request) {
    DataPlane plane(GetParam());
    auto request = DataPlane::produce(0, batch_of(1));
    for (std::int32_t p = 1; p < DataPlane::partition_count; ++p) DataPlane::add(request, p, batch_of(p + 1));
    const auto response = plane.answer<ProduceHandler>(12, request);
    for (std::int32_t p = 0; p < DataPlane::partition_count; ++p) {
        const auto& answer = response.responses.at(0).partition_responses.at(static_cast<std::size_t>(p));
        EXPECT_EQ(answer.index, p);
        if (p == DataPlane::partition_count - 1) {
            // Another broker's: who it is, and where (KIP-951).
            EXPECT_EQ(answer.error_code, static_cast<std::int16_t>(ErrorCode::not_leader_or_follower));
            EXPECT_EQ(answer.base_offset, -1);
            EXPECT_EQ(answer.current_leader.leader_id, 2);
            EXPECT_EQ(answer.current_leader.leader_epoch, 3);
            EXPECT_EQ(response.node_endpoints.at(0).host, "second");
        } else {
            EXPECT_EQ(answer.error_code, 0);
            EXPECT_EQ(plane.partition(p).high_watermark(), p + 1);
        }
    }
    EXPECT_EQ(plane.waiters(), 0U);
}

TEST(Produce, with_acks_zero_answers_nothing) {
    DataPlane plane;
    DataPlane::Call<ProduceHandler> call(plane, 9, DataPlane::produce(0, batch_of(3), 0));
    EXPECT_TRUE(call.done());
    EXPECT_FALSE(call.context.answer);
    EXPECT_EQ(plane.partition(0).log_end_offset(), 3);
    DataPlane::Call<ProduceHandler> failing(plane, 9, DataPlane::produce(77, batch_of(3), 0));
    ASSERT_TRUE(failing.done());
    EXPECT_EQ(failing.answer->error(), ErrorCode::closed);  // not for the wire: the connection goes
}

TEST(Produce, refuses_other_acks) {
    DataPlane plane;
    for (const std::int16_t acks : {std::int16_t{-2}, std::int16_t{2}}) {
        DataPlane::Call<ProduceHandler> call(plane, 9, DataPlane::produce(0, batch_of(3), acks));
        ASSERT_TRUE(call.done());
        EXPECT_EQ(call.answer->error(), ErrorCode::invalid_required_acks);
    }
    EXPECT_EQ(plane.partition(0).log_end_offset(), 0);
    const auto answer = ProduceHandler::error_answer(DataPlane::produce(4, batch_of(1)), 9, ErrorCode::invalid_request);
    EXPECT_EQ(only_partition(answer).index, 4);
    EXPECT_EQ(code_of(answer), ErrorCode::invalid_request);
}

TEST(Produce, knows_topics_by_name_or_id) {
    DataPlane plane;
    auto by_id = DataPlane::produce(0, batch_of(1));
    by_id.topic_data[0].name.clear();
    EXPECT_EQ(code_of(plane, by_id, 13), ErrorCode::unknown_topic_id);
    by_id.topic_data[0].topic_id = plane.topic_id();
    EXPECT_EQ(code_of(plane, by_id, 13), ErrorCode::none);
    auto unknown = DataPlane::produce(0, batch_of(1));
    unknown.topic_data[0].name = "nobody";
    EXPECT_EQ(code_of(plane, unknown), ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(code_of(plane, DataPlane::produce(77, batch_of(1))), ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(code_of(plane, DataPlane::produce(-1, batch_of(1))), ErrorCode::unknown_topic_or_partition);
}

TEST(Produce, refuses_bad_batches) {
    DataPlane plane;
    const Bytes good = batch_of(3);
    Buffer broken;
    broken.append(good.span());
    broken.data()[70] ^= 1;
    EXPECT_EQ(code_of(plane, DataPlane::produce(0, std::move(broken).freeze())), ErrorCode::corrupt_message);
    EXPECT_EQ(code_of(plane, DataPlane::produce(0, Bytes{})), ErrorCode::invalid_record);
    Buffer two;
    two.append(good.span());
    two.append(good.span());
    EXPECT_EQ(code_of(plane, DataPlane::produce(0, std::move(two).freeze())), ErrorCode::invalid_record);
    auto none = DataPlane::produce(0, good);
    none.topic_data[0].partition_data[0].records.reset();
    EXPECT_EQ(code_of(plane, none), ErrorCode::invalid_record);

    protocol::Compressor compressor;
    Buffer packed;
    ASSERT_TRUE(compress_batch(good, protocol::CompressionType::zstd, 3, compressor, packed));
    const Bytes zstd = std::move(packed).freeze();
    EXPECT_EQ(code_of(plane, DataPlane::produce(0, zstd), 6), ErrorCode::unsupported_compression_type);
    EXPECT_EQ(code_of(plane, DataPlane::produce(0, zstd), 7), ErrorCode::none);
    protocol::BatchStamp stamp;
    stamp.producer_id = 1;
    stamp.producer_epoch = 0;
    stamp.base_sequence = 0;
    stamp.transactional = true;
    EXPECT_EQ(code_of(plane, DataPlane::produce(0, batch_of(1, 10, 1000, stamp))), ErrorCode::invalid_txn_state);
}

TEST(Produce, keeps_the_topics_rules) {
    PartitionSettings settings;
    settings.max_message_bytes = 200;
    DataPlane small(1, settings);
    EXPECT_EQ(code_of(small, DataPlane::produce(0, batch_of(1, 300))), ErrorCode::message_too_large);
    settings = {};
    settings.compacted = true;
    DataPlane compacted(1, settings);
    const auto refused = compacted.answer<ProduceHandler>(9, DataPlane::produce(0, batch_of(2)));
    EXPECT_EQ(code_of(refused), ErrorCode::invalid_record);
    EXPECT_EQ(only_partition(refused).record_errors.size(), 2U);
    EXPECT_EQ(only_partition(refused).error_message,
              "2 of 2 records are refused; record 0: no key; the topic is compacted");
    EXPECT_EQ(only_partition(refused).log_start_offset, 0);
    EXPECT_EQ(compacted.partition(0).log_end_offset(), 0);
    settings = {};
    settings.log_append_time = true;
    DataPlane timed(1, settings);
    const auto answer = timed.answer<ProduceHandler>(9, DataPlane::produce(0, batch_of(1)));
    EXPECT_EQ(only_partition(answer).log_append_time_ms, 1'700'000'000'000);
    settings = {};
    settings.timestamp_before_max_ms = 1000;
    DataPlane bounded(1, settings);
    const auto late = bounded.answer<ProduceHandler>(9, DataPlane::produce(0, batch_of(1)));
    EXPECT_EQ(code_of(late), ErrorCode::invalid_timestamp);
    EXPECT_EQ(only_partition(late).record_errors.size(), 1U);
}

TEST(Produce, mends_the_largest_timestamp_of_the_header) {
    DataPlane plane;
    Buffer batch;
    batch.append(batch_of({{100}, {900}, {300}}).span());
    protocol::patch_max_timestamp({batch.data(), batch.size()}, 5);
    EXPECT_EQ(code_of(plane, DataPlane::produce(0, std::move(batch).freeze())), ErrorCode::none);
    const auto plan = plane.partition(0).plan_max_timestamp(ReadUpTo::log_end).value();
    EXPECT_EQ(plan.run().value(), (log::TimestampOffset{900, 1, 3}));
}

TEST(Produce, stores_batches_as_the_topic_wants_them) {
    PartitionSettings settings;
    settings.compression = protocol::CompressionType::zstd;
    DataPlane plane(1, settings);
    // Below version 7 clients do not know zstd; the broker does.
    EXPECT_EQ(code_of(plane, DataPlane::produce(0, batch_of(50)), 3), ErrorCode::none);
    EXPECT_EQ(plane.partition(0).high_watermark(), 50);
    EXPECT_LT(plane.partition(0).end(ReadUpTo::log_end).position, batch_of(50).size());
    settings.compression = protocol::CompressionType::none;
    plane.partition(0).set_settings(settings);
    const auto before = plane.partition(0).end(ReadUpTo::log_end).position;
    EXPECT_EQ(code_of(plane, DataPlane::produce(0, batch_of(50))), ErrorCode::none);
    EXPECT_EQ(plane.partition(0).end(ReadUpTo::log_end).position - before, batch_of(50).size());
}

TEST(Produce, gives_its_own_time_to_batches_in_the_topics_codec) {
    PartitionSettings settings;
    settings.compression = protocol::CompressionType::lz4;
    settings.log_append_time = true;
    DataPlane plane(1, settings);
    EXPECT_EQ(code_of(plane, DataPlane::produce(0, batch_of(7))), ErrorCode::none);
    EXPECT_EQ(code_of(plane, DataPlane::produce(0, batch_of(7))), ErrorCode::none);
    const auto slice = plane.partition(0).plan_read(7, 1 << 20, ReadUpTo::log_end, true).value().run().value();
    const Bytes bytes = slice.range.read().value();
    const auto view = protocol::RecordBatchView::parse(bytes.span()).value();
    EXPECT_TRUE(view.check_crc());
    EXPECT_EQ(view.header().compression(), protocol::CompressionType::lz4);
    EXPECT_EQ(view.header().timestamp_type(), protocol::TimestampType::log_append_time);
    EXPECT_GE(view.header().max_timestamp, 1'700'000'000'000);
    EXPECT_EQ(view.header().base_offset, 7);
    EXPECT_EQ(view.header().leader_epoch, 3);
    EXPECT_EQ(log::values_in(bytes.span()), log::values_in(batch_of(7).span()));
}

TEST(Produce, a_failed_sync_is_a_storage_error) {
    DataPlane plane;
    plane.bench().disk().fail_nth(Kind::sync, 1);
    EXPECT_EQ(code_of(plane, DataPlane::produce(0, batch_of(1))), ErrorCode::kafka_storage_error);
}

TEST(Produce, times_out_when_the_disk_takes_too_long) {
    DataPlane plane;
    auto request = DataPlane::produce(0, batch_of(1));
    request.timeout_ms = 1;
    DataPlane::Call<ProduceHandler> call(plane, 9, request);
    plane.bench().pass(1ms);
    ASSERT_TRUE(call.done());
    EXPECT_EQ(code_of(call.response()), ErrorCode::request_timed_out);
    EXPECT_EQ(plane.waiters(), 0U);
}

TEST(Produce, a_connection_that_goes_leaves_no_wait) {
    DataPlane plane;
    DataPlane::Call<ProduceHandler> call(plane, 9, DataPlane::produce(0, batch_of(1)));
    EXPECT_EQ(plane.waiters(), 1U);
    call.stop.emit(boost::asio::cancellation_type::all);
    plane.bench().run();
    EXPECT_TRUE(call.cancelled);
    EXPECT_EQ(plane.waiters(), 0U);
    plane.bench().pass(10ms);
}

}  // namespace
}  // namespace ottla::broker
