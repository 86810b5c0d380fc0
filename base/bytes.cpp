// SPDX-License-Identifier: Apache-2.0
#include <ottla/bytes.hpp>

#include <algorithm>
#include <new>

namespace ottla::inline v0 {
namespace detail {
namespace {

struct StringBlock : Block {
    std::string text;
};

}  // namespace

// Head and data in one allocation.
Block* allocate_block(std::size_t capacity) {
    void* memory = ::operator new(sizeof(Block) + capacity);
    auto release = [](Block* b) noexcept {
        b->~Block();
        ::operator delete(b);
    };
    return new (memory) Block{{1}, release, static_cast<std::uint8_t*>(memory) + sizeof(Block), capacity};
}

}  // namespace detail

Bytes Bytes::copy_of(ByteSpan bytes) {
    if (bytes.empty()) return {};
    Buffer buffer(bytes.size());
    buffer.append(bytes);
    return std::move(buffer).freeze();
}

Bytes Bytes::from(std::string text) {
    if (text.empty()) return {};
    auto* block = new detail::StringBlock{{{1}, nullptr, nullptr, 0}, std::move(text)};
    block->release = [](detail::Block* b) noexcept { delete static_cast<detail::StringBlock*>(b); };
    block->data = reinterpret_cast<std::uint8_t*>(block->text.data());
    block->capacity = block->text.capacity();
    return Bytes(block, {block->data, block->text.size()});
}

void Buffer::reserve(std::size_t capacity) {
    const std::size_t now = this->capacity();
    if (capacity <= now) return;
    Buffer grown(std::max(capacity, now + now / 2));
    grown.append(span());
    std::swap(block_, grown.block_);
}

}  // namespace ottla::inline v0
