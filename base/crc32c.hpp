// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli, RFC 3720), by the processor: the checksum of record batches and of Kafka's snapshot files.
#pragma once

#include <cstdint>

#include <ottla/bytes.hpp>

namespace ottla::base {

// The checksum of `bytes`; with `before`, of what `before` was the checksum of, followed by `bytes`.
std::uint32_t crc32c(ByteSpan bytes, std::uint32_t before = 0) noexcept;
// The checksum of what `first` is the checksum of, followed by `size` bytes with the checksum `second`. Some hundred
// nanoseconds, whatever the size.
std::uint32_t crc32c_of_both(std::uint32_t first, std::uint32_t second, std::uint64_t size) noexcept;

}  // namespace ottla::base
