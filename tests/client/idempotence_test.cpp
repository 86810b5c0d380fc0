// SPDX-License-Identifier: Apache-2.0
// The idempotent producer against a broker that knows batches again and misses what is missing: nothing twice, nothing
// out of order, and trouble stays in its partition.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/client/scripted_broker.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

Lines numbers_to(int end, int from = 0) {
    Lines lines;
    for (int i = from; i < end; ++i) lines.push_back(std::to_string(i));
    return lines;
}
// The first record is delivered, so that five may be in flight.
void warm_up(ProducerScript& s, std::initializer_list<std::int32_t> partitions = {0}) {
    for (const auto p : partitions) ASSERT_TRUE(s.produce(p, "0"));
    s.loop.run_for(1s);
    ASSERT_EQ(s.codes, Codes(partitions.size()));
    s.broker.batches_seen.clear();
}

TEST(Idempotence, numbers_the_batches_of_each_partition) {
    ProducerScript s(one_record_each());
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(s.produce(i % 2, std::to_string(i)));
    s.loop.run_for(1s);
    EXPECT_EQ(s.broker.ids_given, 1);
    ASSERT_EQ(s.broker.batches_seen.size(), 4U);
    for (const auto& header : s.broker.batches_seen) {
        EXPECT_EQ(header.producer_id, 4000);
        EXPECT_EQ(header.producer_epoch, 0);
    }
    EXPECT_EQ(s.broker.batches_seen[0].base_sequence, 0);
    EXPECT_EQ(s.broker.batches_seen[1].base_sequence, 0);
    EXPECT_EQ(s.broker.batches_seen[2].base_sequence, 1);
    EXPECT_EQ(s.broker.batches_seen[3].base_sequence, 1);
}

TEST(Idempotence, off_asks_for_no_id) {
    ProducerScript s(Config{{"enable.idempotence", false}});
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(1s);
    EXPECT_EQ(s.codes, Codes{ErrorCode::none});
    EXPECT_EQ(s.broker.ids_given, 0);
    EXPECT_EQ(s.broker.batches_seen.at(0).producer_id, -1);
    EXPECT_EQ(s.broker.batches_seen.at(0).base_sequence, -1);
}

TEST(Idempotence, off_keeps_one_batch_of_a_partition_in_flight) {
    for (const char* acks : {"all", "1"}) {
        Config config = one_record_each();
        ASSERT_TRUE(config.set("enable.idempotence", false));
        ASSERT_TRUE(config.set("acks", acks));
        ProducerScript s(config);
        ASSERT_TRUE(s.produce(0, "0"));
        s.loop.run_for(1s);
        s.broker.reactions = {refused(ErrorCode::not_enough_replicas)};
        for (int i = 0; i < 10; ++i) s.broker.reactions.push_back(slow(50ms));
        s.broker.in_flight_most = 0;
        for (int i = 1; i < 8; ++i) ASSERT_TRUE(s.produce(0, std::to_string(i)));
        s.loop.run_for(5s);
        EXPECT_EQ(s.broker.in_flight_most, 1);
        EXPECT_EQ(s.broker.log[p0], numbers_to(8));
    }
}

TEST(Idempotence, five_batches_of_a_partition_are_in_flight_once_one_is_delivered) {
    ProducerScript s(one_record_each());
    s.broker.reactions = {slow(100ms)};
    for (int i = 0; i < 12; ++i) ASSERT_TRUE(s.produce(0, std::to_string(i)));
    s.loop.run_for(50ms);
    EXPECT_EQ(s.broker.in_flight_most, 1);
    for (int i = 0; i < 20; ++i) s.broker.reactions.push_back(slow(100ms));
    s.loop.run_for(5s);
    EXPECT_EQ(s.broker.in_flight_most, 5);
    EXPECT_EQ(s.broker.log[p0], numbers_to(12));
    EXPECT_EQ(s.codes, Codes(12));
}

