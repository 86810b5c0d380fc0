// SPDX-License-Identifier: Apache-2.0
// How large maps may be, where the broker refuses some.
#include "client/parallel/map_limit.hpp"

#include <gtest/gtest.h>

namespace ottla::client {
namespace {

TEST(MapLimit, is_what_is_configured_until_one_is_refused) {
    MapLimit limit(4096);
    limit.taken(3000);
    EXPECT_EQ(limit.bytes(), 4096U);
    EXPECT_TRUE(limit.refused(4000));
    EXPECT_EQ(limit.bytes(), 3000U) << "what the broker has taken";
}

TEST(MapLimit, halves_what_is_refused_until_there_are_no_maps) {
    MapLimit limit(4096);
    std::size_t refusals = 0;
    for (; limit.bytes() > 0; ++refusals) {
        const auto before = limit.bytes();
        EXPECT_TRUE(limit.refused(before));
        EXPECT_LT(limit.bytes(), before);
    }
    EXPECT_EQ(refusals, 13U);
    EXPECT_FALSE(limit.refused(0)) << "a commit without map cannot become smaller";
}

TEST(MapLimit, grows_towards_what_is_taken) {
    MapLimit limit(4096);
    limit.refused(1000);
    EXPECT_EQ(limit.bytes(), 500U);
    limit.taken(480);
    EXPECT_EQ(limit.bytes(), 500U);
    limit.refused(490);
    EXPECT_EQ(limit.bytes(), 480U);
    limit.taken(4000);
    EXPECT_EQ(limit.bytes(), 480U) << "an answer from before";
}

TEST(MapLimit, falls_when_the_broker_takes_less_than_it_did) {
    MapLimit limit(4096);
    limit.taken(3000);
    limit.refused(2000);
    EXPECT_EQ(limit.bytes(), 1000U);
}

}  // namespace
}  // namespace ottla::client
