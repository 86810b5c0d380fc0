// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/group_id.hpp"

#include <limits>

#include "broker/groups/utf16.hpp"

namespace ottla::broker::groups {

std::int32_t java_hash(std::string_view utf8) noexcept {
    std::uint32_t hash = 0;
    for_each_utf16_unit(utf8, [&hash](std::uint16_t unit) { hash = 31 * hash + unit; });
    return static_cast<std::int32_t>(hash);
}

std::int32_t partition_of(std::string_view group_id, std::int32_t partitions) noexcept {
    const std::int32_t hash = java_hash(group_id);
    if (hash == std::numeric_limits<std::int32_t>::min()) return 0;
    return (hash < 0 ? -hash : hash) % partitions;
}

}  // namespace ottla::broker::groups