// Reliability case 2: the answer is lost after the append.
TEST(FaultCase2, a_lost_answer_is_asked_for_again_and_five_in_flight_keep_their_order) {
    for (const bool appended : {true, false}) {
        ProducerScript s(one_record_each());
        warm_up(s);
        s.broker.reactions = {appended ? lost_answer() : lost_request()};
        for (int i = 1; i < 9; ++i) ASSERT_TRUE(s.produce(0, std::to_string(i)));
        s.loop.run_for(5s);
        EXPECT_EQ(s.broker.log[p0], numbers_to(9));
        EXPECT_EQ(s.codes, Codes(9));
        EXPECT_EQ(s.broker.ids_given, 1);
        for (std::size_t i = 0; i < s.reports.size(); ++i)
            EXPECT_EQ(s.reports[i], "t[0]@" + std::to_string(i) + " persisted") << "the offset of the first append";
    }
}

TEST(Idempotence, a_batch_that_comes_again_is_the_same_to_the_bit) {
    ProducerScript s(Config{{"linger.ms", 0}, {"compression.type", "zstd"}});
    s.broker.reactions = {lost_answer(), refused(ErrorCode::not_enough_replicas)};
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(5s);
    EXPECT_EQ(s.broker.log[p0], Lines{"a"});
    ASSERT_EQ(s.broker.batches_seen.size(), 2U);
    EXPECT_EQ(s.broker.batches_seen[0], s.broker.batches_seen[1]);
}

// Reliability case 3: what goes wrong in one partition is not felt in the others.
TEST(FaultCase3, out_of_order_in_one_partition_makes_no_duplicates_in_others) {
    ProducerScript s(one_record_each());
    warm_up(s, {0, 1});
    // Partition 1 has an answer lost in the same moment.
    s.broker.reactions = {refused(ErrorCode::out_of_order_sequence_number, 0), lost_answer()};
    ASSERT_TRUE(s.produce(0, "1"));
    for (int i = 1; i < 5; ++i) ASSERT_TRUE(s.produce(1, std::to_string(i)));
    s.loop.run_for(5s);
    for (int i = 2; i < 5; ++i) ASSERT_TRUE(s.produce(0, std::to_string(i)));
    s.loop.run_for(5s);
    EXPECT_EQ(s.broker.log[p0], numbers_to(5));
    EXPECT_EQ(s.broker.log[p1], numbers_to(5));
    EXPECT_EQ(s.codes, Codes(10));
    EXPECT_EQ(s.broker.ids_given, 1);
    EXPECT_EQ(s.broker.producers[p1].find(4000)->epoch, 0) << "it never had trouble";
    EXPECT_EQ(s.broker.producers[p0].find(4000)->epoch, 1);
}

TEST(Idempotence, out_of_order_behind_a_failed_batch_needs_no_new_epoch) {
    ProducerScript s(one_record_each());
    warm_up(s);
    s.broker.reactions = {refused(ErrorCode::not_enough_replicas)};
    for (int i = 1; i < 6; ++i) ASSERT_TRUE(s.produce(0, std::to_string(i)));
    s.loop.run_for(5s);
    EXPECT_EQ(s.broker.log[p0], numbers_to(6));
    EXPECT_EQ(s.codes, Codes(6));
    EXPECT_EQ(s.broker.producers[p0].find(4000)->epoch, 0);
}

// Reliability case 4: nothing is silent.
TEST(FaultCase4, a_broker_that_forgot_gets_a_new_epoch) {
    for (const auto code : {ErrorCode::unknown_producer_id, ErrorCode::out_of_order_sequence_number}) {
        ProducerScript s(one_record_each());
        warm_up(s);
        s.broker.reactions = {refused(code)};
        for (int i = 1; i < 6; ++i) ASSERT_TRUE(s.produce(0, std::to_string(i)));
        s.loop.run_for(5s);
        EXPECT_EQ(s.broker.log[p0], numbers_to(6));
        EXPECT_EQ(s.codes, Codes(6));
        EXPECT_EQ(s.broker.producers[p0].find(4000)->epoch, 1);
        EXPECT_EQ(s.broker.producers[p0].find(4000)->last_sequence, 4);
    }
}

