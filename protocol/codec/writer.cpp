// SPDX-License-Identifier: Apache-2.0
#include <ottla/protocol/writer.hpp>

#include <algorithm>
#include <cstring>

#include "base/buffer_pool.hpp"

namespace ottla::protocol {

namespace {
constexpr std::size_t block_at_most = 64 * 1024;
}  // namespace

void Writer::unsigned_varint(std::uint32_t v) {
    std::uint8_t bytes[5];
    std::size_t n = 0;
    for (; v >= 0x80; v >>= 7) bytes[n++] = static_cast<std::uint8_t>(v | 0x80);
    bytes[n++] = static_cast<std::uint8_t>(v);
    copy({bytes, n});
}

void Writer::varlong(std::int64_t signed_value) {
    std::uint64_t v = (static_cast<std::uint64_t>(signed_value) << 1) ^ static_cast<std::uint64_t>(signed_value >> 63);
    std::uint8_t bytes[10];
    std::size_t n = 0;
    for (; v >= 0x80; v >>= 7) bytes[n++] = static_cast<std::uint8_t>(v | 0x80);
    bytes[n++] = static_cast<std::uint8_t>(v);
    copy({bytes, n});
}

void Writer::copy(ByteSpan bytes) {
    if (bytes.empty()) return;
    if (static_cast<std::size_t>(limit_ - at_) < bytes.size()) more(bytes.size());
    std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
}

void Writer::splice(Bytes bytes) {
    if (bytes.size() < splice_at_least) return copy(bytes.span());
    close_piece();
    closed_ += bytes.size();
    chain_.append(std::move(bytes));
}

void Writer::splice(FileRange range) {
    close_piece();
    closed_ += range.length;
    chain_.append(std::move(range));
}

void Writer::splice(Chain chain) {
    for (const Chain::Piece& piece : chain.pieces()) {
        std::visit([this](const auto& part) { splice(part); }, piece);
    }
}

void Writer::splice(const Records& records) {
    if (const auto* bytes = records.bytes()) return splice(*bytes);
    if (const auto* range = records.file_range()) return splice(*range);
    splice(*records.chain());
}

Writer::Int32Later Writer::int32_later() {
    if (limit_ - at_ < 4) more(4);
    std::uint8_t* place = at_;
    at_ += 4;
    return Int32Later(place);
}

void Writer::fail(ErrorCode code, std::string text) {
    if (!failed()) error_ = Error::of(code, std::move(text));
}

Result<void> Writer::result() const {
    if (failed()) return error_;
    return ok();
}

Chain Writer::finish() {
    close_piece();
    block_ = {};
    start_ = at_ = limit_ = nullptr;
    closed_ = 0;
    error_ = {};
    return std::exchange(chain_, {});
}

void Writer::more(std::size_t count) {
    close_piece();
    const std::size_t capacity = std::max(next_block_ + unasked, count);
    block_ = pool_ ? pool_->take(capacity) : Buffer(capacity);
    next_block_ = std::min(std::max(next_block_, capacity * 2), std::max(next_block_, block_at_most));
    start_ = at_ = block_.data();
    limit_ = start_ + block_.capacity();
}

void Writer::close_piece() {
    const auto count = static_cast<std::size_t>(at_ - start_);
    if (count == 0) return;
    chain_.append(block_.share(static_cast<std::size_t>(start_ - block_.data()), count));
    closed_ += count;
    start_ = at_;
}

}  // namespace ottla::protocol
