// SPDX-License-Identifier: Apache-2.0
#include "client/consumer/chunk_decoder.hpp"

#include <gtest/gtest.h>
#include <ottla/protocol/control_record.hpp>
#include <ottla/protocol/record_batch_builder.hpp>

namespace ottla::client {
namespace {

using protocol::CompressionType;
using protocol::RecordBatchBuilder;

struct BatchSpec {
    std::int64_t base_offset = 0;
    int count = 3;
    std::int64_t producer_id = -1;
    bool transactional = false;
    CompressionType codec = CompressionType::none;
};

std::string batch(const BatchSpec& spec) {
    RecordBatchBuilder builder{Buffer(1024)};
    for (int i = 0; i < spec.count; ++i) {
        const std::string value = "v" + std::to_string(spec.base_offset + i);
        builder.append(1000 + i, std::nullopt, as_bytes(value));
    }
    protocol::BatchStamp stamp;
    stamp.base_offset = spec.base_offset;
    stamp.producer_id = spec.producer_id;
    stamp.transactional = spec.transactional;
    Buffer whole = builder.finish(stamp);
    if (spec.codec == CompressionType::none) return std::string(as_text(whole.span()));
    protocol::Compressor compressor;
    Buffer out;
    EXPECT_TRUE(protocol::compress_batch(whole.span(), spec.codec, -1, compressor, out).has_value());
    return std::string(as_text(out.span()));
}

std::string marker(std::int64_t offset, std::int64_t producer_id, bool committed) {
    protocol::EndTransactionMarker end;
    end.committed = committed;
    const Buffer b = protocol::build_marker_batch(offset, 0, 1000, producer_id, 0, end);
    return std::string(as_text(b.span()));
}

class ChunkDecoderTest : public ::testing::Test {
protected:
    void start(const std::string& bytes, std::int64_t from = 0, std::vector<AbortedRange> aborted = {},
               std::int64_t records = 0) {
        FetchedChunk chunk;
        chunk.record_count = records;
        chunk.slot = slot;
        chunk.from_offset = from;
        chunk.records = Bytes::copy_of(bytes);
        chunk.response = std::make_shared<const ChargedBytes>(chunk.records, budget);
        chunk.aborted = std::move(aborted);
        slot->queued_bytes += static_cast<std::int64_t>(bytes.size());
        decoder->start(std::move(chunk));
    }
    // Offsets of everything, "!" and the code at an error.
    std::string offsets() {
        std::string out;
        while (!decoder->done()) {
            auto run = decoder->next();
            if (!run) return out + "! " + std::string(run.error().name());
            if (!*run) break;
            for (const auto& m : (*run)->messages()) {
                EXPECT_EQ(m.value(), BytesView("v" + std::to_string(m.offset())));
                out += std::to_string(m.offset()) + " ";
            }
        }
        return out;
    }

