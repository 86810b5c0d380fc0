// SPDX-License-Identifier: Apache-2.0
#include "client/producer/sequences.hpp"

#include <gtest/gtest.h>

namespace ottla::client {
namespace {

using Verdict = Sequences::Verdict;

Sequences begun(std::int16_t epoch = 0) {
    Sequences s;
    s.begin(9, epoch);
    return s;
}
std::string shown(const Numbers& n) {
    return std::to_string(n.producer_id) + "/" + std::to_string(n.epoch) + ": " + std::to_string(n.first) + "+" +
           std::to_string(n.count);
}

TEST(Sequences, follow_one_another_once_there_is_an_id) {
    Sequences s;
    EXPECT_TRUE(s.needs_id());
    s.begin(9, 3);
    EXPECT_FALSE(s.needs_id());
    EXPECT_EQ(shown(s.next(5)), "9/3: 0+5");
    EXPECT_EQ(shown(s.next(1)), "9/3: 5+1");
    EXPECT_EQ(shown(s.next(2)), "9/3: 6+2");
}

TEST(Sequences, go_around) {
    Sequences s = begun();
    s.next(std::numeric_limits<std::int32_t>::max());
    EXPECT_EQ(s.next(3).first, std::numeric_limits<std::int32_t>::max());
    EXPECT_EQ(s.next(1).first, 2);
}

TEST(Sequences, of_a_batch_can_be_parted) {
    const Numbers whole{9, 1, std::numeric_limits<std::int32_t>::max(), 5};
    EXPECT_EQ(shown(whole.first_part(2)), "9/1: 2147483647+2");
    EXPECT_EQ(shown(whole.second_part(2)), "9/1: 1+3");
    EXPECT_FALSE(Numbers().second_part(2).any());
    EXPECT_FALSE(Numbers().first_part(2).any());
}

TEST(Sequences, one_is_in_flight_until_one_is_delivered) {
    Sequences s = begun();
    EXPECT_EQ(s.in_flight_max(), 1U);
    const Numbers first = s.next(1);
    s.delivered(first);
    EXPECT_EQ(s.in_flight_max(), 5U);
    s.given_up(s.next(1), true);
    s.next(1);
    EXPECT_EQ(s.in_flight_max(), 1U) << "a new epoch";
    s.delivered(first);
    EXPECT_EQ(s.in_flight_max(), 1U) << "one of the old epoch tells nothing";
}

TEST(Sequences, what_is_given_up_begins_a_new_epoch) {
    Sequences s = begun();
    const Numbers first = s.next(2);
    s.next(2);
    s.given_up(first, false);
    EXPECT_TRUE(s.begins_anew());
    EXPECT_EQ(shown(s.next(3)), "9/1: 0+3");
    EXPECT_FALSE(s.begins_anew());
    s.given_up(first, true);
    EXPECT_FALSE(s.begins_anew()) << "of an epoch that is over";
}

TEST(Sequences, the_last_gives_its_numbers_back_when_it_was_not_written) {
    Sequences s = begun();
    s.next(2);
    s.given_up(s.next(3), false);
    EXPECT_EQ(shown(s.next(1)), "9/0: 2+1");
    s.given_up(s.next(3), true);
    EXPECT_EQ(shown(s.next(1)), "9/1: 0+1") << "perhaps it was";
}

TEST(Sequences, a_refused_batch_waits_for_what_went_before_it) {
    Sequences s = begun();
    const Numbers first = s.next(1), second = s.next(1);
    EXPECT_EQ(s.refused(second, false, false), Verdict::again);
    EXPECT_EQ(s.refused(second, false, true), Verdict::again);
    EXPECT_FALSE(s.begins_anew());
    s.delivered(first);
    EXPECT_EQ(s.refused(second, true, false), Verdict::anew) << "the broker has forgotten";
    EXPECT_TRUE(s.begins_anew());
}

TEST(Sequences, what_may_be_written_is_never_numbered_anew) {
    Sequences s = begun();
    const Numbers first = s.next(1), second = s.next(1);
    EXPECT_EQ(s.refused(first, true, true), Verdict::give_up);
    EXPECT_TRUE(s.begins_anew());
    EXPECT_EQ(s.refused(second, false, true), Verdict::again);
    EXPECT_EQ(s.refused(second, true, true), Verdict::give_up);
    EXPECT_EQ(shown(s.next(1)), "9/1: 0+1");
}

TEST(Sequences, what_is_cut_off_and_not_written_is_numbered_anew_at_once) {
    Sequences s = begun();
    const Numbers first = s.next(1), second = s.next(1);
    s.given_up(first, true);
    EXPECT_EQ(s.refused(second, false, false), Verdict::anew);
}

TEST(Sequences, the_last_epoch_asks_for_a_new_id) {
    Sequences s = begun(std::numeric_limits<std::int16_t>::max());
    const Numbers last = s.next(1);
    EXPECT_FALSE(s.needs_id());
    s.given_up(last, true);
    EXPECT_TRUE(s.needs_id());
    s.begin(10, 0);
    EXPECT_FALSE(s.needs_id());
    EXPECT_FALSE(s.begins_anew());
    EXPECT_EQ(shown(s.next(1)), "10/0: 0+1");
}

TEST(Sequences, an_id_that_others_use_is_spent) {
    Sequences s = begun();
    s.next(1);
    s.spend_id();
    EXPECT_TRUE(s.needs_id());
    EXPECT_TRUE(s.begins_anew());
}

}  // namespace
}  // namespace ottla::client
