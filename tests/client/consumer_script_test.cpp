// SPDX-License-Identifier: Apache-2.0
// The consumer against a broker that answers strangely, on virtual time: an error where one is due, no crash, no hot
// loop, and it goes on when the broker comes to its senses.
#include "tests/client/consumer_script.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

std::string damaged(std::string batch) {
    batch[batch.size() - 2] ^= 1;
    return batch;
}

// What was fetched during a pause lies behind what the pause cut off, also when the next pause comes at once.
TEST(ConsumerScript, pauses_one_after_the_other_keep_the_order) {
    ConsumerScript s;
    s.broker.log = {{0, batch_of(0, 3)}, {3, batch_of(3, 3)}};
    s.broker.high = 6;
    s.consumer->assign({{"t", 0, 0}}).value();
    s.loop.run_for(10ms);
    for (const char* value : {"v0", "v1", "v2", "v3"}) {
        const auto event = s.consumer->poll(0s);
        ASSERT_TRUE(event) << value;
        EXPECT_EQ(std::get<Message>(*event).value().text(), value);
        s.consumer->pause({{"t", 0}}).value();
        s.loop.run_for(10ms);
        EXPECT_FALSE(s.consumer->poll(0s));
        s.consumer->resume({{"t", 0}}).value();
        s.loop.run_for(10ms);
    }
    EXPECT_EQ(s.events_after(10ms), "v4 v5 ");
}

TEST(ConsumerScript, a_corrupt_batch_is_told_fetched_again_with_pauses_and_can_be_passed) {
    ConsumerScript s;
    s.broker.log = {{0, batch_of(0, 2) + damaged(batch_of(2, 2)) + batch_of(4, 2)},
                    {2, damaged(batch_of(2, 2))},
                    {4, batch_of(4, 2)}};
    s.broker.high = 6;
    s.consumer->assign({{"t", 0, Offset::beginning()}}).value();
    EXPECT_EQ(s.events_after(100ms), "v0 v1 CORRUPT_MESSAGE@2 ");
    EXPECT_EQ(s.consumer->position({{"t", 0}})[0].offset, Offset(2));
    // Every fetch.error.backoff.ms, 500 by default.
    const int before = s.broker.fetches;
    for (int i = 0; i < 4; ++i) EXPECT_EQ(s.events_after(550ms), "CORRUPT_MESSAGE@2 ");
    EXPECT_LE(s.broker.fetches - before, 16);
    s.broker.log[2] = batch_of(2, 2);
    EXPECT_EQ(s.events_after(1s), "v2 v3 v4 v5 ");

    s.broker.log[2] = damaged(batch_of(2, 2));
    s.consumer->seek({"t", 0, 2}).value();
    EXPECT_EQ(s.events_after(600ms), "CORRUPT_MESSAGE@2 ");
    s.consumer->seek({"t", 0, 4}).value();
    EXPECT_EQ(s.events_after(1s), "v4 v5 ");
}

TEST(ConsumerScript, lines_of_the_log_come_as_events) {
    ConsumerScript s(Config{{"debug", "fetch,consumer"}, {"log.queue", true}});
    s.broker.log = {{0, batch_of(0, 2)}};
    s.broker.high = 2;
    s.consumer->assign({{"t", 0, 0}}).value();
    s.loop.run_for(100ms);
    std::string said;
    int messages = 0;
    while (const auto event = s.consumer->poll(0s)) {
        if (const auto* line = std::get_if<LogEvent>(&*event)) said += to_string(*line) + "\n";
        messages += std::holds_alternative<Message>(*event) ? 1 : 0;
    }
    EXPECT_EQ(messages, 2);
    for (const char* part :
         {"debug test [consumer]: t[0]: assigned, from 0\n", "[fetch]: t[0] is read from offset 0 on",
          "[fetch]: 1 partitions are asked for from broker 1", "[fetch]: t[0]: 2 records in ",
          "from offset 0 on, up to 2"})
        EXPECT_NE(said.find(part), std::string::npos) << part << " in " << said;
    EXPECT_EQ(said.find("[broker]"), std::string::npos);
}

