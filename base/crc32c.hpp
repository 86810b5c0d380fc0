// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli, RFC 3720), by the processor: the checksum of record batches and of Kafka's snapshot files.
#pragma once

#include <cstdint>

#include <ottla/bytes.hpp>

namespace ottla::base {

// The checksum of `bytes`; with `before`, of what `before` was the checksum of, followed by `bytes`.
std::uint32_t crc32c(ByteSpan bytes, std::uint32_t before = 0) noexcept;

}  // namespace ottla::base
