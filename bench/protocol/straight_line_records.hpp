// SPDX-License-Identifier: Apache-2.0
// The yardstick for the records codec: the least code that does the same job by hand, for one layout and one use.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "bench/peers/crc32c.hpp"

namespace straight_line {

struct Record {
    std::string_view key;
    std::string_view value;
    std::int64_t timestamp;
};

template <class T>
T swapped(T v) {
    if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(v)));
    if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(v)));
    if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(v)));
    return v;
}

struct Out {
    std::uint8_t* p;
    template <class T>
    void big(T v) {
        v = swapped(v);
        std::memcpy(p, &v, sizeof v);
        p += sizeof v;
    }
    void varint(std::int64_t v) {
        std::uint64_t u = (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63);
        while (u > 127) {
            *p++ = static_cast<std::uint8_t>(u | 128);
            u >>= 7;
        }
        *p++ = static_cast<std::uint8_t>(u);
    }
    void raw(std::string_view s) {
        std::memcpy(p, s.data(), s.size());
        p += s.size();
    }
};

struct In {
    const std::uint8_t* p;
    const std::uint8_t* end;
    bool bad = false;
    template <class T>
    T big() {
        if (static_cast<std::size_t>(end - p) < sizeof(T)) [[unlikely]] {
            bad = true;
            return 0;
        }
        T v;
        std::memcpy(&v, p, sizeof v);
        p += sizeof v;
        return swapped(v);
    }
    std::int64_t varint() {
        std::uint64_t v = 0;
        for (int s = 0; s < 64; s += 7) {
            if (p == end) [[unlikely]] {
                bad = true;
                return 0;
            }
            const std::uint8_t b = *p++;
            v |= std::uint64_t(b & 127) << s;
            if (!(b & 128)) [[likely]]
                return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
        }
        bad = true;
        return 0;
    }
    std::string_view take(std::int64_t n) {
        if (n < 0) return {};
        if (end - p < n) [[unlikely]] {
            bad = true;
            return {};
        }
        const std::string_view s(reinterpret_cast<const char*>(p), static_cast<std::size_t>(n));
        p += n;
        return s;
    }
};

inline std::size_t varint_size(std::int64_t v) {
    const std::uint64_t u = (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63);
    return static_cast<std::size_t>(70 - __builtin_clzll(u | 1)) / 7;
}

// Into memory that is large enough; returns the size.
inline std::size_t encode(std::uint8_t* to, const std::vector<Record>& records) {
    Out w{to + 61};
    const std::int64_t base = records[0].timestamp;
    std::int64_t max = base;
    std::int64_t i = 0;
    for (const Record& r : records) {
        const std::int64_t delta = r.timestamp - base;
        if (r.timestamp > max) max = r.timestamp;
        const std::int64_t key = r.key.data() ? static_cast<std::int64_t>(r.key.size()) : -1;
        const auto value = static_cast<std::int64_t>(r.value.size());
        const std::size_t n = 1 + varint_size(delta) + varint_size(i) + varint_size(key) + r.key.size() +
                              varint_size(value) + r.value.size() + 1;
        w.varint(static_cast<std::int64_t>(n));
        *w.p++ = 0;
        w.varint(delta);
        w.varint(i++);
        w.varint(key);
        w.raw(r.key);
        w.varint(value);
        w.raw(r.value);
        *w.p++ = 0;
    }
    const auto size = static_cast<std::size_t>(w.p - to);
    Out h{to};
    h.big<std::int64_t>(0);
    h.big(static_cast<std::int32_t>(size - 12));
    h.big<std::int32_t>(-1);
    *h.p++ = 2;
    std::uint8_t* const crc = h.p;
    h.p += 4;
    h.big<std::int16_t>(0);
    h.big(static_cast<std::int32_t>(records.size()) - 1);
    h.big(base);
    h.big(max);
    h.big<std::int64_t>(-1);
    h.big<std::int16_t>(-1);
    h.big<std::int32_t>(-1);
    h.big(static_cast<std::int32_t>(records.size()));
    Out{crc}.big(crc32c_3way(0, to + 21, size - 21));
    return size;
}

// The sum of what a reader would use of every record; 0 when the bytes are malformed.
template <bool Crc>
std::uint64_t iterate(const std::uint8_t* from, std::size_t size) {
    In h{from, from + size};
    h.big<std::int64_t>();
    const auto length = h.big<std::int32_t>();
    h.p += 5;
    const auto crc = h.big<std::uint32_t>();
    if (static_cast<std::size_t>(length) + 12 > size) return 0;
    if (Crc && crc32c_3way(0, from + 21, static_cast<std::size_t>(length) - 9) != crc) return 0;
    h.big<std::int16_t>();
    h.big<std::int32_t>();
    const auto base = h.big<std::int64_t>();
    h.p += 8 + 8 + 2 + 4;
    const auto count = h.big<std::int32_t>();
    std::uint64_t sum = 0;
    for (std::int32_t i = 0; i < count; ++i) {
        const std::int64_t n = h.varint();
        if (n < 0 || n > h.end - h.p) [[unlikely]]
            return 0;
        In r{h.p, h.p + n};
        h.p += n;
        ++r.p;
        const std::int64_t timestamp = base + r.varint();
        const std::int64_t offset = r.varint();
        const std::string_view key = r.take(r.varint());
        const std::string_view value = r.take(r.varint());
        for (std::int64_t left = r.varint(); left > 0 && !r.bad; --left) {
            const std::string_view name = r.take(r.varint());
            sum += name.size();
            sum += r.take(r.varint()).size();
        }
        if (r.bad) [[unlikely]]
            return 0;
        sum += static_cast<std::uint64_t>(timestamp) + static_cast<std::uint64_t>(offset) + key.size() + value.size() +
               static_cast<std::uint8_t>(value[0]);
    }
    return sum;
}

}  // namespace straight_line
