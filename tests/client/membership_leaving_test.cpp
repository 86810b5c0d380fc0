// SPDX-License-Identifier: Apache-2.0
// How a member leaves when something is in its way.
#include "tests/client/membership_script.hpp"

namespace ottla::client {
namespace {

TEST(MembershipLeaving, does_not_wait_for_what_joining_waited_for) {
    MembershipScript s;
    s.become_member({{"t", {0}}});
    s.heartbeat(ErrorCode::rebalance_in_progress);
    s.join_fails(ErrorCode::coordinator_load_in_progress);
    s.settle();
    const auto before = s.now;
    s.membership.unsubscribe("the consumer is closed", s.now);
    EXPECT_EQ(s.expect<protocol::LeaveGroupRequest>().members[0].member_id, "m");
    EXPECT_EQ(s.now, before);
    s.membership.on_leave(s.call);
    EXPECT_TRUE(s.idle());
    EXPECT_TRUE(s.membership.is_out());
}

}  // namespace
}  // namespace ottla::client
