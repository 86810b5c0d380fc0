// SPDX-License-Identifier: Apache-2.0
// A member of a classic group, step by step, on virtual time; and the same with every step failing.
#include "tests/client/classic_script.hpp"

namespace ottla::client {
namespace {

using protocol::HeartbeatRequest;
using protocol::JoinGroupRequest;
using protocol::LeaveGroupRequest;
using protocol::SyncGroupRequest;

TEST(ClassicMembership, joins_with_the_id_that_it_is_given_and_takes_its_assignment) {
    ClassicScript s;
    s.subscribe({"t"});
    s.found();
    s.join_fails(ErrorCode::member_id_required, "m-1");
    EXPECT_EQ(s.last_join.member_id, "");
    EXPECT_EQ(s.last_join.session_timeout_ms, 45'000);
    EXPECT_EQ(s.last_join.rebalance_timeout_ms, 300'000);
    EXPECT_EQ(s.last_join.protocol_type, "consumer");
    s.join("m-1", 4);
    EXPECT_EQ(s.last_join.member_id, "m-1");
    s.sync({{"t", {0, 2}}});
    EXPECT_EQ(s.last_sync.generation_id, 4);
    EXPECT_EQ(s.last_sync.protocol_name, "range");
    EXPECT_TRUE(s.last_sync.assignments.empty());
    s.settle();
    EXPECT_EQ(s.take_said(), "+t0 t2; ");
    EXPECT_EQ(s.membership.identity(), (MemberIdentity{"m-1", 4}));
    s.keep_heartbeats = true;
    const auto before = s.now;
    EXPECT_EQ(s.expect<HeartbeatRequest>().generation_id, 4);
    EXPECT_EQ(s.now - before, 3s);
}

TEST(ClassicMembership, the_leader_shares_out) {
    ClassicScript s;
    s.subscribe({"t"});
    s.found();
    s.last_join = s.expect<JoinGroupRequest>();
    protocol::JoinGroupResponse r;
    r.member_id = r.leader = "m";
    r.generation_id = 1;
    r.protocol_name = "range";
    for (const auto* id : {"m", "n", "unreadable"}) {
        auto& member = r.members.emplace_back();
        member.member_id = id;
        member.metadata = s.last_join.protocols[0].metadata;
    }
    r.members[2].metadata = Bytes::copy_of("?");
    s.membership.on_join(s.call, r, s.now);
    EXPECT_EQ(s.expect<DescribeTopics>().topics, std::vector<std::string>{"t"});
    s.membership.on_topics(s.call, Error::of(ErrorCode::timed_out), s.now);
    s.expect<DescribeTopics>();
    s.membership.on_topics(s.call, GroupTopics{{"t", std::vector<std::vector<std::string>>(3)}}, s.now);
    s.sync({{"t", {0, 1}}});
    ASSERT_EQ(s.last_sync.assignments.size(), 3U);
    EXPECT_EQ(read_assignment(s.last_sync.assignments[0].assignment).value(), (PartitionMap{{"t", {0, 1}}}));
    EXPECT_EQ(read_assignment(s.last_sync.assignments[1].assignment).value(), (PartitionMap{{"t", {2}}}));
    s.advance(10s);
    EXPECT_TRUE(s.idle());
    // The topic grows: the leader lets the group share out anew.
    s.membership.on_metadata(GroupTopics{{"t", std::vector<std::vector<std::string>>(4)}});
    EXPECT_EQ(s.expect<JoinGroupRequest>().reason, "topic 't' has 4 partitions now");
    EXPECT_EQ(s.take_said(), "+t0 t1; -t0 t1; ");
}

TEST(ClassicMembership, an_eager_member_gives_everything_back_before_it_joins_again) {
    ClassicScript s;
    s.become_member({{"t", {0, 1}}});
    s.take_said();
    s.app_waits = true;
    s.heartbeat(ErrorCode::rebalance_in_progress);
    s.advance(20s);
    EXPECT_TRUE(s.idle()) << "the application has not given them back yet; heartbeats go on";
    EXPECT_EQ(s.membership.owned(), (PartitionMap{{"t", {0, 1}}})) << "what it may commit still";
    s.done();
    s.join("m", 2);
    EXPECT_EQ(s.last_join.member_id, "m");
    s.sync({{"t", {1}}});
    s.settle();
    EXPECT_EQ(s.take_said(), "-t0 t1; +t1; ");
}

TEST(ClassicMembership, a_cooperative_member_gives_back_only_what_moves_and_joins_once_more) {
    ClassicScript s(settings_for({"cooperative-sticky"}));
    s.become_member({{"t", {0, 1, 2}}});
    s.take_said();
    s.heartbeat(ErrorCode::rebalance_in_progress);
    s.join("m", 2);
    const auto told =
        read_subscription(*find_assignor("cooperative-sticky"), s.last_join.protocols[0].metadata).value();
    EXPECT_EQ(show(told.owned), "t0 t1 t2");
    EXPECT_EQ(told.generation, 1);
    s.sync({{"t", {0, 1}}});
    s.join("m", 3);
    EXPECT_EQ(s.last_join.reason, "partitions were given back for others");
    s.sync({{"t", {0, 1, 5}}});
    s.settle();
    EXPECT_EQ(s.take_said(), "-t2; +; +t5; ");
    EXPECT_EQ(show(s.held), "t0 t1 t5");
}

TEST(ClassicMembership, a_cooperative_member_asks_sooner_whether_the_next_generation_begins) {
    ClassicScript s(settings_for({"cooperative-sticky"}));
    s.subscribe({"t"});
    s.found();
    s.join("m", 1);
    s.sync({{"t", {0}}});
    s.settle();
    auto last = s.now;
    for (const auto pace : {100ms, 200ms, 400ms, 800ms, 1600ms, 3000ms, 3000ms}) {
        s.heartbeat(ErrorCode::none);
        EXPECT_EQ(s.now - last, base::Duration(pace));
        last = s.now;
    }
    s.heartbeat(ErrorCode::rebalance_in_progress);
    s.join("m", 2);
    last = s.now;
    s.sync({{"t", {0}}});
    s.settle();
    s.heartbeat(ErrorCode::none);
    EXPECT_EQ(s.now - last, base::Duration(100ms));
}

TEST(ClassicMembership, an_eager_member_asks_at_the_pace_that_is_set) {
    ClassicScript s;
    s.subscribe({"t"});
    s.found();
    s.join("m", 1);
    s.sync({{"t", {0}}});
    s.settle();
    const auto joined = s.now;
    s.heartbeat(ErrorCode::none);
    EXPECT_EQ(s.now - joined, base::Duration(3s));
}

TEST(ClassicMembership, a_change_of_topics_joins_anew_and_gives_back_what_is_not_wanted_any_more) {
    ClassicScript s(settings_for({"cooperative-sticky"}));
    s.subscribe({"t", "u"});
    s.found();
    s.join("m", 1);
    s.sync({{"t", {0}}, {"u", {0}}});
    s.settle();
    s.subscribe({"t"});
    s.join("m", 2);
    EXPECT_EQ(s.last_join.reason, "the subscription changed");
    // A leader that has not heard of it.
    s.sync({{"t", {0}}, {"u", {0}}});
    s.settle();
    EXPECT_EQ(s.take_said(), "+t0 u0; -u0; +; ");
}

TEST(ClassicMembership, a_member_that_is_not_known_any_more_has_lost_its_partitions) {
    for (const auto code : {ErrorCode::unknown_member_id, ErrorCode::illegal_generation}) {
        ClassicScript s;
        s.become_member({{"t", {0}}});
        s.heartbeat(code);
        s.last_join = s.expect<JoinGroupRequest>();
        EXPECT_EQ(s.take_said(), "+t0; lost t0; ");
        EXPECT_EQ(s.last_join.member_id, code == ErrorCode::unknown_member_id ? "" : "m");
        EXPECT_LT(s.membership.identity().generation, 0) << "nothing can be committed meanwhile";
        s.joined("m2", 5);
        s.sync({{"t", {1}}});
        s.settle();
        EXPECT_EQ(s.take_said(), "+t1; ");
    }
}

TEST(ClassicMembership, a_fenced_static_member_ends_for_good) {
    auto settings = settings_for({"range"});
    settings.instance_id = "i";
    ClassicScript s(settings);
    s.become_member({{"t", {0}}});
    s.heartbeat(ErrorCode::fenced_instance_id);
    EXPECT_TRUE(s.idle());
    EXPECT_EQ(s.take_said(), "+t0; FENCED_INSTANCE_ID!! lost t0; ");
    EXPECT_EQ(s.membership.wake_at(), TimePoint::max());
    s.subscribe({"t"});
    s.membership.on_poll(s.now);
    EXPECT_TRUE(s.idle());
}

TEST(ClassicMembership, who_does_not_poll_leaves_says_so_and_joins_with_the_next_poll) {
    ClassicScript s;
    s.become_member({{"t", {0}}});
    s.take_said();
    s.advance(299s, false);
    EXPECT_EQ(s.take_said(), "");
    const auto leave = s.expect<LeaveGroupRequest>();
    EXPECT_EQ(leave.members[0].member_id, "m");
    EXPECT_EQ(leave.members[0].reason, "max.poll.interval.ms passed without a poll");
    s.membership.on_leave(s.call);
    EXPECT_EQ(s.take_said(), "MAX_POLL_EXCEEDED! lost t0; ");
    EXPECT_TRUE(s.membership.is_away());
    s.now += 1h;
    EXPECT_TRUE(s.idle());
    s.membership.on_poll(s.now);
    s.join("m2", 9);
    EXPECT_EQ(s.last_join.member_id, "");
    s.sync({{"t", {0}}});
    s.settle();
    EXPECT_EQ(s.take_said(), "+t0; ");
    s.advance(1h);
    EXPECT_EQ(s.take_said(), "") << "who polls stays";
}

TEST(ClassicMembership, a_callback_that_takes_too_long_counts_as_not_polling) {
    ClassicScript s;
    s.become_member({{"t", {0}}});
    s.take_said();
    s.app_waits = true;
    s.heartbeat(ErrorCode::rebalance_in_progress);
    s.advance(301s, false);
    EXPECT_TRUE(s.membership.is_away());
    EXPECT_EQ(s.take_said(), "-t0; MAX_POLL_EXCEEDED! lost ; ") << "what waits for the application becomes a loss";
}

TEST(ClassicMembership, a_coordinator_that_is_silent_for_the_session_has_taken_the_partitions) {
    ClassicScript s;
    s.become_member({{"t", {0}}});
    s.silent = true;
    s.advance(44s);
    EXPECT_EQ(s.take_said(), "+t0; ");
    s.advance(2s);
    EXPECT_EQ(s.take_said(), "lost t0; ");
    s.silent = false;
    s.found();
    s.join("m", 2);
}

TEST(ClassicMembership, the_coordinator_is_looked_up_again_where_it_has_moved) {
    ClassicScript s;
    s.become_member({{"t", {0}}});
    s.heartbeat(ErrorCode::not_coordinator);
    s.expect<FindCoordinator>();
    s.membership.on_coordinator(s.call, Error::of(ErrorCode::coordinator_not_available), s.now);
    const auto before = s.now;
    s.found();
    EXPECT_GE(s.now - before, 80ms) << "with a wait";
    s.heartbeat(ErrorCode::none);
    EXPECT_EQ(s.take_said(), "+t0; ") << "the membership is kept";
}

TEST(ClassicMembership, what_the_application_must_mend_is_told_once_and_tried_on) {
    for (const auto code :
         {ErrorCode::inconsistent_group_protocol, ErrorCode::invalid_session_timeout, ErrorCode::invalid_group_id,
          ErrorCode::group_authorization_failed, ErrorCode::group_max_size_reached}) {
        ClassicScript s;
        s.subscribe({"t"});
        s.found();
        const auto before = s.now;
        for (int i = 0; i < 5; ++i) s.join_fails(code);
        EXPECT_GE(s.now - before, 1s) << "with growing waits";
        s.join("m", 1);
        s.sync({{"t", {0}}});
        s.settle();
        EXPECT_EQ(s.take_said(), std::string(name(code)) + "! +t0; ");
    }
}

TEST(ClassicMembership, leaves_when_it_unsubscribes_and_says_why) {
    ClassicScript s;
    s.become_member({{"t", {0}}});
    s.membership.unsubscribe("the consumer is closed", s.now);
    const auto leave = s.expect<LeaveGroupRequest>();
    EXPECT_EQ(leave.members[0].member_id, "m");
    EXPECT_EQ(leave.members[0].reason, "the consumer is closed");
    EXPECT_EQ(s.take_said(), "+t0; -t0; ") << "first they are given back";
    EXPECT_FALSE(s.membership.is_out());
    s.membership.on_leave(s.call);
    EXPECT_TRUE(s.idle());
    EXPECT_TRUE(s.membership.is_out());
    s.subscribe({"t"});
    s.join("m2", 3);
}

TEST(ClassicMembership, leaves_also_while_a_join_is_under_way) {
    ClassicScript s;
    s.subscribe({"t"});
    s.found();
    s.join_fails(ErrorCode::member_id_required, "m");
    s.expect<JoinGroupRequest>();
    const auto join = s.call;
    s.membership.unsubscribe("the consumer is closed", s.now);
    EXPECT_EQ(s.expect<LeaveGroupRequest>().members[0].member_id, "m");
    protocol::JoinGroupResponse late;
    late.member_id = "m";
    late.generation_id = 2;
    late.protocol_name = "range";
    s.membership.on_join(join, late, s.now);
    s.membership.on_leave(s.call);
    EXPECT_TRUE(s.idle());
    EXPECT_TRUE(s.membership.is_out());
}

TEST(ClassicMembership, a_loss_comes_in_place_of_what_waits_for_the_application) {
    ClassicScript s;
    s.become_member({{"t", {0}}});
    s.app_waits = true;
    s.heartbeat(ErrorCode::rebalance_in_progress);
    s.heartbeat(ErrorCode::unknown_member_id);
    s.settle();
    EXPECT_EQ(s.take_said(), "+t0; -t0; lost ; ");
    s.done();
    s.join("n", 3);
}

// The whole way of a member, its answers given by a coordinator that fails at one step in one way.
class FailingScript {
public:
    FailingScript(std::vector<std::string> assignors, int failing_step, ErrorCode code)
        : s(settings_for(std::move(assignors))),
          failing_step_(failing_step),
          code_(code) {}

    // Two rebalances and a leave. Returns the number of steps.
    int run() {
        s.subscribe({"t"});
        until([&] { return s.membership.is_stable() && show(s.held) == "t0 t1 t2"; });
        rebalancing_ = true;
        until([&] { return s.membership.is_stable() && !rebalancing_ && show(s.held) == "t0 t1 t2"; });
        s.membership.unsubscribe("done", s.now);
        until([&] { return s.membership.is_out(); });
        EXPECT_TRUE(s.held.empty());
        return step_;
    }
    ClassicScript s;

private:
    template <class Done>
    void until(Done done) {
        const auto limit = s.now + 400s;
        while (!done() && s.now < limit) {
            s.membership.on_poll(s.now);
            bool acted = false;
            while (auto action = s.membership.next(s.now)) acted = true, answer(std::move(*action));
            if (!acted && !done()) s.now = std::max(s.now + 1ms, std::min(limit, s.membership.wake_at()));
        }
        EXPECT_TRUE(done()) << "step " << failing_step_ << " with " << to_string(code_) << " said " << s.said;
    }
    // What this step is answered with.
    ErrorCode error() { return step_++ == failing_step_ ? code_ : ErrorCode::none; }
    template <class Response>
    Result<Response> fail(Response r, ErrorCode with) {
        if (static_cast<std::int16_t>(with) < -1) return Error::of(with);  // no answer at all
        r.error_code = static_cast<std::int16_t>(with);
        return r;
    }
    void answer(MembershipAction action) {
        auto& m = s.membership;
        if (std::holds_alternative<FindCoordinator>(action.what)) {
            m.on_coordinator(action.call, Error::of(error()), s.now);
        } else if (auto* join = std::get_if<JoinGroupRequest>(&action.what)) {
            protocol::JoinGroupResponse r;
            r.member_id = join->member_id.empty() ? "m" + std::to_string(step_) : join->member_id;
            r.leader = r.member_id;
            r.generation_id = ++generation_;
            r.protocol_name = join->protocols[0].name;
            auto& self = r.members.emplace_back();
            self.member_id = r.member_id;
            self.metadata = join->protocols[0].metadata;
            rebalancing_ = false;
            auto failed = error();
            if (failed == ErrorCode::none && join->member_id.empty()) failed = ErrorCode::member_id_required;
            m.on_join(action.call, fail(r, failed), s.now);
        } else if (std::holds_alternative<DescribeTopics>(action.what)) {
            const auto failed = error();
            Result<GroupTopics> topics = Error::of(failed);
            if (failed == ErrorCode::none) topics = GroupTopics{{"t", std::vector<std::vector<std::string>>(3)}};
            m.on_topics(action.call, std::move(topics), s.now);
        } else if (auto* sync = std::get_if<SyncGroupRequest>(&action.what)) {
            protocol::SyncGroupResponse r;
            if (!sync->assignments.empty()) r.assignment = sync->assignments[0].assignment;
            m.on_sync(action.call, fail(r, error()), s.now);
        } else if (std::holds_alternative<HeartbeatRequest>(action.what)) {
            auto failed = error();
            if (failed == ErrorCode::none && rebalancing_) failed = ErrorCode::rebalance_in_progress;
            m.on_heartbeat(action.call, fail(protocol::HeartbeatResponse(), failed), s.now);
        } else if (std::holds_alternative<LeaveGroupRequest>(action.what)) {
            error();
            m.on_leave(action.call);
        } else if (auto* rebalance = std::get_if<Rebalance>(&action.what)) {
            if (rebalance->kind == Rebalance::Kind::assigned)
                merge(s.held, rebalance->partitions);
            else
                s.held = without(s.held, rebalance->partitions);
            m.on_rebalanced(action.call, s.now);
        }
    }

    int failing_step_;
    ErrorCode code_;
    int step_ = 0;
    std::int32_t generation_ = 0;
    bool rebalancing_ = false;
};

TEST(ClassicMembership, gets_over_any_failure_of_any_step) {
    const ErrorCode errors[] = {
        ErrorCode::transport,
        ErrorCode::timed_out,
        ErrorCode::not_coordinator,
        ErrorCode::coordinator_not_available,
        ErrorCode::coordinator_load_in_progress,
        ErrorCode::unknown_member_id,
        ErrorCode::illegal_generation,
        ErrorCode::rebalance_in_progress,
        ErrorCode::member_id_required,
        ErrorCode::group_authorization_failed,
        ErrorCode::unknown_server_error,
        ErrorCode::bad_message,
    };
    for (const auto* assignor : {"range", "cooperative-sticky"}) {
        const int steps = FailingScript({assignor}, -1, ErrorCode::none).run();
        EXPECT_GT(steps, 8);
        for (int step = 0; step < steps; ++step)
            for (const auto code : errors) {
                FailingScript script({assignor}, step, code);
                script.run();
                ASSERT_FALSE(::testing::Test::HasFailure()) << assignor << " step " << step << " " << to_string(code);
            }
    }
}

TEST(ClassicMembership, a_coordinator_that_only_contradicts_itself_is_not_asked_without_end) {
    for (const auto code : {ErrorCode::unknown_member_id, ErrorCode::illegal_generation, ErrorCode::member_id_required,
                            ErrorCode::rebalance_in_progress, ErrorCode::not_coordinator}) {
        ClassicScript s;
        s.subscribe({"t"});
        const auto until = s.now + 60s;
        int asked = 0;
        while (s.now < until && asked < 1000) {
            s.membership.on_poll(s.now);
            while (auto action = s.membership.next(s.now)) {
                ++asked;
                protocol::JoinGroupResponse r;
                r.error_code = static_cast<std::int16_t>(code);
                r.member_id = "m";
                if (std::holds_alternative<FindCoordinator>(action->what))
                    s.membership.on_coordinator(action->call, Error(), s.now);
                else
                    s.membership.on_join(action->call, r, s.now);
                ASSERT_LT(asked, 1000) << to_string(code);
            }
            s.now = std::max(s.now + 1ms, s.membership.wake_at());
        }
        EXPECT_LE(asked, 150) << to_string(code);
    }
}

}  // namespace
}  // namespace ottla::client
