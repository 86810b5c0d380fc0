// SPDX-License-Identifier: Apache-2.0
// Consumers of a group from end to end, on the memory network and virtual time: what is assigned, what is committed,
// and what becomes of both when something fails.
#include "tests/client/group_script.hpp"

namespace ottla::client {
namespace {

TEST(GroupConsumer, joins_reads_commits_leaves_and_goes_on_where_it_stopped) {
    GroupScript s;
    auto& first = s.add();
    first.subscribe({"t"}).value();
    EXPECT_EQ(first.subscription(), std::vector<std::string>{"t"});
    EXPECT_EQ(s.poll(first, 2s), "assigned t[0]; v0; v1; v2; v3; ");
    EXPECT_EQ(first.group_metadata().generation, 1);
    EXPECT_EQ(first.rebalance_protocol(), RebalanceProtocol::eager);
    EXPECT_EQ(s.close(first), "");
    EXPECT_EQ(s.committed(), 4);
    EXPECT_EQ(s.broker.leave_reasons, std::vector<std::string>{"the consumer is closed"});
    EXPECT_TRUE(s.broker.members.empty());
    s.broker.records.log[4] = batch_of(4, 2);
    s.broker.records.high = 6;
    auto& second = s.add();
    second.subscribe({"t"}).value();
    EXPECT_EQ(s.poll(second, 2s), "assigned t[0]; v4; v5; ");
}

TEST(GroupConsumer, auto_commit_takes_only_what_was_returned_for_the_next_poll) {
    GroupScript s;
    auto& c = s.add({{"auto.commit.interval.ms", 1000}});
    c.subscribe({"t"}).value();
    EXPECT_EQ(s.read(c, 2), "assigned t[0]; v0; v1; ");
    s.loop.run_for(3s);
    EXPECT_EQ(s.committed(), 1) << "v1 is in the application's hands";
    EXPECT_EQ(s.read(c, 2), "v2; v3; ");
    s.loop.run_for(3s);
    EXPECT_EQ(s.committed(), 3);
    EXPECT_FALSE(c.poll(0s));
    s.loop.run_for(3s);
    EXPECT_EQ(s.committed(), 4);
    const int commits = s.broker.asked[ApiKey::offset_commit];
    s.poll(c, 5s);
    EXPECT_EQ(s.broker.asked[ApiKey::offset_commit], commits) << "nothing new, nothing to commit";
}

TEST(GroupConsumer, who_seeks_back_gets_it_again_also_after_a_crash) {
    GroupScript s;
    auto& c = s.add({{"auto.commit.interval.ms", 1000}});
    c.subscribe({"t"}).value();
    s.read(c, 3);
    c.seek({"t", 0, 0}).value();
    EXPECT_EQ(s.read(c, 1), "v0; ");
    s.loop.run_for(3s);
    EXPECT_LE(s.committed(), 0);
}

TEST(GroupConsumer, a_second_member_takes_its_share_and_hands_it_back) {
    for (const auto* strategy : {"range", "roundrobin", "sticky", "cooperative-sticky"}) {
        SCOPED_TRACE(strategy);
        GroupScript s;
        s.broker.records.partitions = 2;
        const Config config{{"partition.assignment.strategy", strategy}};
        auto& a = s.add(config);
        a.subscribe({"t"}).value();
        EXPECT_EQ(s.poll(a, 2s), "assigned t[0], t[1]; v0; v1; v2; v3; ");
        auto& b = s.add(config);
        b.subscribe({"t"}).value();
        const auto told = s.poll(a, 10s);
        EXPECT_EQ(s.committed(), 4) << "before it is given back";
        const bool cooperative = std::string(strategy) == "cooperative-sticky";
        EXPECT_EQ(told, cooperative ? "revoked t[1]; assigned nothing; assigned nothing; "
                                    : "revoked t[0], t[1]; assigned t[0]; ")
            << told;
        EXPECT_EQ(b.assignment().size(), 1U);
        EXPECT_EQ(b.assignment()[0].partition, 1);
        EXPECT_EQ(s.close(a), "");
        s.poll(b, 10s);
        EXPECT_EQ(b.assignment().size(), 2U);
    }
}

TEST(GroupConsumer, callbacks_run_in_the_poll_and_may_seek) {
    GroupScript s;
    auto& c = s.add();
    std::string said;
    RebalanceCallbacks callbacks;
    callbacks.assigned = [&](Consumer& consumer, std::span<const TopicPartition> partitions) {
        said += "+" + std::to_string(partitions.size());
        consumer.seek({"t", 0, 2}).value();
    };
    callbacks.revoked = [&](Consumer& consumer, std::span<const TopicPartition> partitions) {
        said += "-" + std::to_string(partitions.size());
        EXPECT_EQ(consumer.assignment().size(), 1U);
        EXPECT_FALSE(consumer.assignment_lost());
        throw std::runtime_error("of no consequence");
    };
    s.broker.records.log[2] = batch_of(2, 2);
    c.subscribe({"t"}, std::move(callbacks)).value();
    EXPECT_EQ(s.poll(c, 2s), "v2; v3; ");
    EXPECT_EQ(said, "+1");
    c.unsubscribe().value();
    EXPECT_EQ(s.poll(c, 2s), "");
    EXPECT_EQ(said, "+1-1");
    EXPECT_EQ(s.committed(), 4);
    EXPECT_TRUE(c.assignment().empty());
    EXPECT_TRUE(s.broker.members.empty());
    EXPECT_EQ(s.broker.leave_reasons.back(), "the consumer unsubscribed");
}

TEST(GroupConsumer, a_zombie_loses_its_partitions_and_cannot_commit) {
    GroupScript s;
    auto& c = s.add({{"enable.auto.commit", false}});
    bool lost = false;
    RebalanceCallbacks callbacks;
    callbacks.lost = [&](Consumer& consumer, std::span<const TopicPartition>) { lost = consumer.assignment_lost(); };
    c.subscribe({"t"}, std::move(callbacks)).value();
    s.read(c, 2);
    // The coordinator has forgotten it.
    s.broker.members.clear();
    const auto refused = s.commit(c);
    EXPECT_EQ(refused.error(), ErrorCode::assignment_lost) << to_string(refused.error());
    EXPECT_EQ(s.committed(), -1);
    EXPECT_EQ(s.poll(c, 5s), "v0; v1; v2; v3; ") << "it has joined anew, and begins where it was committed";
    EXPECT_TRUE(lost);
    EXPECT_TRUE(s.commit(c));
    EXPECT_EQ(s.committed(), 4);
}

TEST(GroupConsumer, who_does_not_poll_in_time_leaves_and_comes_back_with_the_next_poll) {
    GroupScript s;
    auto& c = s.add({{"max.poll.interval.ms", 10'000}, {"session.timeout.ms", 6000}, {"heartbeat.interval.ms", 1000}});
    c.subscribe({"t"}).value();
    s.read(c, 4);
    s.loop.run_for(15s);
    EXPECT_TRUE(s.broker.members.empty());
    EXPECT_EQ(s.broker.leave_reasons.back(), "max.poll.interval.ms passed without a poll");
    s.broker.records.log[3] = batch_of(3, 1);
    EXPECT_EQ(s.poll(c, 5s), "lost t[0]; MAX_POLL_EXCEEDED; assigned t[0]; v3; ")
        << "v3 was in hand when it left, and could not be committed";
    EXPECT_EQ(s.broker.members.size(), 1U);
}

TEST(GroupConsumer, commits_wait_through_a_coordinator_that_moves_or_loads) {
    GroupScript s;
    auto& c = s.add({{"enable.auto.commit", false}});
    c.subscribe({"t"}).value();
    EXPECT_EQ(s.commit(c).error(), ErrorCode::no_offset);
    s.read(c, 4);
    s.broker.errors[ApiKey::offset_commit] = {ErrorCode::not_coordinator, ErrorCode::coordinator_load_in_progress,
                                              ErrorCode::rebalance_in_progress, ErrorCode::closed,
                                              ErrorCode::coordinator_not_available};
    const auto done = s.commit(c);
    ASSERT_TRUE(done) << to_string(done.error());
    EXPECT_EQ((*done)[0].error.code(), ErrorCode::none);
    EXPECT_EQ(s.committed(), 4) << "who commits is done with what he was handed";
    s.broker.errors[ApiKey::offset_commit] = {ErrorCode::group_authorization_failed};
    c.seek({"t", 0, 1}).value();
    EXPECT_EQ(s.commit(c).error(), ErrorCode::group_authorization_failed);
}

TEST(GroupConsumer, stored_offsets_are_what_the_application_says) {
    GroupScript s;
    auto& c = s.add({{"enable.auto.offset.store", false}, {"auto.commit.interval.ms", 100}});
    c.subscribe({"t"}).value();
    s.poll(c, 2s);
    EXPECT_EQ(s.committed(), -1);
    c.store_offsets({{"t", 0, 2}}).value();
    s.poll(c, 1s);
    EXPECT_EQ(s.committed(), 2);
    EXPECT_EQ(c.store_offsets({{"t", 7, 2}}).error(), ErrorCode::invalid_state);
    Result<std::vector<TopicPartition>> found = Error::of(ErrorCode::failed);
    c.async_committed({{"t", 0}, {"t", 5}}, 5s, [&](Result<std::vector<TopicPartition>> r) { found = std::move(r); });
    s.loop.run_for(1s);
    ASSERT_TRUE(found);
    EXPECT_EQ((*found)[0].offset, Offset(2));
    EXPECT_EQ((*found)[1].offset, Offset::invalid());
}

TEST(GroupConsumer, without_a_committed_offset_the_policy_decides) {
    for (const auto* policy : {"earliest", "latest", "error"}) {
        GroupScript s;
        auto& c = s.add({{"auto.offset.reset", policy}});
        c.subscribe({"t"}).value();
        const auto told = s.poll(c, 3s);
        const std::string expected = policy == std::string("earliest") ? "v0; v1; v2; v3; "
                                     : policy == std::string("latest") ? ""
                                                                       : "AUTO_OFFSET_RESET; ";
        EXPECT_EQ(told, "assigned t[0]; " + expected);
    }
}

TEST(GroupConsumer, committed_offsets_that_cannot_be_had_yet_are_waited_for_and_never_reset) {
    GroupScript s;
    s.broker.committed[{"t", 0}] = 2;
    s.broker.records.log[2] = batch_of(2, 2);
    s.broker.errors[ApiKey::offset_fetch] = {ErrorCode::coordinator_load_in_progress, ErrorCode::not_coordinator,
                                             ErrorCode::unstable_offset_commit, ErrorCode::closed};
    auto& c = s.add();
    c.subscribe({"t"}).value();
    EXPECT_EQ(s.poll(c, 10s), "assigned t[0]; v2; v3; ");
}

TEST(GroupConsumer, a_coordinator_that_does_not_know_the_topic_yet_is_asked_again_and_nothing_is_reset) {
    GroupScript s;
    s.broker.committed[{"t", 0}] = 2;
    s.broker.records.log[2] = batch_of(2, 2);
    s.broker.offset_errors = {ErrorCode::unknown_topic_or_partition, ErrorCode::unknown_topic_or_partition};
    auto& c = s.add();
    c.subscribe({"t"}).value();
    EXPECT_EQ(s.poll(c, 5s), "assigned t[0]; UNKNOWN_TOPIC_OR_PARTITION; v2; v3; ");
    s.broker.offset_errors = {ErrorCode::unknown_topic_or_partition};
    Result<std::vector<TopicPartition>> found = Error::of(ErrorCode::failed);
    c.async_committed({{"t", 0}}, 5s, [&](Result<std::vector<TopicPartition>> r) { found = std::move(r); });
    s.loop.run_for(1s);
    ASSERT_TRUE(found);
    EXPECT_EQ((*found)[0].error, ErrorCode::unknown_topic_or_partition);
}

TEST(GroupConsumer, patterns_find_the_topics_there_are_and_those_to_come) {
    GroupScript s;
    s.broker.records.everything = {"orders", "other"};
    auto& c = s.add({{"metadata.max.age.ms", 10'000}});
    c.subscribe({"^t$", "^ord"}).value();
    EXPECT_EQ(s.poll(c, 2s), "assigned orders[0]; UNKNOWN_TOPIC_OR_PARTITION; v0; v1; v2; v3; ");
    s.broker.records.everything = {"orders", "other", "t"};
    EXPECT_EQ(s.poll(c, 20s), "revoked orders[0]; assigned orders[0], t[0]; v0; v1; v2; v3; ");
    EXPECT_EQ(c.subscribe({"^("}).error(), ErrorCode::invalid_argument);
}

TEST(GroupConsumer, a_topic_that_does_not_exist_is_told_once_and_read_when_it_comes) {
    GroupScript s;
    s.broker.records.knows_topic = false;
    auto& c = s.add();
    c.subscribe({"t"}).value();
    EXPECT_EQ(s.poll(c, 60s), "assigned nothing; UNKNOWN_TOPIC_OR_PARTITION; ");
    EXPECT_LE(s.broker.records.metadata_asked.size(), 120U);
    s.broker.records.knows_topic = true;
    EXPECT_EQ(s.poll(c, 20s), "assigned t[0]; v0; v1; v2; v3; ");
}

TEST(GroupConsumer, calls_that_need_a_group_say_so_and_the_two_ways_do_not_mix) {
    ConsumerScript alone;
    EXPECT_EQ(alone.consumer->subscribe({"t"}).error(), ErrorCode::not_configured);
    EXPECT_EQ(alone.consumer->store_offsets({{"t", 0, 1}}).error(), ErrorCode::not_configured);
    GroupScript s;
    auto& c = s.add();
    c.assign({{"t", 0}}).value();
    EXPECT_EQ(c.subscribe({"t"}).error(), ErrorCode::invalid_state);
    EXPECT_EQ(s.poll(c, 2s), "v0; v1; v2; v3; ");
    c.unassign().value();
    s.poll(c, 1s);
    EXPECT_EQ(s.committed(), 4) << "by hand, too, it is committed";
    c.subscribe({"t"}).value();
    EXPECT_EQ(c.assign({{"t", 0}}).error(), ErrorCode::invalid_state);
    EXPECT_EQ(s.poll(c, 2s), "assigned t[0]; ");
}

TEST(GroupConsumer, what_the_group_has_assigned_is_its_own_until_it_is_given_back) {
    GroupScript s;
    auto& c = s.add();
    c.subscribe({"t"}).value();
    s.read(c, 4);
    c.unsubscribe().value();
    s.loop.run_for(100ms);
    EXPECT_EQ(c.assign({{"t", 0, 2}}).error(), ErrorCode::invalid_state) << "the group would take it back";
    EXPECT_EQ(s.poll(c, 1s), "revoked t[0]; ");
    s.broker.records.log[2] = batch_of(2, 2);
    c.assign({{"t", 0, 2}}).value();
    EXPECT_EQ(s.poll(c, 1s), "v2; v3; ");
    EXPECT_EQ(c.subscribe({"t"}).error(), ErrorCode::invalid_state);
}

TEST(GroupConsumer, who_subscribes_again_before_all_is_given_back_leaves_and_joins) {
    GroupScript s;
    auto& c = s.add();
    c.subscribe({"t"}).value();
    s.read(c, 4);
    c.unsubscribe().value();
    s.loop.run_for(100ms);
    c.subscribe({"t"}).value();
    EXPECT_EQ(s.poll(c, 5s), "revoked t[0]; assigned t[0]; ");
    EXPECT_EQ(s.committed(), 4);
    EXPECT_EQ(s.broker.leave_reasons.size(), 1U);
}

TEST(GroupConsumer, a_callback_cannot_close_and_wait_for_itself) {
    GroupScript s;
    auto& c = s.add();
    int called = 0;
    bool closed = false;
    RebalanceCallbacks callbacks;
    callbacks.assigned = [&](Consumer& consumer, std::span<const TopicPartition>) {
        ++called;
        EXPECT_EQ(consumer.close(10s).error(), ErrorCode::invalid_state);
        EXPECT_EQ(c.close(10s).error(), ErrorCode::invalid_state);
        EXPECT_FALSE(c.is_closed());
        // Nobody waits here.
        c.async_close(10s, [&](Result<void> r) { closed = r.has_value(); });
    };
    c.subscribe({"t"}, std::move(callbacks)).value();
    s.loop.run_for(1s);
    EXPECT_FALSE(c.poll(0s));
    EXPECT_EQ(called, 1);
    s.loop.run_for(1s);
    EXPECT_TRUE(closed);
    EXPECT_TRUE(s.broker.members.empty());
}

TEST(GroupConsumer, a_cancelled_close_leaves_the_group_all_the_same) {
    for (const base::Duration after : {0s, 1s}) {
        GroupScript s;
        auto& c = s.add();
        c.subscribe({"t"}).value();
        s.poll(c, 2s);
        asio::cancellation_signal cancel;
        std::optional<ErrorCode> code;
        if (after > 0s) s.network.crash("broker");
        c.async_close(5s, asio::bind_cancellation_slot(cancel.slot(), [&](const Result<void>& r) {
                          code = r ? ErrorCode::none : r.error().code();
                      }));
        if (after > 0s) s.loop.run_for(after);
        cancel.emit(asio::cancellation_type::terminal);
        s.loop.settle();
        EXPECT_EQ(code, ErrorCode::cancelled);
        s.loop.run_for(6s);
        EXPECT_TRUE(c.is_closed());
        const std::vector<std::string> reasons(after == 0s ? 1 : 0, "the consumer is closed");
        EXPECT_EQ(s.broker.leave_reasons, reasons);
    }
}

TEST(GroupConsumer, close_returns_in_time_whatever_the_broker_does) {
    for (const auto key : {ApiKey::leave_group, ApiKey::offset_commit, ApiKey::heartbeat, ApiKey::join_group}) {
        GroupScript s;
        auto& c = s.add();
        c.subscribe({"t"}).value();
        if (key != ApiKey::join_group) s.poll(c, 2s);
        for (int i = 0; i < 100; ++i) s.broker.errors[key].push_back(ErrorCode::closed);
        EXPECT_EQ(s.close(c, 5s), "");
    }
    GroupScript s;
    auto& c = s.add();
    c.subscribe({"t"}).value();
    s.poll(c, 2s);
    s.network.crash("broker");
    EXPECT_EQ(s.close(c, 5s), "");
}

TEST(GroupConsumer, gets_over_any_failure_of_any_request) {
    const ErrorCode errors[] = {ErrorCode::closed, ErrorCode::not_coordinator, ErrorCode::coordinator_load_in_progress,
                                ErrorCode::unknown_member_id, ErrorCode::illegal_generation};
    const ApiKey keys[] = {ApiKey::find_coordinator, ApiKey::join_group,    ApiKey::sync_group,  ApiKey::heartbeat,
                           ApiKey::offset_fetch,     ApiKey::offset_commit, ApiKey::leave_group, ApiKey::metadata};
    for (const auto* strategy : {"range", "cooperative-sticky"})
        for (const auto key : keys)
            for (const auto code : errors)
                for (int after = 0; after < 3; ++after) {
                    if (key == ApiKey::metadata && code != ErrorCode::closed) continue;
                    SCOPED_TRACE(std::string(strategy) + " api " + std::to_string(static_cast<int>(key)) + " " +
                                 to_string(code) + " after " + std::to_string(after));
                    GroupScript s;
                    for (int i = 0; i < after; ++i) s.broker.errors[key].push_back(ErrorCode::none);
                    s.broker.errors[key].push_back(code);
                    // A member id that the coordinator gave away twice holds up the group for a session.
                    auto& c = s.add({{"partition.assignment.strategy", strategy},
                                     {"auto.commit.interval.ms", 500},
                                     {"session.timeout.ms", 6000},
                                     {"heartbeat.interval.ms", 1000}});
                    c.subscribe({"t"}).value();
                    const auto told = s.poll(c, 20s);
                    for (const auto* value : {"v0", "v1", "v2", "v3"})
                        EXPECT_NE(told.find(value), std::string::npos) << told;
                    EXPECT_EQ(c.assignment().size(), 1U) << told;
                    EXPECT_EQ(s.close(c), "");
                    EXPECT_EQ(s.committed(), 4);
                    if (::testing::Test::HasFailure()) return;
                }
}

}  // namespace
}  // namespace ottla::client
