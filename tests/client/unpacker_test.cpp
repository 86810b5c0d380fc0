// SPDX-License-Identifier: Apache-2.0
#include "client/consumer/unpacker.hpp"

#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>
#include <ottla/protocol/record_batch_builder.hpp>

#include "client/consumer/chunk_decoder.hpp"

namespace ottla::client {
namespace {

using protocol::CompressionType;

// Jobs wait until the test lets them run, in whatever order.
class HeldWorkers final : public base::Workers {
public:
    void run(Function<void()> job) override { jobs.push_back(std::move(job)); }
    void finish(std::size_t i) {
        auto job = std::move(jobs.at(i));
        job();
    }
    std::vector<Function<void()>> jobs;
};

// 1,000 records that compress well, from this offset on.
std::string packed_batch(std::int64_t base_offset, CompressionType codec) {
    protocol::RecordBatchBuilder builder{Buffer(1024)};
    for (int i = 0; i < 1000; ++i) {
        std::string value = "v" + std::to_string(base_offset + i);
        for (int j = 0; j < 10; ++j) value += std::to_string((base_offset + i) * 7919 * (j + 1));
        builder.append(1000, std::nullopt, as_bytes(value));
    }
    protocol::BatchStamp stamp;
    stamp.base_offset = base_offset;
    const Buffer whole = builder.finish(stamp);
    if (codec == CompressionType::none) return std::string(as_text(whole.span()));
    protocol::Compressor compressor;
    Buffer out;
    EXPECT_TRUE(protocol::compress_batch(whole.span(), codec, -1, compressor, out).has_value());
    EXPECT_GT(out.size(), 8U << 10);
    return std::string(as_text(out.span()));
}

class UnpackerTest : public ::testing::Test {
protected:
    ~UnpackerTest() override { unpacker.forget(); }

    FetchedChunk chunk(const std::string& bytes, std::int64_t from = 0) {
        FetchedChunk c;
        c.slot = slot;
        c.from_offset = from;
        c.records = Bytes::copy_of(bytes);
        c.response = std::make_shared<const ChargedBytes>(c.records, budget);
        return c;
    }
    static Notice notice(std::string topic) {
        Notice n;
        PartitionEof eof;
        eof.topic = std::move(topic);
        n.event = std::move(eof);
        return n;
    }
    void settle() {
        io.restart();
        io.poll();
    }
    // What was handed on: how many batches of a chunk are unpacked, or the topic of a notice.
    std::string said() const {
        std::string out;
        for (const auto& item : handed_on)
            if (const auto* c = std::get_if<FetchedChunk>(&item))
                out += std::to_string(c->unpacked.size()) + " ";
            else
                out += std::get<PartitionEof>(std::get<Notice>(item).event).topic + " ";
        return out;
    }
    std::size_t messages_of(FetchedChunk c, std::string* error = nullptr) {
        ChunkDecoder decoder(DecodeOptions(), pool);
        decoder.start(std::move(c));
        std::size_t count = 0;
        while (!decoder.done()) {
            auto run = decoder.next();
            if (!run && error) *error = std::string(run.error().name());
            if (!run || !*run) break;
            for (const auto& m : (*run)->messages())
                EXPECT_TRUE(m.value().text().starts_with("v" + std::to_string(m.offset())));
            count += (*run)->count;
        }
        return count;
    }

