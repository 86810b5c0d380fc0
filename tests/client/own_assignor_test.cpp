// SPDX-License-Identifier: Apache-2.0
// Assignors of the application: what they say reaches the leader and the members, and what cannot be is not sent.
#include "tests/client/own_assignor.hpp"

#include "tests/client/classic_script.hpp"

namespace ottla::client {
namespace {

using protocol::JoinGroupRequest;
using protocol::SyncGroupRequest;
using Assignment = GroupAssignor::Assignment;

GroupMember in_group(std::string id, std::vector<std::string> topics = {"t"}, PartitionMap owned = {}) {
    GroupMember m;
    m.id = std::move(id);
    m.topics = std::move(topics);
    m.owned = std::move(owned);
    return m;
}

GroupTopics topic_with(std::size_t partitions) { return {{"t", std::vector<std::vector<std::string>>(partitions)}}; }

// What becomes of it.
std::string outcome(Assignment wanted, RebalanceProtocol how = RebalanceProtocol::eager,
                    std::vector<GroupMember> members = {in_group("a"), in_group("b", {"u"})}) {
    OwnAssignor own("mine", how);
    own.does = [&](const auto&, const auto&) { return wanted; };
    const auto row = row_of(own);
    const auto done = assign_by_own(row, members, topic_with(2));
    if (!done) return to_string(done.error());
    std::string out;
    for (const auto& [id, assigned] : *done) out += id + ": " + show(assigned.partitions) + "; ";
    return out;
}

Assignment giving(const std::string& id, PartitionMap partitions) {
    Assignment a;
    a[id].partitions = std::move(partitions);
    return a;
}

TEST(OwnAssignor, its_partitions_are_sorted_and_who_is_left_out_gets_nothing) {
    EXPECT_EQ(outcome(giving("a", {{"t", {1, 0}}})), "a: t0 t1; b: ; ");
}

TEST(OwnAssignor, an_assignment_that_cannot_be_is_refused_by_name) {
    const std::pair<Assignment, const char*> wrongs[] = {
        {giving("z", {{"t", {0}}}), "assignor 'mine' gives t[0] to 'z', who is no member"},
        {giving("b", {{"t", {0}}}), "assignor 'mine' gives t[0] to 'b', who has not subscribed to the topic"},
        {giving("a", {{"t", {0, 0}}}), "assignor 'mine' gives t[0] twice: to 'a' and to 'a'"},
        {giving("a", {{"t", {2}}}), "assignor 'mine' gives t[2] to 'a': the topic has 2 partitions"},
        {giving("a", {{"t", {-1}}}), "assignor 'mine' gives t[-1] to 'a': the topic has 2 partitions"},
        {giving("b", {{"u", {0}}}), "assignor 'mine' gives u[0] to 'b': the topic has 0 partitions"}};
    for (const auto& [assignment, why] : wrongs)
        EXPECT_NE(outcome(assignment).find(why), std::string::npos) << outcome(assignment) << " instead of " << why;
    auto both = giving("a", {{"t", {0, 1}}});
    both["b"].partitions = {{"t", {1}}};
    EXPECT_NE(outcome(both, RebalanceProtocol::eager, {in_group("a"), in_group("b")})
                  .find("gives t[1] twice: to 'a' and to 'b'"),
              std::string::npos);
}

TEST(OwnAssignor, a_cooperative_one_waits_for_what_another_may_hold) {
    const std::vector<GroupMember> members = {in_group("a", {"t"}, {{"t", {0, 1}}}), in_group("b")};
    auto moved = giving("a", {{"t", {0}}});
    moved["b"].partitions = {{"t", {1}}};
    EXPECT_EQ(outcome(moved, RebalanceProtocol::cooperative, members), "a: t0; b: ; ");
    EXPECT_EQ(outcome(moved, RebalanceProtocol::cooperative, {in_group("a", {"t"}, {{"t", {0}}}), in_group("b")}),
              "a: t0; b: t1; ");
}

class OwnAssignorScript {
public:
    OwnAssignorScript() {
        own.says = "hello";
        auto settings = settings_for({});
        settings.assignors = {&row};
        script.emplace(std::move(settings));
        script->membership.subscribe({{"t"}, ""}, script->now);
        script->found();
    }
    // Joins as the leader of members m and n, and is told of the topics.
    void lead() {
        script->last_join = script->expect<JoinGroupRequest>();
        protocol::JoinGroupResponse r;
        r.member_id = r.leader = "m";
        r.generation_id = ++generation;
        r.protocol_name = "mine";
        for (const auto* id : {"m", "n"}) {
            auto& to = r.members.emplace_back();
            to.member_id = id;
            to.metadata = script->last_join.protocols.at(0).metadata;
        }
        script->membership.on_join(script->call, r, script->now);
        script->expect<DescribeTopics>();
        script->membership.on_topics(script->call, topic_with(2), script->now);
    }

    OwnAssignor own{"mine"};
    const Assignor row = row_of(own);
    std::optional<ClassicScript> script;
    std::int32_t generation = 0;
};

TEST(OwnAssignor, hears_what_the_members_say_and_what_it_is_given) {
    OwnAssignorScript s;
    std::string heard;
    s.own.does = [&](const auto& members, const auto& topics) {
        for (const auto& m : members) heard += m.id + " says " + std::string(m.user_data.text()) + "; ";
        Assignment shares;
        shares["n"].partitions = {{"t", {0}}};
        shares["m"].partitions = {{"t", {static_cast<std::int32_t>(topics.at("t").size()) - 1}}};
        shares["m"].user_data = Bytes::copy_of("for m");
        return shares;
    };
    s.lead();
    EXPECT_EQ(heard, "m says hello; n says hello; ");
    const auto sync = s.script->expect<SyncGroupRequest>();
    ASSERT_EQ(sync.assignments.size(), 2U);
    EXPECT_EQ(read_assignment(sync.assignments[1].assignment).value(), (PartitionMap{{"t", {0}}}));
    protocol::SyncGroupResponse answer;
    answer.assignment = sync.assignments[0].assignment;
    s.script->membership.on_sync(s.script->call, answer, s.script->now);
    s.script->settle();
    EXPECT_EQ(s.own.told, std::vector<std::string>{"g: member m in generation 1: t1; for m"});
    EXPECT_EQ(s.script->take_said(), "+t1; ");
}

TEST(OwnAssignor, what_it_gets_wrong_is_told_once_and_tried_again) {
    OwnAssignorScript s;
    s.own.does = [&](const auto&, const auto&) { return giving("z", {{"t", {0}}}); };
    for (int i = 0; i < 3; ++i) s.lead();
    EXPECT_EQ(s.script->take_said(), "INVALID_ARGUMENT! ");
    s.own.throws = true;
    s.lead();
    s.lead();
    EXPECT_EQ(s.script->take_said(), "FAILED! ");
    s.own.throws = false;
    s.own.does = [&](const auto&, const auto&) -> Result<Assignment> {
        return Error::of(ErrorCode::limit_exceeded, "not enough members");
    };
    s.lead();
    s.script->settle();
    EXPECT_EQ(s.script->take_said(), "LIMIT_EXCEEDED! ");
    s.own.does = nullptr;
    s.lead();
    EXPECT_EQ(s.script->expect<SyncGroupRequest>().assignments.size(), 2U);
}

}  // namespace
}  // namespace ottla::client
