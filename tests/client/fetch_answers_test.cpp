// SPDX-License-Identifier: Apache-2.0
// What a consumer does when the log is another than it was, its leader moves, or a follower is nearer: KIP-320,
// KIP-392, KIP-951, KIP-1106. On virtual time.
#include "tests/client/consumer_script.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

// The second broker leads from now on, or is there to be read from.
void introduce(ConsumerScript& s) {
    s.broker.nodes = s.other.nodes = {{1, "broker"}, {2, "other"}};
    s.other.high = s.broker.high;
    s.other.log = s.broker.log;
    s.other.leader = s.broker.leader;
    s.other.leader_epoch = s.broker.leader_epoch;
}

void lead_by_other(ConsumerScript& s, std::int32_t epoch) {
    s.broker.leader = s.other.leader = 2;
    s.broker.leader_epoch = s.other.leader_epoch = epoch;
    s.broker.fetch_error = ErrorCode::not_leader_or_follower;
}

// Three records of epoch 0 were read; then the second broker leads.
struct AfterTheMove {
    explicit AfterTheMove(const char* reset = "earliest") : s(Config{{"auto.offset.reset", reset}}) {
        s.broker.high = 3;
        s.broker.log = {{0, batch_of(0, 3)}};
        introduce(s);
        s.consumer->assign({{"t", 0, 0}}).value();
        EXPECT_EQ(s.events_after(1s), "v0 v1 v2 ");
        lead_by_other(s, 1);
    }
    ConsumerScript s;
};

TEST(FetchAnswers, a_new_leader_whose_log_leads_there_is_read_on_from) {
    AfterTheMove t;
    t.s.other.epoch_end = {0, 3};
    t.s.other.high = 4;
    t.s.other.log[3] = batch_of(3, 1, 1);
    EXPECT_EQ(t.s.events_after(2s), "v3 ");
    EXPECT_EQ(t.s.other.epochs_asked, std::vector<std::int32_t>{0});
    EXPECT_EQ(t.s.other.offsets_asked.front(), 3);
    const auto& asked = t.s.other.last_fetch.topics.at(0).partitions.at(0);
    EXPECT_EQ(asked.current_leader_epoch, 1);
    EXPECT_EQ(asked.last_fetched_epoch, 1) << "of the last record";
}

TEST(FetchAnswers, a_truncated_log_is_told_once_and_read_from_where_the_logs_part) {
    AfterTheMove t;
    t.s.other.epoch_end = {0, 1};
    t.s.other.high = 2;
    t.s.other.log = {{1, batch_of(1, 1, 1)}};
    EXPECT_EQ(t.s.events_after(2s), "LOG_TRUNCATION@3>1 v1 ");
    EXPECT_EQ(t.s.consumer->position({{"t", 0}})[0].offset, Offset(2));
    EXPECT_EQ(t.s.events_after(5s), "");
}

TEST(FetchAnswers, a_truncated_log_stops_a_consumer_that_may_not_choose) {
    AfterTheMove t("none");
    t.s.other.epoch_end = {0, 1};
    t.s.other.high = 2;
    t.s.other.log = {{1, batch_of(1, 1, 1)}};
    EXPECT_EQ(t.s.events_after(5s), "LOG_TRUNCATION@3! ");
    EXPECT_EQ(t.s.other.fetches, 0);
    t.s.consumer->seek({"t", 0, 1}).value();
    EXPECT_EQ(t.s.events_after(1s), "v1 ");
}

TEST(FetchAnswers, a_leader_that_knows_no_epoch_or_cannot_be_asked_is_believed_the_position) {
    for (const bool can_be_asked : {true, false}) {
        AfterTheMove t("none");
        if (can_be_asked) t.s.other.epoch_end = {-1, -1};
        t.s.other.high = 4;
        t.s.other.log[3] = batch_of(3, 1, 1);
        EXPECT_EQ(t.s.events_after(2s), "v3 ");
    }
}

TEST(FetchAnswers, a_check_that_fails_is_repeated_in_measure) {
    AfterTheMove t;
    t.s.other.epoch_end = {0, 3};
    t.s.other.check_error = ErrorCode::unknown_leader_epoch;
    t.s.other.high = 4;
    t.s.other.log[3] = batch_of(3, 1, 1);
    EXPECT_EQ(t.s.events_after(5s), "");
    EXPECT_EQ(t.s.other.fetches, 0);
    EXPECT_GE(t.s.other.epochs_asked.size(), 5U);
    EXPECT_LE(t.s.other.epochs_asked.size(), 55U);
    t.s.other.check_error = ErrorCode::none;
    EXPECT_EQ(t.s.events_after(1s), "v3 ");
}

