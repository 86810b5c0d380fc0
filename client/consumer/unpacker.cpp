// SPDX-License-Identifier: Apache-2.0
#include "client/consumer/unpacker.hpp"

#include <mutex>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>
#include <ottla/protocol/compression.hpp>
#include <ottla/protocol/record_batch.hpp>

namespace ottla::client {

namespace {
// Handing over takes longer than decompressing as much.
constexpr std::size_t worth_a_worker = 8 << 10;
// What is taken for granted about how much comes out, until it is known.
constexpr std::int64_t growth = 4;

bool is_to_be_unpacked(const protocol::RecordBatchHeader& header, std::int64_t from_offset) {
    return header.compression() != protocol::CompressionType::none && header.has_known_codec() &&
           !header.is_control() && header.count > 0 && header.next_offset() > from_offset;
}
}  // namespace

struct Unpacker::Waiting {
    explicit Waiting(FetchQueue::Item what) : item(std::move(what)) {}
    FetchQueue::Item item;
    bool is_done = false;
};

struct Unpacker::Shared {
    Shared(Settings given, base::BufferPool& buffers, boost::asio::any_io_executor executor,
           Function<base::Workers*()> who, Function<void(FetchQueue::Item)> next)
        : settings(given),
          pool(buffers),
          loop(std::move(executor)),
          workers(std::move(who)),
          hand_on(std::move(next)) {}

    // On a worker. What cannot be unpacked stays as it is: whoever reads it says what is wrong.
    void unpack(FetchedChunk& chunk) {
        auto decompressor = take();
        protocol::RecordBatchReader batches(chunk.records.span());
        for (;;) {
            const std::size_t at = batches.position();
            const auto batch = batches.next();
            if (!batch || !*batch) break;
            const auto& header = (*batch)->header();
            if (!is_to_be_unpacked(header, chunk.from_offset)) continue;
            if (settings.check_crcs && !(*batch)->check_crc()) break;
            const ByteSpan packed = (*batch)->payload();
            Buffer space = pool.take(packed.size() * growth);
            if (!decompressor->decompress(header.compression(), packed, settings.uncompressed_bytes_max, space)) break;
            chunk.unpacked.push_back(
                {at, std::make_shared<const ChargedBytes>(std::move(space).freeze(), chunk.response->budget())});
        }
        give_back(std::move(decompressor));
    }

    void hand_on_what_is_done() {
        while (!waiting.empty() && waiting.front()->is_done) {
            FetchQueue::Item item = std::move(waiting.front()->item);
            waiting.pop_front();
            if (hand_on) hand_on(std::move(item));
        }
    }

    using DecompressorPtr = std::unique_ptr<protocol::Decompressor>;
    DecompressorPtr take() {
        const std::lock_guard hold(idle_decompressors);
        if (idle.empty()) return std::make_unique<protocol::Decompressor>();
        DecompressorPtr one = std::move(idle.back());
        idle.pop_back();
        return one;
    }
    void give_back(DecompressorPtr one) {
        const std::lock_guard hold(idle_decompressors);
        idle.push_back(std::move(one));
    }

    const Settings settings;
    base::BufferPool& pool;
    const boost::asio::any_io_executor loop;
    // The loop's, up to the mutex.
    Function<base::Workers*()> workers;
    Function<void(FetchQueue::Item)> hand_on;  // empty when nobody wants anything any more
    std::deque<std::shared_ptr<Waiting>> waiting;
    // Of what is in work: as much memory as it may come to take.
    std::int64_t expected_bytes = 0;
    std::mutex idle_decompressors;  // guards `idle`
    std::vector<DecompressorPtr> idle;
};

Unpacker::Unpacker(Settings settings, base::BufferPool& pool, boost::asio::any_io_executor loop,
                   Function<base::Workers*()> workers, Function<void(FetchQueue::Item)> hand_on)
    : shared_(std::make_shared<Shared>(settings, pool, std::move(loop), std::move(workers), std::move(hand_on))) {}

bool Unpacker::is_busy() const noexcept { return !shared_->waiting.empty(); }

void Unpacker::forget() {
    shared_->hand_on = {};
    shared_->waiting.clear();
}

bool Unpacker::pays(const FetchedChunk& chunk) const {
    const auto size = chunk.records.size();
    if (size < worth_a_worker) return false;
    // Batches of a partition are mostly alike.
    const auto first = protocol::RecordBatchHeader::read(chunk.records.data());
    if (first.compression() == protocol::CompressionType::none) return false;
    const auto expected = static_cast<std::int64_t>(size) * growth;
    return chunk.response->budget()->room() - shared_->expected_bytes >= expected;
}

void Unpacker::push(FetchQueue::Item item) {
    const auto* chunk = std::get_if<FetchedChunk>(&item);
    const std::size_t size = chunk ? chunk->records.size() : 0;
    base::Workers* workers = chunk && pays(*chunk) ? shared_->workers() : nullptr;
    auto next = std::make_shared<Waiting>(std::move(item));
    shared_->waiting.push_back(next);
    if (!workers) {
        next->is_done = true;
        return shared_->hand_on_what_is_done();
    }
    const auto expected = static_cast<std::int64_t>(size) * growth;
    shared_->expected_bytes += expected;
    workers->run([shared = shared_, next, expected]() mutable {
        shared->unpack(std::get<FetchedChunk>(next->item));
        const auto loop = shared->loop;
        boost::asio::post(loop, [shared = std::move(shared), next = std::move(next), expected] {
            shared->expected_bytes -= expected;
            next->is_done = true;
            shared->hand_on_what_is_done();
        });
    });
}

}  // namespace ottla::client
