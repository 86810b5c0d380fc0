// SPDX-License-Identifier: Apache-2.0
// What counts as silence of the coordinator, after which the partitions may be another's.
#include "tests/client/classic_script.hpp"

namespace ottla::client {
namespace {

using protocol::JoinGroupRequest;

Error connection_lost() { return Error::of(ErrorCode::transport); }

TEST(ClassicSilence, a_join_that_waited_long_and_failed_was_no_silence) {
    for (const bool answered : {false, true}) {
        ClassicScript s(settings_for({"cooperative-sticky"}));
        s.become_member({{"t", {0}}});
        s.heartbeat(ErrorCode::rebalance_in_progress);
        s.expect<JoinGroupRequest>();
        s.advance(100s);
        protocol::JoinGroupResponse moved;
        moved.error_code = static_cast<std::int16_t>(ErrorCode::not_coordinator);
        if (answered)
            s.membership.on_join(s.call, std::move(moved), s.now);
        else
            s.membership.on_join(s.call, connection_lost(), s.now);
        s.found();
        s.join("m", 2);
        EXPECT_EQ(s.last_join.member_id, "m");
        s.sync({{"t", {0}}});
        s.settle();
        EXPECT_EQ(s.take_said(), "+t0; +; ") << "nothing was lost";
    }
}

TEST(ClassicSilence, joins_that_are_never_answered_are) {
    ClassicScript s(settings_for({"cooperative-sticky"}));
    s.become_member({{"t", {0}}});
    s.heartbeat(ErrorCode::rebalance_in_progress);
    const auto began = s.now;
    for (int i = 0; i < 20 && s.take_said().find("lost t0; ") == std::string::npos; ++i) {
        s.expect<JoinGroupRequest>();
        s.advance(5s);
        s.membership.on_join(s.call, connection_lost(), s.now);
        s.found();
    }
    EXPECT_GE(s.now - began, 45s);
    EXPECT_LE(s.now - began, 60s);
    EXPECT_TRUE(s.held.empty());
}

}  // namespace
}  // namespace ottla::client
