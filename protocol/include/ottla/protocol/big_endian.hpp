// SPDX-License-Identifier: Apache-2.0
// Integers in network order at any address.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace ottla::protocol {

template <std::integral T>
constexpr T swap_bytes(T value) noexcept {
    if constexpr (sizeof(T) == 2) {
        return static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
    } else if constexpr (sizeof(T) == 4) {
        return static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
    } else if constexpr (sizeof(T) == 8) {
        return static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
    } else {
        return value;
    }
}

template <std::integral T>
T load_big(const std::uint8_t* from) noexcept {
    T value;
    std::memcpy(&value, from, sizeof value);
    return std::endian::native == std::endian::little ? swap_bytes(value) : value;
}

template <std::integral T>
void store_big(std::uint8_t* to, T value) noexcept {
    if constexpr (std::endian::native == std::endian::little) value = swap_bytes(value);
    std::memcpy(to, &value, sizeof value);
}

}  // namespace ottla::protocol
