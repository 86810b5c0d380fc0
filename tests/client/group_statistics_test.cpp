// SPDX-License-Identifier: Apache-2.0
// What a member of a group tells of its group and its offsets, in statistics and in the lines of debug=cgrp.
#include <boost/json/parse.hpp>

#include "client/group/group_statistics.hpp"
#include "tests/client/consumer_group_broker.hpp"
#include "tests/client/group_script.hpp"

namespace ottla::client {
namespace {

namespace json = boost::json;

std::int64_t of_number(const json::object& from, std::string_view name) {
    return from.at(name).to_number<std::int64_t>();
}

template <class Script>
json::object told_by(Script& s, Consumer& c) {
    json::object all;
    c.async_statistics([&](const Result<std::string>& said) { all = json::parse(said.value()).as_object(); });
    s.loop.run_for(1ms);
    return all;
}

json::object partition_in(const json::object& all) {
    return all.at("topics").at("t").at("partitions").at("0").as_object();
}

TEST(GroupStatistics, tell_what_is_stored_and_committed_and_the_lag_behind_each) {
    GroupScript s;
    auto& c = s.add({{"auto.commit.interval.ms", 3'600'000}});
    s.broker.records.high = 6;
    c.subscribe({"t"}).value();
    s.read(c, 4);
    s.poll(c, 100ms);
    auto p = partition_in(told_by(s, c));
    EXPECT_EQ(of_number(p, "app_offset"), 4);
    EXPECT_EQ(of_number(p, "stored_offset"), 4);
    EXPECT_EQ(of_number(p, "consumer_lag_stored"), 2);
    EXPECT_EQ(of_number(p, "committed_offset"), -1001);
    EXPECT_EQ(of_number(p, "consumer_lag"), -1) << "nothing is committed yet";
    EXPECT_TRUE(s.commit(c));
    p = partition_in(told_by(s, c));
    EXPECT_EQ(of_number(p, "committed_offset"), 4);
    EXPECT_EQ(of_number(p, "consumer_lag"), 2);
}

TEST(GroupStatistics, tell_what_the_group_had_committed_before) {
    GroupScript s;
    s.broker.committed[{"t", 0}] = 2;
    s.broker.records.log = {{2, batch_of(2, 2)}};
    auto& c = s.add();
    c.subscribe({"t"}).value();
    s.loop.run_for(100ms);
    s.poll(c, 100ms);
    EXPECT_EQ(of_number(partition_in(told_by(s, c)), "committed_offset"), 2);
}

TEST(GroupStatistics, tell_where_a_member_of_the_classic_protocol_stands) {
    GroupScript s;
    auto& c = s.add();
    auto cgrp = told_by(s, c).at("cgrp").as_object();
    EXPECT_EQ(cgrp.at("state"), "init");
    EXPECT_EQ(cgrp.at("join_state"), "init");
    EXPECT_EQ(of_number(cgrp, "rebalance_cnt"), 0);
    EXPECT_EQ(of_number(cgrp, "rebalance_age"), -1);
    EXPECT_EQ(of_number(cgrp, "assignment_size"), 0);
    c.subscribe({"t"}).value();
    s.poll(c, 2s);
    cgrp = told_by(s, c).at("cgrp").as_object();
    EXPECT_EQ(cgrp.at("state"), "up");
    EXPECT_EQ(cgrp.at("join_state"), "steady");
    EXPECT_EQ(of_number(cgrp, "rebalance_cnt"), 1);
    EXPECT_EQ(cgrp.at("rebalance_reason"), "partitions were assigned");
    EXPECT_EQ(of_number(cgrp, "assignment_size"), 1);
    EXPECT_GT(of_number(cgrp, "stateage"), 0);
    EXPECT_GT(of_number(cgrp, "rebalance_age"), 0);
    c.unsubscribe().value();
    s.poll(c, 2s);
    cgrp = told_by(s, c).at("cgrp").as_object();
    EXPECT_EQ(cgrp.at("state"), "init");
    EXPECT_EQ(of_number(cgrp, "rebalance_cnt"), 2);
    EXPECT_EQ(cgrp.at("rebalance_reason"), "partitions are given back");
    EXPECT_EQ(of_number(cgrp, "assignment_size"), 0);
}

TEST(GroupStatistics, tell_where_a_member_of_the_consumer_protocol_stands) {
    GroupScriptWith<ConsumerGroupBroker> s;
    auto& c = s.add({{"group.protocol", "consumer"}});
    c.subscribe({"t"}).value();
    s.poll(c, 2s);
    auto cgrp = told_by(s, c).at("cgrp").as_object();
    EXPECT_EQ(cgrp.at("state"), "up");
    EXPECT_EQ(cgrp.at("join_state"), "steady");
    EXPECT_EQ(of_number(cgrp, "assignment_size"), 1);
    s.broker.members.clear();
    s.poll(c, 100ms);
    s.loop.run_for(1s);
    s.poll(c, 2s);
    cgrp = told_by(s, c).at("cgrp").as_object();
    EXPECT_EQ(of_number(cgrp, "rebalance_cnt"), 3) << "assigned, lost, assigned";
    EXPECT_EQ(cgrp.at("join_state"), "steady");
}

TEST(GroupStatistics, are_without_cgrp_where_there_is_no_group) {
    ConsumerScript s;
    EXPECT_FALSE(told_by(s, *s.consumer).contains("cgrp"));
}

TEST(DebugCgrp, has_a_line_for_every_step_assignment_error_and_commit) {
    std::string said;
    GroupScript s;
    ConsumerOptions options;
    options.log = [&](const LogEvent& line) { said += to_string(line) + "\n"; };
    auto& c = s.add({{"debug", "cgrp"}}, std::move(options));
    c.subscribe({"t"}).value();
    s.read(c, 4);
    for (const auto* line : {"joining", "stable", "partitions were assigned: t[0]"})
        EXPECT_NE(said.find(line), std::string::npos) << line << " is not in:\n" << said;
    EXPECT_TRUE(s.commit(c));
    EXPECT_NE(said.find("t[0] at offset 4: committed"), std::string::npos) << said;
    s.broker.errors[ApiKey::heartbeat] = {ErrorCode::unknown_member_id};
    s.poll(c, 5s);
    for (const auto* line : {"in vain: UNKNOWN_MEMBER_ID", "the membership was lost: t[0]"})
        EXPECT_NE(said.find(line), std::string::npos) << line << " is not in:\n" << said;
}

}  // namespace
}  // namespace ottla::client
