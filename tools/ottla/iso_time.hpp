// SPDX-License-Identifier: Apache-2.0
// Times and durations of ISO 8601, as far as operators write them. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <ottla/result.hpp>

namespace ottla::tools {

// Milliseconds since 1970-01-01 UTC of "2026-11-22", "2026-11-22T18:05", "2026-11-22T18:05:20.250", each with Z,
// +01:00 or +0100 behind the time of day; without one of these, in UTC. Errors: invalid_argument.
Result<std::int64_t> parse_datetime_ms(std::string_view);

// Milliseconds of "P1DT2H", "PT90M", "PT1.5S": days of 24 hours, hours, minutes and seconds. Errors: invalid_argument.
Result<std::int64_t> parse_duration_ms(std::string_view);

// "2026-11-22T18:05:20Z", without the thousandths.
std::string datetime_text(std::int64_t ms_since_1970);

// "850ms", "12s", "3m04s", "2h05m", "3d04h"
std::string duration_text(std::int64_t ms);

}  // namespace ottla::tools
