// SPDX-License-Identifier: Apache-2.0
// The headers of a request; its reply has the first of them.
#pragma once

#include <string_view>

namespace rpc {

inline constexpr std::string_view correlation_id = "correlation-id";
// The topic that the reply goes to.
inline constexpr std::string_view reply_to = "reply-to";
// In milliseconds since 1970, by the requester's clock: nobody waits for the reply any longer.
inline constexpr std::string_view deadline_ms = "deadline-ms";

}  // namespace rpc
