// SPDX-License-Identifier: Apache-2.0
#include "broker/log/leader_epochs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ottla::broker::log {
namespace {

using testing::ElementsAre;

LeaderEpochs epochs(std::initializer_list<EpochEntry> entries) {
    LeaderEpochs result;
    for (const auto& entry : entries) result.assign(entry.epoch, entry.start_offset);
    return result;
}

TEST(LeaderEpochs, are_written_and_read_as_text) {
    const auto some = epochs({{0, 0}, {5, 10}});
    EXPECT_EQ(some.to_text(), "0\n2\n0 0\n5 10\n");
    EXPECT_EQ(LeaderEpochs::parse(some.to_text()).value().entries(), some.entries());
    EXPECT_TRUE(LeaderEpochs::parse("0\n0\n").value().entries().empty());
}

TEST(LeaderEpochs, refuse_text_that_cannot_be) {
    for (const char* text : {"", "x\n0\n", "0\n1\n", "0\n2\n0 0\n", "0\n1\n0 0\n1 1\n", "0\n1\n0 x\n", "0\n1\n-1 0\n",
                             "0\n2\n1 0\n1 5\n", "0\n2\n1 5\n2 4\n", "0\n-1\n", "0\n1\n0 0 0\n"}) {
        EXPECT_EQ(LeaderEpochs::parse(text).error(), ErrorCode::corrupt_storage) << text;
    }
    EXPECT_EQ(LeaderEpochs::parse("1\n0\n").error(), ErrorCode::unsupported_version);
}

TEST(LeaderEpochs, begin_once) {
    LeaderEpochs some;
    EXPECT_TRUE(some.assign(3, 10));
    EXPECT_FALSE(some.assign(3, 20));
    EXPECT_FALSE(some.assign(2, 20));
    EXPECT_FALSE(some.assign(-1, 20));
    EXPECT_TRUE(some.assign(4, 20));
    EXPECT_THAT(some.entries(), ElementsAre(EpochEntry{3, 10}, EpochEntry{4, 20}));
}

TEST(LeaderEpochs, one_without_records_gives_way) {
    EXPECT_THAT(epochs({{1, 0}, {2, 5}, {3, 5}}).entries(), ElementsAre(EpochEntry{1, 0}, EpochEntry{3, 5}));
}

TEST(LeaderEpochs, none_is_later_than_the_one_that_begins) {
    // A bit has turned in the header of the batch at 26, and recovery has read it.
    auto some = epochs({{0, 0}, {1 << 27, 26}});
    EXPECT_TRUE(some.begin(3, 61));
    EXPECT_THAT(some.entries(), ElementsAre(EpochEntry{0, 0}, EpochEntry{3, 61}));
    EXPECT_FALSE(some.begin(3, 70));
    EXPECT_THAT(some.entries(), ElementsAre(EpochEntry{0, 0}, EpochEntry{3, 61}));
}

TEST(LeaderEpochs, know_where_each_ends) {
    const auto some = epochs({{2, 10}, {4, 20}, {7, 30}});
    const std::int64_t end = 45;
    EXPECT_EQ(some.end_of(7, end), (EpochEnd{7, 45}));
    EXPECT_EQ(some.end_of(4, end), (EpochEnd{4, 30}));
    EXPECT_EQ(some.end_of(6, end), (EpochEnd{4, 30}));
    EXPECT_EQ(some.end_of(3, end), (EpochEnd{2, 20}));
    EXPECT_EQ(some.end_of(1, end), (EpochEnd{1, 10}));
    EXPECT_EQ(some.end_of(8, end), (EpochEnd{-1, -1}));
    EXPECT_EQ(some.end_of(-1, end), (EpochEnd{-1, -1}));
    EXPECT_EQ(LeaderEpochs().end_of(0, end), (EpochEnd{-1, -1}));
    EXPECT_EQ(some.epoch_of(9), std::nullopt);
    EXPECT_EQ(some.epoch_of(29), 4);
}

TEST(LeaderEpochs, are_cut_at_both_ends) {
    auto some = epochs({{2, 10}, {4, 20}, {7, 30}});
    EXPECT_FALSE(some.truncate_end(31));
    EXPECT_TRUE(some.truncate_end(30));
    EXPECT_TRUE(some.truncate_start(25));
    EXPECT_THAT(some.entries(), ElementsAre(EpochEntry{4, 25}));
    EXPECT_FALSE(some.truncate_start(25));
}

}  // namespace
}  // namespace ottla::broker::log
