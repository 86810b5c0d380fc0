// SPDX-License-Identifier: Apache-2.0
// What a compression codec is to Compressor and Decompressor, and the one table of codecs.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include <ottla/bytes.hpp>
#include <ottla/protocol/compression_type.hpp>
#include <ottla/result.hpp>

namespace ottla::protocol::compression {

// Both append to `out` and keep their context for the next call.
class Encoder {
public:
    virtual ~Encoder() = default;
    // `level` is within the codec's range, or default_compression_level.
    virtual Result<void> encode(int level, ByteSpan in, Buffer& out) = 0;
};

class Decoder {
public:
    virtual ~Decoder() = default;
    // Never appends more than `bytes_max`: limit_exceeded. Unreadable bytes: bad_compression.
    virtual Result<void> decode(ByteSpan in, std::size_t bytes_max, Buffer& out) = 0;
};

struct Codec {
    CompressionType type;
    std::string_view name;
    int level_min;
    int level_max;
    std::unique_ptr<Encoder> (*make_encoder)();
    std::unique_ptr<Decoder> (*make_decoder)();
};

// Null for a number that is no codec.
const Codec* find_codec(CompressionType) noexcept;

std::unique_ptr<Encoder> make_gzip_encoder();
std::unique_ptr<Decoder> make_gzip_decoder();
std::unique_ptr<Encoder> make_snappy_encoder();
std::unique_ptr<Decoder> make_snappy_decoder();
std::unique_ptr<Encoder> make_lz4_encoder();
std::unique_ptr<Decoder> make_lz4_decoder();
std::unique_ptr<Encoder> make_zstd_encoder();
std::unique_ptr<Decoder> make_zstd_decoder();

inline Error bad_compression(std::string_view what) { return Error::of(ErrorCode::bad_compression).with_context(what); }
inline Error output_above_limit(std::string_view what) {
    return Error::of(ErrorCode::limit_exceeded).with_context(what);
}

// Room at the end of `out` for a decoder that does not know how much it will write: at least `least`, doubling, and
// never beyond `start + bytes_max`. Nothing is left at the limit.
std::span<std::uint8_t> room_to_decode(Buffer& out, std::size_t start, std::size_t bytes_max, std::size_t least);

}  // namespace ottla::protocol::compression