TEST(FetchAnswers, a_seek_during_a_check_counts) {
    AfterTheMove t;
    t.s.other.epoch_end = {0, 1};
    t.s.other.check_error = ErrorCode::unknown_leader_epoch;
    EXPECT_EQ(t.s.events_after(2s), "");
    t.s.consumer->seek({"t", 0, 0}).value();
    t.s.other.check_error = ErrorCode::none;
    EXPECT_EQ(t.s.events_after(1s), "v0 v1 v2 ");
}

TEST(FetchAnswers, a_fetch_that_finds_the_logs_parted_tells_so) {
    ConsumerScript s(Config{{"auto.offset.reset", "earliest"}});
    s.broker.high = 3;
    s.broker.log = {{0, batch_of(0, 3, 4)}};
    s.broker.leader_epoch = 4;
    s.broker.spoil = [](protocol::FetchResponse& r) {
        auto& p = r.responses.at(0).partitions.at(0);
        if (p.records && !p.records->empty()) return;
        p.diverging_epoch.epoch = 2;
        p.diverging_epoch.end_offset = 1;
    };
    s.consumer->assign({{"t", 0, 0}}).value();
    s.loop.run_for(100ms);
    s.broker.log = {{1, batch_of(1, 1, 4)}};
    s.broker.high = 2;
    EXPECT_EQ(s.events_after(600ms), "v0 v1 v2 LOG_TRUNCATION@3>1 v1 ");
    s.broker.spoil = nullptr;
    EXPECT_EQ(s.events_after(5s), "") << "told again by the same leader, it is not believed";
}

TEST(FetchAnswers, an_epoch_that_a_leader_does_not_know_is_no_reason_for_a_reset) {
    ConsumerScript s(Config{{"auto.offset.reset", "earliest"}});
    s.broker.high = 3;
    s.broker.log = {{0, batch_of(0, 3)}};
    // Out of range as long as an epoch is named.
    s.broker.spoil = [&](protocol::FetchResponse& r) {
        if (s.broker.last_fetch.topics.at(0).partitions.at(0).last_fetched_epoch < 0) return;
        r.responses.at(0).partitions.at(0).error_code = static_cast<std::int16_t>(ErrorCode::offset_out_of_range);
    };
    s.consumer->assign({{"t", 0, 0}}).value();
    EXPECT_EQ(s.events_after(1s), "v0 v1 v2 ");
    s.broker.high = 4;
    s.broker.log[3] = batch_of(3, 1);
    EXPECT_EQ(s.events_after(5s), "v3 ");
    EXPECT_LE(s.broker.fetches, 30);
}

TEST(FetchAnswers, a_committed_epoch_goes_with_its_offset) {
    ConsumerScript s;
    s.broker.high = 3;
    s.broker.leader_epoch = 5;
    s.broker.epoch_end = {2, 3};
    TopicPartition from("t", 0, 3);
    from.leader_epoch = 2;
    s.consumer->assign({from}).value();
    EXPECT_EQ(s.events_after(1s), "");
    EXPECT_EQ(s.broker.epochs_asked, std::vector<std::int32_t>{2});
    EXPECT_EQ(s.broker.last_fetch.topics.at(0).partitions.at(0).last_fetched_epoch, 2);
}

TEST(FetchAnswers, leaders_named_by_an_error_are_used_at_once) {
    ConsumerScript s;
    s.broker.topic_id = s.other.topic_id = Uuid{{1}};
    s.broker.fetch_versions = s.other.fetch_versions = {4, 17};
    s.broker.high = s.other.high = 1;
    s.other.log = {{0, batch_of(0, 1, 1)}};
    s.broker.fetch_error = ErrorCode::not_leader_or_follower;
    // The metadata goes on naming the old leader, and nobody else.
    s.broker.spoil = [](protocol::FetchResponse& r) {
        auto& p = r.responses.at(0).partitions.at(0);
        p.current_leader.leader_id = 2;
        p.current_leader.leader_epoch = 1;
        auto& node = r.node_endpoints.emplace_back();
        node.node_id = 2;
        node.host = "other";
        node.port = 9092;
    };
    s.consumer->assign({{"t", 0, 0}}).value();
    EXPECT_EQ(s.events_after(50ms), "v0 ");
    EXPECT_EQ(s.broker.fetches, 1);
}

// A leader that sends its readers to the second broker.
struct NearerFollower {
    explicit NearerFollower(Config more = {}) : s(with_rack(std::move(more))) {
        s.broker.high = 2;
        s.broker.log = {{0, batch_of(0, 2)}};
        introduce(s);
        s.broker.spoil = [this](protocol::FetchResponse& r) {
            auto& p = r.responses.at(0).partitions.at(0);
            if (!sends_away || p.error_code != 0) return;
            p.preferred_read_replica = 2;
            p.records.reset();
        };
    }
    static Config with_rack(Config config) {
        EXPECT_TRUE(config.set("client.rack", "near").has_value());
        EXPECT_TRUE(config.set("auto.offset.reset", "earliest").has_value());
        return config;
    }
    bool sends_away = true;
    ConsumerScript s;
};