TEST(FaultCase4, a_fenced_epoch_gets_a_new_id) {
    ProducerScript s(one_record_each());
    warm_up(s);
    s.broker.reactions = {refused(ErrorCode::invalid_producer_epoch)};
    for (int i = 1; i < 4; ++i) ASSERT_TRUE(s.produce(0, std::to_string(i)));
    s.loop.run_for(5s);
    EXPECT_EQ(s.broker.log[p0], numbers_to(4));
    EXPECT_EQ(s.codes, Codes(4));
    EXPECT_EQ(s.broker.ids_given, 2);
    EXPECT_EQ(s.broker.batches_seen.back().producer_id, 4001);
    EXPECT_EQ(s.broker.batches_seen.back().producer_epoch, 0);
}

TEST(Idempotence, used_up_epochs_get_a_new_id) {
    ProducerScript s(one_record_each());
    s.broker.producer_epoch = 32767;
    warm_up(s);
    s.broker.producer_epoch = 0;
    s.broker.reactions = {refused(ErrorCode::unknown_producer_id)};
    for (int i = 1; i < 4; ++i) ASSERT_TRUE(s.produce(0, std::to_string(i)));
    s.loop.run_for(5s);
    EXPECT_EQ(s.broker.log[p0], numbers_to(4));
    EXPECT_EQ(s.codes, Codes(4));
    EXPECT_EQ(s.broker.batches_seen.back().producer_id, 4001);
}

TEST(Idempotence, what_may_be_written_and_is_refused_is_reported_as_that) {
    ProducerScript s(one_record_each());
    warm_up(s);
    s.broker.reactions = {lost_answer(), refused(ErrorCode::out_of_order_sequence_number)};
    ASSERT_TRUE(s.produce(0, "1"));
    s.loop.run_for(50ms);
    ASSERT_TRUE(s.produce(0, "2"));
    ASSERT_TRUE(s.produce(0, "3"));
    s.loop.run_for(5s);
    EXPECT_EQ(s.codes,
              (Codes{ErrorCode::none, ErrorCode::out_of_order_sequence_number, ErrorCode::none, ErrorCode::none}));
    EXPECT_EQ(s.statuses[1], DeliveryStatus::possibly_persisted);
    EXPECT_EQ(s.broker.log[p0], numbers_to(4)) << "it was written, once, and what came behind it too";
}

// Reliability case 17, and a gap that the failed batch leaves.
TEST(Idempotence, a_batch_that_fails_for_good_leaves_no_gap) {
    ProducerScript s(one_record_each());
    warm_up(s);
    s.broker.reactions = {refused(ErrorCode::invalid_record)};
    for (int i = 1; i < 9; ++i) ASSERT_TRUE(s.produce(0, std::to_string(i)));
    s.loop.run_for(5s);
    EXPECT_EQ(std::ranges::count(s.codes, ErrorCode::none), 8);
    EXPECT_EQ(std::ranges::count(s.codes, ErrorCode::invalid_record), 1);
    Lines rest = numbers_to(9, 2);
    rest.insert(rest.begin(), "0");
    EXPECT_EQ(s.broker.log[p0], rest);
}

TEST(Idempotence, a_record_that_fails_alone_costs_no_epoch) {
    ProducerScript s(one_record_each());
    warm_up(s);
    for (int i = 0; i < 3; ++i) {
        s.broker.reactions = {refused(ErrorCode::invalid_record)};
        ASSERT_TRUE(s.produce(0, "bad"));
        s.loop.run_for(1s);
    }
    ASSERT_TRUE(s.produce(0, "1"));
    s.loop.run_for(1s);
    EXPECT_EQ(s.broker.log[p0], numbers_to(2));
    EXPECT_EQ(s.broker.producers[p0].find(4000)->epoch, 0);
    EXPECT_EQ(s.broker.producers[p0].find(4000)->last_sequence, 1);
}

// Reliability case 17: what is too large together may be small enough apart.
TEST(FaultCase17, a_batch_too_large_for_the_broker_is_split_in_order) {
    for (const char* codec : {"none", "zstd"}) {
        ProducerScript s(Config{{"linger.ms", 50}, {"compression.type", codec}});
        s.broker.records_max = 3;
        for (int i = 0; i < 40; ++i) {
            ASSERT_TRUE(s.produce(i % 2, std::to_string(i)));
            if (i % 10 == 9) s.loop.run_for(20ms);
        }
        s.loop.run_for(10s);
        EXPECT_EQ(s.codes, Codes(40));
        for (int p = 0; p < 2; ++p) {
            Lines expected;
            for (int i = p; i < 40; i += 2) expected.push_back(std::to_string(i));
            EXPECT_EQ((s.broker.log[{"t", p}]), expected);
        }
        for (std::size_t i = 0; i < s.reports.size(); ++i)
            EXPECT_NE(s.reports[i].find(" persisted"), std::string::npos) << s.reports[i];
    }
}

