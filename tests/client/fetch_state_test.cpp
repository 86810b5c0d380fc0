// SPDX-License-Identifier: Apache-2.0
#include "client/consumer/fetch_state.hpp"

#include <gtest/gtest.h>

namespace ottla::client {
namespace {

using namespace std::chrono_literals;
using Phase = FetchState::Partition::Phase;

class FetchStateTest : public ::testing::Test {
protected:
    FetchStateTest() {
        protocol::MetadataResponse answer;
        for (const std::int32_t id : {1, 2}) {
            auto& b = answer.brokers.emplace_back();
            b.node_id = id;
            b.host = "h";
            b.port = 9000 + id;
        }
        auto& t = answer.topics.emplace_back();
        t.name = "t";
        for (std::int32_t i = 0; i < 4; ++i) {
            auto& p = t.partitions.emplace_back();
            p.partition_index = i;
            p.leader_id = 1 + i % 2;
            p.leader_epoch = 0;
        }
        metadata.update(answer, true, {});
    }
    SlotPtr add(std::int32_t partition, Offset start) {
        auto slot = std::make_shared<PartitionSlot>("t", partition);
        EXPECT_TRUE(state.add(slot, 0, start).has_value());
        return slot;
    }
    // As the lookups do: everything that asks for its place gets `position`, or the offset that it named.
    void place_all(std::int64_t position) {
        for (const auto& [topic, lookups] : state.take_lookups(now))
            for (const auto& l : lookups)
                state.on_place(*state.find(topic, l.partition, l.turn),
                               l.place.is_absolute() ? l.place.value() : position);
    }
    std::vector<std::int32_t> planned(BrokerId broker) {
        std::vector<std::int32_t> out;
        for (auto* p : state.plan(broker, metadata, now, limits)) out.push_back(p->slot->partition);
        std::ranges::sort(out);
        return out;
    }
    using List = std::vector<std::int32_t>;

