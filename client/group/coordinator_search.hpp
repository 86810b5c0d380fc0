// SPDX-License-Identifier: Apache-2.0
// CoordinatorSearch: whether a member knows its coordinator, and the time before which it is to ask nothing. Pure.
#pragma once

#include <cstdint>

#include <ottla/error.hpp>

#include "client/cluster/backoff.hpp"

namespace ottla::client {

using base::TimePoint;

class CoordinatorSearch {
public:
    // `random` must outlive it.
    CoordinatorSearch(base::Duration backoff, base::Duration backoff_max, base::Random& random) noexcept
        : random_(random),
          backoff_(backoff, backoff_max) {}

    bool is_known() const noexcept { return known_; }
    bool is_under_way() const noexcept { return call_ != 0; }
    void begin(std::uint64_t call) noexcept { call_ = call; }
    // False: the answer is out of date.
    bool end(std::uint64_t call, const Error& error, TimePoint now) noexcept {
        if (call != call_) return false;
        call_ = 0;
        known_ = error.code() == ErrorCode::none;
        if (!known_) wait(now);
        return true;
    }
    // It is not who we asked, or cannot be reached.
    void lost(TimePoint now) noexcept {
        known_ = false;
        wait(now);
    }
    void forget() noexcept { known_ = false; }

    TimePoint not_before() const noexcept { return not_before_; }
    // Each time longer, until things have gone well().
    void wait(TimePoint now) noexcept { not_before_ = now + backoff_.next(random_); }
    // At once the first time: a broker that contradicts itself must not be asked without end.
    void soon(TimePoint now) noexcept {
        const bool first = backoff_.failures() == 0;
        wait(now);
        if (first) not_before_ = now;
    }
    void at_once(TimePoint now) noexcept { not_before_ = now; }
    void went_well() noexcept { backoff_.reset(); }

private:
    base::Random& random_;
    Backoff backoff_;
    bool known_ = false;
    std::uint64_t call_ = 0;  // the look-up under way
    TimePoint not_before_{};
};

}  // namespace ottla::client
