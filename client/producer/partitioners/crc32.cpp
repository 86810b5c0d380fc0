// SPDX-License-Identifier: Apache-2.0
#include <libdeflate.h>

#include "client/producer/partitioner.hpp"

namespace ottla::client {

std::int32_t partition_by_crc32(ByteSpan key, std::int32_t count) noexcept {
    return static_cast<std::int32_t>(libdeflate_crc32(0, key.data(), key.size()) % static_cast<std::uint32_t>(count));
}

}  // namespace ottla::client
