// SPDX-License-Identifier: Apache-2.0
#include "base/buffer_pool.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <mutex>
#include <new>
#include <vector>

#include <sys/mman.h>

namespace ottla::base {

namespace {
constexpr unsigned class_min = 12;  // 4 KiB: smaller buffers are the heap's business
constexpr unsigned class_max = 26;  // 64 MiB
// Blocks from 256 KiB on are parts of slabs, which lie on huge pages where the system has them: one fault instead of
// hundreds when they are touched first. But only as long as all parts can be kept.
constexpr unsigned class_of_slabs = 18;
constexpr std::size_t huge_page = std::size_t{2} << 20;

unsigned class_of(std::size_t capacity) noexcept {
    return std::max(class_min, static_cast<unsigned>(std::bit_width(std::max<std::size_t>(capacity, 2) - 1)));
}

// Lives as long as one of its parts.
class Slab {
public:
    Slab(std::size_t part_bytes, std::size_t parts)
        : parts_(parts),
          part_bytes_(part_bytes),
          memory_(::operator new(part_bytes* parts, std::align_val_t{huge_page})) {
#ifdef MADV_HUGEPAGE
        ::madvise(memory_, part_bytes * parts, MADV_HUGEPAGE);  // else it is just memory
#endif
    }
    Slab(const Slab&) = delete;
    Slab& operator=(const Slab&) = delete;

    std::uint8_t* part(std::size_t index) noexcept { return static_cast<std::uint8_t*>(memory_) + index * part_bytes_; }
    void drop_part() noexcept {
        if (parts_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }

private:
    ~Slab() { ::operator delete(memory_, std::align_val_t{huge_page}); }

    std::atomic<std::size_t> parts_;
    const std::size_t part_bytes_;
    void* const memory_;
};

}  // namespace

struct BufferPool::PooledBlock : detail::Block {
    std::weak_ptr<Store> home;
    Slab* slab = nullptr;  // null: its bytes follow it
};

struct BufferPool::Store {
    explicit Store(std::size_t max) : bytes_max(max) {}
    ~Store() {
        for (auto& list : idle)
            for (PooledBlock* block : list) destroy(block);
    }

    static void destroy(PooledBlock* block) noexcept {
        if (block->slab) block->slab->drop_part();
        block->~PooledBlock();
        ::operator delete(block);
    }

    static void release(detail::Block* b) noexcept {
        auto* block = static_cast<PooledBlock*>(b);
        if (const auto store = block->home.lock(); !store || !store->put_back(block)) destroy(block);
    }

    bool put_back(PooledBlock* block) noexcept {
        const std::lock_guard hold(idle_lists);
        if (bytes + block->capacity > bytes_max) return false;
        auto& list = list_of(block->capacity);
        if (list.size() == list.capacity()) return false;  // reserved up front: no allocation while releasing
        list.push_back(block);
        bytes += block->capacity;
        return true;
    }

    static PooledBlock* make(const std::shared_ptr<Store>& home, std::size_t size) {
        void* memory = ::operator new(sizeof(PooledBlock) + size);
        auto* data = static_cast<std::uint8_t*>(memory) + sizeof(PooledBlock);
        return new (memory) PooledBlock{{{1}, &Store::release, data, size}, home};
    }

    static std::size_t parts_of_slab(std::size_t size) noexcept { return std::max<std::size_t>(huge_page / size, 1); }

    // Else what is not wanted now would hold the memory of a whole slab for the one part that is.
    bool has_room_for_slab(std::size_t size) noexcept {
        const std::lock_guard hold(idle_lists);
        const auto& list = list_of(size);
        const std::size_t others = parts_of_slab(size) - 1;
        return bytes + others * size <= bytes_max && list.capacity() - list.size() >= others;
    }

    // The first part of a new slab; the others are idle.
    static PooledBlock* make_slab(const std::shared_ptr<Store>& home, std::size_t size) {
        const std::size_t parts = parts_of_slab(size);
        auto* slab = new Slab(size, parts);
        PooledBlock* first = nullptr;
        for (std::size_t i = 0; i < parts; ++i) {
            auto* block = new (::operator new(sizeof(PooledBlock)))
                PooledBlock{{{1}, &Store::release, slab->part(i), size}, home, slab};
            if (!first) {
                first = block;
            } else if (!home->put_back(block)) {
                destroy(block);
            }
        }
        return first;
    }

    PooledBlock* take(unsigned size_class) {
        const std::lock_guard hold(idle_lists);
        auto& list = idle[size_class - class_min];
        if (list.empty()) {
            if (list.capacity() == 0) list.reserve(std::clamp<std::size_t>(bytes_max >> size_class, 1, 1024));
            return nullptr;
        }
        PooledBlock* block = list.back();
        list.pop_back();
        bytes -= block->capacity;
        block->references.store(1, std::memory_order_relaxed);
        return block;
    }

    void keep_at_most(std::size_t most) noexcept {
        const std::lock_guard hold(idle_lists);
        for (auto& list : idle)
            while (bytes > most && !list.empty()) {
                bytes -= list.back()->capacity;
                destroy(list.back());
                list.pop_back();
            }
    }

    std::vector<PooledBlock*>& list_of(std::size_t size) noexcept {
        return idle[static_cast<std::size_t>(std::countr_zero(size)) - class_min];
    }

    const std::size_t bytes_max;
    std::mutex idle_lists;  // guards what follows
    std::size_t bytes = 0;
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
    const std::size_t size = std::size_t{1} << size_class;
    const bool in_slab = size_class >= class_of_slabs && store_->has_room_for_slab(size);
    return Buffer(in_slab ? Store::make_slab(store_, size) : Store::make(store_, size));
}

void BufferPool::keep_at_most(std::size_t idle_bytes) { store_->keep_at_most(idle_bytes); }

std::size_t BufferPool::idle_bytes() const {
    const std::lock_guard hold(store_->idle_lists);
    return store_->bytes;
}

}  // namespace ottla::base
