// SPDX-License-Identifier: Apache-2.0
// The codecs of record batches, by the numbers that a batch's attributes carry.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ottla::protocol {

enum class CompressionType : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };

// The level that stands for "the codec's own choice".
inline constexpr int default_compression_level = -1;

// "none", "gzip", "snappy", "lz4", "zstd".
std::string_view name(CompressionType) noexcept;
std::optional<CompressionType> parse_compression_type(std::string_view name) noexcept;
// default_compression_level is always valid; otherwise gzip 0 … 9, snappy 0, lz4 0 … 12, zstd -131072 … 22
// (0 is zstd's own choice, and of -1 the choice here; what lies below trades density for speed).
bool is_valid_level(CompressionType, int level) noexcept;

}  // namespace ottla::protocol
