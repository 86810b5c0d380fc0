// SPDX-License-Identifier: Apache-2.0
// What the services of the order confirmation agree on. The key of every record is the order's id, all topics have the
// same number of partitions, and times are the broker's (message.timestamp.type=LogAppendTime).
#pragma once

#include <array>
#include <string_view>

namespace orders {

// "ITEM CENTS", by the order service.
inline constexpr std::string_view order_events = "order-events";
// "confirmed", or "rejected: WHY", by the confirmation service. Compacted, and deleted after longer than
// Join remembers.
inline constexpr std::string_view order_confirmations = "order-confirmations";

// "ok", or "failed: WHY", by the service of each step. A record without a key is nobody's answer: it tells the time.
struct Step {
    std::string_view name;
    std::string_view topic;
};
inline constexpr std::array<Step, 3> steps = {
    {{"inventory", "inventory-status"}, {"payment", "payment-status"}, {"shipping", "shipping-status"}}};

}  // namespace orders
