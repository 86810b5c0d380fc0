// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace ottla::client {

// Who the coordinator knows us as.
struct MemberIdentity {
    std::string member_id;
    std::int32_t generation = -1;  // the member's epoch in the consumer protocol; -1: no member at the moment

    friend bool operator==(const MemberIdentity&, const MemberIdentity&) = default;
};

}  // namespace ottla::client
