// SPDX-License-Identifier: Apache-2.0
// Bytes: an immutable slice of reference-counted memory. Slicing and copying share the memory; a slice keeps the
// whole block alive. Buffer is its mutable, single-owner beginning: fill it, then freeze it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace ottla::inline v0 {

using ByteSpan = std::span<const std::uint8_t>;

inline ByteSpan as_bytes(std::string_view s) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()};
}
inline std::string_view as_text(ByteSpan b) noexcept { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

namespace detail {
// The head of every block of memory. `release` knows where the block came from (the heap, a pool, a string).
struct Block {
    std::atomic<std::uint32_t> references{1};
    void (*release)(Block*) noexcept;
    std::uint8_t* data;
    std::size_t capacity;

    void retain() noexcept { references.fetch_add(1, std::memory_order_relaxed); }
    void drop() noexcept {
        if (references.fetch_sub(1, std::memory_order_acq_rel) == 1) release(this);
    }
};
Block* allocate_block(std::size_t capacity);
}  // namespace detail

class Bytes {
public:
    Bytes() noexcept = default;
    // Shares nothing: the bytes are copied.
    static Bytes copy_of(ByteSpan);
    static Bytes copy_of(std::string_view s) { return copy_of(v0::as_bytes(s)); }
    // Takes the string's memory over.
    static Bytes from(std::string);
    // Bytes that live for the whole program: nothing is counted.
    static Bytes of_static(std::string_view s) noexcept { return Bytes(nullptr, v0::as_bytes(s)); }

    Bytes(const Bytes& other) noexcept : block_(other.block_), data_(other.data_), size_(other.size_) {
        if (block_) block_->retain();
    }
    Bytes(Bytes&& other) noexcept
        : block_(std::exchange(other.block_, nullptr)),
          data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0)) {}
    Bytes& operator=(Bytes other) noexcept {
        std::swap(block_, other.block_);
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~Bytes() {
        if (block_) block_->drop();
    }

    const std::uint8_t* data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    const std::uint8_t* begin() const noexcept { return data_; }
    const std::uint8_t* end() const noexcept { return data_ + size_; }
    std::uint8_t operator[](std::size_t i) const noexcept { return data_[i]; }
    ByteSpan span() const noexcept { return {data_, size_}; }
    operator ByteSpan() const noexcept { return span(); }
    std::string_view text() const noexcept { return as_text(span()); }

    // Shares the memory. `offset + count` must lie within size().
    Bytes slice(std::size_t offset, std::size_t count) const noexcept {
        if (block_) block_->retain();
        return Bytes(block_, {data_ + offset, count});
    }
    // The same for a span that lies within these bytes (a parsed view, say).
    Bytes slice(ByteSpan part) const noexcept {
        return part.empty() ? Bytes{} : slice(static_cast<std::size_t>(part.data() - data_), part.size());
    }
    // What the whole block takes in memory, however small this slice is.
    std::size_t pinned() const noexcept { return block_ ? block_->capacity : 0; }

    friend bool operator==(const Bytes& a, const Bytes& b) noexcept {
        return a.size_ == b.size_ && (a.size_ == 0 || std::memcmp(a.data_, b.data_, a.size_) == 0);
    }

private:
    friend class Buffer;
    Bytes(detail::Block* block, ByteSpan s) noexcept : block_(block), data_(s.data()), size_(s.size()) {}

    detail::Block* block_ = nullptr;
    const std::uint8_t* data_ = nullptr;
    std::size_t size_ = 0;
};

// Growable memory with one owner. Not initialised beyond size().
class Buffer {
public:
    Buffer() noexcept = default;
    explicit Buffer(std::size_t capacity) : block_(detail::allocate_block(capacity)) {}
    // Takes over a block that nobody else holds.
    explicit Buffer(detail::Block* block) noexcept : block_(block) {}
    Buffer(Buffer&& other) noexcept
        : block_(std::exchange(other.block_, nullptr)),
          size_(std::exchange(other.size_, 0)) {}
    Buffer& operator=(Buffer&& other) noexcept {
        std::swap(block_, other.block_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~Buffer() {
        if (block_) block_->drop();
    }

    std::uint8_t* data() noexcept { return block_ ? block_->data : nullptr; }
    const std::uint8_t* data() const noexcept { return block_ ? block_->data : nullptr; }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    std::size_t capacity() const noexcept { return block_ ? block_->capacity : 0; }
    ByteSpan span() const noexcept { return {data(), size_}; }
    std::span<std::uint8_t> writable() noexcept { return {data(), size_}; }

    void clear() noexcept { size_ = 0; }
    // Keeps what is there; grows by at least half, so that appending is linear.
    void reserve(std::size_t capacity);
    // Bytes added by a larger size are not initialised.
    void resize(std::size_t size) {
        reserve(size);
        size_ = size;
    }
    void append(ByteSpan bytes) {
        if (bytes.empty()) return;
        reserve(size_ + bytes.size());
        std::memcpy(block_->data + size_, bytes.data(), bytes.size());
        size_ += bytes.size();
    }
    void append(std::string_view s) { append(v0::as_bytes(s)); }

    // Gives the memory over to Bytes; the buffer is empty afterwards.
    Bytes freeze() && noexcept {
        const ByteSpan s = span();
        size_ = 0;
        return Bytes(std::exchange(block_, nullptr), s);
    }
    // Shares a part that is written for good, while the owner goes on writing behind it. `offset + count` must lie
    // within capacity().
    Bytes share(std::size_t offset, std::size_t count) const noexcept {
        block_->retain();
        return Bytes(block_, {block_->data + offset, count});
    }
    // Somebody still holds a part; while false, all of the memory may be written again.
    bool is_shared() const noexcept { return block_ && block_->references.load(std::memory_order_acquire) > 1; }

private:
    detail::Block* block_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace ottla::inline v0
