// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

namespace ottla::tools {

// Puts decode, encode, list and --lines under `wire`, working on standard input and output. Once a command has run,
// its exit code stands in `exit_code`, which must outlive `wire`.
void add_wire_commands(CLI::App& wire, int& exit_code);

}  // namespace ottla::tools