TEST(Idempotence, a_split_with_others_in_flight_keeps_the_order) {
    ProducerScript s(Config{{"linger.ms", 0}, {"batch.num.messages", 4}});
    warm_up(s);
    s.broker.reactions = {slow(100ms), slow(10ms)};
    s.broker.records_max = 2;
    for (int i = 1; i < 40; ++i) ASSERT_TRUE(s.produce(0, std::to_string(i)));
    s.loop.run_for(20s);
    EXPECT_EQ(s.codes, Codes(40));
    EXPECT_EQ(s.broker.log[p0], numbers_to(40));
}

// It was written, the answer was lost, and the limit is lower now: the halves must not be written as well.
TEST(Idempotence, what_may_be_written_is_not_written_again_in_halves) {
    for (const bool appended : {true, false}) {
        ProducerScript s(Config{{"linger.ms", 10}});
        warm_up(s);
        s.broker.reactions = {appended ? lost_answer() : lost_request()};
        for (int i = 1; i < 5; ++i) ASSERT_TRUE(s.produce(0, std::to_string(i)));
        s.loop.run_for(50ms);
        s.broker.records_max = 2;
        s.loop.run_for(20s);
        EXPECT_EQ(s.broker.log[p0], numbers_to(5));
        const auto expected = appended ? ErrorCode::out_of_order_sequence_number : ErrorCode::none;
        EXPECT_EQ(std::ranges::count(s.codes, expected), appended ? 4 : 5);
        ASSERT_TRUE(s.produce(0, "5"));
        s.loop.run_for(2s);
        EXPECT_EQ(s.broker.log[p0], numbers_to(6));
        EXPECT_EQ(s.broker.producers[p0].find(4000)->epoch, appended ? 1 : 0);
    }
}

TEST(FaultCase17, a_record_too_large_for_the_broker_fails_alone) {
    ProducerScript s(Config{{"linger.ms", 10}});
    warm_up(s);
    s.broker.records_max = 1;
    s.broker.too_large = "5";
    for (int i = 1; i < 10; ++i) ASSERT_TRUE(s.produce(0, std::to_string(i)));
    s.loop.run_for(20s);
    Lines expected = numbers_to(10);
    expected.erase(expected.begin() + 5);
    EXPECT_EQ(s.broker.log[p0], expected);
    EXPECT_EQ(std::ranges::count(s.codes, ErrorCode::message_too_large), 1);
    EXPECT_EQ(std::ranges::count(s.codes, ErrorCode::none), 9);
}

// Reliability case 25: the deadline comes while nobody knows.
TEST(FaultCase25, a_deadline_in_flight_is_reported_as_open_and_the_rest_follows_once) {
    for (const bool appended : {true, false}) {
        Config config = one_record_each();
        ASSERT_TRUE(config.set("delivery.timeout.ms", 1000));
        ProducerScript s(config);
        warm_up(s);
        Reaction late = slow(2200ms);
        late.append = late.at_once = appended;
        s.broker.reactions = {late};
        ASSERT_TRUE(s.produce(0, "1"));
        s.loop.run_for(2s);
        ASSERT_EQ(s.codes.size(), 2U);
        EXPECT_EQ(s.codes[1], ErrorCode::message_timed_out);
        EXPECT_EQ(s.statuses[1], DeliveryStatus::possibly_persisted);
        for (int i = 2; i < 5; ++i) ASSERT_TRUE(s.produce(0, std::to_string(i)));
        s.loop.run_for(5s);
        Lines expected = appended ? numbers_to(5) : numbers_to(5, 2);
        if (!appended) expected.insert(expected.begin(), "0");
        EXPECT_EQ(s.broker.log[p0], expected);
        EXPECT_EQ(s.codes.size(), 5U);
        EXPECT_EQ(std::ranges::count(s.codes, ErrorCode::none), 4);
    }
}

