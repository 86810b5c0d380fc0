// SPDX-License-Identifier: Apache-2.0
// What a leader does so that no partition stays without an owner.
#include "tests/client/classic_script.hpp"

namespace ottla::client {
namespace {

using protocol::DescribeGroupsRequest;
using protocol::JoinGroupRequest;

GroupTopics topic_with(std::size_t partitions) { return {{"t", std::vector<std::vector<std::string>>(partitions)}}; }

struct LeaderScript : ClassicScript {
    explicit LeaderScript(std::string assignor) : ClassicScript(of(std::move(assignor))) {
        subscribe({"t"});
        found();
        last_join = expect<JoinGroupRequest>();
    }
    static ClassicSettings of(std::string assignor) {
        auto settings = settings_for({std::move(assignor)});
        settings.instance_id = "i";
        return settings;
    }

    // It leads itself, and another one that holds these.
    void lead(bool skips, PartitionMap others = {}) {
        protocol::JoinGroupResponse r;
        r.member_id = r.leader = "m";
        r.generation_id = 1;
        r.protocol_name = last_join.protocols[0].name;
        r.skip_assignment = skips;
        auto& self = r.members.emplace_back();
        self.member_id = "m";
        self.metadata = last_join.protocols[0].metadata;
        auto& other = r.members.emplace_back();
        other.member_id = "n";
        GroupMember its;
        its.topics = {"t"};
        its.owned = std::move(others);
        its.generation = 0;
        other.metadata = write_subscription(*find_assignor(*r.protocol_name), its, {}).value();
        membership.on_join(call, r, now);
        expect<DescribeTopics>();
        membership.on_topics(call, topic_with(4), now);
    }

    protocol::DescribeGroupsResponse group(std::string state, std::vector<PartitionMap> members) {
        protocol::DescribeGroupsResponse answer;
        auto& described = answer.groups.emplace_back();
        described.group_id = "g";
        described.group_state = std::move(state);
        for (const auto& partitions : members)
            described.members.emplace_back().member_assignment = write_assignment(partitions).value();
        return answer;
    }
    void describe(const Result<protocol::DescribeGroupsResponse>& answer) {
        EXPECT_EQ(expect<DescribeGroupsRequest>().groups, std::vector<std::string>{"g"});
        membership.on_described(call, answer, now);
    }
};

TEST(ClassicOrphans, a_static_leader_that_is_told_to_skip_keeps_what_the_group_has) {
    LeaderScript s("range");
    EXPECT_EQ(s.last_join.group_instance_id, "i");
    s.lead(true);
    s.sync({{"t", {0}}});
    EXPECT_TRUE(s.last_sync.assignments.empty());
    EXPECT_TRUE(s.membership.shared_topics().contains("t"));
    s.describe(s.group("Stable", {{{"t", {0}}}, {{"t", {1, 2, 3}}}}));
    s.advance(600s);
    EXPECT_TRUE(s.idle());
    // A static member does not leave: it may be back soon.
    s.membership.unsubscribe("the consumer is closed", s.now);
    EXPECT_TRUE(s.idle());
    EXPECT_TRUE(s.membership.is_out());
}

TEST(ClassicOrphans, a_static_leader_that_comes_back_shares_out_what_has_come_meanwhile) {
    LeaderScript s("range");
    s.lead(true);
    s.sync({{"t", {0}}});
    s.describe(s.group("Stable", {{{"t", {0}}}, {{"t", {1, 2}}}}));
    EXPECT_EQ(s.expect<JoinGroupRequest>().reason, "t[3] belongs to nobody");
}

TEST(ClassicOrphans, a_group_that_shares_out_anew_is_left_alone) {
    for (const auto* state : {"PreparingRebalance", "CompletingRebalance"}) {
        LeaderScript s("range");
        s.lead(true);
        s.sync({{"t", {0}}});
        s.describe(s.group(state, {{{"t", {0}}}}));
        s.advance(600s);
        EXPECT_TRUE(s.idle()) << state;
    }
}

TEST(ClassicOrphans, who_gets_no_description_asks_again_and_who_may_have_none_does_not) {
    LeaderScript s("range");
    s.lead(true);
    s.sync({{"t", {0}}});
    s.describe(Error::of(ErrorCode::transport));
    auto refused = s.group("", {});
    refused.groups[0].error_code = static_cast<std::int16_t>(ErrorCode::coordinator_load_in_progress);
    s.describe(refused);
    refused.groups[0].error_code = static_cast<std::int16_t>(ErrorCode::group_authorization_failed);
    s.describe(refused);
    s.advance(600s);
    EXPECT_TRUE(s.idle());
}

TEST(ClassicOrphans, an_assignment_that_cannot_be_read_is_anothers_business) {
    LeaderScript s("range");
    s.lead(true);
    s.sync({{"t", {0}}});
    auto answer = s.group("Stable", {{{"t", {0}}}});
    answer.groups[0].members.emplace_back().member_assignment = Bytes::copy_of("?");
    s.describe(answer);
    s.advance(600s);
    EXPECT_TRUE(s.idle());
}

TEST(ClassicOrphans, what_was_kept_back_for_a_member_that_never_joins_again_is_shared_out_in_the_end) {
    LeaderScript s("cooperative-sticky");
    s.lead(false, {{"t", {0, 1, 2, 3}}});
    s.sync({});
    ASSERT_EQ(s.last_sync.assignments.size(), 2U);
    const auto before = s.now;
    s.keep_heartbeats = false;
    while (s.idle() && s.now - before < 400s) s.advance(1s);
    EXPECT_EQ(s.now - before, 300s) << "it had max.poll.interval.ms for that";
    s.describe(s.group("Stable", {{}, {{"t", {0, 1}}}}));
    EXPECT_EQ(s.expect<JoinGroupRequest>().reason, "t[2] belongs to nobody");
}

TEST(ClassicOrphans, nobody_asks_when_everything_was_dealt_out) {
    LeaderScript s("cooperative-sticky");
    s.lead(false);
    s.sync({{"t", {0, 1}}});
    s.advance(900s);
    EXPECT_TRUE(s.idle());
}

}  // namespace
}  // namespace ottla::client
