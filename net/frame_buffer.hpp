// SPDX-License-Identifier: Apache-2.0
// FrameBuffer: cuts what a socket delivers into Kafka frames (4 bytes of length, big-endian, then that many bytes).
// Pure: the reader asks where to put bytes, says how many came, takes the frames out. One read serves many frames,
// and a frame is never copied once it is whole.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <ottla/bytes.hpp>
#include <ottla/result.hpp>

#include "base/buffer_pool.hpp"

namespace ottla::net {

// What a peer without authentication may send.
inline constexpr std::size_t frame_bytes_before_authentication = 64 * 1024;

class FrameBuffer {
public:
    // Frames above `frame_max` bytes (without their length) are refused. `pool` must outlive the buffer.
    FrameBuffer(base::BufferPool& pool, std::size_t frame_max) : pool_(pool), frame_max_(frame_max) {}
    // Holds from the next frame on.
    void set_frame_max(std::size_t frame_max) noexcept { frame_max_ = frame_max; }

    // Where the next bytes go; never empty. Memory is taken as bytes come, not as a length promises, unless frames of
    // half that size have come before.
    std::span<std::uint8_t> prepare();
    void commit(std::size_t count);

    // The next whole frame without its length; nothing when more bytes are needed. An error (bad_message: negative
    // length; limit_exceeded) says what the bytes look like, and is final.
    Result<std::optional<Bytes>> next();

    // Bytes of a frame that is not whole yet.
    std::size_t pending() const noexcept { return end_ - begin_; }
    // The first few of them, for describe_garbage().
    ByteSpan peek() const noexcept { return {block_.data() + begin_, pending() < 16 ? pending() : 16}; }

private:
    void move_to(std::size_t capacity);

    base::BufferPool& pool_;
    std::size_t frame_max_;
    Buffer block_;
    std::size_t begin_ = 0;     // of what has not been handed out
    std::size_t end_ = 0;       // of what has come
    bool any_ = false;          // a frame has been handed out
    std::size_t chunk_ = 4096;  // what a fresh block has at least: follows the size of reads
    std::size_t largest_read_ = 0;
    std::size_t experience_ = 0;  // twice the last large frames
};

// What the first bytes of a broken stream look like: "an HTTP request", "a TLS handshake", …, else their hex.
std::string describe_garbage(ByteSpan first);

}  // namespace ottla::net