TEST(Idempotence, what_expires_in_the_queue_leaves_no_gap) {
    Config config = one_record_each();
    ASSERT_TRUE(config.set("delivery.timeout.ms", 2000));
    ProducerScript s(config);
    warm_up(s);
    for (int i = 0; i < 40; ++i) s.broker.reactions.push_back(refused(ErrorCode::not_enough_replicas));
    for (int i = 1; i < 4; ++i) ASSERT_TRUE(s.produce(0, std::to_string(i)));
    s.loop.run_for(1500ms);
    for (int i = 4; i < 7; ++i) ASSERT_TRUE(s.produce(0, std::to_string(i)));
    s.loop.run_for(1s);
    s.broker.reactions.clear();
    s.loop.run_for(5s);
    EXPECT_EQ(s.codes.size(), 7U);
    EXPECT_EQ(std::ranges::count(s.codes, ErrorCode::message_timed_out), 3);
    EXPECT_EQ(s.broker.log[p0], (Lines{"0", "4", "5", "6"}));
}

TEST(Idempotence, a_purge_in_flight_leaves_no_gap) {
    ProducerScript s(one_record_each());
    warm_up(s);
    s.broker.reactions = {slow(1s), slow(1s)};
    s.broker.reactions[0].append = false;
    s.broker.reactions[0].error = ErrorCode::not_enough_replicas;
    for (int i = 1; i < 3; ++i) ASSERT_TRUE(s.produce(0, std::to_string(i)));
    s.loop.run_for(100ms);
    bool purged = false;
    s.producer().async_purge(PurgeWhat::in_flight, [&](const Result<void>&) { purged = true; });
    s.loop.run_for(100ms);
    EXPECT_TRUE(purged);
    for (int i = 3; i < 5; ++i) ASSERT_TRUE(s.produce(0, std::to_string(i)));
    s.loop.run_for(5s);
    EXPECT_EQ(std::ranges::count(s.codes, ErrorCode::purged_in_flight), 2);
    EXPECT_EQ(std::ranges::count(s.codes, ErrorCode::none), 3);
    EXPECT_EQ(s.broker.log[p0], (Lines{"0", "3", "4"}));
}

TEST(Idempotence, waits_for_an_id_as_long_as_it_may) {
    ProducerScript s(one_record_each());
    s.broker.producer_id_errors = {ErrorCode::coordinator_load_in_progress, ErrorCode::not_controller};
    ASSERT_TRUE(s.produce(0, "0"));
    s.loop.run_for(5s);
    EXPECT_EQ(s.codes, Codes{ErrorCode::none});
}

TEST(Idempotence, a_refused_id_is_fatal) {
    ProducerScript s(one_record_each());
    s.broker.producer_id_errors = {ErrorCode::cluster_authorization_failed};
    EXPECT_FALSE(s.producer().fatal_error());
    ASSERT_TRUE(s.produce(0, "0"));
    s.loop.run_for(5s);
    EXPECT_EQ(s.codes, Codes{ErrorCode::fatal});
    EXPECT_EQ(s.statuses, std::vector{DeliveryStatus::not_persisted});
    const auto fatal = s.producer().fatal_error();
    ASSERT_TRUE(fatal);
    EXPECT_TRUE(fatal->is_fatal());
    EXPECT_NE(fatal->text().find("CLUSTER_AUTHORIZATION_FAILED"), std::string::npos) << fatal->text();
    const auto refused = s.produce(0, "1");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), ErrorCode::fatal);
    const auto event = s.producer().events(0s);
    ASSERT_TRUE(event);
    EXPECT_TRUE(std::get<Error>(*event).is_fatal());
}

TEST(Idempotence, a_fatal_error_can_be_tried_out) {
    ProducerScript s(one_record_each());
    warm_up(s);
    s.broker.reactions = {slow(100ms)};
    ASSERT_TRUE(s.produce(0, "1"));
    s.loop.run_for(50ms);
    ASSERT_TRUE(s.producer().test_fatal_error(ErrorCode::invalid_producer_epoch, "as the test wants"));
    EXPECT_EQ(s.producer().test_fatal_error(ErrorCode::failed, "again").error(), ErrorCode::invalid_state);
    EXPECT_EQ(s.produce(0, "2").error(), ErrorCode::fatal);
    s.loop.run_for(1s);
    EXPECT_EQ(s.codes, Codes(2)) << "what was in flight has arrived";
}

