// SPDX-License-Identifier: Apache-2.0
#include <ottla/protocol/reader.hpp>

#include <string>

namespace ottla::protocol {

namespace {
constexpr std::size_t budget_per_byte = 64;
constexpr std::size_t budget_at_least = 64 * 1024;
}  // namespace

Reader::Reader(Bytes frame) noexcept
    : frame_(std::move(frame)),
      at_(frame_.data()),
      end_(at_ + frame_.size()),
      budget_(budget_per_byte * frame_.size() + budget_at_least) {}

Uuid Reader::uuid() noexcept {
    Uuid id;
    if (const ByteSpan bytes = view(16); !bytes.empty()) std::memcpy(id.bytes.data(), bytes.data(), 16);
    return id;
}

std::uint32_t Reader::unsigned_varint() noexcept {
    std::uint32_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        if (at_ == end_) {
            fail("the bytes end within a varint");
            return 0;
        }
        const std::uint8_t byte = *at_++;
        value |= static_cast<std::uint32_t>(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
    fail("a varint is longer than 5 bytes");
    return 0;
}

std::int64_t Reader::varlong() noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (at_ == end_) {
            fail("the bytes end within a varlong");
            return 0;
        }
        const std::uint8_t byte = *at_++;
        value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80) return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
    }
    fail("a varlong is longer than 10 bytes");
    return 0;
}

ByteSpan Reader::view(std::size_t count) noexcept {
    if (count > remaining()) {
        fail("the bytes end too early");
        return {};
    }
    const ByteSpan bytes(at_, count);
    at_ += count;
    return bytes;
}

void Reader::fail(const char* reason) noexcept {
    if (reason_) return;
    reason_ = reason;
    failed_at_ = position();
    at_ = end_;
}

Result<void> Reader::result(std::string_view what) const {
    if (!reason_) return ok();
    return Error::of(ErrorCode::bad_message, std::string(what) + ", byte " + std::to_string(failed_at_) + " of " +
                                                 std::to_string(frame_.size()) + ": " + reason_);
}

Result<void> Reader::end(std::string_view what) {
    if (!failed() && at_ != end_) fail("bytes are left over");
    return result(what);
}

}  // namespace ottla::protocol
