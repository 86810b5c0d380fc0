// SPDX-License-Identifier: Apache-2.0
// What the answer to a commit says of the membership, and what it does not.
#include "tests/client/classic_script.hpp"

namespace ottla::client {
namespace {

constexpr ErrorCode said_of_members[] = {ErrorCode::illegal_generation, ErrorCode::unknown_member_id,
                                         ErrorCode::fenced_instance_id, ErrorCode::group_id_not_found};

TEST(ClassicCommits, a_member_that_may_not_commit_has_lost_its_partitions) {
    for (const auto code : said_of_members) {
        ClassicScript s;
        s.become_member({{"t", {0}}});
        EXPECT_FALSE(s.membership.on_commit_error(code, {"m", 1}, s.now));
        s.settle();
        EXPECT_NE(s.take_said().find("lost t0; "), std::string::npos) << to_string(code);
    }
}

TEST(ClassicCommits, a_refusal_while_it_joins_again_costs_no_membership) {
    for (const auto code : said_of_members) {
        ClassicScript s(settings_for({"cooperative-sticky"}));
        s.become_member({{"t", {0}}});
        s.heartbeat(ErrorCode::rebalance_in_progress);
        s.last_join = s.expect<protocol::JoinGroupRequest>();
        const auto joining = s.call;
        // The coordinator has ended the join, and its answer is on the way.
        EXPECT_TRUE(s.membership.on_commit_error(code, {"m", 1}, s.now));
        s.settle();
        s.call = joining;
        s.joined("m", 2);
        EXPECT_TRUE(s.membership.on_commit_error(code, {"m", 1}, s.now)) << "it comes late";
        s.sync({{"t", {0, 1}}});
        s.settle();
        EXPECT_TRUE(s.membership.on_commit_error(code, {"m", 1}, s.now)) << "it comes later still";
        s.settle();
        EXPECT_TRUE(s.membership.is_stable());
        EXPECT_EQ(s.take_said(), "+t0; +t1; ") << to_string(code);
        EXPECT_EQ(s.membership.identity(), (MemberIdentity{"m", 2}));
    }
}

TEST(ClassicCommits, errors_that_say_nothing_of_members_and_commits_of_none_change_nothing) {
    ClassicScript s;
    s.become_member({{"t", {0}}});
    EXPECT_FALSE(s.membership.on_commit_error(ErrorCode::group_authorization_failed, {"m", 1}, s.now));
    EXPECT_FALSE(s.membership.on_commit_error(ErrorCode::unknown_member_id, {"", -1}, s.now));
    EXPECT_FALSE(s.membership.on_commit_error(ErrorCode::group_id_not_found, {"", -1}, s.now));
    s.settle();
    EXPECT_TRUE(s.membership.is_stable());
    EXPECT_EQ(s.take_said(), "+t0; ");
}

}  // namespace
}  // namespace ottla::client