TEST(ConsumerScript, who_waits_by_a_coroutine_is_woken_by_a_line) {
    ConsumerScript s(Config{{"debug", "consumer"}, {"log.queue", true}});
    std::string came;
    s.consumer->async_poll(10s, [&](const Result<std::optional<Event>>& event) {
        if (event && *event) came = to_string(**event);
    });
    s.loop.run_for(1ms);
    EXPECT_EQ(came, "");
    s.consumer->assign({{"t", 0, 0}}).value();
    s.loop.run_for(1ms);
    EXPECT_EQ(came, "debug test [consumer]: t[0]: assigned, from 0");
}

TEST(ConsumerScript, bytes_without_a_whole_batch_do_not_spin) {
    ConsumerScript s;
    s.broker.log = {{0, batch_of(0, 1).substr(0, 50)}};
    s.broker.high = 1;
    s.consumer->assign({{"t", 0, 0}}).value();
    EXPECT_TRUE(s.events_after(100ms).starts_with("CORRUPT_MESSAGE@0 "));
    s.events_after(5s);
    EXPECT_LE(s.broker.fetches, 12);
    s.broker.log[0] = batch_of(0, 1);
    EXPECT_EQ(s.events_after(1s), "v0 ");
}

TEST(ConsumerScript, answers_that_lead_nowhere_do_not_spin) {
    ConsumerScript s;
    s.broker.high = 10;
    // Batches from before the position, forever.
    s.broker.log = {{5, batch_of(0, 3)}};
    s.consumer->assign({{"t", 0, 5}}).value();
    s.events_after(5s);
    EXPECT_LE(s.broker.fetches, 12);
}

TEST(ConsumerScript, partitions_left_out_or_never_asked_for_do_no_harm) {
    ConsumerScript s;
    s.broker.log = {{0, batch_of(0, 2)}};
    s.broker.high = 2;
    s.broker.spoil = [](protocol::FetchResponse& r) {
        auto& stranger = r.responses.emplace_back();
        stranger.topic = "other";
        stranger.partitions.emplace_back().partition_index = -5;
        if (!r.responses[0].partitions.empty()) r.responses[0].partitions[0].partition_index = 77;
    };
    s.consumer->assign({{"t", 0, 0}}).value();
    EXPECT_EQ(s.events_after(5s), "");
    EXPECT_LE(s.broker.fetches, 12);
    s.broker.spoil = nullptr;
    EXPECT_EQ(s.events_after(1s), "v0 v1 ");
}

TEST(ConsumerScript, negative_numbers_in_an_answer_do_no_harm) {
    ConsumerScript s(Config{{"client.rack", "r"}, {"enable.partition.eof", true}});
    s.broker.log = {{0, batch_of(0, 2)}};
    s.broker.high = 2;
    bool odd = true;
    s.broker.spoil = [&](protocol::FetchResponse& r) {
        if (!odd) return;
        r.throttle_time_ms = -7;
        r.session_id = -3;
        auto& p = r.responses.at(0).partitions.at(0);
        p.high_watermark = p.last_stable_offset = p.log_start_offset = -9;
        p.preferred_read_replica = -4;
        p.diverging_epoch.epoch = -2;
        p.diverging_epoch.end_offset = -2;
        p.current_leader.leader_id = p.current_leader.leader_epoch = -6;
        p.snapshot_id.epoch = -1;
        auto& aborted = p.aborted_transactions.emplace().emplace_back();
        aborted.producer_id = aborted.first_offset = -1;
    };
    s.consumer->assign({{"t", 0, 0}}).value();
    EXPECT_EQ(s.events_after(2s), "v0 v1 EOF ");
    EXPECT_LE(s.broker.fetches, 6);
    odd = false;
    s.broker.high = 3;
    s.broker.log[2] = batch_of(2, 1);
    EXPECT_EQ(s.events_after(2s), "v2 EOF ");
}

