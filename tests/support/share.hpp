// SPDX-License-Identifier: Apache-2.0
// How much of an open-ended test there is time for: `scripts/test --full`, a short run, a short run with sanitizers.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace ottla::test {

inline std::uint64_t share(std::uint64_t full, std::uint64_t some, std::uint64_t few) {
    if (std::getenv("OTTLA_FULL")) return full;
    return std::getenv("OTTLA_SANITIZED") ? few : some;
}

}  // namespace ottla::test