TEST(FetchAnswers, a_nearer_follower_is_read_from_and_left_after_metadata_max_age) {
    NearerFollower t(Config{{"metadata.max.age.ms", 10'000}});
    t.s.consumer->assign({{"t", 0, 0}}).value();
    EXPECT_EQ(t.s.events_after(1s), "v0 v1 ");
    EXPECT_EQ(t.s.broker.last_fetch.rack_id, "near");
    EXPECT_EQ(t.s.broker.fetches, 1);
    EXPECT_GE(t.s.other.fetches, 2);
    t.s.events_after(8s);
    EXPECT_EQ(t.s.broker.fetches, 1);
    t.sends_away = false;
    t.s.broker.high = 3;
    t.s.broker.log[2] = batch_of(2, 1);
    EXPECT_EQ(t.s.events_after(3s), "v2 ");
    EXPECT_GE(t.s.broker.fetches, 2);
}

TEST(FetchAnswers, a_position_that_only_the_follower_lacks_is_asked_of_the_leader) {
    NearerFollower t;
    t.s.consumer->assign({{"t", 0, 0}}).value();
    EXPECT_EQ(t.s.events_after(1s), "v0 v1 ");
    // The follower is behind: what was read is beyond its end.
    t.s.other.high = 1;
    t.sends_away = false;
    t.s.broker.high = 3;
    t.s.broker.log[2] = batch_of(2, 1);
    EXPECT_EQ(t.s.events_after(2s), "v2 ") << "and no reset";
    // The leader has lost it, too.
    t.s.broker.low = 10;
    t.s.broker.high = 11;
    t.s.broker.log = {{10, batch_of(10, 1)}};
    EXPECT_EQ(t.s.events_after(2s), "OFFSET_OUT_OF_RANGE@3>10 v10 ");
}

TEST(FetchAnswers, a_leader_and_a_follower_that_send_us_back_and_forth_do_not_spin) {
    NearerFollower t;
    t.s.other.fetch_error = ErrorCode::unknown_leader_epoch;
    t.s.consumer->assign({{"t", 0, 0}}).value();
    EXPECT_EQ(t.s.events_after(10s), "");
    EXPECT_LE(t.s.broker.fetches + t.s.other.fetches, 60);
    t.s.other.fetch_error = ErrorCode::none;
    EXPECT_EQ(t.s.events_after(2s), "v0 v1 ");
}

TEST(FetchAnswers, a_follower_that_cannot_be_reached_is_left_for_the_leader) {
    NearerFollower t;
    t.s.consumer->assign({{"t", 0, 0}}).value();
    EXPECT_EQ(t.s.events_after(1s), "v0 v1 ");
    t.sends_away = false;
    t.s.broker.high = 3;
    t.s.broker.log[2] = batch_of(2, 1);
    t.s.network.cut("client", "other");
    EXPECT_EQ(t.s.events_after(70s), "v2 ");
}

TEST(FetchAnswers, brokers_share_the_room_that_there_is) {
    ConsumerScript s(Config{{"queued.max.messages.kbytes", 1000}, {"max.partition.fetch.bytes", 10'000}});
    s.broker.partitions = 2;
    introduce(s);
    s.broker.leaders = {{1, 2}};
    s.consumer->assign({{"t", 0, 0}, {"t", 1, 0}}).value();
    EXPECT_EQ(s.events_after(2s), "");
    EXPECT_EQ(s.broker.last_fetch.max_bytes, 512'000);
    EXPECT_EQ(s.other.last_fetch.max_bytes, 512'000);
}

TEST(FetchAnswers, a_reset_by_age_begins_with_the_records_of_that_age) {
    for (const std::int64_t found : {4, -1}) {
        ConsumerScript s(Config{{"auto.offset.reset", "by_duration:PT1H"}});
        s.broker.high = 6;
        s.broker.log = {{4, batch_of(4, 2)}};
        s.broker.offset_of_time = found;
        const auto before = s.loop.timers.wall_ms();
        s.consumer->assign({{"t", 0}}).value();
        EXPECT_EQ(s.events_after(1s), found == 4 ? "v4 v5 " : "") << "nothing is that young: from the end on";
        ASSERT_FALSE(s.broker.times_asked.empty());
        const auto asked = s.broker.times_asked.front();
        EXPECT_GE(asked, std::max<std::int64_t>(before - 3'600'000, 0));
        EXPECT_LE(asked, std::max<std::int64_t>(s.loop.timers.wall_ms() - 3'600'000, 0));
        s.consumer->seek({"t", 0, 100}).value();
        EXPECT_EQ(s.events_after(1s), found == 4 ? "OFFSET_OUT_OF_RANGE@100>4 v4 v5 " : "OFFSET_OUT_OF_RANGE@100>6 ");
    }
}

}  // namespace
}  // namespace ottla::client
