// SPDX-License-Identifier: Apache-2.0
#include "base/buffer_pool.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include <sys/mman.h>

namespace ottla::base {

namespace {
constexpr unsigned class_min = 12;  // 4 KiB: smaller buffers are the heap's business
constexpr unsigned class_max = 26;  // 64 MiB
constexpr std::size_t touched_least = std::size_t{128} << 10;
constexpr std::size_t idle_of_class_max = 1024;

unsigned class_of(std::size_t capacity) noexcept {
    return std::max(class_min, static_cast<unsigned>(std::bit_width(std::max<std::size_t>(capacity, 2) - 1)));
}

// What lies on pages of its own is touched at once: one call of the system instead of a fault for each page, a third
// less of its time. Not huge pages: what a guest has freed in pieces of that size its host may have taken back, and
// then they cost three times what small ones do (docs/performance.md).
void touch(void* memory, std::size_t size) noexcept {
#ifdef MADV_POPULATE_WRITE
    constexpr std::uintptr_t page = 4096;
    const std::uintptr_t begin = (reinterpret_cast<std::uintptr_t>(memory) + page - 1) & ~(page - 1);
    const std::uintptr_t end = (reinterpret_cast<std::uintptr_t>(memory) + size) & ~(page - 1);
    ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_POPULATE_WRITE);  // else it is just memory
#else
    (void)memory, (void)size;
#endif
}

}  // namespace

struct BufferPool::PooledBlock : detail::Block {
    std::weak_ptr<Store> home;
    PooledBlock* next = nullptr;  // of those that go together
};

struct BufferPool::Store {
    explicit Store(std::size_t max) : bytes_max(max) {}
    ~Store() {
        for (auto& list : idle)
            for (PooledBlock* block : list) destroy(block);
    }

    static void destroy(PooledBlock* block) noexcept {
        block->~PooledBlock();
        ::operator delete(block);
    }

    static void release(detail::Block* b) noexcept {
        auto* block = static_cast<PooledBlock*>(b);
        const auto store = block->home.lock();
        PooledBlock* too_many = store ? store->put_back(block) : block;
        while (too_many) destroy(std::exchange(too_many, too_many->next));
    }

    // What goes back to the heap instead: as much may be idle as is in use, or bytes_max.
    PooledBlock* put_back(PooledBlock* block) noexcept {
        const std::lock_guard hold(idle_lists);
        bytes_out -= block->capacity;
        auto& list = list_of(block->capacity);
        PooledBlock* too_many = nullptr;
        if (list.size() < list.capacity()) {  // reserved up front: no allocation while releasing
            list.push_back(block);
            bytes += block->capacity;
        } else {
            too_many = block;
        }
        return take_above(std::max(bytes_max, bytes_out), too_many);
    }

    // Expects the mutex to be held; small ones first.
    PooledBlock* take_above(std::size_t most, PooledBlock* others) noexcept {
        for (auto& list : idle)
            while (bytes > most && !list.empty()) {
                list.back()->next = std::exchange(others, list.back());
                bytes -= others->capacity;
                list.pop_back();
            }
        return others;
    }

    static PooledBlock* make(const std::shared_ptr<Store>& home, std::size_t size) {
        void* memory = ::operator new(sizeof(PooledBlock) + size);
        if (size >= touched_least) touch(memory, sizeof(PooledBlock) + size);
        auto* data = static_cast<std::uint8_t*>(memory) + sizeof(PooledBlock);
        return new (memory) PooledBlock{{{1}, &Store::release, data, size}, home};
    }

    PooledBlock* take(unsigned size_class) {
        const std::lock_guard hold(idle_lists);
        bytes_out += std::size_t{1} << size_class;
        auto& list = idle[size_class - class_min];
        if (list.empty()) {
            list.reserve(idle_of_class_max);
            return nullptr;
        }
        PooledBlock* block = list.back();
        list.pop_back();
        bytes -= block->capacity;
        block->references.store(1, std::memory_order_relaxed);
        return block;
    }

    std::vector<PooledBlock*>& list_of(std::size_t size) noexcept {
        return idle[static_cast<std::size_t>(std::countr_zero(size)) - class_min];
    }

    const std::size_t bytes_max;
    std::mutex idle_lists;  // guards what follows
    std::size_t bytes = 0;
    std::size_t bytes_out = 0;  // that are in use
    std::array<std::vector<PooledBlock*>, class_max - class_min + 1> idle;
};

BufferPool::BufferPool(std::size_t bytes_max) : store_(std::make_shared<Store>(bytes_max)) {}
BufferPool::~BufferPool() = default;

std::size_t BufferPool::capacity_of(std::size_t capacity) noexcept {
    return capacity > (std::size_t{1} << class_max) ? capacity : std::size_t{1} << class_of(capacity);
}

Buffer BufferPool::take(std::size_t capacity) {
    if (capacity > (std::size_t{1} << class_max)) return Buffer(capacity);
    const unsigned size_class = class_of(capacity);
    if (PooledBlock* block = store_->take(size_class)) return Buffer(block);
    return Buffer(Store::make(store_, std::size_t{1} << size_class));
}

void BufferPool::keep_at_most(std::size_t idle_bytes) {
    PooledBlock* too_many = nullptr;
    {
        const std::lock_guard hold(store_->idle_lists);
        too_many = store_->take_above(idle_bytes, nullptr);
    }
    while (too_many) Store::destroy(std::exchange(too_many, too_many->next));
}

std::size_t BufferPool::idle_bytes() const {
    const std::lock_guard hold(store_->idle_lists);
    return store_->bytes;
}

}  // namespace ottla::base
