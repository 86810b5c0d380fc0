// SPDX-License-Identifier: Apache-2.0
#include "client/producer/packer.hpp"

#include <mutex>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>
#include <ottla/protocol/compression.hpp>
#include <ottla/protocol/record_batch_builder.hpp>

namespace ottla::client {

namespace {
// Handing over takes longer than compressing as much.
constexpr std::size_t at_once_bytes = 8 << 10;

// What any codec may need for bytes that do not become fewer: snappy a sixth more.
constexpr std::size_t bound_of(std::size_t bytes) { return bytes + bytes / 4 + 1024; }
}  // namespace

struct Packer::Shared {
    Shared(const ProducerConfig& config, base::BufferPool& buffers, boost::asio::any_io_executor executor,
           Function<void()> tell)
        : type(static_cast<protocol::CompressionType>(config.compression)),
          level(config.compression_level),
          pool(buffers),
          loop(std::move(executor)),
          done(std::move(tell)) {}

    // What stays with the batch takes no more than `plain` did, which the queue's limit counts; the space in which it
    // is made, larger than any outcome, goes round.
    void pack(const Buffer& plain, Packing& out) {
        CompressorPtr compressor = take();
        Buffer space = pool.take(bound_of(plain.size()));
        const auto packed = protocol::compress_batch(plain.span(), type, level, *compressor, space);
        give_back(std::move(compressor));
        if (!packed) {
            out.error = packed.error();
            return;
        }
        const bool fits_as_pooled = base::BufferPool::capacity_of(space.size()) <= plain.capacity();
        out.packed = fits_as_pooled ? pool.take(space.size()) : Buffer(space.size());
        out.packed.append(space.span());
    }

    using CompressorPtr = std::unique_ptr<protocol::Compressor>;
    CompressorPtr take() {
        const std::lock_guard hold(idle_compressors);
        if (idle.empty()) return std::make_unique<protocol::Compressor>();
        CompressorPtr one = std::move(idle.back());
        idle.pop_back();
        return one;
    }
    void give_back(CompressorPtr one) {
        const std::lock_guard hold(idle_compressors);
        idle.push_back(std::move(one));
    }

    const protocol::CompressionType type;
    const int level;
    base::BufferPool& pool;
    const boost::asio::any_io_executor loop;
    Function<void()> done;        // the loop's; empty when nobody is told any more
    std::mutex idle_compressors;  // guards `idle`
    std::vector<CompressorPtr> idle;
};

Packer::Packer(const ProducerConfig& config, base::BufferPool& pool, base::Workers* workers,
               boost::asio::any_io_executor loop, Function<void()> done)
    : shared_(std::make_shared<Shared>(config, pool, std::move(loop), std::move(done))),
      workers_(workers) {}

void Packer::forget() { shared_->done = {}; }

std::shared_ptr<Packing> Packer::pack(Buffer plain) {
    auto packing = std::make_shared<Packing>();
    if (!workers_ || plain.size() < at_once_bytes) {
        shared_->pack(plain, *packing);
        packing->is_done = true;
        return packing;
    }
    workers_->run([shared = shared_, packing, plain = std::move(plain)]() mutable {
        shared->pack(plain, *packing);
        plain = Buffer();
        boost::asio::post(shared->loop, [shared, packing] {
            packing->is_done = true;
            if (shared->done) shared->done();
        });
    });
    return packing;
}

}  // namespace ottla::client
