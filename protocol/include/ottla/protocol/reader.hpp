// SPDX-License-Identifier: Apache-2.0
// Reader: takes Kafka's primitive types from a frame. The first failure sticks: everything read afterwards is zero
// or empty, and result() says once at the end what was wrong and where. Whatever the bytes say, decoding a frame
// allocates at most 64 times its size and 64 KiB.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include <ottla/bytes.hpp>
#include <ottla/result.hpp>
#include <ottla/uuid.hpp>

namespace ottla::protocol {

namespace detail {

template <class T>
T load_big_endian(const std::uint8_t* from) noexcept {
    T value;
    std::memcpy(&value, from, sizeof value);
    if constexpr (std::endian::native == std::endian::little) {
        if constexpr (sizeof(T) == 2) value = static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
        if constexpr (sizeof(T) == 4) value = static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
        if constexpr (sizeof(T) == 8) value = static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
    }
    return value;
}

template <class T>
void store_big_endian(std::uint8_t* to, T value) noexcept {
    if constexpr (std::endian::native == std::endian::little) {
        if constexpr (sizeof(T) == 2) value = static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
        if constexpr (sizeof(T) == 4) value = static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
        if constexpr (sizeof(T) == 8) value = static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
    }
    std::memcpy(to, &value, sizeof value);
}

class Decoder;

}  // namespace detail

class Reader {
public:
    // `Bytes` and `records` fields become slices of this frame, and keep it alive.
    explicit Reader(Bytes frame) noexcept;
    // Copies the bytes first.
    explicit Reader(ByteSpan bytes) : Reader(Bytes::copy_of(bytes)) {}

    std::int8_t int8() noexcept { return fixed<std::int8_t>(); }
    std::int16_t int16() noexcept { return fixed<std::int16_t>(); }
    std::int32_t int32() noexcept { return fixed<std::int32_t>(); }
    std::int64_t int64() noexcept { return fixed<std::int64_t>(); }
    std::uint16_t uint16() noexcept { return fixed<std::uint16_t>(); }
    std::uint32_t uint32() noexcept { return fixed<std::uint32_t>(); }
    bool boolean() noexcept { return fixed<std::uint8_t>() != 0; }
    double float64() noexcept { return std::bit_cast<double>(fixed<std::uint64_t>()); }
    Uuid uuid() noexcept;
    // At most 5 bytes (10 for varlong), as Kafka reads them.
    std::uint32_t unsigned_varint() noexcept;
    std::int32_t varint() noexcept {
        const std::uint32_t u = unsigned_varint();
        return static_cast<std::int32_t>((u >> 1) ^ (~(u & 1) + 1));
    }
    std::int64_t varlong() noexcept;
    // A view into the frame, and a slice that shares it.
    ByteSpan view(std::size_t count) noexcept;
    Bytes slice(std::size_t count) noexcept { return frame_.slice(view(count)); }
    void skip(std::size_t count) noexcept { view(count); }

    std::size_t position() const noexcept { return static_cast<std::size_t>(at_ - frame_.data()); }
    std::size_t remaining() const noexcept { return static_cast<std::size_t>(end_ - at_); }
    const Bytes& frame() const noexcept { return frame_; }

    // `reason` must live as long as the reader: a literal. Only the first one counts.
    void fail(const char* reason) noexcept;
    bool failed() const noexcept { return reason_ != nullptr; }
    // bad_message, with `what`, the place and the reason, when something failed.
    Result<void> result(std::string_view what) const;
    // The same; and bytes left over are a failure, too.
    Result<void> end(std::string_view what);

private:
    friend class detail::Decoder;

    template <class T>
    T fixed() noexcept {
        if (remaining() < sizeof(T)) [[unlikely]] {
            fail("the bytes end too early");
            return T{};
        }
        const T value = detail::load_big_endian<T>(at_);
        at_ += sizeof(T);
        return value;
    }

    Bytes frame_;
    const std::uint8_t* at_;
    const std::uint8_t* end_;
    std::size_t budget_;  // what decoding may still allocate
    const char* reason_ = nullptr;
    std::size_t failed_at_ = 0;
};

}  // namespace ottla::protocol