    SlotPtr slot = std::make_shared<PartitionSlot>("t", 0);
    std::shared_ptr<MemoryBudget> budget = std::make_shared<MemoryBudget>(1 << 20, Function<void()>());
    base::BufferPool pool{1 << 20};
    DecodeOptions options;
    std::unique_ptr<ChunkDecoder> decoder = std::make_unique<ChunkDecoder>(options, pool);
};

TEST_F(ChunkDecoderTest, leaves_out_what_is_below_the_position) {
    start(batch({0}) + batch({3}), 4);
    EXPECT_EQ(offsets(), "4 5 ");
    EXPECT_EQ(decoder->next_offset(), 6);
    EXPECT_EQ(slot->queued_bytes, 0);
}

TEST_F(ChunkDecoderTest, reads_every_codec_and_counts_its_memory) {
    for (const auto codec : {CompressionType::none, CompressionType::gzip, CompressionType::snappy,
                             CompressionType::lz4, CompressionType::zstd}) {
        start(batch({0, 3, -1, false, codec}) + batch({3}));
        EXPECT_EQ(offsets(), "0 1 2 3 4 5 ") << static_cast<int>(codec);
    }
    EXPECT_EQ(budget->used(), 0) << "nobody holds a response any more";
}

TEST_F(ChunkDecoderTest, a_corrupt_batch_is_named_and_nothing_of_it_given) {
    std::string second = batch({3});
    second[second.size() - 2] ^= 1;
    start(batch({0}) + second + batch({6}));
    EXPECT_EQ(offsets(), "0 1 2 ! CORRUPT_MESSAGE");
    EXPECT_EQ(decoder->next_offset(), 3);
}

TEST_F(ChunkDecoderTest, the_crc_is_not_looked_at_when_it_is_not_wanted) {
    std::string damaged = batch({0});
    damaged[17] ^= 1;
    options.check_crcs = false;
    decoder = std::make_unique<ChunkDecoder>(options, pool);
    start(damaged);
    EXPECT_EQ(offsets(), "0 1 2 ");
}

TEST_F(ChunkDecoderTest, a_batch_cut_off_at_the_end_is_left_for_the_next_fetch) {
    const std::string second = batch({3});
    start(batch({0}) + second.substr(0, second.size() - 1));
    EXPECT_EQ(offsets(), "0 1 2 ");
    EXPECT_EQ(decoder->next_offset(), 3);
}

TEST_F(ChunkDecoderTest, an_old_format_is_refused) {
    std::string old = batch({0});
    old[16] = 1;
    start(old);
    EXPECT_EQ(offsets(), "! UNSUPPORTED_FOR_MESSAGE_FORMAT");
}

TEST_F(ChunkDecoderTest, aborted_transactions_are_not_seen) {
    // Producer 7 aborts 0..2, then commits 4..6; producer 8 commits in between.
    const std::string log = batch({0, 3, 7, true}) + marker(3, 7, false) + batch({4, 3, 7, true}) +
                            batch({7, 2, 8, true}) + marker(9, 8, true) + marker(10, 7, true) + batch({11, 1});
    start(log, 0, {{7, 0}});
    EXPECT_EQ(offsets(), "4 5 6 7 8 11 ");
    EXPECT_EQ(decoder->next_offset(), 12);

    options.isolation_level = IsolationLevel::read_uncommitted;
    decoder = std::make_unique<ChunkDecoder>(options, pool);
    start(log, 0, {{7, 0}});
    EXPECT_EQ(offsets(), "0 1 2 4 5 6 7 8 11 ");
}

TEST_F(ChunkDecoderTest, aborted_transactions_of_two_producers_that_overlap) {
    const std::string log = batch({0, 2, 7, true}) + batch({2, 2, 8, true}) + batch({4, 2}) + marker(6, 8, false) +
                            batch({7, 2, 8, true}) + batch({9, 2, 7, true}) + marker(11, 7, false) +
                            marker(12, 8, true);
    start(log, 0, {{7, 0}, {8, 2}});
    EXPECT_EQ(offsets(), "4 5 7 8 ");
}

TEST_F(ChunkDecoderTest, a_marker_counts_even_below_the_position) {
    // Read again from 4 on, as after a pause: the abort at 3 is over.
    const std::string log = batch({0, 3, 7, true}) + marker(3, 7, false) + batch({4, 3, 7, true});
    start(log, 5, {{7, 0}});
    EXPECT_EQ(offsets(), "5 6 ");
}

TEST_F(ChunkDecoderTest, a_compressed_bomb_is_an_error) {
    RecordBatchBuilder builder{Buffer(1024)};
    const std::string zeros(200'000, '\0');
    builder.append(0, std::nullopt, as_bytes(zeros));
    const Buffer whole = builder.finish();
    protocol::Compressor compressor;
    Buffer out;
    ASSERT_TRUE(protocol::compress_batch(whole.span(), CompressionType::zstd, -1, compressor, out).has_value());
    options.uncompressed_bytes_max = 100'000;
    decoder = std::make_unique<ChunkDecoder>(options, pool);
    start(std::string(as_text(out.span())));
    EXPECT_EQ(offsets(), "! LIMIT_EXCEEDED");
}

// The batch with one byte, or a number, set to something else, and a crc that fits.
template <class Number>
std::string with(std::string bytes, std::size_t at, Number value) {
    auto* data = reinterpret_cast<std::uint8_t*>(bytes.data());
    protocol::store_big(data + at, value);
    protocol::patch_crc({data, bytes.size()});
    return bytes;
}

TEST_F(ChunkDecoderTest, what_is_compressed_badly_is_told_and_nothing_of_it_given) {
    for (const auto codec :
         {CompressionType::gzip, CompressionType::snappy, CompressionType::lz4, CompressionType::zstd}) {
        std::string packed = batch({3, 3, -1, false, codec});
        for (std::size_t at = protocol::RecordBatchHeader::size; at < packed.size(); ++at)
            packed = with(std::move(packed), at, std::uint8_t(0xa5));
        start(batch({0}) + packed + batch({6}));
        EXPECT_EQ(offsets(), "0 1 2 ! BAD_COMPRESSION") << static_cast<int>(codec);
        EXPECT_EQ(decoder->next_offset(), 3);
    }
    decoder->drop();
    EXPECT_EQ(budget->used(), 0);
}

TEST_F(ChunkDecoderTest, numbers_that_cannot_be_are_told_and_nothing_of_the_batch_given) {
    constexpr std::size_t attributes_at = 21, last_delta_at = 23, count_at = 57, first_record_at = 61;
    const std::string plain = batch({3}), packed = batch({3, 3, -1, false, CompressionType::zstd});
    for (const auto& broken :
         {with(plain, count_at, std::int32_t{-1}), with(plain, count_at, std::int32_t{4}),
          with(plain, count_at, std::int32_t{2}), with(plain, count_at, std::int32_t{0x7fffffff}),
          with(plain, last_delta_at, std::int32_t{-1}), with(plain, last_delta_at, std::int32_t{1}),
          with(plain, first_record_at, std::uint8_t(0xff)), with(plain, first_record_at, std::uint8_t(0x01)),
          with(plain, attributes_at, std::int16_t{7}), with(packed, count_at, std::int32_t{0x7ffffff0}),
          with(packed, count_at, std::int32_t{-5}), with(packed, count_at, std::int32_t{4})}) {
        start(batch({0}) + broken + batch({6}));
        EXPECT_EQ(offsets(), "0 1 2 ! CORRUPT_MESSAGE");
        EXPECT_EQ(decoder->next_offset(), 3);
    }
}

TEST_F(ChunkDecoderTest, long_chunks_come_in_runs) {
    struct Case {
        int batches;
        int records;
        std::vector<std::size_t> runs;
    };
    for (const Case& c : {Case{3, 1000, {1000, 1000, 1000}}, Case{100, 30, {1020, 1020, 960}},
                          Case{2, 5000, {5000, 5000}}, Case{3, 512, {1024, 512}}}) {
        std::string log;
        for (int i = 0; i < c.batches; ++i) log += batch({std::int64_t{i} * c.records, c.records});
        start(log, 0, {}, std::int64_t{c.batches} * c.records);
        std::vector<std::size_t> runs;
        while (!decoder->done()) {
            auto run = decoder->next();
            ASSERT_TRUE(run.has_value());
            if (*run) runs.push_back((*run)->count);
        }
        EXPECT_EQ(runs, c.runs);
    }
}

}  // namespace
}  // namespace ottla::client