TEST(ConsumerScript, an_unknown_topic_is_waited_for_and_told_once) {
    ConsumerScript s;
    s.broker.knows_topic = false;
    s.broker.log = {{0, batch_of(0, 1)}};
    s.broker.high = 1;
    s.consumer->assign({{"t", 0, 0}}).value();
    EXPECT_EQ(s.events_after(29s), "") << "topic.metadata.propagation.max.ms";
    EXPECT_EQ(s.events_after(2s), "UNKNOWN_TOPIC_OR_PARTITION@0 ");
    EXPECT_EQ(s.events_after(120s), "");
    for (std::size_t i = 1; i < s.broker.metadata_asked.size(); ++i)
        ASSERT_GE(s.broker.metadata_asked[i] - s.broker.metadata_asked[i - 1], 100ms);
    s.broker.knows_topic = true;
    EXPECT_EQ(s.events_after(5s), "v0 ");
}

TEST(ConsumerScript, a_partition_without_a_leader_is_looked_up_in_measure) {
    ConsumerScript s;
    s.broker.leader = -1;
    s.broker.log = {{0, batch_of(0, 1)}};
    s.broker.high = 1;
    s.consumer->assign({{"t", 0, 0}}).value();
    EXPECT_EQ(s.events_after(10s), "");
    EXPECT_LE(s.broker.metadata_asked.size(), 102U);
    s.broker.leader = 1;
    EXPECT_EQ(s.events_after(1s), "v0 ");
}

TEST(ConsumerScript, a_partition_without_a_leader_holds_up_no_other) {
    ConsumerScript s;
    s.broker.partitions = 2;
    s.broker.led_partitions = 1;
    s.broker.log = {{0, batch_of(0, 1)}};
    s.broker.high = 1;
    s.consumer->assign({{"t", 1, Offset::beginning()}, {"t", 0, Offset::beginning()}}).value();
    EXPECT_EQ(s.events_after(1s), "v0 ");
}

TEST(ConsumerScript, errors_of_a_fetch_are_tried_again_in_measure_and_told_when_they_matter) {
    struct Case {
        ErrorCode code;
        const char* told;
    };
    for (const auto& c :
         {Case{ErrorCode::not_leader_or_follower, ""}, Case{ErrorCode::unknown_server_error, "UNKNOWN_SERVER_ERROR@0 "},
          Case{ErrorCode::topic_authorization_failed, "TOPIC_AUTHORIZATION_FAILED@0! "}}) {
        ConsumerScript s;
        s.broker.fetch_error = c.code;
        s.broker.log = {{0, batch_of(0, 1)}};
        s.broker.high = 1;
        s.consumer->assign({{"t", 0, 0}}).value();
        EXPECT_EQ(s.events_after(5s), c.told);
        EXPECT_LE(s.broker.fetches, 55) << name(c.code);
        s.broker.fetch_error = ErrorCode::none;
        const bool stopped = c.code == ErrorCode::topic_authorization_failed;
        EXPECT_EQ(s.events_after(2s), stopped ? "" : "v0 ");
        if (!stopped) continue;
        s.consumer->seek({"t", 0, 0}).value();
        EXPECT_EQ(s.events_after(2s), "v0 ");
    }
}

TEST(ConsumerScript, out_of_range_goes_on_where_the_policy_says) {
    ConsumerScript s(Config{{"auto.offset.reset", "earliest"}});
    s.broker.low = 3;
    s.broker.high = 5;
    s.broker.log = {{3, batch_of(3, 2)}};
    s.consumer->assign({{"t", 0, 0}}).value();
    EXPECT_EQ(s.events_after(1s), "OFFSET_OUT_OF_RANGE@0>3 v3 v4 ");

    ConsumerScript strict(Config{{"auto.offset.reset", "none"}});
    strict.broker.low = strict.broker.high = 3;
    strict.consumer->assign({{"t", 0, 0}}).value();
    EXPECT_EQ(strict.events_after(1s), "AUTO_OFFSET_RESET@0! ");
}

