// SPDX-License-Identifier: Apache-2.0
#include <functional>
#include <string>

#include <gtest/gtest.h>
#include <ottla/protocol/check_batch.hpp>
#include <ottla/protocol/record_batch_builder.hpp>

#include "tests/protocol/golden_batches.hpp"

namespace ottla::protocol {
namespace {

class CheckBatch : public testing::Test {
protected:
    static Buffer good() {
        RecordBatchBuilder builder{Buffer(256)};
        builder.append(10, as_bytes("a"), as_bytes("1"));
        builder.append(30, std::nullopt, as_bytes("2"));
        builder.append(30, as_bytes("c"), std::nullopt);
        builder.append(5, as_bytes("d"), std::nullopt);
        return builder.finish();
    }
    Result<CheckedBatch> check(const Buffer& b) {
        return check_produced_batch(b.span(), rules_, decompressor_, space_);
    }
    // The code for the good batch after this change to its header (and a new crc).
    ErrorCode after(const std::function<void(RecordBatchHeader&)>& change) {
        Buffer bytes = good();
        RecordBatchHeader h = RecordBatchHeader::read(bytes.data());
        change(h);
        h.write(bytes.data());
        patch_crc(bytes.writable());
        return check(bytes).error().code();
    }

    BatchRules rules_;
    Decompressor decompressor_;
    Buffer space_;
};

TEST_F(CheckBatch, passes_a_good_one_and_notes_its_timestamps) {
    const Buffer bytes = good();
    const CheckedBatch checked = check(bytes).value();
    EXPECT_EQ(checked.view.header().count, 4);
    EXPECT_EQ(checked.min_timestamp, 5);
    EXPECT_EQ(checked.max_timestamp, 30);
    EXPECT_EQ(checked.offset_of_max_timestamp, 1);
    EXPECT_FALSE(checked.all_have_keys);
    EXPECT_EQ(checked.uncompressed.data(), checked.view.payload().data());
}

TEST_F(CheckBatch, tells_where_a_compressed_one_was_opened) {
    RecordBatchBuilder builder{Buffer(256)};
    builder.append(10, as_bytes("a"), as_bytes("1"));
    builder.append(10, as_bytes(""), std::nullopt);
    const Buffer plain = builder.finish();
    Compressor compressor;
    Buffer packed;
    ASSERT_TRUE(compress_batch(plain.span(), CompressionType::lz4, default_compression_level, compressor, packed));
    const CheckedBatch checked = check(packed).value();
    EXPECT_TRUE(checked.all_have_keys);
    EXPECT_EQ(as_text(checked.uncompressed), as_text(plain.span().subspan(RecordBatchHeader::size)));
}

TEST_F(CheckBatch, answers_with_kafkas_codes) {
    using H = RecordBatchHeader;
    EXPECT_EQ(after([](H&) {}), ErrorCode::none);
    EXPECT_EQ(after([](H& h) { h.magic = 1; }), ErrorCode::invalid_record);
    EXPECT_EQ(after([](H& h) { h.magic = 0; }), ErrorCode::invalid_record);
    EXPECT_EQ(after([](H& h) { h.attributes = H::control_bit; }), ErrorCode::invalid_record);
    EXPECT_EQ(after([](H& h) { h.attributes = H::transactional_bit; }), ErrorCode::invalid_record);
    EXPECT_EQ(after([](H& h) { h.attributes = H::delete_horizon_bit; }), ErrorCode::invalid_record);
    EXPECT_EQ(after([](H& h) { h.attributes = H::log_append_time_bit; }), ErrorCode::invalid_timestamp);
    EXPECT_EQ(after([](H& h) { h.attributes = 5; }), ErrorCode::unsupported_compression_type);
    EXPECT_EQ(after([](H& h) { h.attributes = 4; }), ErrorCode::invalid_record) << "no zstd frame";
    EXPECT_EQ(after([](H& h) { h.last_offset_delta = 4; }), ErrorCode::invalid_record);
    EXPECT_EQ(after([](H& h) { h.count = 3, h.last_offset_delta = 2; }), ErrorCode::invalid_record);
    EXPECT_EQ(after([](H& h) { h.producer_id = 1; }), ErrorCode::invalid_record);
    EXPECT_EQ(after([](H& h) { h.producer_id = 1, h.producer_epoch = 0, h.base_sequence = 0; }), ErrorCode::none);
    rules_.zstd_allowed = false;
    EXPECT_EQ(after([](H& h) { h.attributes = 4; }), ErrorCode::unsupported_compression_type);
    rules_.batch_bytes_max = 80;
    EXPECT_EQ(after([](H&) {}), ErrorCode::message_too_large);
}

TEST_F(CheckBatch, wants_exactly_one_batch) {
    Buffer two = good();
    two.append(good().span());
    EXPECT_EQ(check(two).error(), ErrorCode::invalid_record);
    EXPECT_EQ(check(Buffer()).error(), ErrorCode::invalid_record);
    Buffer cut = good();
    cut.resize(cut.size() - 1);
    EXPECT_EQ(check(cut).error(), ErrorCode::corrupt_message);
}

TEST_F(CheckBatch, sees_a_wrong_crc) {
    Buffer bytes = good();
    bytes.data()[bytes.size() - 1] ^= 1;
    EXPECT_EQ(check(bytes).error(), ErrorCode::corrupt_message);
}

TEST_F(CheckBatch, wants_dense_offsets_and_well_formed_headers) {
    RecordBatchBuilder gaps{Buffer(256)};
    gaps.append_at(0, 1, std::nullopt, std::nullopt);
    gaps.append_at(2, 1, std::nullopt, std::nullopt);
    Buffer bytes = gaps.finish();
    EXPECT_EQ(check(bytes).error(), ErrorCode::invalid_record);

    RecordBatchBuilder with_header{Buffer(256)};
    const RecordHeaderView header("h", as_bytes("v"));
    with_header.append(1, std::nullopt, std::nullopt, {&header, 1});
    bytes = with_header.finish();
    EXPECT_TRUE(check(bytes));
    bytes.data()[bytes.size() - 2] = 4;  // the header's value is longer than the record
    patch_crc(bytes.writable());
    EXPECT_EQ(check(bytes).error(), ErrorCode::invalid_record);
}

TEST_F(CheckBatch, opens_compressed_batches_within_the_limit) {
    RecordBatchBuilder builder{Buffer(256)};
    const std::string zeros(1 << 20, '\0');
    builder.append(1, std::nullopt, as_bytes(zeros));
    const Buffer plain = builder.finish();
    Compressor compressor;
    for (const auto type :
         {CompressionType::gzip, CompressionType::snappy, CompressionType::lz4, CompressionType::zstd}) {
        Buffer packed;
        ASSERT_TRUE(compress_batch(plain.span(), type, default_compression_level, compressor, packed));
        rules_.decompressed_bytes_max = 2 << 20;
        EXPECT_TRUE(check(packed)) << name(type);
        rules_.decompressed_bytes_max = 1 << 20;
        EXPECT_EQ(check(packed).error(), ErrorCode::invalid_record) << name(type);
    }
}

TEST_F(CheckBatch, takes_what_kafka_wrote_for_clients_and_refuses_markers) {
    const Bytes segment = golden_segment();
    RecordBatchReader reader(segment);
    while (const auto batch = reader.next().value()) {
        const auto checked = check_produced_batch(batch->bytes(), rules_, decompressor_, space_);
        EXPECT_EQ(checked.has_value(), !batch->header().is_control());
    }
}

}  // namespace
}  // namespace ottla::protocol
