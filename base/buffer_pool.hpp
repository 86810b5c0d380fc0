// SPDX-License-Identifier: Apache-2.0
// BufferPool: memory for frames and batches that goes round, since touching fresh pages costs more than filling
// them. Any thread may take; the last Bytes to go gives back, from whichever thread it goes on.
#pragma once

#include <cstddef>
#include <memory>

#include <ottla/bytes.hpp>

namespace ottla::base {

class BufferPool {
public:
    // Keeps as much idle memory as is in use, or `bytes_max`; what is above goes back to the heap.
    explicit BufferPool(std::size_t bytes_max);
    ~BufferPool();

    // An empty buffer with at least this capacity: rounded up to a power of two, so that it fits many.
    // Outlives the pool if need be.
    Buffer take(std::size_t capacity);

    // What it has, when it is taken with that.
    static std::size_t capacity_of(std::size_t capacity) noexcept;
    // What is idle above that goes back to the heap, small ones first.
    void keep_at_most(std::size_t idle_bytes);

    std::size_t idle_bytes() const;

private:
    struct Store;
    struct PooledBlock;
    std::shared_ptr<Store> store_;
};

}  // namespace ottla::base
