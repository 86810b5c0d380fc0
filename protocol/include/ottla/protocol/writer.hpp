// SPDX-License-Identifier: Apache-2.0
// Writer: puts Kafka's primitive types into a Chain. Small things go into blocks of its own that are never moved,
// large Bytes and ranges of files are spliced in. The first failure sticks; result() tells it.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <ottla/bytes.hpp>
#include <ottla/protocol/chain.hpp>
#include <ottla/protocol/reader.hpp>
#include <ottla/protocol/records.hpp>
#include <ottla/result.hpp>
#include <ottla/uuid.hpp>

namespace ottla::base {
class BufferPool;
}

namespace ottla::protocol {

namespace detail {
class Encoder;
}

class Writer {
public:
    // Below this, copying costs less than one more piece to gather and to count references for.
    static constexpr std::size_t splice_at_least = 1024;

    // Free bytes that the encoder keeps at the end of a block, so that it need not ask before each small field.
    static constexpr std::size_t unasked = 256;

    // `expected`: bytes for which memory is taken at first (spliced ones apart); more is taken when needed. From
    // the pool, if there is one; it must outlive the writer.
    explicit Writer(std::size_t expected = 512, base::BufferPool* pool = nullptr) noexcept
        : next_block_(expected < 64 ? 64 : expected),
          pool_(pool) {}
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    void int8(std::int8_t v) { fixed(v); }
    void int16(std::int16_t v) { fixed(v); }
    void int32(std::int32_t v) { fixed(v); }
    void int64(std::int64_t v) { fixed(v); }
    void uint16(std::uint16_t v) { fixed(v); }
    void uint32(std::uint32_t v) { fixed(v); }
    void boolean(bool v) { fixed<std::uint8_t>(v ? 1 : 0); }
    void float64(double v) { fixed(std::bit_cast<std::uint64_t>(v)); }
    void uuid(const Uuid& v) { copy(v.bytes); }
    void unsigned_varint(std::uint32_t v);
    void varint(std::int32_t v) {
        unsigned_varint((static_cast<std::uint32_t>(v) << 1) ^ static_cast<std::uint32_t>(v >> 31));
    }
    void varlong(std::int64_t v);
    void copy(ByteSpan);
    // Shares the memory, unless it is so small that copying is cheaper.
    void splice(Bytes);
    void splice(FileRange);
    void splice(const Records&);
    void splice(Chain);

    // Bytes written so far, spliced ones included.
    std::size_t size() const noexcept { return closed_ + static_cast<std::size_t>(at_ - start_); }

    // Four bytes to be filled later, such as the length before a frame.
    class Int32Later {
    public:
        void fill(std::int32_t value) noexcept { detail::store_big_endian(at_, value); }

    private:
        friend class Writer;
        explicit Int32Later(std::uint8_t* at) noexcept : at_(at) {}
        std::uint8_t* at_;  // blocks do not move
    };
    Int32Later int32_later();

    void fail(ErrorCode code, std::string text);
    bool failed() const noexcept { return error_ != ErrorCode::none; }
    Result<void> result() const;

    // What was written; the writer is empty afterwards and may be used again.
    Chain finish();

private:
    friend class detail::Encoder;

    template <class T>
    void fixed(T v) {
        if (static_cast<std::size_t>(limit_ - at_) < sizeof(T)) [[unlikely]]
            more(sizeof(T));
        detail::store_big_endian(at_, v);
        at_ += sizeof(T);
    }
    // Makes room for `count` bytes in one piece.
    void more(std::size_t count);
    // Gives what stands in the open block to the chain.
    void close_piece();

    std::uint8_t* start_ = nullptr;  // of the piece being written
    std::uint8_t* at_ = nullptr;
    std::uint8_t* limit_ = nullptr;
    Buffer block_;
    std::size_t closed_ = 0;
    std::size_t next_block_;
    base::BufferPool* pool_;
    Chain chain_;
    Error error_;
};

}  // namespace ottla::protocol