    MetadataCache metadata;
    FetchState state{OffsetReset::latest};
    FetchState::Limits limits{1 << 20, 1000};
    TimePoint now{10s};
};

TEST_F(FetchStateTest, a_partition_is_fetched_from_its_leader_once_its_place_is_known) {
    add(0, Offset::beginning());
    add(1, 42);
    EXPECT_EQ(planned(1), List{});
    const auto lookups = state.take_lookups(now);
    ASSERT_EQ(lookups.at("t").size(), 2U);
    EXPECT_EQ(lookups.at("t")[0].place, Offset::beginning());
    EXPECT_TRUE(state.take_lookups(now).empty()) << "each is asked once";
    state.on_place(*state.find("t", 0, 0), 5);
    state.on_place(*state.find("t", 1, 0), 42);
    EXPECT_EQ(planned(1), List{0});
    EXPECT_EQ(planned(2), List{1});
    EXPECT_EQ(state.sources(metadata), (std::vector<BrokerId>{1, 2}));
    EXPECT_EQ(state.find("t", 0, 0)->position, 5);
}

TEST_F(FetchStateTest, without_a_place_the_policy_decides) {
    add(0, Offset::stored());
    EXPECT_EQ(state.take_lookups(now).at("t")[0].place, Offset::end());
    FetchState strict(OffsetReset::none);
    const auto placed = strict.add(std::make_shared<PartitionSlot>("t", 0), 0, Offset::invalid());
    EXPECT_EQ(placed.error(), ErrorCode::auto_offset_reset);
    EXPECT_TRUE(strict.take_lookups(now).empty());
    EXPECT_EQ(strict.find("t", 0, 0)->phase, Phase::stopped);
}

TEST_F(FetchStateTest, what_is_paused_full_in_flight_or_waiting_is_not_asked_for) {
    const auto paused = add(0, 0), full = add(2, 0);
    place_all(0);
    EXPECT_EQ(planned(1), (List{0, 2}));
    paused->paused = true;
    full->queued_bytes = 1001;
    EXPECT_EQ(planned(1), List{});
    paused->paused = false;
    full->queued_bytes = 1000;
    state.find("t", 0, 0)->in_flight = true;
    state.find("t", 2, 0)->not_before = now + 1s;
    EXPECT_EQ(planned(1), List{});
    EXPECT_EQ(state.next_time(now), now + 1s);
    now += 1s;
    EXPECT_EQ(state.next_time(now), TimePoint::max());  // it is due: time has nothing to do with it any more
    EXPECT_EQ(planned(1), List{2});
    EXPECT_TRUE(state.has_work(1, metadata));
}

TEST_F(FetchStateTest, a_seek_begins_anew_and_old_answers_find_nothing) {
    const auto slot = add(0, 0);
    place_all(0);
    state.find("t", 0, 0)->in_flight = true;
    ASSERT_TRUE(state.seek(*slot, 1, 100).has_value());
    EXPECT_EQ(state.find("t", 0, 0), nullptr);
    EXPECT_EQ(state.find("t", 0, 1)->position, 100);
    EXPECT_EQ(planned(1), List{0});
    ASSERT_TRUE(state.seek(*slot, 2, Offset::tail(5)).has_value());
    EXPECT_EQ(planned(1), List{});
    EXPECT_EQ(state.take_lookups(now).at("t")[0].place, Offset::tail(5));
}

TEST_F(FetchStateTest, a_seek_of_an_earlier_assignment_changes_nothing) {
    const auto before = add(0, 0);
    state.remove(*before);
    add(0, 7);
    place_all(0);
    ASSERT_TRUE(state.seek(*before, 1, 100).has_value());
    state.remove(*before);
    EXPECT_EQ(state.find("t", 0, 0)->position, 7);
}

TEST_F(FetchStateTest, out_of_range_goes_by_the_policy_and_remembers_where_it_was) {
    add(0, 99);
    place_all(0);
    auto* p = state.find("t", 0, 0);
    ASSERT_TRUE(state.on_out_of_range(*p, now, 1s).has_value());
    EXPECT_EQ(p->lost_position, 99);
    EXPECT_EQ(state.take_lookups(now).at("t")[0].place, Offset::end());
    state.lookup_again(*p, now + 5s);
    EXPECT_TRUE(state.take_lookups(now).empty());
    EXPECT_EQ(state.next_time(now), now + 5s);
    EXPECT_FALSE(state.take_lookups(now + 5s).empty());
}

TEST_F(FetchStateTest, by_age_is_a_place_to_look_up) {
    FetchState by_age(OffsetReset::by_duration);
    ASSERT_TRUE(by_age.add(std::make_shared<PartitionSlot>("t", 0), 0, Offset::invalid()).has_value());
    ASSERT_TRUE(by_age.add(std::make_shared<PartitionSlot>("t", 1), 0, Offset::end()).has_value());
    const auto lookups = by_age.take_lookups(now);
    EXPECT_TRUE(lookups.at("t")[0].by_age);
    EXPECT_FALSE(lookups.at("t")[1].by_age);
    by_age.on_place(*by_age.find("t", 0, 0), 7);
    ASSERT_TRUE(by_age.on_out_of_range(*by_age.find("t", 0, 0), now, 1s).has_value());
    EXPECT_TRUE(by_age.take_lookups(now).at("t")[0].by_age);
}

TEST_F(FetchStateTest, a_new_leader_is_asked_about_the_position_before_it_is_fetched_from) {
    add(0, 0), add(2, 0);
    place_all(0);
    auto& p = *state.find("t", 0, 0);
    p.position = 50;
    p.last_epoch = 0;
    p.checked_epoch = 0;
    state.find("t", 2, 0)->position = 50;
    EXPECT_FALSE(state.needs_checks(metadata));
    ASSERT_TRUE(metadata.apply_leader_hint("t", 0, 2, 3));
    ASSERT_TRUE(metadata.apply_leader_hint("t", 2, 2, 3));
    // Of the other nothing was read yet.
    EXPECT_EQ(planned(2), List{2});
    p.in_flight = true;
    EXPECT_TRUE(state.take_checks(metadata, now).empty());
    p.in_flight = false;
    EXPECT_TRUE(state.needs_checks(metadata));
    const auto checks = state.take_checks(metadata, now);
    ASSERT_EQ(checks.at(2).size(), 1U);
    EXPECT_EQ(checks.at(2)[0].last_epoch, 0);
    EXPECT_EQ(checks.at(2)[0].leader_epoch, 3);
    EXPECT_TRUE(state.take_checks(metadata, now).empty());
    EXPECT_TRUE(state.has_work(2, metadata)) << "its loop stays meanwhile";
    state.check_again(p, now + 1s);
    EXPECT_EQ(state.next_time(now), now + 1s);
    EXPECT_TRUE(state.take_checks(metadata, now).empty());
    now += 1s;
    EXPECT_EQ(state.take_checks(metadata, now).size(), 1U);
    EXPECT_FALSE(state.on_epoch_end(p, {0, 50}, 3).value());
    EXPECT_EQ(planned(2), (List{0, 2}));
    EXPECT_EQ(p.position, 50);
}

TEST_F(FetchStateTest, of_a_whole_topic_nothing_is_passed_over) {
    for (const auto policy : {OffsetReset::latest, OffsetReset::none, OffsetReset::by_duration}) {
        FetchState whole(policy, true, {"t"});
        ASSERT_TRUE(whole.add(std::make_shared<PartitionSlot>("t", 0), 0, Offset::stored()).has_value());
        auto& p = *whole.find("t", 0, 0);
        ASSERT_TRUE(whole.on_committed(p, std::nullopt, -1).has_value());
        EXPECT_EQ(p.place, Offset::beginning());
        EXPECT_FALSE(p.by_age);
        whole.on_place(p, 7);
        ASSERT_TRUE(whole.on_out_of_range(p, now, 1s).has_value());
        EXPECT_EQ(p.place, Offset::beginning());
    }
}

TEST_F(FetchStateTest, what_a_leader_says_of_an_epoch) {
    struct Case {
        FetchState::EpochEnd end;
        std::int64_t position;
        std::int32_t last_epoch;
    };
    for (const Case& c : {Case{{4, 50}, 50, 4}, Case{{4, 60}, 50, 4}, Case{{4, 30}, 30, 4}, Case{{2, 20}, 20, 2},
                          Case{{2, 70}, 50, 2}, Case{{-1, -1}, 50, -1}, Case{{4, -1}, 50, -1}}) {
        add(0, 0);
        place_all(0);
        auto& p = *state.find("t", 0, 0);
        p.position = 50;
        p.last_epoch = 4;
        const auto moved = state.on_epoch_end(p, c.end, 5);
        ASSERT_TRUE(moved.has_value());
        EXPECT_EQ(*moved, c.position != 50);
        EXPECT_EQ(p.position, c.position) << c.end.epoch << " " << c.end.end_offset;
        EXPECT_EQ(p.last_epoch, c.last_epoch);
        EXPECT_EQ(p.checked_epoch, 5);
    }
    FetchState strict(OffsetReset::none);
    ASSERT_TRUE(strict.add(std::make_shared<PartitionSlot>("t", 0), 0, 50, 4).has_value());
    auto& p = *strict.find("t", 0, 0);
    strict.on_place(p, 50);
    EXPECT_EQ(p.last_epoch, 4) << "as it was given";
    EXPECT_EQ(strict.on_epoch_end(p, {4, 30}, 5).error(), ErrorCode::log_truncation);
    EXPECT_EQ(p.phase, Phase::stopped);
}

TEST_F(FetchStateTest, a_leader_that_contradicts_itself_is_not_followed_in_circles) {
    add(0, 0);
    place_all(0);
    auto& p = *state.find("t", 0, 0);
    p.position = 61;
    p.last_epoch = 2;
    EXPECT_TRUE(state.on_epoch_end(p, {0, 26}, 5).value());
    p.position = 61;
    p.last_epoch = 2;
    EXPECT_FALSE(state.on_epoch_end(p, {0, 26}, 5).value());
    EXPECT_EQ(p.position, 61);
    EXPECT_EQ(p.last_epoch, -1) << "so that the next fetch goes on";
    p.last_epoch = 2;
    EXPECT_TRUE(state.on_epoch_end(p, {0, 26}, 6).value()) << "another leader may have truncated";
    ASSERT_TRUE(state.seek(*p.slot, 0, 61, 2).has_value());
    EXPECT_TRUE(state.on_epoch_end(p, {0, 26}, 6).value()) << "another position may be of a log that was cut long ago";
}

TEST_F(FetchStateTest, a_follower_is_read_from_for_a_time_and_while_it_is_of_use) {
    add(0, 0), add(2, 0);
    place_all(0);
    auto& p = *state.find("t", 0, 0);
    state.read_from(p, 2, now + 5s);
    EXPECT_EQ(planned(1), List{2});
    EXPECT_EQ(planned(2), List{0});
    EXPECT_EQ(state.sources(metadata), (std::vector<BrokerId>{1, 2}));
    EXPECT_EQ(state.next_time(now), now + 5s);
    state.drop_old_replicas(now + 4s);
    EXPECT_EQ(planned(2), List{0});
    state.drop_old_replicas(now + 5s);
    EXPECT_EQ(planned(2), List{});
    EXPECT_EQ(planned(1), (List{0, 2}));

    state.read_from(p, 2, now + 5s);
    state.leave_replica(p, now, 1s);
    EXPECT_EQ(planned(1), (List{0, 2})) << "the leader at once";
    state.read_from(p, 2, now + 5s);
    state.leave_replica(p, now, 1s);
    EXPECT_EQ(planned(1), List{2}) << "sent back and forth, with pauses";
    now += 1s;
    state.read_from(p, 2, now + 5s);
    state.drop_replica(1);
    EXPECT_EQ(planned(2), List{0});
    state.drop_replica(2);
    EXPECT_EQ(planned(1), (List{0, 2}));
    state.read_from(p, 77, now + 5s);
    EXPECT_EQ(planned(1), (List{0, 2})) << "nobody knows that one";
}

TEST_F(FetchStateTest, a_missing_leader_is_told) {
    add(9, 0);
    place_all(0);
    EXPECT_EQ(state.leaderless(metadata).size(), 1U);
    EXPECT_TRUE(state.sources(metadata).empty());
}

TEST_F(FetchStateTest, everybody_is_first_in_turn) {
    for (const std::int32_t p : {0, 2}) add(p, 0);
    place_all(0);
    const auto first = state.plan(1, metadata, now, limits).front()->slot->partition;
    const auto second = state.plan(1, metadata, now, limits).front()->slot->partition;
    EXPECT_NE(first, second);
}

}  // namespace
}  // namespace ottla::client
