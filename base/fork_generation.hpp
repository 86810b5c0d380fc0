// SPDX-License-Identifier: Apache-2.0
// In a child of fork() the other threads are gone, and their locks stay as they were: what has threads finds out here
// that it was made before, and answers with an error instead of waiting for ever.
#pragma once

#include <cstdint>

namespace ottla::base {

// Another number in each child than in its parent. A load; any thread.
std::uint32_t fork_generation() noexcept;

}  // namespace ottla::base
