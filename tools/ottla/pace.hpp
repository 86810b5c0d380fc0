// SPDX-License-Identifier: Apache-2.0
// Pace: keeps to so many records a second, from when it was made.
#pragma once

#include <chrono>
#include <cstdint>

#include "tools/ottla/verb.hpp"

namespace ottla::tools {

class Pace {
public:
    // 0: as fast as it goes.
    explicit Pace(std::int64_t per_second) : per_second_(per_second), began_(std::chrono::steady_clock::now()) {}

    // After `count` records there is a wait.
    bool is_due(std::int64_t count) const noexcept;
    // Waits until so many may have been, or the user stops it.
    void keep(const Session&, std::int64_t count) const;

private:
    std::int64_t per_second_;
    std::chrono::steady_clock::time_point began_;
};

}  // namespace ottla::tools
