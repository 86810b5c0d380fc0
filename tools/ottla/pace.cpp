// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/pace.hpp"

#include <algorithm>

#include <poll.h>

namespace ottla::tools {
namespace {

// Shorter waits are put together.
constexpr auto wait_min = std::chrono::milliseconds(10);

std::chrono::steady_clock::duration left_until(std::chrono::steady_clock::time_point began, std::int64_t per_second,
                                               std::int64_t count) {
    const auto seconds = std::chrono::seconds(count / per_second);
    const auto rest = std::chrono::nanoseconds(count % per_second * 1'000'000'000 / per_second);
    return began + seconds + rest - std::chrono::steady_clock::now();
}

}  // namespace

bool Pace::is_due(std::int64_t count) const noexcept {
    return per_second_ > 0 && left_until(began_, per_second_, count) > wait_min;
}

void Pace::keep(const Session& session, std::int64_t count) const {
    while (is_due(count) && !session.stop) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(left_until(began_, per_second_, count)).count();
        // A signal ends it early.
        (void)::poll(nullptr, 0, static_cast<int>(std::clamp<std::int64_t>(left, 1, 100)));
    }
}

}  // namespace ottla::tools
