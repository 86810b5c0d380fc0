// SPDX-License-Identifier: Apache-2.0
// What the application holds and is told, one thing after the other.
#include <gtest/gtest.h>

#include "client/group/handover.hpp"

namespace ottla::client {
namespace {

using Kind = Rebalance::Kind;

TEST(Handover, one_thing_after_the_other) {
    Handover h;
    h.assign({{"t", {0, 1}}});
    h.revoke({});
    h.revoke({{"t", {0}}});
    ASSERT_TRUE(h.is_due());
    EXPECT_EQ(h.take(1).kind, Kind::assigned);
    EXPECT_EQ(h.owned(), (PartitionMap{{"t", {0, 1}}})) << "from the hand-over on";
    EXPECT_FALSE(h.is_due());
    h.done(7);
    EXPECT_FALSE(h.is_due()) << "a call that nobody made";
    h.done(1);
    EXPECT_EQ(h.take(2).kind, Kind::revoked);
    EXPECT_EQ(h.owned(), (PartitionMap{{"t", {0, 1}}})) << "until it is given back";
    h.done(2);
    EXPECT_EQ(h.owned(), (PartitionMap{{"t", {1}}}));
    EXPECT_TRUE(h.is_idle());
}

TEST(Handover, a_loss_does_not_wait_and_takes_all_but_what_is_being_given_back) {
    Handover h;
    h.assign({{"t", {0, 1, 2}}});
    h.take(1);
    h.done(1);
    h.revoke({{"t", {0}}});
    h.take(2);
    h.assign({{"u", {0}}});
    h.lose();
    ASSERT_TRUE(h.is_due());
    const auto lost = h.take(3);
    EXPECT_EQ(lost.kind, Kind::lost);
    EXPECT_EQ(lost.partitions, (PartitionMap{{"t", {1, 2}}}));
    EXPECT_TRUE(h.owned().empty());
    h.done(2);
    EXPECT_FALSE(h.is_idle());
    h.done(3);
    EXPECT_TRUE(h.is_idle());
    h.lose();
    EXPECT_TRUE(h.is_idle()) << "there is nothing to lose";
}

TEST(Handover, who_leaves_gives_back_what_he_has_and_is_given_nothing_more) {
    Handover h;
    h.assign({{"t", {0, 1}}});
    h.take(1);
    h.assign({{"t", {2}}});
    h.give_back_all();
    h.done(1);
    const auto last = h.take(2);
    EXPECT_EQ(last.kind, Kind::revoked);
    EXPECT_EQ(last.partitions, (PartitionMap{{"t", {0, 1}}}));
    h.done(2);
    EXPECT_TRUE(h.is_idle());
}

TEST(Handover, what_is_given_back_at_the_end_does_not_wait_for_a_commit_of_what_went_before) {
    Handover h;
    h.assign({{"t", {0, 1, 2}}});
    h.take(1);
    h.done(1);
    h.revoke({{"t", {2}}});
    h.take(2);
    EXPECT_FALSE(h.is_due());
    h.give_back_all();
    ASSERT_TRUE(h.is_due());
    EXPECT_EQ(h.take(3).partitions, (PartitionMap{{"t", {0, 1}}}));
    h.assign({{"u", {0}}});
    EXPECT_FALSE(h.is_due()) << "the end is over";
    h.done(3);
    EXPECT_EQ(h.owned(), (PartitionMap{{"t", {2}}}));
    h.done(2);
    EXPECT_TRUE(h.owned().empty());
    EXPECT_TRUE(h.is_due());
}

}  // namespace
}  // namespace ottla::client
