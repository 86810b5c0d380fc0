// SPDX-License-Identifier: Apache-2.0
// Backoff: how long to wait before the next attempt: doubling from `first` to `max`, with jitter, so that many
// clients do not come back together (KIP-580). Pure.
#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.hpp"
#include "base/random.hpp"

namespace ottla::client {

class Backoff {
public:
    // Jitter as parts of the wait: 0.2 and 0.2 give 80 % to 120 %.
    Backoff(base::Duration first, base::Duration max, double less = 0.2, double more = 0.2) noexcept
        : first_(first),
          max_(max),
          less_(less),
          more_(more) {}

    // One more attempt failed: the wait before the next.
    base::Duration next(base::Random& random) noexcept {
        const auto doublings = std::min(failures_++, 20);
        const double full = std::min(static_cast<double>(first_.count()) * static_cast<double>(1 << doublings),
                                     static_cast<double>(max_.count()));
        const double factor = 1 - less_ + (less_ + more_) * random.unit();
        return base::Duration(static_cast<base::Duration::rep>(full * factor));
    }
    void reset() noexcept { failures_ = 0; }
    int failures() const noexcept { return failures_; }

private:
    base::Duration first_;
    base::Duration max_;
    double less_;
    double more_;
    int failures_ = 0;
};

}  // namespace ottla::client
