// SPDX-License-Identifier: Apache-2.0
// What the consumers of a group commit while the group moves on: never another's offset, and never an older one.
#include "tests/client/group_script.hpp"

namespace ottla::client {
namespace {

TEST(GroupCommits, a_commit_that_the_next_generation_overtakes_is_tried_again_in_it) {
    GroupScript s;
    auto& c = s.add({{"partition.assignment.strategy", "cooperative-sticky"}, {"enable.auto.commit", false}});
    c.subscribe({"t"}).value();
    EXPECT_EQ(s.read(c, 4), "assigned t[0]; v0; v1; v2; v3; ");
    s.broker.join_answer_time = 500ms;
    c.subscribe({"t", "u"}).value();
    s.loop.run_for(200ms);
    EXPECT_EQ(s.broker.generation, 2);
    EXPECT_EQ(c.group_metadata().generation, 1) << "the answer to the join is under way";
    const auto done = s.commit(c);
    ASSERT_TRUE(done) << to_string(done.error());
    EXPECT_EQ((*done)[0].error.code(), ErrorCode::none);
    EXPECT_EQ(s.committed(), 4);
    EXPECT_EQ(s.poll(c, 5s), "assigned u[0]; v0; v1; v2; v3; ") << "t[0] is not lost";
}

// As a handler that throws ends it: nobody has said that what was in hand is done.
TEST(GroupCommits, what_was_in_hand_when_the_consumer_was_destroyed_is_not_committed) {
    for (const auto* protocol : {"range", "cooperative-sticky"})
        for (const bool by_batch : {false, true}) {
            GroupScript s;
            auto& c = s.add({{"partition.assignment.strategy", protocol}});
            c.subscribe({"t"}).value();
            if (by_batch) s.broker.records.log[0] = batch_of(0, 2), s.broker.records.log[2] = batch_of(2, 2);
            for (int batches = 0; by_batch && batches < 2; s.loop.run_for(10ms))
                if (auto batch = c.poll_batch(0s); batch && !batch->empty()) ++batches;
            if (!by_batch) s.read(c, 3);
            asio::post(s.loop.io, [&] { s.consumers.clear(); });
            s.loop.run_for(5s);
            EXPECT_TRUE(s.broker.members.empty());
            EXPECT_EQ(s.committed(), 2) << protocol;
        }
}

TEST(GroupCommits, what_was_in_hand_at_a_close_is_committed) {
    GroupScript s;
    auto& c = s.add();
    c.subscribe({"t"}).value();
    s.read(c, 3);
    EXPECT_EQ(s.close(c), "");
    EXPECT_EQ(s.committed(), 3);
}

// A callback that commits says so of what was handed out before the poll that runs it; none has been.
TEST(GroupCommits, a_callback_of_the_destructor_commits_what_was_done_only) {
    GroupScript s;
    auto& c = s.add({{"enable.auto.commit", false}});
    RebalanceCallbacks callbacks;
    int revoked = 0;
    callbacks.revoked = [&](Consumer& consumer, std::span<const TopicPartition>) {
        ++revoked;
        consumer.async_commit(5s, asio::detached);
    };
    c.subscribe({"t"}, std::move(callbacks)).value();
    s.read(c, 3);
    asio::post(s.loop.io, [&] { s.consumers.clear(); });
    s.loop.run_for(5s);
    EXPECT_EQ(revoked, 1);
    EXPECT_EQ(s.committed(), 2);
}

TEST(GroupCommits, a_commit_that_is_tried_again_does_not_take_back_a_later_one) {
    GroupScript s;
    auto& c = s.add({{"enable.auto.commit", false}});
    c.subscribe({"t"}).value();
    s.read(c, 4);
    using Committed = Result<std::vector<TopicPartition>>;
    Committed first = Error::of(ErrorCode::failed, "not ended");
    Committed second = first;
    s.broker.errors[ApiKey::offset_commit] = {ErrorCode::coordinator_load_in_progress};
    c.async_commit({{"t", 0, 1}}, 30s, [&](Committed r) { first = std::move(r); });
    s.loop.run_for(20ms);
    EXPECT_EQ(s.broker.asked[ApiKey::offset_commit], 1);
    c.async_commit({{"t", 0, 3}}, 30s, [&](Committed r) { second = std::move(r); });
    s.loop.run_for(20ms);
    ASSERT_TRUE(second) << to_string(second.error());
    EXPECT_EQ((*second)[0].error.code(), ErrorCode::none);
    s.loop.run_for(5s);
    EXPECT_EQ(s.committed(), 3);
    ASSERT_TRUE(first) << to_string(first.error());
    EXPECT_EQ((*first)[0].error, ErrorCode::cancelled);
    EXPECT_EQ(s.broker.asked[ApiKey::offset_commit], 2);
}

TEST(GroupCommits, a_commit_ends_with_the_assignment_that_it_belongs_to) {
    GroupScript s;
    auto& c = s.add({{"enable.auto.commit", false}});
    c.subscribe({"t"}).value();
    s.read(c, 4);
    for (int i = 0; i < 20; ++i)
        s.broker.errors[ApiKey::offset_commit].push_back(ErrorCode::coordinator_load_in_progress);
    Result<std::vector<TopicPartition>> result = Error::of(ErrorCode::failed, "not ended");
    c.async_commit(60s, [&](Result<std::vector<TopicPartition>> r) { result = std::move(r); });
    s.loop.run_for(1s);
    // Whoever had it in between may have committed what lies further on.
    c.subscribe({"t", "u"}).value();
    EXPECT_EQ(s.poll(c, 5s), "revoked t[0]; assigned t[0], u[0]; v0; v1; v2; v3; v0; v1; v2; v3; ");
    s.loop.run_for(60s);
    EXPECT_EQ(s.committed(), -1);
    ASSERT_TRUE(result) << to_string(result.error());
    EXPECT_EQ((*result)[0].error, ErrorCode::assignment_lost);
}

TEST(GroupCommits, who_leaves_waits_for_a_rebalance_only_shortly) {
    for (const bool ends : {true, false}) {
        GroupScript s;
        auto& c = s.add();
        c.subscribe({"t"}).value();
        EXPECT_EQ(s.poll(c, 2s), "assigned t[0]; v0; v1; v2; v3; ");
        for (int i = 0; i < (ends ? 3 : 1000); ++i)
            s.broker.errors[ApiKey::offset_commit].push_back(ErrorCode::rebalance_in_progress);
        c.unsubscribe().value();
        EXPECT_EQ(s.poll(c, 5s), ends ? "revoked t[0]; " : "revoked t[0]; REBALANCE_IN_PROGRESS; ");
        EXPECT_TRUE(s.broker.members.empty());
        EXPECT_EQ(s.committed(), ends ? 4 : -1);
    }
}

TEST(GroupCommits, partitions_that_cannot_be_committed_in_passing_are_told_once) {
    GroupScript s;
    auto& c = s.add({{"auto.commit.interval.ms", 500}});
    c.subscribe({"t"}).value();
    for (int i = 0; i < 5; ++i) s.broker.errors[ApiKey::offset_commit].push_back(ErrorCode::topic_authorization_failed);
    EXPECT_EQ(s.poll(c, 5s), "assigned t[0]; v0; v1; v2; v3; TOPIC_AUTHORIZATION_FAILED; ");
    EXPECT_EQ(s.committed(), 4) << "it is tried again";
    c.seek({"t", 0, 0}).value();
    s.read(c, 2);
    s.broker.errors[ApiKey::offset_commit] = {ErrorCode::offset_metadata_too_large};
    c.unsubscribe().value();
    s.loop.run_for(20ms);
    EXPECT_EQ(s.poll(c, 2s), "revoked t[0]; OFFSET_METADATA_TOO_LARGE; ");
}

// A broker answers a connection's requests one by one.
TEST(GroupCommits, that_pile_up_do_not_keep_heartbeats_from_the_coordinator) {
    GroupScript s;
    auto& c = s.add({{"enable.auto.commit", false}, {"session.timeout.ms", 6000}, {"heartbeat.interval.ms", 2000}});
    c.subscribe({"t"}).value();
    s.read(c, 4);
    s.broker.commit_time = 1s;
    int done = 0;
    for (int i = 1; i <= 20; ++i)
        c.async_commit({{"t", 0, i}}, 60s, [&done](Result<std::vector<TopicPartition>> r) {
            done += r && r->front().error.code() == ErrorCode::none ? 1 : 0;
        });
    const int joins = s.broker.asked[protocol::ApiKey::join_group];
    s.poll(c, 25s);
    EXPECT_EQ(done, 20);
    EXPECT_EQ(s.committed(), 20);
    EXPECT_GE(s.broker.asked[protocol::ApiKey::heartbeat], 10);
    EXPECT_EQ(s.broker.asked[protocol::ApiKey::join_group], joins);
}

TEST(GroupCommits, one_that_reaches_nobody_ends_at_its_time_and_does_not_spin) {
    GroupScript s;
    auto& c = s.add({{"enable.auto.commit", false}});
    c.subscribe({"t"}).value();
    s.read(c, 4);
    s.network.crash("broker");
    const auto begun = s.loop.events();
    EXPECT_EQ(s.commit(c).error(), ErrorCode::timed_out);
    EXPECT_LE(s.loop.events() - begun, 10'000U);
}

}  // namespace
}  // namespace ottla::client
