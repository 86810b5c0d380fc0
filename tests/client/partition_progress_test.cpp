// SPDX-License-Identifier: Apache-2.0
// How far the work on a partition has come.
#include "client/parallel/partition_progress.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace ottla::client {
namespace {

std::string base_and_text(const OffsetMap& map) {
    std::string text = std::to_string(map.base()) + ':';
    OffsetMapReader reader(map);
    for (auto offset = map.base(); offset < map.end(); ++offset) text += reader.is_done(offset) ? 'x' : 'o';
    return text;
}

TEST(PartitionProgress, commits_up_to_the_lowest_that_is_not_finished) {
    PartitionProgress progress(OffsetMap(10));
    EXPECT_EQ(progress.watermark(), 10);
    const auto ten = progress.take(10);
    const auto eleven = progress.take(11);
    const auto twelve = progress.take(12);
    progress.finish(eleven);
    EXPECT_EQ(progress.watermark(), 10);
    EXPECT_EQ(base_and_text(progress.beyond()), "10:oxo");
    progress.finish(ten);
    EXPECT_EQ(progress.watermark(), 12);
    EXPECT_EQ(base_and_text(progress.beyond()), "12:o");
    progress.finish(twelve);
    EXPECT_EQ(progress.watermark(), 13);
    EXPECT_FALSE(progress.beyond().has_done());
    EXPECT_EQ(progress.unfinished(), 0U);
}

TEST(PartitionProgress, offsets_without_a_record_are_done) {
    PartitionProgress progress(OffsetMap(0));
    const auto a = progress.take(3);  // 0 to 2 were compacted away
    EXPECT_EQ(progress.watermark(), 3);
    const auto b = progress.take(1'000'000'000'000);
    progress.finish(b);
    EXPECT_EQ(progress.beyond().done_count(), 1'000'000'000'000 - 3);
    progress.finish(a);
    EXPECT_EQ(progress.watermark(), 1'000'000'000'001);
}

TEST(PartitionProgress, knows_nothing_where_nothing_was_committed) {
    PartitionProgress progress;
    EXPECT_EQ(progress.watermark(), -1);
    EXPECT_FALSE(progress.beyond().has_done());
    EXPECT_FALSE(progress.pass_if_done(7));
    progress.take(7);
    EXPECT_EQ(progress.watermark(), 7);
}

TEST(PartitionProgress, says_whether_what_the_committed_map_tells_of_was_read_again) {
    OffsetMap map(5);
    for (const char c : std::string_view("oxox")) map.append(c == 'x', 1);
    PartitionProgress progress(map);
    EXPECT_TRUE(progress.is_within_map());
    progress.take(5);
    EXPECT_TRUE(progress.pass_if_done(6));
    EXPECT_TRUE(progress.is_within_map()) << "7 is not finished, and not here";
    progress.take(7);
    EXPECT_TRUE(progress.pass_if_done(8));
    EXPECT_FALSE(progress.is_within_map());
    EXPECT_FALSE(PartitionProgress().is_within_map());
    EXPECT_FALSE(PartitionProgress(OffsetMap(3)).is_within_map());
}

TEST(PartitionProgress, goes_on_behind_a_committed_map) {
    OffsetMap map(5);
    for (const char c : std::string_view("oxxoxxx")) map.append(c == 'x', 1);  // 5 and 8 are not done
    PartitionProgress progress(map);
    EXPECT_EQ(base_and_text(progress.beyond()), "5:oxxoxxx")
        << "nothing of it is lost when it is committed before it was read";
    EXPECT_FALSE(progress.pass_if_done(5));
    const auto five = progress.take(5);
    EXPECT_TRUE(progress.pass_if_done(6));
    EXPECT_EQ(base_and_text(progress.beyond()), "5:oxxoxxx");
    EXPECT_TRUE(progress.pass_if_done(7));
    progress.finish(five);
    EXPECT_EQ(progress.watermark(), 8);
    EXPECT_EQ(base_and_text(progress.beyond()), "8:oxxx");
    const auto eight = progress.take(8);
    for (int offset = 9; offset < 12; ++offset) EXPECT_TRUE(progress.pass_if_done(offset));
    EXPECT_EQ(progress.watermark(), 8);
    EXPECT_EQ(base_and_text(progress.beyond()), "8:oxxx");
    progress.finish(eight);
    EXPECT_EQ(progress.watermark(), 12);
    EXPECT_FALSE(progress.pass_if_done(12));
}

TEST(PartitionProgress, a_million_end_in_reverse) {
    PartitionProgress progress(OffsetMap(0));
    constexpr std::int64_t count = 1'000'000;
    std::vector<PartitionProgress::Place> places;
    for (std::int64_t i = 0; i < count; ++i) places.push_back(progress.take(i));
    for (auto place = places.rbegin(); place + 1 != places.rend(); ++place) progress.finish(*place);
    EXPECT_EQ(progress.watermark(), 0);
    EXPECT_EQ(progress.taken(), 1'000'000U);
    EXPECT_LT(progress.beyond().encode(4096).value().size(), 20U);
    progress.finish(places[0]);
    EXPECT_EQ(progress.watermark(), count);
    EXPECT_EQ(progress.taken(), 0U);
}

TEST(PartitionProgress, nothing_is_kept_of_what_is_done_behind_one_that_is_not) {
    PartitionProgress progress(OffsetMap(0));
    const auto stuck = progress.take(0);
    const auto place = progress.take(1);
    progress.finish(place);
    for (std::int64_t i = 2; i < 1'000'000; ++i) {
        ASSERT_EQ(progress.take(i), place) << "another place, for " << i;
        progress.finish(place);
    }
    EXPECT_EQ(progress.watermark(), 0);
    EXPECT_EQ(progress.taken(), 1'000'000U);
    EXPECT_EQ(progress.beyond().done_count(), 999'999);
    progress.finish(stuck);
    EXPECT_EQ(progress.watermark(), 1'000'000);
}

}  // namespace
}  // namespace ottla::client
