// SPDX-License-Identifier: Apache-2.0
#include <ottla/protocol/compression.hpp>

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "protocol/compression/codec.hpp"

namespace ottla::protocol {

namespace compression {

namespace {
constexpr Codec codecs[] = {
    {CompressionType::none, "none", 0, 0, nullptr, nullptr},
    {CompressionType::gzip, "gzip", 0, 9, make_gzip_encoder, make_gzip_decoder},
    {CompressionType::snappy, "snappy", 0, 0, make_snappy_encoder, make_snappy_decoder},
    {CompressionType::lz4, "lz4", 0, 12, make_lz4_encoder, make_lz4_decoder},
    {CompressionType::zstd, "zstd", -131'072, 22, make_zstd_encoder, make_zstd_decoder},
};
}  // namespace

const Codec* find_codec(CompressionType type) noexcept {
    const auto i = static_cast<std::size_t>(type);
    return i < std::size(codecs) ? &codecs[i] : nullptr;
}

std::span<std::uint8_t> room_to_decode(Buffer& out, std::size_t start, std::size_t bytes_max, std::size_t least) {
    const std::size_t used = out.size() - start;
    const std::size_t allowed = bytes_max - std::min(used, bytes_max);
    const std::size_t wanted = std::min(std::max(least, used), allowed);
    if (out.capacity() - out.size() < wanted) out.reserve(out.size() + wanted);
    return {out.data() + out.size(), std::min(out.capacity() - out.size(), allowed)};
}

}  // namespace compression

std::string_view name(CompressionType type) noexcept {
    const auto* codec = compression::find_codec(type);
    return codec != nullptr ? codec->name : "unknown";
}

std::optional<CompressionType> parse_compression_type(std::string_view name) noexcept {
    for (const auto& codec : compression::codecs)
        if (codec.name == name) return codec.type;
    return std::nullopt;
}

bool is_valid_level(CompressionType type, int level) noexcept {
    const auto* codec = compression::find_codec(type);
    return codec != nullptr &&
           (level == default_compression_level || (level >= codec->level_min && level <= codec->level_max));
}

Compressor::Compressor() noexcept = default;
Compressor::Compressor(Compressor&&) noexcept = default;
Compressor& Compressor::operator=(Compressor&&) noexcept = default;
Compressor::~Compressor() = default;

Result<void> Compressor::compress(CompressionType type, int level, ByteSpan in, Buffer& out) {
    const auto* codec = compression::find_codec(type);
    if (codec == nullptr) return Error::of(ErrorCode::unsupported_compression_type);
    if (!is_valid_level(type, level))
        return Error::of(ErrorCode::invalid_argument,
                         fmt::format("compression level {} of {}: allowed are -1 and {} to {}", level, codec->name,
                                     codec->level_min, codec->level_max));
    if (type == CompressionType::none) {
        out.append(in);
        return ok();
    }
    auto& encoder = encoders_[static_cast<std::size_t>(type)];
    if (!encoder) encoder = codec->make_encoder();
    return encoder->encode(level, in, out);
}

Decompressor::Decompressor() noexcept = default;
Decompressor::Decompressor(Decompressor&&) noexcept = default;
Decompressor& Decompressor::operator=(Decompressor&&) noexcept = default;
Decompressor::~Decompressor() = default;

Result<void> Decompressor::decompress(CompressionType type, ByteSpan in, std::size_t bytes_max, Buffer& out) {
    const auto* codec = compression::find_codec(type);
    if (codec == nullptr) return Error::of(ErrorCode::unsupported_compression_type);
    if (type == CompressionType::none) {
        if (in.size() > bytes_max) return compression::output_above_limit("uncompressed records");
        out.append(in);
        return ok();
    }
    auto& decoder = decoders_[static_cast<std::size_t>(type)];
    if (!decoder) decoder = codec->make_decoder();
    const std::size_t before = out.size();
    auto done = decoder->decode(in, bytes_max, out);
    if (!done) out.resize(before);
    return done;
}

}  // namespace ottla::protocol
