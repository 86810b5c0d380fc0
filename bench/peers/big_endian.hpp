// SPDX-License-Identifier: Apache-2.0
// Numbers in the byte order of the wire, from ours and to it.
#pragma once
#include <cstdint>
template <class T>
static inline T big_endian(T v) {
    if constexpr (sizeof(T) == 2)
        return (T)__builtin_bswap16((uint16_t)v);
    else if constexpr (sizeof(T) == 4)
        return (T)__builtin_bswap32((uint32_t)v);
    else if constexpr (sizeof(T) == 8)
        return (T)__builtin_bswap64((uint64_t)v);
    else
        return v;
}