TEST(Idempotence, a_fatal_error_out_of_a_report_harms_nothing) {
    Config config = one_record_each();
    ASSERT_TRUE(config.set("delivery.timeout.ms", 1000));
    ProducerScript s(config);
    warm_up(s);
    for (int i = 0; i < 50; ++i) s.broker.reactions.push_back(refused(ErrorCode::not_enough_replicas));
    Record r;
    r.topic = "t";
    r.partition = 0;
    r.value = "expires";
    int told = 0;
    ASSERT_TRUE(s.producer().produce(r, [&](const DeliveryReport&) {
        ++told;
        static_cast<void>(s.producer().test_fatal_error(ErrorCode::failed, "out of a report").has_value());
    }));
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(s.produce(i % 2, "more"));
    s.loop.run_for(10s);
    EXPECT_EQ(told, 1);
    EXPECT_EQ(s.codes.size(), 21U);
    EXPECT_TRUE(s.producer().fatal_error());
}

TEST(Idempotence, on_a_bad_network_every_record_is_there_once_and_in_order) {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        ProducerScript s(Config{{"linger.ms", 1}, {"batch.num.messages", 3}});
        base::Random random(seed);
        for (int i = 0; i < 300; ++i) {
            if (random.chance(0.3)) {
                const ErrorCode codes[] = {ErrorCode::not_leader_or_follower, ErrorCode::not_enough_replicas,
                                           ErrorCode::request_timed_out, ErrorCode::not_enough_replicas_after_append};
                Reaction r = refused(codes[random.below(4)], static_cast<std::int32_t>(random.below(3)) - 1);
                r.append = leaves_open(r.error) && random.chance(0.5);
                if (random.chance(0.2)) r = random.chance(0.5) ? lost_answer() : lost_request();
                if (random.chance(0.3)) r.delay = std::chrono::milliseconds(random.below(300));
                s.broker.reactions.push_back(r);
            }
            ASSERT_TRUE(s.produce(static_cast<std::int32_t>(random.below(2)), std::to_string(i)));
            if (random.chance(0.2)) s.loop.run_for(std::chrono::milliseconds(random.below(50)));
        }
        s.loop.run_for(5min);
        EXPECT_EQ(s.codes, Codes(300)) << seed;
        std::vector<int> all;
        for (const auto& [where, lines] : s.broker.log) {
            std::vector<int> values;
            for (const auto& line : lines) values.push_back(std::stoi(line));
            EXPECT_TRUE(std::ranges::is_sorted(values)) << seed;
            all.insert(all.end(), values.begin(), values.end());
        }
        std::ranges::sort(all);
        EXPECT_EQ(all.size(), 300U) << seed;
        EXPECT_EQ(std::ranges::adjacent_find(all), all.end()) << seed;
    }
}

// A batch that comes back after a fatal error, for which it would need another id.
TEST(Idempotence, after_a_fatal_error_nothing_waits_for_an_id_that_never_comes) {
    for (const bool is_alone : {true, false}) {
        Config config = one_record_each();
        ASSERT_TRUE(config.set("delivery.timeout.ms", 0));
        ProducerScript s(config);
        warm_up(s);
        Reaction late = refused(ErrorCode::invalid_producer_epoch);
        late.delay = 1s;
        s.broker.reactions = {late, late, late};
        for (int i = 1; i < (is_alone ? 2 : 4); ++i) ASSERT_TRUE(s.produce(0, std::to_string(i)));
        s.loop.run_for(100ms);
        ASSERT_TRUE(s.producer().test_fatal_error(ErrorCode::cluster_authorization_failed, "no more"));
        s.loop.run_for(10min);
        EXPECT_EQ(s.producer().size(), 0U);
        ASSERT_EQ(s.codes.size(), is_alone ? 2U : 4U);
        EXPECT_EQ(s.codes.back(), ErrorCode::fatal);
    }
}

}  // namespace
}  // namespace ottla::client
