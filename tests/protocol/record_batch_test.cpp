// SPDX-License-Identifier: Apache-2.0
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <ottla/protocol/record_batch.hpp>
#include <ottla/protocol/record_batch_builder.hpp>

#include "base/buffer_pool.hpp"
#include "base/random.hpp"
#include "tests/protocol/golden_batches.hpp"

namespace ottla::protocol {
namespace {

Buffer batch_of(int records, std::int64_t timestamp = 1000) {
    RecordBatchBuilder builder{Buffer(256)};
    for (int i = 0; i < records; ++i) builder.append(timestamp + i, as_bytes("key"), as_bytes("value"));
    return builder.finish();
}

TEST(RecordBatch, tells_null_from_empty) {
    RecordBatchBuilder builder{Buffer(256)};
    const RecordHeaderView headers[] = {
        {"a", as_bytes("1")}, {"a", std::nullopt}, {"a", ByteSpan{}}, {"", as_bytes("x")}};
    builder.append(5, std::nullopt, ByteSpan{}, headers);
    builder.append(3, ByteSpan{}, std::nullopt);
    const Buffer bytes = builder.finish();
    const auto batch = RecordBatchView::parse(bytes.span()).value();
    EXPECT_EQ(batch.header().max_timestamp, 5);
    EXPECT_EQ(batch.header().base_timestamp, 5);
    RecordReader records = batch.records();
    RecordView r;
    ASSERT_TRUE(records.next(r));
    EXPECT_FALSE(r.key.has_value());
    ASSERT_TRUE(r.value.has_value());
    EXPECT_TRUE(r.value->empty());
    EXPECT_EQ(r.headers.count(), 4U);
    std::vector<std::string> seen;
    for (RecordHeaderView h; r.headers.next(h);)
        seen.push_back(std::string(h.key) + "=" + (h.value ? std::string(as_text(*h.value)) : "null"));
    EXPECT_EQ(seen, (std::vector<std::string>{"a=1", "a=null", "a=", "=x"}));
    ASSERT_TRUE(records.next(r));
    EXPECT_TRUE(r.key.has_value());
    EXPECT_FALSE(r.value.has_value());
    EXPECT_EQ(r.timestamp, 3);
    EXPECT_EQ(r.offset, 1);
    EXPECT_FALSE(records.next(r));
    EXPECT_TRUE(records.complete());
}

TEST(RecordBatch, walks_several_and_stops_before_a_cut_off_one) {
    Buffer all;
    for (int i = 1; i <= 3; ++i) {
        Buffer one = batch_of(i);
        patch_base_offset(one.writable(), i * 100);
        patch_leader_epoch(one.writable(), i);
        all.append(one.span());
    }
    for (std::size_t cut = 0; cut <= all.size(); ++cut) {
        RecordBatchReader reader(all.span().first(cut));
        std::size_t whole = 0;
        while (const auto batch = reader.next().value()) {
            ++whole;
            EXPECT_TRUE(batch->check_crc());
            EXPECT_EQ(batch->header().base_offset, static_cast<std::int64_t>(whole * 100));
            EXPECT_EQ(batch->header().last_offset(), batch->header().base_offset + batch->header().count - 1);
        }
        EXPECT_EQ(reader.position() + reader.rest().size(), cut);
        EXPECT_EQ(whole == 3, cut == all.size());
    }
}

TEST(RecordBatch, log_append_time_overrides_records_and_is_covered_by_the_crc) {
    Buffer bytes = batch_of(2);
    patch_log_append_time(bytes.writable(), 99'000);
    const auto batch = RecordBatchView::parse(bytes.span()).value();
    EXPECT_TRUE(batch.check_crc());
    EXPECT_EQ(batch.header().timestamp_type(), TimestampType::log_append_time);
    RecordReader records = batch.records();
    for (RecordView r; records.next(r);) EXPECT_EQ(r.timestamp, 99'000);
    EXPECT_TRUE(records.complete());
}

TEST(RecordBatch, producer_is_stamped_late) {
    Buffer bytes = batch_of(3);
    patch_producer(bytes.writable(), 4711, 7, std::numeric_limits<std::int32_t>::max() - 1);
    EXPECT_FALSE(RecordBatchView::parse(bytes.span())->check_crc());
    patch_crc(bytes.writable());
    const auto batch = RecordBatchView::parse(bytes.span()).value();
    EXPECT_TRUE(batch.check_crc());
    EXPECT_EQ(batch.header().producer_id, 4711);
    EXPECT_EQ(batch.header().producer_epoch, 7);
    EXPECT_EQ(batch.header().last_sequence(), 0) << "sequences wrap at 2^31";
}

TEST(RecordBatch, delete_horizon_replaces_the_base_timestamp) {
    Buffer bytes = batch_of(1);
    RecordBatchHeader h = RecordBatchHeader::read(bytes.data());
    h.attributes |= RecordBatchHeader::delete_horizon_bit;
    h.base_timestamp = 5000;
    h.write(bytes.data());
    EXPECT_EQ(RecordBatchView::parse(bytes.span())->header().delete_horizon_ms(), 5000);
}

TEST(RecordBatch, an_emptied_batch_is_well_formed) {
    Buffer bytes = batch_of(4);
    RecordBatchHeader h = RecordBatchHeader::read(bytes.data());
    h.length = 49;
    h.count = 0;
    h.write(bytes.data());
    bytes.resize(RecordBatchHeader::size);
    patch_crc(bytes.writable());
    const auto batch = RecordBatchView::parse(bytes.span()).value();
    EXPECT_EQ(batch.header().last_offset(), 3);
    RecordReader records = batch.records();
    RecordView r;
    EXPECT_FALSE(records.next(r));
    EXPECT_TRUE(records.complete());
}

TEST(RecordBatch, refuses_what_cannot_be) {
    const Buffer good = batch_of(2);
    const auto parse_with = [&](auto change) {
        Buffer bytes;
        bytes.append(good.span());
        RecordBatchHeader h = RecordBatchHeader::read(bytes.data());
        change(h);
        h.write(bytes.data());
        return RecordBatchView::parse(bytes.span()).error().code();
    };
    using H = RecordBatchHeader;
    EXPECT_EQ(parse_with([](H&) {}), ErrorCode::none);
    EXPECT_EQ(parse_with([](H& h) { h.magic = 0; }), ErrorCode::unsupported_for_message_format);
    EXPECT_EQ(parse_with([](H& h) { h.magic = 1; }), ErrorCode::unsupported_for_message_format);
    EXPECT_EQ(parse_with([](H& h) { h.magic = 3; }), ErrorCode::unsupported_for_message_format);
    EXPECT_EQ(parse_with([](H& h) { h.length = 48; }), ErrorCode::corrupt_message);
    EXPECT_EQ(parse_with([](H& h) { h.length = -1; }), ErrorCode::corrupt_message);
    EXPECT_EQ(parse_with([](H& h) { h.length += 1; }), ErrorCode::corrupt_message);
    EXPECT_EQ(parse_with([](H& h) { h.count = -1; }), ErrorCode::corrupt_message);
    EXPECT_EQ(parse_with([](H& h) { h.count = 3; }), ErrorCode::corrupt_message);
    EXPECT_EQ(parse_with([](H& h) { h.count = h.last_offset_delta = 1 << 30; }), ErrorCode::corrupt_message);
    EXPECT_EQ(parse_with([](H& h) { h.last_offset_delta = -1; }), ErrorCode::corrupt_message);
    EXPECT_EQ(RecordBatchView::parse(good.span().first(60)).error(), ErrorCode::corrupt_message);
    EXPECT_EQ(RecordBatchView::parse({}).error(), ErrorCode::corrupt_message);
}

TEST(RecordBatch, every_changed_bit_behind_the_crc_is_seen) {
    Buffer bytes = batch_of(2);
    for (std::size_t i = 17; i < bytes.size(); ++i) {
        bytes.data()[i] ^= 0x10;
        const auto batch = RecordBatchView::parse(bytes.span());
        EXPECT_FALSE(batch && batch->check_crc()) << i;
        bytes.data()[i] ^= 0x10;
    }
}

TEST(RecordBatch, malformed_records_end_the_walk) {
    Buffer bytes = batch_of(2);
    const std::size_t size = bytes.size();
    for (std::size_t i = RecordBatchHeader::size; i < size; ++i) {
        const std::uint8_t before = bytes.data()[i];
        for (const int value : {0, 1, 0x7f, 0x80, 0xff}) {
            bytes.data()[i] = static_cast<std::uint8_t>(value);
            const auto batch = RecordBatchView::parse(bytes.span()).value();
            RecordReader records = batch.records();
            int n = 0;
            for (RecordView r; records.next(r);) ++n;
            EXPECT_LE(n, 2);
            EXPECT_EQ(records.failed(), n < 2);
        }
        bytes.data()[i] = before;
    }
}

TEST(RecordBatchBuilder, refuses_above_its_bound_but_takes_the_first) {
    RecordBatchBuilder builder(Buffer(16), 100);
    const std::string big(200, 'x');
    EXPECT_TRUE(builder.append(1, std::nullopt, as_bytes(big)));
    EXPECT_FALSE(builder.append(1, std::nullopt, as_bytes("y")));
    EXPECT_EQ(builder.count(), 1);
    EXPECT_EQ(RecordBatchView::parse(builder.finish().span())->header().count, 1);
}

TEST(RecordBatchBuilder, size_bound_holds_in_any_batch) {
    RecordBatchBuilder builder{Buffer(16)};
    builder.append_at(0, 0, std::nullopt, std::nullopt);
    const RecordHeaderView headers[] = {{"header", as_bytes("value")}};
    const std::size_t bound = RecordBatchBuilder::batch_size_bound(as_bytes("k"), std::nullopt, headers);
    EXPECT_TRUE(builder.append_at(std::numeric_limits<std::int32_t>::max() - 1,
                                  std::numeric_limits<std::int64_t>::min(), as_bytes("k"), std::nullopt, headers));
    EXPECT_LE(builder.size() - 7, bound);
    const Buffer batch = builder.finish();
    RecordReader records = RecordBatchView::parse(batch.span())->records();
    RecordView r;
    while (records.next(r)) continue;
    EXPECT_TRUE(records.complete());
    EXPECT_EQ(r.timestamp, std::numeric_limits<std::int64_t>::min());
}

TEST(RecordBatchBuilder, sums_up_on_the_way_what_it_sums_up_at_the_end) {
    using Checksum = RecordBatchBuilder::Checksum;
    constexpr std::size_t bytes_max = 1 << 20;
    base::Random random(7);
    for (int round = 0; round < 30; ++round) {
        RecordBatchBuilder at_end(Buffer(64), bytes_max), on_the_way(Buffer(64), bytes_max, Checksum::on_the_way);
        for (auto left = random.below(60);; --left) {
            const std::string value(random.below(round < 10 ? 200 : 12'000), static_cast<char>(left));
            at_end.append(1000, {}, as_bytes(value));
            on_the_way.append(1000, {}, as_bytes(value));
            if (left == 0) break;
        }
        const BatchStamp stamp{.producer_id = 77, .producer_epoch = 3, .base_sequence = round};
        const Buffer expected = at_end.finish(stamp), got = on_the_way.finish(stamp);
        ASSERT_EQ(as_text(got.span()), as_text(expected.span()));
    }
}

TEST(RecordBatchBuilder, goes_on_in_another_buffer) {
    base::BufferPool pool(1 << 20);
    RecordBatchBuilder builder(pool.take(4096));
    for (int i = 0; i < 3; ++i) {
        builder.append(i, std::nullopt, as_bytes("v"));
        Buffer bytes = builder.finish();
        EXPECT_EQ(RecordBatchView::parse(bytes.span())->header().base_timestamp, i);
        builder.reset(std::move(bytes));
        EXPECT_TRUE(builder.empty());
    }
}

class CompressedBatch : public testing::TestWithParam<CompressionType> {};

TEST_P(CompressedBatch, reads_what_was_written_and_shrinks) {
    RecordBatchBuilder builder{Buffer(256)};
    for (int i = 0; i < 1000; ++i) builder.append(1000 + i, std::nullopt, as_bytes("the same value again and again"));
    const Buffer plain = builder.finish();
    Compressor compressor;
    Decompressor decompressor;
    Buffer packed;
    Buffer space;
    for (int round = 0; round < 3; ++round) {
        ASSERT_TRUE(compress_batch(plain.span(), GetParam(), default_compression_level, compressor, packed));
        const auto batch = RecordBatchView::parse(packed.span()).value();
        EXPECT_TRUE(batch.check_crc());
        EXPECT_EQ(batch.header().compression(), GetParam());
        EXPECT_EQ(batch.header().max_timestamp, 1999);
        EXPECT_LT(packed.size(), plain.size() / 4);
        RecordReader records = batch.records(decompressor, 1 << 20, space).value();
        std::int64_t n = 0;
        for (RecordView r; records.next(r); ++n) EXPECT_EQ(r.offset, n);
        EXPECT_TRUE(records.complete());
        EXPECT_EQ(n, 1000);
        EXPECT_EQ(batch.records(decompressor, 100, space).error(), ErrorCode::limit_exceeded);
    }
}

INSTANTIATE_TEST_SUITE_P(AllCodecs, CompressedBatch,
                         testing::Values(CompressionType::gzip, CompressionType::snappy, CompressionType::lz4,
                                         CompressionType::zstd),
                         [](const auto& tested) { return std::string(name(tested.param)); });

}  // namespace
}  // namespace ottla::protocol
