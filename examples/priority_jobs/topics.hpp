// SPDX-License-Identifier: Apache-2.0
// The topics of the jobs, the most urgent first.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace jobs {

inline constexpr std::array<std::string_view, 3> classes = {"urgent", "normal", "bulk"};

inline std::string topic_of(std::string_view name) { return "jobs." + std::string(name); }

}  // namespace jobs
