// SPDX-License-Identifier: Apache-2.0
// Durations as ISO 8601 writes them, days and below: "P7D", "PT1H30M", "PT0.5S".
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace ottla::client {

// What Java's Duration reads, without signs: KIP-1106 has no negative ones. Below a millisecond is cut off. Nothing:
// it is none, or is longer than 1,000 years.
std::optional<std::chrono::milliseconds> parse_iso_duration(std::string_view text) noexcept;

}  // namespace ottla::client
