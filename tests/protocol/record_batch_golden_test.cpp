// SPDX-License-Identifier: Apache-2.0
// What Apache Kafka wrote is read to exactly what it says, and written again byte for byte.
#include <vector>

#include <gtest/gtest.h>
#include <ottla/protocol/control_record.hpp>
#include <ottla/protocol/record_batch.hpp>
#include <ottla/protocol/record_batch_builder.hpp>

#include "tests/protocol/golden_batches.hpp"

namespace ottla::protocol {
namespace {

constexpr std::int64_t base_time = 1'700'000'000'000;

std::vector<RecordBatchView> batches_of(const Bytes& segment) {
    std::vector<RecordBatchView> batches;
    RecordBatchReader reader(segment);
    while (auto batch = reader.next().value()) batches.push_back(*batch);
    EXPECT_TRUE(reader.rest().empty());
    return batches;
}

std::string text(const NullableSpan& bytes) { return bytes ? std::string(as_text(*bytes)) : "(null)"; }

TEST(GoldenBatches, headers_say_what_kafka_wrote) {
    const Bytes segment = golden_segment();
    const auto batches = batches_of(segment);
    ASSERT_EQ(batches.size(), 8U);
    const std::int64_t base_offsets[] = {0, 2, 4, 6, 8, 9, 10, 11};
    for (std::size_t i = 0; i < 8; ++i) {
        const RecordBatchHeader& h = batches[i].header();
        EXPECT_TRUE(batches[i].check_crc()) << i;
        EXPECT_EQ(h.base_offset, base_offsets[i]);
        EXPECT_EQ(h.leader_epoch, i < 4 ? 5 : 6);
        EXPECT_EQ(h.count, i < 4 ? 2 : 1);
        EXPECT_EQ(h.timestamp_type(), TimestampType::create_time);
        EXPECT_EQ(h.is_transactional(), i >= 4);
        EXPECT_EQ(h.is_control(), i >= 6);
        EXPECT_EQ(h.compression(), i == 3 ? CompressionType::gzip : CompressionType::none);
        EXPECT_EQ(h.producer_id, i < 4 ? -1 : (i % 2 == 0 ? 1000 : 1001));
        EXPECT_EQ(h.producer_epoch, i < 4 ? -1 : 3);
        EXPECT_EQ(h.base_sequence, i == 4 || i == 5 ? 0 : -1);
        EXPECT_FALSE(h.delete_horizon_ms().has_value());
    }
}

TEST(GoldenBatches, records_read_with_keys_values_headers_and_tombstone) {
    const Bytes segment = golden_segment();
    Decompressor decompressor;
    Buffer space;
    std::int64_t offset = 0;
    for (const RecordBatchView& batch : batches_of(segment)) {
        if (batch.header().is_transactional()) break;
        RecordReader records = batch.records(decompressor, 1 << 20, space).value();
        RecordView r;
        for (int second = 0; records.next(r); ++second, ++offset) {
            const std::string n = std::to_string(offset / 2);
            EXPECT_EQ(r.offset, offset);
            EXPECT_EQ(r.timestamp, base_time + 10 * (offset / 2) + second);
            EXPECT_EQ(text(r.key), "k" + n);
            EXPECT_EQ(text(r.value), second == 0 ? "value-" + n : (n == "2" ? "(null)" : "v2-" + n));
            ASSERT_EQ(r.headers.count(), second == 0 ? 0U : 1U);
            EXPECT_TRUE(r.headers.well_formed());
            if (RecordHeaderView h; r.headers.next(h)) {
                EXPECT_EQ(h.key, "h");
                EXPECT_EQ(text(h.value), "\x01");
            }
        }
        EXPECT_TRUE(records.complete());
    }
    EXPECT_EQ(offset, 8);
}

TEST(GoldenBatches, markers_read_and_build_byte_for_byte) {
    const Bytes segment = golden_segment();
    const auto batches = batches_of(segment);
    for (const std::size_t i : {6U, 7U}) {
        RecordReader records = batches[i].records();
        RecordView r;
        ASSERT_TRUE(records.next(r));
        EXPECT_EQ(control_record_type(r).value(), i == 6 ? ControlRecordType::abort : ControlRecordType::commit);
        const EndTransactionMarker marker = EndTransactionMarker::parse(r).value();
        EXPECT_EQ(marker.committed, i == 7);
        EXPECT_EQ(marker.coordinator_epoch, 17);
        EXPECT_TRUE(records.complete());

        const RecordBatchHeader& h = batches[i].header();
        const Buffer built =
            build_marker_batch(h.base_offset, h.leader_epoch, r.timestamp, h.producer_id, h.producer_epoch, marker);
        EXPECT_EQ(as_text(built.span()), as_text(batches[i].bytes()));
    }
}

TEST(GoldenBatches, every_uncompressed_batch_is_rebuilt_byte_for_byte) {
    const Bytes segment = golden_segment();
    for (const RecordBatchView& batch : batches_of(segment)) {
        const RecordBatchHeader& h = batch.header();
        if (batch.is_compressed()) continue;
        RecordBatchBuilder builder{Buffer(16)};
        RecordReader records = batch.records();
        for (RecordView r; records.next(r);) {
            std::vector<RecordHeaderView> headers;
            for (RecordHeaderView header; r.headers.next(header);) headers.push_back(header);
            const std::size_t expected = builder.size() + builder.size_of(r.timestamp, r.key, r.value, headers);
            ASSERT_TRUE(builder.append(r.timestamp, r.key, r.value, headers));
            EXPECT_EQ(builder.size(), expected);
        }
        BatchStamp stamp;
        stamp.base_offset = h.base_offset;
        stamp.leader_epoch = h.leader_epoch;
        stamp.producer_id = h.producer_id;
        stamp.producer_epoch = h.producer_epoch;
        stamp.base_sequence = h.base_sequence;
        stamp.transactional = h.is_transactional();
        stamp.control = h.is_control();
        EXPECT_EQ(as_text(builder.finish(stamp).span()), as_text(batch.bytes()));
    }
}

TEST(GoldenBatches, header_is_written_as_it_was_read) {
    const Bytes segment = golden_segment();
    for (const RecordBatchView& batch : batches_of(segment)) {
        std::uint8_t bytes[RecordBatchHeader::size];
        batch.header().write(bytes);
        EXPECT_EQ(as_text(ByteSpan(bytes)), as_text(batch.bytes().first(RecordBatchHeader::size)));
    }
}

}  // namespace
}  // namespace ottla::protocol