TEST(ConsumerScript, a_fetch_of_an_earlier_assignment_is_not_taken_for_one_of_this) {
    ConsumerScript s(Config{{"auto.offset.reset", "latest"}});
    s.broker.log = {{0, batch_of(0, 10)}};
    s.broker.high = 10;
    // What comes at the end is answered while the partition is back, and to be read from the beginning.
    s.broker.spoil = [&](protocol::FetchResponse& r) {
        if (s.broker.offsets_asked.back() == 10)
            r.responses[0].partitions[0].records.emplace(Bytes::copy_of(batch_of(10, 1)));
    };
    s.consumer->assign({{"t", 0, 10}}).value();
    EXPECT_EQ(s.events_after(100ms), "");
    s.consumer->unassign().value();
    s.consumer->assign({{"t", 0, 0}}).value();
    EXPECT_EQ(s.events_after(600ms), "v0 v1 v2 v3 v4 v5 v6 v7 v8 v9 ");

    // An error of the earlier one says nothing of this one either.
    s.consumer->unassign().value();
    s.broker.spoil = [&](protocol::FetchResponse& r) {
        if (s.broker.offsets_asked.back() == 10)
            r.responses[0].partitions[0].error_code = static_cast<std::int16_t>(ErrorCode::offset_out_of_range);
    };
    s.loop.run_for(1s);
    s.consumer->assign({{"t", 0, 10}}).value();
    EXPECT_EQ(s.events_after(100ms), "");
    s.consumer->unassign().value();
    s.broker.spoil = nullptr;
    s.consumer->assign({{"t", 0, 0}}).value();
    EXPECT_EQ(s.events_after(600ms), "v0 v1 v2 v3 v4 v5 v6 v7 v8 v9 ");
}

TEST(ConsumerScript, a_lookup_of_an_earlier_assignment_is_not_taken_for_one_of_this) {
    ConsumerScript s;
    s.broker.log = {{0, batch_of(0, 10)}};
    s.broker.high = 10;
    s.broker.lookup_time = 200ms;
    s.consumer->assign({{"t", 0, Offset::beginning()}}).value();
    EXPECT_EQ(s.events_after(100ms), "");
    s.consumer->unassign().value();
    s.consumer->assign({{"t", 0, Offset::end()}}).value();
    EXPECT_EQ(s.events_after(1s), "") << "it is to be read from the end";
    EXPECT_EQ(s.consumer->position({{"t", 0}})[0].offset, Offset(10));
}

TEST(ConsumerScript, a_broker_that_contradicts_itself_is_not_asked_without_end) {
    ConsumerScript s(Config{{"auto.offset.reset", "earliest"}});
    // Records beyond what it calls its end.
    s.broker.log = {{0, batch_of(0, 1)}};
    s.consumer->assign({{"t", 0, 0}}).value();
    s.events_after(10s);
    EXPECT_LE(s.broker.fetches, 75);
}

TEST(ConsumerScript, an_idle_consumer_asks_twice_a_second) {
    ConsumerScript s;
    s.consumer->assign({{"t", 0, 0}}).value();
    EXPECT_EQ(s.events_after(60s), "");
    EXPECT_LE(s.broker.fetches, 121);
    EXPECT_LE(s.broker.metadata_asked.size(), 3U);
}

TEST(ConsumerScript, a_broker_that_falls_silent_is_given_up_and_found_again) {
    ConsumerScript s(Config{{"socket.timeout.ms", 5000}});
    s.consumer->assign({{"t", 0, 0}}).value();
    EXPECT_EQ(s.events_after(1s), "");
    s.network.cut("client", "broker");
    s.events_after(30s);
    s.network.heal_all();
    s.broker.log = {{0, batch_of(0, 1)}};
    s.broker.high = 1;
    const auto said = s.events_after(40s);
    EXPECT_NE(said.find("v0 "), std::string::npos) << said;
}

}  // namespace
}  // namespace ottla::client
