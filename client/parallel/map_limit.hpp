// SPDX-License-Identifier: Apache-2.0
// MapLimit: how many bytes the map of a commit may have. The configuration says it; the broker's
// offset.metadata.max.bytes may be lower, which shows only when it refuses a map: from then on, the limit is what it
// has taken, or half of what it has refused, if that is more. Pure.
#pragma once

#include <algorithm>
#include <cstddef>

namespace ottla::client {

class MapLimit {
public:
    explicit MapLimit(std::size_t configured) noexcept : configured_(configured) {}

    // 0: no maps.
    std::size_t bytes() const noexcept { return refused_ == 0 ? configured_ : std::max(taken_, refused_ / 2); }
    void taken(std::size_t bytes) noexcept {
        if (refused_ == 0 || bytes < refused_) taken_ = std::max(taken_, bytes);
    }
    // False: there was no map, so that a smaller one is no help.
    bool refused(std::size_t bytes) noexcept {
        if (bytes == 0) return false;
        refused_ = refused_ == 0 ? bytes : std::min(refused_, bytes);
        // The broker has another limit than it had, or another broker coordinates.
        if (taken_ >= refused_) taken_ = 0;
        return true;
    }

private:
    std::size_t configured_;
    std::size_t taken_ = 0;
    std::size_t refused_ = 0;
};

}  // namespace ottla::client