    boost::asio::io_context io;
    base::BufferPool pool{1 << 24};
    HeldWorkers workers;
    SlotPtr slot = std::make_shared<PartitionSlot>("t", 0);
    std::shared_ptr<MemoryBudget> budget = std::make_shared<MemoryBudget>(1 << 24, Function<void()>());
    std::vector<FetchQueue::Item> handed_on;
    base::Workers* given = &workers;
    Unpacker unpacker{Unpacker::Settings(), pool, io.get_executor(), [this] { return given; },
                      [this](FetchQueue::Item item) { handed_on.push_back(std::move(item)); }};
};

TEST_F(UnpackerTest, what_comes_first_is_handed_on_first_whichever_is_done_first) {
    unpacker.push(notice("a"));
    EXPECT_EQ(said(), "a ");
    unpacker.push(chunk(packed_batch(0, CompressionType::zstd) + packed_batch(1000, CompressionType::zstd)));
    unpacker.push(notice("b"));
    unpacker.push(chunk(packed_batch(0, CompressionType::lz4)));
    unpacker.push(chunk(packed_batch(0, CompressionType::none)));
    ASSERT_EQ(workers.jobs.size(), 2U);
    workers.finish(1);
    settle();
    EXPECT_EQ(said(), "a ");
    EXPECT_TRUE(unpacker.is_busy());
    workers.finish(0);
    settle();
    EXPECT_EQ(said(), "a 2 b 1 0 ");
    EXPECT_FALSE(unpacker.is_busy());
    EXPECT_EQ(messages_of(std::get<FetchedChunk>(handed_on[1])), 2000U);
    EXPECT_EQ(messages_of(std::get<FetchedChunk>(handed_on[3])), 1000U);
}

TEST_F(UnpackerTest, its_memory_counts_until_nobody_holds_it) {
    unpacker.push(chunk(packed_batch(0, CompressionType::gzip)));
    const auto packed = budget->used();
    workers.finish(0);
    settle();
    EXPECT_GT(budget->used(), 2 * packed);
    handed_on.clear();
    EXPECT_EQ(budget->used(), 0);
}

TEST_F(UnpackerTest, without_room_it_is_left_to_who_reads) {
    budget = std::make_shared<MemoryBudget>(100'000, Function<void()>());
    for (int i = 0; i < 10; ++i) unpacker.push(chunk(packed_batch(0, CompressionType::lz4)));
    EXPECT_LE(workers.jobs.size(), 1U);
    for (std::size_t i = 0; i < workers.jobs.size(); ++i) workers.finish(i);
    settle();
    EXPECT_EQ(handed_on.size(), 10U);
    EXPECT_EQ(messages_of(std::get<FetchedChunk>(handed_on.back())), 1000U);
}

TEST_F(UnpackerTest, without_workers_and_for_little_it_does_nothing) {
    given = nullptr;
    unpacker.push(chunk(packed_batch(0, CompressionType::snappy)));
    given = &workers;
    unpacker.push(chunk(packed_batch(0, CompressionType::lz4).substr(0, 1000)));
    EXPECT_EQ(said(), "0 0 ");
    EXPECT_TRUE(workers.jobs.empty());
}

TEST_F(UnpackerTest, what_is_broken_is_left_for_who_reads_to_tell) {
    std::string damaged = packed_batch(1000, CompressionType::zstd);
    damaged[damaged.size() / 2] ^= 1;
    unpacker.push(chunk(packed_batch(0, CompressionType::zstd) + damaged + packed_batch(2000, CompressionType::zstd)));
    // What lies below the position is not needed.
    unpacker.push(chunk(packed_batch(0, CompressionType::zstd) + packed_batch(1000, CompressionType::zstd), 1500));
    workers.finish(0);
    workers.finish(1);
    settle();
    EXPECT_EQ(said(), "1 1 ");
    std::string error;
    EXPECT_EQ(messages_of(std::get<FetchedChunk>(handed_on[0]), &error), 1000U);
    EXPECT_EQ(error, "CORRUPT_MESSAGE");
    EXPECT_EQ(messages_of(std::get<FetchedChunk>(handed_on[1])), 500U);
}

TEST_F(UnpackerTest, nothing_is_handed_on_after_the_end) {
    unpacker.push(chunk(packed_batch(0, CompressionType::zstd)));
    unpacker.forget();
    workers.finish(0);
    settle();
    EXPECT_EQ(said(), "");
}

}  // namespace
}  // namespace ottla::client
