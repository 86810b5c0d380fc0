// SPDX-License-Identifier: Apache-2.0
// How a member leaves when something is in its way.
#include "tests/client/classic_script.hpp"

namespace ottla::client {
namespace {

TEST(ClassicLeaving, does_not_wait_for_what_joining_waited_for) {
    ClassicScript s;
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

TEST(ClassicLeaving, does_not_wait_for_an_application_that_polls_no_more) {
    ClassicScript s;
    s.become_member({{"t", {0}}});
    s.app_waits = true;
    s.membership.unsubscribe("the consumer unsubscribed", s.now);
    s.advance(299s, false);
    EXPECT_TRUE(s.idle()) << "the application has not given it back yet; heartbeats go on";
    EXPECT_EQ(s.take_said(), "+t0; -t0; ");
    EXPECT_EQ(s.expect<protocol::LeaveGroupRequest>().members[0].reason, "the consumer unsubscribed");
    EXPECT_EQ(s.take_said(), "lost ; ") << "and no word of polling: it has unsubscribed";
    s.advance(1h, false);
    EXPECT_TRUE(s.idle());
    EXPECT_FALSE(s.membership.is_out());
    s.done();
    EXPECT_TRUE(s.membership.is_out());
    s.subscribe({"t"});
    s.join("m2", 2);
}

TEST(ClassicLeaving, who_has_subscribed_again_meanwhile_joins_with_the_next_poll) {
    ClassicScript s;
    s.become_member({{"t", {0}}});
    s.app_waits = true;
    s.membership.unsubscribe("the consumer unsubscribed", s.now);
    s.subscribe({"t"});
    s.expect<protocol::LeaveGroupRequest>();
    EXPECT_TRUE(s.membership.is_away());
    s.done();
    s.membership.on_poll(s.now);
    s.join("m2", 2);
}

}  // namespace
}  // namespace ottla::client
