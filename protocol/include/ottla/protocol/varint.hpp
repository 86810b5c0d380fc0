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
    // 9/64 is close enough to 1/7 for 64 bits, and needs no division.
    return static_cast<std::size_t>(std::bit_width(zigzag(value) | 1) * 9 + 64) / 64;
}

// There must be room for varint_size(value); returns the end.
inline std::uint8_t* store_varint(std::uint8_t* to, std::int64_t value) noexcept {
    std::uint64_t rest = zigzag(value);
    while (rest >= 0x80) {
        *to++ = static_cast<std::uint8_t>(rest | 0x80);
        rest >>= 7;
    }
    *to++ = static_cast<std::uint8_t>(rest);
    return to;
}

// Moves `from` on; at the end of the bytes or after ten of them, sets it to null and returns 0.
const std::uint8_t* load_long_varint(const std::uint8_t* from, const std::uint8_t* end, std::uint64_t& value) noexcept;

inline std::int64_t load_varint(const std::uint8_t*& from, const std::uint8_t* end) noexcept {
    if (end - from >= 2) [[likely]] {
        const std::uint64_t low = from[0];
        if (low < 0x80) [[likely]] {
            ++from;
            return unzigzag(low);
        }
        const std::uint64_t high = from[1];
        if (high < 0x80) [[likely]] {
            from += 2;
            return unzigzag((low & 0x7f) | high << 7);
        }
    }
    std::uint64_t value = 0;
    from = load_long_varint(from, end, value);
    return unzigzag(value);
}

}  // namespace ottla::protocol
