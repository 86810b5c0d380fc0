// SPDX-License-Identifier: Apache-2.0
// Reports: what a member has to say to the application, the same thing once for as long as it lasts. Pure.
#pragma once

#include <deque>
#include <optional>
#include <utility>

#include "client/group/membership.hpp"

namespace ottla::client {

class Reports {
public:
    // `settings` must outlive it.
    explicit Reports(const MembershipSettings& settings) noexcept : settings_(settings) {}

    // With the group's name put before it.
    void tell(const Error& error);
    void tell_once(const Error& error) {
        if (std::exchange(told_, error.code()) != error.code()) tell(error);
    }
    void nobody_polled();
    // What was told may be told again.
    void went_well() noexcept { told_ = ErrorCode::none; }

    std::optional<Error> next() {
        if (waiting_.empty()) return std::nullopt;
        std::optional<Error> first(std::move(waiting_.front()));
        waiting_.pop_front();
        return first;
    }

private:
    const MembershipSettings& settings_;
    std::deque<Error> waiting_;
    ErrorCode told_ = ErrorCode::none;
};

std::int32_t in_ms(base::Duration) noexcept;

}  // namespace ottla::client
