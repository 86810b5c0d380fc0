// SPDX-License-Identifier: Apache-2.0
#include "tests/support/counted_memory.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace {

// Its size stands before each block.
constexpr std::size_t head = alignof(std::max_align_t);
std::size_t live = 0, peak = 0;

void* take_or_null(std::size_t size) noexcept {
    auto* block = static_cast<char*>(std::malloc(head + size));
    if (block == nullptr) return nullptr;
    *reinterpret_cast<std::size_t*>(block) = size;
    live += size;
    peak = std::max(peak, live);
    return block + head;
}

void* take(std::size_t size) {
    void* memory = take_or_null(size);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

// Its size stands at the end of what is put before each block for its alignment.
void* take_aligned(std::size_t size, std::align_val_t to) {
    const auto alignment = static_cast<std::size_t>(to);
    const std::size_t whole = (alignment + size + alignment - 1) / alignment * alignment;
    auto* block = static_cast<char*>(std::aligned_alloc(alignment, whole));
    if (block == nullptr) throw std::bad_alloc();
    std::memcpy(block + alignment - sizeof(size), &size, sizeof(size));
    live += size;
    peak = std::max(peak, live);
    return block + alignment;
}

void give_back_aligned(void* memory, std::align_val_t alignment) noexcept {
    if (memory == nullptr) return;
    std::size_t size = 0;
    std::memcpy(&size, static_cast<char*>(memory) - sizeof(size), sizeof(size));
    live -= size;
    std::free(static_cast<char*>(memory) - static_cast<std::size_t>(alignment));
}

void give_back(void* memory) noexcept {
    if (memory == nullptr) return;
    char* block = static_cast<char*>(memory) - head;
    live -= *reinterpret_cast<std::size_t*>(block);
    std::free(block);
}

}  // namespace

namespace ottla::tests {

std::size_t live_memory() noexcept { return live; }
std::size_t peak_memory() noexcept { return peak; }
void reset_peak_memory() noexcept { peak = live; }

}  // namespace ottla::tests

// Each form that gives memory out or takes it back: a sanitizer's runtime brings its own of those that are missing
// here, and a block of the one must not end in the other.
void* operator new(std::size_t size) { return take(size); }
void* operator new[](std::size_t size) { return take(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return take_or_null(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return take_or_null(size); }
void operator delete(void* memory) noexcept { give_back(memory); }
void operator delete[](void* memory) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t) noexcept { give_back(memory); }
void operator delete[](void* memory, std::size_t) noexcept { give_back(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { give_back(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { give_back(memory); }
void* operator new(std::size_t size, std::align_val_t alignment) { return take_aligned(size, alignment); }
void* operator new[](std::size_t size, std::align_val_t alignment) { return take_aligned(size, alignment); }
void operator delete(void* memory, std::align_val_t alignment) noexcept { give_back_aligned(memory, alignment); }
void operator delete[](void* memory, std::align_val_t alignment) noexcept { give_back_aligned(memory, alignment); }
void operator delete(void* memory, std::size_t, std::align_val_t alignment) noexcept {
    give_back_aligned(memory, alignment);
}
void operator delete[](void* memory, std::size_t, std::align_val_t alignment) noexcept {
    give_back_aligned(memory, alignment);
}
