// SPDX-License-Identifier: Apache-2.0
// A consumer's calls in a group: commits that nobody waits for and what is told of them, its lag, topics that go and
// come, patterns, and an assignor of the application's own.
#include <optional>

#include "tests/client/group_script.hpp"
#include "tests/client/own_assignor.hpp"

namespace ottla::client {
namespace {

ConsumerOptions telling_commits() {
    ConsumerOptions options;
    options.tells_commits = true;
    return options;
}

TEST(GroupCalls, commits_come_as_events_where_that_is_wanted) {
    GroupScript s;
    auto& c = s.add({{"auto.commit.interval.ms", 1000}}, telling_commits());
    c.subscribe({"t"}).value();
    EXPECT_EQ(s.poll(c, 4s), "assigned t[0]; v0; v1; v2; v3; committed t[0]@4; ");
    s.broker.errors[ApiKey::offset_commit] = {ErrorCode::group_authorization_failed};
    c.async_commit({{"t", 0, 2}}, 5s, asio::detached);
    const auto told = s.poll(c, 1s);
    EXPECT_TRUE(told.starts_with("not committed t[0]@2: GROUP_AUTHORIZATION_FAILED")) << told;
}

TEST(GroupCalls, commits_are_no_events_otherwise) {
    GroupScript s;
    auto& c = s.add({{"auto.commit.interval.ms", 1000}});
    c.subscribe({"t"}).value();
    EXPECT_EQ(s.poll(c, 4s), "assigned t[0]; v0; v1; v2; v3; ");
    EXPECT_EQ(s.committed(), 4);
}

TEST(GroupCalls, events_of_commits_that_nobody_fetches_are_bounded) {
    FetchQueue queue;
    for (int i = 0; i < 10'010; ++i) queue.push(Notice{nullptr, 0, OffsetsCommitted{}});
    EXPECT_EQ(queue.notices(), 10'000U);
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(queue.take());
    for (int i = 0; i < 20; ++i) queue.push(Notice{nullptr, 0, OffsetsCommitted{}});
    EXPECT_EQ(queue.notices(), 10'000U);
}

TEST(GroupCalls, a_message_is_committed_without_waiting) {
    GroupScript s;
    auto& c = s.add({{"enable.auto.commit", false}});
    c.subscribe({"t"}).value();
    std::optional<Event> event;
    for (int i = 0; i < 1000 && (!event || !std::holds_alternative<Message>(*event)); ++i) {
        event = c.poll(0s);
        s.loop.run_for(10ms);
    }
    ASSERT_TRUE(event);
    c.async_commit(std::get<Message>(*event), 5s, asio::detached);
    s.loop.run_for(1s);
    EXPECT_EQ(s.committed(), 1);
}

TEST(GroupCalls, lag_is_what_was_not_handed_out_yet) {
    GroupScript s;
    auto& c = s.add();
    EXPECT_FALSE(c.lag("t", 0));
    c.subscribe({"t"}).value();
    s.read(c, 1);
    EXPECT_EQ(c.lag("t", 0), 3);
    c.seek({"t", 0, 2}).value();
    EXPECT_EQ(c.lag("t", 0), 2);
    s.broker.records.log[2] = batch_of(2, 2);
    s.poll(c, 1s);
    EXPECT_EQ(c.lag("t", 0), 0);
    EXPECT_FALSE(c.lag("t", 1));
}

TEST(GroupCalls, a_topic_that_is_deleted_is_given_back_and_read_when_it_comes_again) {
    GroupScript s;
    auto& c = s.add({{"topic.metadata.refresh.interval.ms", 10'000}});
    c.subscribe({"t"}).value();
    EXPECT_EQ(s.poll(c, 2s), "assigned t[0]; v0; v1; v2; v3; ");
    s.broker.records.knows_topic = false;
    s.broker.records.fetch_error = ErrorCode::unknown_topic_or_partition;
    const auto gone = s.poll(c, 60s);
    EXPECT_NE(gone.find("revoked t[0]; assigned nothing; "), std::string::npos) << gone;
    EXPECT_TRUE(c.assignment().empty());
    s.broker.records.knows_topic = true;
    s.broker.records.fetch_error = ErrorCode::none;
    s.broker.committed.clear();
    const auto back = s.poll(c, 60s);
    EXPECT_NE(back.find("assigned t[0]; v0; v1; v2; v3; "), std::string::npos) << back;
}

TEST(GroupCalls, a_topic_that_is_unknown_for_a_moment_is_not_given_back) {
    GroupScript s;
    auto& c = s.add({{"topic.metadata.refresh.interval.ms", 1000}});
    c.subscribe({"t"}).value();
    s.poll(c, 2s);
    s.broker.records.knows_topic = false;
    s.poll(c, 2s);
    s.broker.records.knows_topic = true;
    EXPECT_EQ(s.poll(c, 20s).find("revoked"), std::string::npos);
    EXPECT_EQ(s.broker.generation, 1);
}

TEST(GroupCalls, a_topic_that_is_made_anew_is_shared_out_and_read_anew) {
    for (const auto* strategy : {"range", "cooperative-sticky"}) {
        SCOPED_TRACE(strategy);
        GroupScript s;
        s.broker.records.incarnation = 1;
        auto& c = s.add({{"topic.metadata.refresh.interval.ms", 5'000},
                         {"enable.auto.commit", false},
                         {"partition.assignment.strategy", strategy}});
        c.subscribe({"t"}).value();
        EXPECT_EQ(s.poll(c, 2s), "assigned t[0]; v0; v1; v2; v3; ");
        // At the same offset there is another record now.
        s.broker.records.incarnation = 2;
        s.broker.records.log = {{0, batch_of(0, 2)}, {2, batch_of(2, 3)}};
        s.broker.records.high = 5;
        const auto anew = s.poll(c, 20s);
        EXPECT_NE(anew.find("v0; v1; v2; v3; v4; "), std::string::npos) << anew;
        EXPECT_GE(s.broker.generation, 2);
    }
}

TEST(GroupCalls, a_pattern_that_finds_nothing_is_told_once_until_it_has) {
    GroupScript s;
    s.broker.records.everything = {"orders"};
    auto& c = s.add({{"topic.metadata.refresh.interval.ms", 5'000}});
    c.subscribe({"^ord", "^nothing"}).value();
    EXPECT_EQ(s.poll(c, 30s), "assigned orders[0]; UNKNOWN_TOPIC_OR_PARTITION; v0; v1; v2; v3; ");
    s.broker.records.everything = {"orders", "nothing-less"};
    s.poll(c, 10s);
    s.broker.records.everything = {"orders"};
    const auto told = s.poll(c, 60s);
    EXPECT_NE(told.find("UNKNOWN_TOPIC_OR_PARTITION"), std::string::npos) << told;
}

TEST(GroupCalls, an_assignor_of_the_applications_own_shares_the_group_out) {
    for (const auto how : {RebalanceProtocol::eager, RebalanceProtocol::cooperative}) {
        GroupScript s;
        s.broker.records.partitions = 3;
        ConsumerOptions options;
        auto own = std::make_shared<OwnAssignor>("mine", how);
        options.assignors = {own};
        const Config config{{"partition.assignment.strategy", "mine"}};
        auto& a = s.add(config, std::move(options));
        ConsumerOptions second;
        second.assignors = {own};
        auto& b = s.add(config, std::move(second));
        a.subscribe({"t"}).value();
        b.subscribe({"t"}).value();
        s.poll(a, 10s);
        EXPECT_EQ(a.assignment().size() + b.assignment().size(), 3U);
        EXPECT_TRUE(a.assignment().empty() || b.assignment().empty()) << "all goes to one";
        EXPECT_EQ(a.rebalance_protocol(), how);
        EXPECT_FALSE(own->told.empty());
    }
}

TEST(GroupCalls, a_wrong_assignment_is_an_error_and_nobody_gets_it) {
    GroupScript s;
    ConsumerOptions options;
    auto own = std::make_shared<OwnAssignor>("mine");
    own->throws = true;
    options.assignors = {own};
    auto& c = s.add({{"partition.assignment.strategy", "mine"}}, std::move(options));
    c.subscribe({"t"}).value();
    EXPECT_EQ(s.poll(c, 10s), "FAILED; ");
    EXPECT_TRUE(c.assignment().empty());
    EXPECT_LE(s.broker.asked[ApiKey::join_group], 25) << "it does not spin";
    own->throws = false;
    EXPECT_EQ(s.poll(c, 10s), "assigned t[0]; v0; v1; v2; v3; ");
}

TEST(GroupCalls, assignors_are_checked_when_the_consumer_is_made) {
    using Own = std::vector<std::shared_ptr<GroupAssignor>>;
    const auto refused = [](const char* strategy, Own own) {
        const Config config{
            {"bootstrap.servers", "b:1"}, {"group.id", "g"}, {"partition.assignment.strategy", strategy}};
        const auto made = consumer_config(config, std::move(own));
        return made ? std::string("fine") : to_string(made.error());
    };
    const auto named = [](const char* name) { return std::make_shared<OwnAssignor>(name); };
    EXPECT_EQ(refused("mine,range", {named("mine")}), "fine");
    EXPECT_NE(refused("mine", {}).find("no assignor 'mine'"), std::string::npos);
    EXPECT_NE(refused("range", {named("mine")}).find("'mine' is not named"), std::string::npos);
    EXPECT_NE(refused("range", {named("range")}).find("'range' already"), std::string::npos);
    EXPECT_NE(refused("mine", {named("mine"), named("mine")}).find("'mine' already"), std::string::npos);
    EXPECT_NE(refused("mine", {nullptr}).find("null"), std::string::npos);
    EXPECT_NE(refused("mine", {named("my own")}).find("'my own'"), std::string::npos);
    // The coordinator shares out there: nobody would ask it.
    Own own{named("mine")};
    const auto made = consumer_config({{"bootstrap.servers", "b:1"}, {"group.id", "g"}, {"group.protocol", "consumer"}},
                                      std::move(own));
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error(), ErrorCode::invalid_argument);
    EXPECT_NE(to_string(made.error()).find("ConsumerOptions::assignors"), std::string::npos) << to_string(made.error());
}

}  // namespace
}  // namespace ottla::client
