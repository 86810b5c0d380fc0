// SPDX-License-Identifier: Apache-2.0
#include "client/parallel/delay_gate.hpp"

#include <algorithm>

namespace ottla::client {

std::size_t DelayGate::pass(std::span<const MessageView> messages, base::TimePoint now, std::int64_t wall_ms) noexcept {
    for (std::size_t i = 0; i < messages.size(); ++i) {
        const auto& m = messages[i];
        // Timestamps come from anywhere: no sum of them that could overflow.
        const bool is_from_past = m.timestamp_ms() < 0 || m.timestamp_ms() <= wall_ms - delay_.count();
        if (is_from_past || (m.offset() == held_ && held_until_ <= now)) continue;
        const auto left = std::chrono::milliseconds(
            m.timestamp_ms() >= wall_ms ? delay_.count() : m.timestamp_ms() - (wall_ms - delay_.count()));
        held_until_ = m.offset() == held_ ? std::min(held_until_, now + left) : now + left;
        held_ = m.offset();
        opens_at_ = std::max<base::TimePoint>(held_until_, now + delay_ / 20);
        return i;
    }
    return messages.size();
}

}  // namespace ottla::client
