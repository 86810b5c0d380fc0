// SPDX-License-Identifier: Apache-2.0
// What a number on the command line may be. The parser alone takes "-1" for an unsigned option and prints a range that
// ends nowhere with all of its digits.
#pragma once

#include <cstdint>
#include <limits>

#include <CLI/CLI.hpp>

namespace ottla::tools {

// "'-1' is not a whole number from 1 to 9", behind the option's name. Without an upper end: what any counter holds.
CLI::Validator whole_number(std::int64_t least, std::int64_t greatest = std::numeric_limits<std::int64_t>::max());
CLI::Validator number(double least, double greatest);

}  // namespace ottla::tools
