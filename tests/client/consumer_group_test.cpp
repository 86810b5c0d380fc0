// SPDX-License-Identifier: Apache-2.0
// Consumers of a group of the consumer protocol (KIP-848) from end to end, on the memory network and virtual time.
#include "tests/client/consumer_group_broker.hpp"
#include "tests/client/group_script.hpp"

namespace ottla::client {
namespace {

class ConsumerGroupScript : public GroupScriptWith<ConsumerGroupBroker> {
public:
    Consumer& add(Config given = {}) {
        given.set("group.protocol", "consumer").value();
        return GroupScriptWith::add(std::move(given));
    }
};

TEST(ConsumerGroup, joins_reads_commits_leaves_and_goes_on_where_it_stopped) {
    ConsumerGroupScript s;
    auto& first = s.add();
    first.subscribe({"t"}).value();
    EXPECT_EQ(s.poll(first, 2s), "assigned t[0]; v0; v1; v2; v3; ");
    const auto who = first.group_metadata();
    EXPECT_EQ(who.generation, s.broker.group_epoch);
    EXPECT_EQ(who.member_id, s.broker.members.begin()->first);
    EXPECT_EQ(who.member_id.size(), 22U);
    EXPECT_EQ(first.rebalance_protocol(), RebalanceProtocol::cooperative);
    EXPECT_EQ(s.close(first), "");
    EXPECT_EQ(s.committed(), 4);
    EXPECT_EQ(s.broker.commit_version, 10) << "by the topic's id";
    EXPECT_EQ(s.broker.leaves, std::vector<std::int32_t>{-1});
    EXPECT_TRUE(s.broker.members.empty());
    s.broker.records.log[4] = batch_of(4, 2);
    s.broker.records.high = 6;
    auto& second = s.add();
    second.subscribe({"t"}).value();
    EXPECT_EQ(s.poll(second, 2s), "assigned t[0]; v4; v5; ");
    EXPECT_EQ(s.broker.fetch_version, 10);
}

TEST(ConsumerGroup, a_second_member_takes_its_share_and_hands_it_back) {
    ConsumerGroupScript s;
    s.broker.records.partitions = 2;
    auto& a = s.add();
    auto& b = s.add();
    a.subscribe({"t"}).value();
    EXPECT_EQ(s.poll(a, 2s), "assigned t[0], t[1]; v0; v1; v2; v3; ");
    b.subscribe({"t"}).value();
    const auto told = s.poll(a, 5s);
    EXPECT_TRUE(told == "revoked t[0]; " || told == "revoked t[1]; ") << told;
    EXPECT_EQ(s.committed(), 4) << "before it is given back, or with the next auto-commit";
    ASSERT_EQ(a.assignment().size(), 1U);
    ASSERT_EQ(b.assignment().size(), 1U);
    EXPECT_NE(a.assignment()[0].partition, b.assignment()[0].partition);
    EXPECT_EQ(s.close(a), "");
    EXPECT_EQ(s.poll(b, 3s).find("revoked"), std::string::npos);
    EXPECT_EQ(b.assignment().size(), 2U);
}

TEST(ConsumerGroup, what_is_given_back_is_committed_first) {
    ConsumerGroupScript s;
    auto& c = s.add({{"auto.commit.interval.ms", 3'600'000}});
    c.subscribe({"t"}).value();
    EXPECT_EQ(s.poll(c, 2s), "assigned t[0]; v0; v1; v2; v3; ");
    EXPECT_EQ(s.committed(), -1);
    c.subscribe({"u"}).value();
    EXPECT_EQ(s.poll(c, 3s), "revoked t[0]; assigned u[0]; v0; v1; v2; v3; ");
    EXPECT_EQ(s.committed(), 4);
}

TEST(ConsumerGroup, who_closes_is_told_of_all_that_he_has_though_a_commit_of_what_went_before_lasts) {
    ConsumerGroupScript s;
    s.broker.records.partitions = 2;
    auto& a = s.add({{"auto.commit.interval.ms", 3'600'000}, {"enable.auto.offset.store", false}});
    auto& b = s.add();
    std::size_t held = 0;
    RebalanceCallbacks callbacks;
    callbacks.assigned = [&](Consumer&, std::span<const TopicPartition> partitions) { held += partitions.size(); };
    callbacks.revoked = [&](Consumer&, std::span<const TopicPartition> partitions) { held -= partitions.size(); };
    a.subscribe({"t"}, std::move(callbacks)).value();
    s.poll(a, 2s);
    EXPECT_EQ(held, 2U);
    a.store_offsets({{"t", 0, 4}, {"t", 1, 4}}).value();
    for (int i = 0; i < 1000; ++i)
        s.broker.errors[ApiKey::offset_commit].push_back(ErrorCode::coordinator_load_in_progress);
    b.subscribe({"t"}).value();
    s.poll(a, 2s);
    EXPECT_EQ(held, 1U);
    EXPECT_EQ(s.committed(0) + s.committed(1), -2) << "it waits for its commit";
    EXPECT_EQ(s.close(a, 1s), "");
    EXPECT_EQ(held, 0U);
}

TEST(ConsumerGroup, callbacks_run_in_the_poll_and_assign_nothing_themselves) {
    ConsumerGroupScript s;
    auto& c = s.add();
    std::string said;
    RebalanceCallbacks callbacks;
    callbacks.assigned = [&](Consumer& consumer, std::span<const TopicPartition> partitions) {
        said += "+" + std::to_string(partitions.size());
        EXPECT_EQ(consumer.assign({{"t", 0}}).error(), ErrorCode::invalid_state);
        EXPECT_EQ(consumer.incremental_assign({{"t", 0}}).error(), ErrorCode::invalid_state);
        EXPECT_EQ(consumer.unassign().error(), ErrorCode::invalid_state);
        consumer.seek({"t", 0, 2}).value();
    };
    callbacks.revoked = [&](Consumer& consumer, std::span<const TopicPartition> partitions) {
        said += "-" + std::to_string(partitions.size());
        EXPECT_EQ(consumer.assignment().size(), 1U);
        EXPECT_FALSE(consumer.assignment_lost());
    };
    s.broker.records.log[2] = batch_of(2, 2);
    c.subscribe({"t"}, std::move(callbacks)).value();
    EXPECT_EQ(s.poll(c, 2s), "v2; v3; ");
    EXPECT_EQ(said, "+1");
    c.unsubscribe().value();
    EXPECT_EQ(s.poll(c, 2s), "");
    EXPECT_EQ(said, "+1-1");
    EXPECT_EQ(s.committed(), 4);
    EXPECT_TRUE(s.broker.members.empty());
    EXPECT_EQ(c.rebalance_protocol(), RebalanceProtocol::none);
}

TEST(ConsumerGroup, a_zombie_loses_its_partitions_and_cannot_commit) {
    ConsumerGroupScript s;
    auto& c = s.add({{"enable.auto.commit", false}});
    bool lost = false;
    RebalanceCallbacks callbacks;
    callbacks.lost = [&](Consumer& consumer, std::span<const TopicPartition>) { lost = consumer.assignment_lost(); };
    c.subscribe({"t"}, std::move(callbacks)).value();
    s.read(c, 2);
    s.broker.members.clear();
    const auto refused = s.commit(c);
    EXPECT_EQ(refused.error(), ErrorCode::assignment_lost) << to_string(refused.error());
    EXPECT_EQ(s.committed(), -1);
    EXPECT_EQ(s.poll(c, 5s), "v0; v1; v2; v3; ") << "it has joined anew, and begins where it was committed";
    EXPECT_TRUE(lost);
    EXPECT_TRUE(s.commit(c));
    EXPECT_EQ(s.committed(), 4);
}

TEST(ConsumerGroup, a_member_whose_group_has_gone_loses_its_partitions_and_joins_again) {
    for (const auto key : {ApiKey::consumer_group_heartbeat, ApiKey::offset_commit}) {
        ConsumerGroupScript s;
        auto& c = s.add({{"enable.auto.commit", false}});
        c.subscribe({"t"}).value();
        s.read(c, 4);
        s.broker.members.clear();
        s.broker.errors[key] = {ErrorCode::group_id_not_found};
        if (key == ApiKey::offset_commit) {
            const auto refused = s.commit(c);
            EXPECT_EQ(refused.error(), ErrorCode::assignment_lost) << to_string(refused.error());
        }
        EXPECT_EQ(s.poll(c, 5s), "lost t[0]; assigned t[0]; v0; v1; v2; v3; ");
        EXPECT_EQ(s.broker.members.size(), 1U);
        EXPECT_TRUE(s.commit(c));
    }
}

TEST(ConsumerGroup, an_epoch_that_is_behind_is_waited_for_and_never_a_reset) {
    ConsumerGroupScript s;
    s.broker.committed[{"t", 0}] = 2;
    s.broker.records.log[2] = batch_of(2, 2);
    s.broker.errors[ApiKey::offset_fetch] = {ErrorCode::stale_member_epoch, ErrorCode::unknown_member_id,
                                             ErrorCode::stale_member_epoch, ErrorCode::closed};
    auto& c = s.add({{"auto.offset.reset", "error"}, {"enable.auto.commit", false}});
    c.subscribe({"t"}).value();
    EXPECT_EQ(s.poll(c, 10s), "assigned t[0]; v2; v3; ");
    s.broker.errors[ApiKey::offset_commit] = {ErrorCode::stale_member_epoch, ErrorCode::stale_member_epoch};
    const auto done = s.commit(c);
    ASSERT_TRUE(done) << to_string(done.error());
    EXPECT_EQ(s.committed(), 4);
}

TEST(ConsumerGroup, who_does_not_poll_in_time_leaves_and_comes_back_with_the_next_poll) {
    ConsumerGroupScript s;
    auto& c = s.add({{"max.poll.interval.ms", 10'000}});
    c.subscribe({"t"}).value();
    s.read(c, 4);
    s.loop.run_for(15s);
    EXPECT_TRUE(s.broker.members.empty());
    EXPECT_EQ(s.broker.leaves, std::vector<std::int32_t>{-1});
    s.broker.records.log[3] = batch_of(3, 1);
    EXPECT_EQ(s.poll(c, 5s), "lost t[0]; MAX_POLL_EXCEEDED; assigned t[0]; v3; ")
        << "v3 was in hand when it left, and could not be committed";
    EXPECT_EQ(s.broker.members.size(), 1U);
}

TEST(ConsumerGroup, a_static_member_comes_back_to_its_partitions_and_a_second_of_its_name_is_refused) {
    ConsumerGroupScript s;
    const Config named{{"group.instance.id", "i"}};
    auto& first = s.add(named);
    first.subscribe({"t"}).value();
    EXPECT_EQ(s.poll(first, 2s), "assigned t[0]; v0; v1; v2; v3; ");
    auto& second = s.add(named);
    second.subscribe({"t"}).value();
    EXPECT_EQ(s.poll(second, 2s), "UNRELEASED_INSTANCE_ID; ") << "the old one stays";
    EXPECT_EQ(first.assignment().size(), 1U);
    EXPECT_EQ(s.close(first), "");
    EXPECT_EQ(s.broker.leaves, std::vector<std::int32_t>{-2});
    auto& third = s.add(named);
    third.subscribe({"t"}).value();
    EXPECT_EQ(s.poll(third, 2s), "assigned t[0]; ");
}

TEST(ConsumerGroup, patterns_are_matched_by_whoever_they_are_given_to) {
    ConsumerGroupScript s;
    s.broker.records.everything = {"orders", "other", "t"};
    auto& c = s.add();
    c.subscribe(SubscriptionPattern::re2("ord.*")).value();
    EXPECT_EQ(c.subscription(), std::vector<std::string>{"ord.*"});
    EXPECT_EQ(s.poll(c, 2s), "assigned orders[0]; v0; v1; v2; v3; ");
    EXPECT_EQ(s.broker.heartbeats[0].subscribed_topic_regex, "ord.*");
    c.subscribe({"^t$"}).value();
    EXPECT_EQ(s.poll(c, 3s), "revoked orders[0]; assigned t[0]; v0; v1; v2; v3; ");
    EXPECT_EQ(s.broker.members.begin()->second.names, std::vector<std::string>{"t"});
    EXPECT_EQ(s.broker.members.begin()->second.regex, "");
    EXPECT_EQ(c.subscribe(SubscriptionPattern::re2("")).error(), ErrorCode::invalid_argument);
    auto& classic = s.GroupScriptWith::add();
    EXPECT_EQ(classic.subscribe(SubscriptionPattern::re2("t")).error(), ErrorCode::not_configured);
}

TEST(ConsumerGroup, a_pattern_of_the_coordinator_that_finds_nothing_is_told_once) {
    ConsumerGroupScript s;
    s.broker.records.everything = {"orders", "other"};
    auto& c = s.add({{"metadata.max.age.ms", 2'000}});
    for (const auto* pattern : {"t|u[0-9]+", "order", "rders"}) {
        c.subscribe(SubscriptionPattern::re2(pattern)).value();
        const auto said = s.poll(c, 20s);
        EXPECT_NE(said.find("UNKNOWN_TOPIC_OR_PARTITION; "), std::string::npos) << pattern << ": " << said;
        EXPECT_EQ(said.find("UNKNOWN", said.find("UNKNOWN") + 1), std::string::npos) << pattern << ": " << said;
    }
    // Of what the two kinds of expressions may read differently, nothing is said.
    for (const auto* pattern : {"\\Qno\\E", "(?i)no", "[[:digit:]]", "no\\z", "\xc3\xa4"})
        EXPECT_FALSE(Subscription::of(SubscriptionPattern::re2(pattern)).value().can_judge_regex()) << pattern;
    c.subscribe(SubscriptionPattern::re2("o.*")).value();
    EXPECT_EQ(s.poll(c, 20s).find("UNKNOWN"), std::string::npos);
}

TEST(ConsumerGroup, a_topic_that_was_made_anew_is_read_anew_and_gets_no_offsets_of_the_old_one) {
    ConsumerGroupScript s;
    auto& c = s.add({{"auto.commit.interval.ms", 3'600'000}, {"metadata.max.age.ms", 1000}});
    c.subscribe({"t"}).value();
    EXPECT_EQ(s.poll(c, 2s), "assigned t[0]; v0; v1; v2; v3; ");
    s.broker.records.incarnation = 2;
    ++s.broker.group_epoch;
    EXPECT_EQ(s.poll(c, 5s), "revoked t[0]; assigned t[0]; v0; v1; v2; v3; ");
    EXPECT_EQ(s.committed(), -1) << "what was done of the topic that is gone is forgotten";
    EXPECT_EQ(s.close(c), "");
    EXPECT_EQ(s.committed(), 4);
}

TEST(ConsumerGroup, a_coordinator_without_the_protocol_ends_it_with_a_word_on_what_to_do) {
    GroupScript s;
    auto& c = s.add({{"group.protocol", "consumer"}});
    c.subscribe({"t"}).value();
    s.loop.run_for(2s);
    const auto event = c.poll(0s);
    ASSERT_TRUE(event);
    const auto* error = std::get_if<Error>(&*event);
    ASSERT_TRUE(error) << to_string(*event);
    EXPECT_TRUE(error->is_fatal());
    EXPECT_NE(error->text().find("group.protocol=classic"), std::string_view::npos) << error->text();
    EXPECT_EQ(s.close(c), "");
}

TEST(ConsumerGroup, close_returns_in_time_whatever_the_broker_does) {
    for (const auto key : {ApiKey::consumer_group_heartbeat, ApiKey::offset_commit, ApiKey::find_coordinator})
        for (const bool joined : {false, true}) {
            ConsumerGroupScript s;
            auto& c = s.add();
            c.subscribe({"t"}).value();
            if (joined) s.poll(c, 2s);
            for (int i = 0; i < 100; ++i) s.broker.errors[key].push_back(ErrorCode::closed);
            EXPECT_EQ(s.close(c, 5s), "");
        }
    ConsumerGroupScript s;
    auto& c = s.add();
    c.subscribe({"t"}).value();
    s.poll(c, 2s);
    s.network.crash("broker");
    EXPECT_EQ(s.close(c, 5s), "");
}

TEST(ConsumerGroup, gets_over_any_failure_of_any_request) {
    const ErrorCode errors[] = {ErrorCode::closed,
                                ErrorCode::not_coordinator,
                                ErrorCode::coordinator_load_in_progress,
                                ErrorCode::unknown_member_id,
                                ErrorCode::fenced_member_epoch,
                                ErrorCode::stale_member_epoch};
    const ApiKey keys[] = {ApiKey::find_coordinator, ApiKey::consumer_group_heartbeat, ApiKey::offset_fetch,
                           ApiKey::offset_commit, ApiKey::metadata};
    for (const auto key : keys)
        for (const auto code : errors)
            for (int after = 0; after < 4; ++after) {
                if (key == ApiKey::metadata && code != ErrorCode::closed) continue;
                SCOPED_TRACE("api " + std::to_string(static_cast<int>(key)) + " " + to_string(code) + " after " +
                             std::to_string(after));
                ConsumerGroupScript s;
                for (int i = 0; i < after; ++i) s.broker.errors[key].push_back(ErrorCode::none);
                s.broker.errors[key].push_back(code);
                auto& c = s.add({{"auto.commit.interval.ms", 500}});
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
