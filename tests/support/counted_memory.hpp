// SPDX-License-Identifier: Apache-2.0
// Counts what operator new gives out: link counted_memory.cpp into the program. One thread only.
#pragma once

#include <cstddef>

namespace ottla::tests {

// Bytes asked for and not yet given back.
std::size_t live_memory() noexcept;
// The most that was live since the last call of reset_peak_memory.
std::size_t peak_memory() noexcept;
void reset_peak_memory() noexcept;

}  // namespace ottla::tests
