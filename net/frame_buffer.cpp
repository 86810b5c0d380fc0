// SPDX-License-Identifier: Apache-2.0
#include "net/frame_buffer.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include <fmt/format.h>
#include <ottla/protocol/reader.hpp>

#include "base/assert.hpp"

namespace ottla::net {

namespace {
constexpr std::size_t length_bytes = 4;
constexpr std::size_t chunk_min = 4096;
// The first frame of a connection is small; a TLS record read as a length is 350 MB or more.
constexpr std::size_t first_frame_max = 100 * 1024 * 1024;
constexpr std::size_t chunk_max = 256 * 1024;
// A frame above this, and above what frames were before, gets memory as its bytes arrive, twice what is there: each
// time what is there is copied.
constexpr std::size_t trusted_bytes = 4 * 1024 * 1024;
// An idle connection gives back blocks above this.
constexpr std::size_t idle_bytes_max = 64 * 1024;
}  // namespace

std::span<std::uint8_t> FrameBuffer::prepare() {
    if (begin_ == end_ && block_.capacity() != 0 && !block_.is_shared()) begin_ = end_ = 0;
    if (pending() < length_bytes) {
        if (block_.capacity() - end_ < std::min(chunk_ / 4, chunk_min)) {
            // Of a large frame, the chunk holds only the length: what it holds more is copied.
            const bool expects_large = experience_ > 2 * chunk_max;
            chunk_ = expects_large ? chunk_min : std::clamp(std::bit_ceil(largest_read_ + 1), chunk_min, chunk_max);
            largest_read_ = 0;
            move_to(chunk_);
        }
    } else {
        const auto length = protocol::detail::load_big_endian<std::int32_t>(block_.data() + begin_);
        const std::size_t whole = length_bytes + static_cast<std::size_t>(std::max(length, 0));
        const std::size_t wanted = std::min(whole, std::max({trusted_bytes, experience_, 2 * pending()}));
        if (begin_ + wanted > block_.capacity()) move_to(std::max(wanted, chunk_));
    }
    OTTLA_ASSERT(end_ < block_.capacity());
    return {block_.data() + end_, block_.capacity() - end_};
}

void FrameBuffer::commit(std::size_t count) {
    OTTLA_ASSERT(end_ + count <= block_.capacity());
    end_ += count;
    largest_read_ = std::max(largest_read_, count);
}

void FrameBuffer::move_to(std::size_t capacity) {
    const std::size_t kept = pending();
    if (!block_.is_shared() && block_.capacity() >= capacity) {
        if (kept != 0) std::memmove(block_.data(), block_.data() + begin_, kept);
    } else {
        Buffer next = pool_.take(capacity);
        if (kept != 0) std::memcpy(next.data(), block_.data() + begin_, kept);
        block_ = std::move(next);
    }
    begin_ = 0;
    end_ = kept;
}

Result<std::optional<Bytes>> FrameBuffer::next() {
    if (pending() == 0 && block_.capacity() > idle_bytes_max) {
        block_ = Buffer();
        begin_ = end_ = 0;
    }
    if (pending() < length_bytes) return std::optional<Bytes>();
    const auto length = protocol::detail::load_big_endian<std::int32_t>(block_.data() + begin_);
    if (length < 0)
        return Error::of(ErrorCode::bad_message,
                         fmt::format("a frame of length {}; it looks like {}", length, describe_garbage(peek())));
    const auto size = static_cast<std::size_t>(length);
    const std::size_t limit = any_ ? frame_max_ : std::min(frame_max_, first_frame_max);
    if (size > limit)
        return Error::of(ErrorCode::limit_exceeded,
                         fmt::format("a frame of {} bytes, above the limit of {}; it looks like {}", size, limit,
                                     describe_garbage(peek())));
    if (pending() < length_bytes + size) return std::optional<Bytes>();
    std::optional<Bytes> frame(block_.share(begin_ + length_bytes, size));
    begin_ += length_bytes + size;
    any_ = true;
    experience_ = std::max(2 * size, experience_ - experience_ / 8);
    return frame;
}

std::string describe_garbage(ByteSpan first) {
    const std::string_view text = as_text(first);
    const auto starts = [text](std::string_view with) { return text.starts_with(with); };
    for (const auto* method : {"GET ", "POST", "PUT ", "HEAD", "DELE", "OPTI", "PATC", "CONN", "TRAC"})
        if (starts(method)) return "an HTTP request";
    if (starts("PRI ")) return "an HTTP/2 connection";
    if (starts("HTTP")) return "an HTTP answer";
    if (starts("\x16\x03")) return "a TLS handshake on a plaintext port";
    if (starts("\x15\x03")) return "a TLS alert: the other end speaks TLS and we do not";
    if (starts("SSH-")) return "SSH";
    if (starts("PROXY") || starts("\r\n\r\n")) return "the PROXY protocol of a load balancer";
    if (text.size() >= 4 &&
        std::all_of(text.begin(), text.end(), [](char c) { return (c >= ' ' && c <= '~') || c == '\r' || c == '\n'; }))
        return fmt::format("the text '{}'", text.substr(0, text.find_first_of("\r\n")));
    std::string hex = "the bytes";
    for (const std::uint8_t byte : first) hex += fmt::format(" {:02x}", byte);
    return hex;
}

}  // namespace ottla::net
