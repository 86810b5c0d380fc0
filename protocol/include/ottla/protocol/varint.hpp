// SPDX-License-Identifier: Apache-2.0
// The variable-length integers inside records: seven bits a byte, least significant first, signed ones zigzagged.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace ottla::protocol {

constexpr std::uint64_t zigzag(std::int64_t value) noexcept {
    return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) noexcept {
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

// 1 … 10 bytes.
constexpr std::size_t varint_size(std::int64_t value) noexcept {
    const std::uint64_t plain = zigzag(value);
    if (plain < 0x80) return 1;
    if (plain < 0x4000) return 2;
    // 9/64 is close enough to 1/7 for 64 bits, and needs no division.
    return static_cast<std::size_t>(std::bit_width(plain) * 9 + 64) / 64;
}

// There must be room for varint_size(value); returns the end.
[[gnu::always_inline]] inline std::uint8_t* store_varint(std::uint8_t* to, std::int64_t value) noexcept {
    std::uint64_t rest = zigzag(value);
    if (rest < 0x80) [[likely]] {
        *to = static_cast<std::uint8_t>(rest);
        return to + 1;
    }
    if (rest < 0x4000) [[likely]] {
        to[0] = static_cast<std::uint8_t>(rest | 0x80);
        to[1] = static_cast<std::uint8_t>(rest >> 7);
        return to + 2;
    }
    while (rest >= 0x80) {
        *to++ = static_cast<std::uint8_t>(rest | 0x80);
        rest >>= 7;
    }
    *to++ = static_cast<std::uint8_t>(rest);
    return to;
}

// Reads variable-length integers and spans from bytes that nobody vouches for. Fails stickily: after the first
// failure everything reads as 0, and the cursor stands at the end.
class VarintCursor {
public:
    VarintCursor(const std::uint8_t* begin, const std::uint8_t* end) noexcept : next_(begin), end_(end) {}

    const std::uint8_t* position() const noexcept { return next_; }
    std::ptrdiff_t left() const noexcept { return end_ - next_; }
    bool failed() const noexcept { return failed_; }

    std::int64_t varint() noexcept {
        if (next_ != end_ && *next_ < 0x80) [[likely]]
            return unzigzag(*next_++);
        if (left() >= 2 && next_[1] < 0x80) [[likely]] {
            const std::uint64_t value = (next_[0] & 0x7fU) | static_cast<std::uint64_t>(next_[1]) << 7;
            next_ += 2;
            return unzigzag(value);
        }
        const Long read = long_varint(next_, end_);
        if (read.next == nullptr) [[unlikely]] {
            fail();
            return 0;
        }
        next_ = read.next;
        return read.value;
    }
    // `size` bytes; null when that is negative or more than there are.
    const std::uint8_t* take(std::int64_t size) noexcept {
        if (size < 0 || size > left()) [[unlikely]] {
            fail();
            return nullptr;
        }
        const std::uint8_t* const at = next_;
        next_ += size;
        return at;
    }
    void fail() noexcept {
        next_ = end_;
        failed_ = true;
    }

private:
    struct Long {
        std::int64_t value;
        const std::uint8_t* next;
    };
    // Any length; null when there is no end within ten bytes. Static, so that a cursor can live in registers.
    static Long long_varint(const std::uint8_t* from, const std::uint8_t* end) noexcept;

    const std::uint8_t* next_;
    const std::uint8_t* end_;
    bool failed_ = false;
};

}  // namespace ottla::protocol
