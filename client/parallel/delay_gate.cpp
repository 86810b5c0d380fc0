// SPDX-License-Identifier: Apache-2.0
#include "client/parallel/delay_gate.hpp"

#include <algorithm>

namespace ottla::client {
namespace {

// Ten years: no sum overflows.
constexpr std::int64_t ahead_max_ms = std::int64_t{10} * 365 * 86'400'000;

}  // namespace

std::size_t DelayGate::pass(std::span<const MessageView> messages, base::TimePoint now, std::int64_t wall_ms) noexcept {
    for (std::size_t i = 0; i < messages.size(); ++i) {
        const auto& m = messages[i];
        // Timestamps come from anywhere: no sum of them that could overflow.
        const std::int64_t skew_ms = m.timestamp_ms() > wall_ms ? ahead_ms_ : 0;
        const std::int64_t due_ms = wall_ms + skew_ms - delay_.count();
        if (m.timestamp_ms() < 0 || m.timestamp_ms() <= due_ms) continue;
        if (m.offset() == held_ && held_until_ <= now) {
            ahead_ms_ = std::clamp(m.timestamp_ms() - (wall_ms - delay_.count()), ahead_ms_, ahead_max_ms);
            continue;
        }
        const auto left = std::min(delay_, std::chrono::milliseconds(m.timestamp_ms() - due_ms));
        held_until_ = m.offset() == held_ ? std::min(held_until_, now + left) : now + left;
        held_ = m.offset();
        opens_at_ = std::max<base::TimePoint>(held_until_, now + delay_ / 20);
        return i;
    }
    return messages.size();
}

}  // namespace ottla::client
