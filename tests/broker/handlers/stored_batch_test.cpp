// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/stored_batch.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <ottla/protocol/record_batch_builder.hpp>

#include "tests/broker/log/batches.hpp"

namespace ottla::broker {
namespace {

using protocol::CompressionType;

constexpr CompressionType all_codecs[] = {CompressionType::none, CompressionType::gzip, CompressionType::snappy,
                                          CompressionType::lz4, CompressionType::zstd};

class StoredBatch : public testing::Test {
protected:
    // 100 records of an idempotent producer.
    static Bytes produced(CompressionType codec) {
        protocol::BatchStamp stamp;
        stamp.producer_id = 4000;
        stamp.producer_epoch = 3;
        stamp.base_sequence = 17;
        std::vector<log::TestRecord> records;
        for (int i = 0; i < 100; ++i) records.push_back({1000 - i, fmt::format("value {} of many", i)});
        return packed(log::batch_of(records, stamp), codec);
    }
    static Bytes packed(const Bytes& plain, CompressionType codec) {
        if (codec == CompressionType::none) return plain;
        protocol::Compressor compressor;
        Buffer out;
        EXPECT_TRUE(compress_batch(plain, codec, protocol::default_compression_level, compressor, out));
        return std::move(out).freeze();
    }
    Result<ByteSpan> store(const Bytes& batch) {
        const auto checked = protocol::check_produced_batch(batch.span(), {}, space_.decompressor, space_.bytes);
        return stored_batch(checked.value(), settings_, space_);
    }

    PartitionSettings settings_;
    BatchSpace space_;
};

TEST_F(StoredBatch, has_the_topics_codec_and_nothing_else_changes) {
    for (const auto from : all_codecs) {
        const Bytes came = produced(from);
        for (const auto to : all_codecs) {
            SCOPED_TRACE(fmt::format("{} to {}", name(from), name(to)));
            settings_.compression = to;
            const ByteSpan stored = store(came).value();
            EXPECT_EQ(stored.data() == came.data(), from == to);
            const auto view = protocol::RecordBatchView::parse(stored).value();
            EXPECT_TRUE(view.check_crc());
            EXPECT_EQ(view.header().compression(), to);
            EXPECT_EQ(view.bytes().size(), stored.size());
            auto expected = protocol::RecordBatchHeader::read(came.data());
            expected.length = view.header().length;
            expected.crc = view.header().crc;
            expected.attributes = static_cast<std::int16_t>(to);
            EXPECT_EQ(view.header(), expected);
            EXPECT_EQ(log::values_in(stored), log::values_in(came));
        }
    }
}

TEST_F(StoredBatch, is_what_came_when_the_producer_decides) {
    for (const auto codec : all_codecs) {
        const Bytes came = produced(codec);
        EXPECT_EQ(store(came).value().data(), came.data());
    }
}

TEST_F(StoredBatch, is_compressed_at_the_topics_level) {
    const Bytes came = produced(CompressionType::none);
    settings_.compression = CompressionType::zstd;
    settings_.compression_level = 19;
    const std::size_t dense = store(came).value().size();
    settings_.compression_level = -1000;
    EXPECT_GT(store(came).value().size(), dense);
}

TEST_F(StoredBatch, has_its_records_largest_timestamp) {
    settings_.compression = CompressionType::none;
    for (const auto codec : {CompressionType::none, CompressionType::zstd}) {
        Buffer came;
        came.append(packed(log::batch_of({{100}, {900}, {300}}), codec).span());
        protocol::patch_max_timestamp(came.writable(), 5);
        const auto view = protocol::RecordBatchView::parse(store(std::move(came).freeze()).value()).value();
        EXPECT_EQ(view.header().max_timestamp, 900);
        EXPECT_TRUE(view.check_crc());
    }
}

TEST_F(StoredBatch, obeys_the_limit_of_bytes_in_its_new_form_too) {
    const Bytes came = packed(log::batch_of(1, 5000), CompressionType::gzip);
    settings_.max_message_bytes = 1000;
    EXPECT_TRUE(store(came));
    settings_.compression = CompressionType::zstd;
    EXPECT_TRUE(store(came));
    settings_.compression = CompressionType::none;
    EXPECT_EQ(store(came).error(), ErrorCode::message_too_large);
}

}  // namespace
}  // namespace ottla::broker
