// SPDX-License-Identifier: Apache-2.0
// The accumulator's memory: what batches take counts in queue.buffering.max.kbytes, filled or not: their buffers, what
// their reports need, and themselves.
#include <algorithm>
#include <bit>

#include "client/producer/record_fields.hpp"

namespace ottla::client {

namespace {

constexpr std::size_t first_buffer_bytes = 4096;
constexpr std::size_t spare_batches_max = 1024;
// Of a limit that is smaller, records are held to it, and what they lie in is not.
constexpr std::size_t memory_least = 256 << 10;
// Buffers that nobody uses, beside a queue that is nearly full: a part of the limit.
constexpr std::size_t idle_part = 32;

}  // namespace

std::size_t Accumulator::memory_max() const noexcept { return std::max(config_.queue_bytes_max, memory_least); }

std::size_t Accumulator::memory_left() const noexcept {
    const std::size_t max = memory_max();
    return max > memory_bytes_ ? max - memory_bytes_ : 0;
}

// Nothing is kept beside a queue that takes more than it leaves, but for a small part.
void Accumulator::hold(Batch& batch, std::size_t bytes) noexcept {
    batch.held_bytes += bytes;
    memory_bytes_ += bytes;
    if (const std::size_t max = memory_max(); memory_left() < max / 2) [[unlikely]]
        pool_.keep_at_most(std::max(memory_left(), max / idle_part));
}

void Accumulator::let_go(Batch& batch) noexcept {
    memory_bytes_ -= batch.held_bytes;
    batch.held_bytes = 0;
}

BatchPtr Accumulator::new_batch(const TopicQueue& topic, TimePoint created, std::size_t bytes_expected,
                                std::size_t bytes_least, bool must) {
    const std::size_t wanted =
        std::max({first_buffer_bytes, bytes_least, std::min(bytes_expected, batch_bytes_max_ + 1024)});
    std::size_t capacity = base::BufferPool::capacity_of(wanted);
    // The first record always has its place.
    if (!must && messages_ > 0 && capacity + sizeof(Batch) > memory_left()) {
        const std::size_t left = memory_left();
        if (left < first_buffer_bytes + sizeof(Batch)) return nullptr;
        capacity = std::bit_floor(left - sizeof(Batch));
        if (capacity < bytes_least) return nullptr;
    }
    BatchPtr batch;
    const Backoff backoff(config_.common.retry_backoff, config_.common.retry_backoff_max);
    if (spare_.empty()) {
        using Checksum = protocol::RecordBatchBuilder::Checksum;
        batch = std::make_unique<Batch>(batch_bytes_max_, packs_ ? Checksum::none : Checksum::on_the_way, backoff);
    } else {
        batch = std::move(spare_.back());
        spare_.pop_back();
        batch->backoff = backoff;
    }
    hold(*batch, capacity + sizeof(Batch));
    batch->builder.reset(pool_.take(capacity));
    batch->topic = topic.name;
    batch->created = created;
    batch->expires = expiry(created);
    return batch;
}

bool Accumulator::grow_buffer(Batch& batch, std::size_t bytes_least, bool must) {
    const std::size_t before = batch.builder.capacity();
    const std::size_t wanted = std::max(bytes_least, std::min(before * 2, batch_bytes_max_));
    const std::size_t after = base::BufferPool::capacity_of(wanted);
    if (!must && messages_ > 0 && after - before > memory_left()) return false;
    batch.builder.move_into(pool_.take(after));
    hold(batch, after - before);
    return true;
}

bool Accumulator::grow_dues(Batch& batch, bool must) {
    std::size_t bytes = batch.dues.chunk_wanted();
    if (!must && messages_ > 0 && bytes > memory_left()) {
        bytes = DeliveryDues::chunk_least;
        if (bytes > memory_left()) return false;
    }
    batch.dues.add_chunk(pool_.take(bytes));
    hold(batch, bytes);
    return true;
}

void Accumulator::recycle(BatchPtr batch) {
    std::vector<BatchPtr> one;
    one.push_back(std::move(batch));
    recycle(one);
}

void Accumulator::recycle(std::vector<BatchPtr>& batches) {
    std::size_t records = 0, bytes = 0, held = 0;
    for (const BatchPtr& batch : batches) {
        records += batch->count();
        bytes += batch->payload_bytes;
        held += batch->held_bytes;
        // Outside the mutex: callbacks may own anything.
        batch->clear();
    }
    const std::lock_guard hold(queues_);
    messages_ -= records;
    payload_bytes_ -= bytes;
    memory_bytes_ -= held;
    for (BatchPtr& batch : batches)
        if (spare_.size() < spare_batches_max) spare_.push_back(std::move(batch));
    batches.clear();
}

}  // namespace ottla::client
