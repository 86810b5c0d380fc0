// SPDX-License-Identifier: Apache-2.0
// A member of a group whose coordinator shares out (KIP-848), step by step, on virtual time.
#include "tests/client/member_script.hpp"

namespace ottla::client {
namespace {

TEST(ConsumerMembership, joins_under_a_name_of_its_own_and_says_at_once_what_it_has_taken) {
    auto settings = member_settings("range");
    settings.rack = "r";
    MemberScript s(settings);
    s.subscribe({"t"});
    EXPECT_EQ(s.member.state(), MemberState::joining);
    const auto join = s.heartbeat();
    EXPECT_EQ(join.member_epoch, 0);
    EXPECT_EQ(join.member_id.size(), 22U) << "a uuid, as Kafka writes it";
    EXPECT_TRUE(Uuid::parse(join.member_id));
    EXPECT_EQ(join.rebalance_timeout_ms, 300'000);
    EXPECT_EQ(join.subscribed_topic_names, std::vector<std::string>{"t"});
    EXPECT_EQ(join.subscribed_topic_regex, std::nullopt);
    EXPECT_EQ(join.server_assignor, "range");
    EXPECT_EQ(join.rack_id, "r");
    EXPECT_EQ(show_held(join), "") << "empty, but there";
    EXPECT_EQ(s.member.identity().generation, -1);
    EXPECT_EQ(s.patience, 10s) << "a coordinator that does not answer is given up before the session is over";
    s.answer(4, AssignedByNumber{{1, {2, 0}}});
    EXPECT_EQ(s.take_said(), "+t0 t2; ");
    const auto before = s.now;
    const auto told = s.heartbeat();
    EXPECT_EQ(s.now, before) << "without waiting for the interval";
    EXPECT_EQ(told.member_epoch, 4);
    EXPECT_EQ(told.member_id, join.member_id);
    EXPECT_EQ(show_held(told), "1:0,2");
    EXPECT_EQ(told.subscribed_topic_names, std::nullopt) << "only what has changed";
    EXPECT_EQ(told.rebalance_timeout_ms, -1);
    EXPECT_EQ(told.server_assignor, std::nullopt);
    s.answer(5);
    EXPECT_EQ(s.member.state(), MemberState::stable);
    EXPECT_EQ(s.member.identity(), (MemberIdentity{join.member_id, 5}));
    const auto next = s.heartbeat();
    EXPECT_EQ(s.now - before, 3s) << "the coordinator's interval";
    EXPECT_EQ(next.member_epoch, 5);
    EXPECT_EQ(show_held(next), "-");
}

TEST(ConsumerMembership, who_joins_and_gets_nothing_hears_so) {
    MemberScript s;
    s.subscribe({"t"});
    s.heartbeat();
    s.answer(1, AssignedByNumber{});
    EXPECT_EQ(s.take_said(), "+; ");
    EXPECT_EQ(s.member.state(), MemberState::stable);
}

TEST(ConsumerMembership, gives_back_what_moves_and_says_so_at_once) {
    MemberScript s;
    s.become_member();
    s.app_waits = true;
    s.heartbeat();
    s.answer(1, AssignedByNumber{{1, {1}}});
    EXPECT_EQ(s.take_said(), "-t0; ");
    EXPECT_EQ(s.member.state(), MemberState::reconciling);
    // The application takes its time: heartbeats go on, and say nothing of it.
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(show_held(s.heartbeat()), "-");
        s.answer(1);
    }
    EXPECT_EQ(show_partitions(s.member.owned()), "t0 t1") << "what it may commit still";
    const auto before = s.now;
    s.done();
    EXPECT_EQ(show_held(s.heartbeat()), "1:1");
    EXPECT_EQ(s.now, before);
    s.answer(2, AssignedByNumber{{1, {1}}});
    EXPECT_EQ(s.member.state(), MemberState::stable);
    EXPECT_EQ(s.take_said(), "");
}

TEST(ConsumerMembership, what_the_coordinator_wants_next_waits_until_this_is_done) {
    MemberScript s;
    s.become_member();
    s.app_waits = true;
    s.heartbeat();
    s.answer(1, AssignedByNumber{{1, {1}}});
    s.heartbeat();
    s.answer(1, AssignedByNumber{{1, {1, 3}}, {2, {0}}});
    EXPECT_EQ(s.take_said(), "-t0; ");
    s.done();
    EXPECT_EQ(show_held(s.heartbeat()), "1:1");
    EXPECT_EQ(s.take_said(), "+t3 u0; ") << "without waiting for the answer";
    s.answer(2);
    EXPECT_EQ(show_held(s.heartbeat()), "1:1,3 2:0");
    s.answer(2);
    EXPECT_EQ(s.member.state(), MemberState::stable);
}

TEST(ConsumerMembership, topics_without_a_name_are_looked_for_again_and_hold_up_nothing_else) {
    MemberScript s;
    s.names.erase(topic_id(2));
    s.become_member();
    s.heartbeat();
    s.answer(2, AssignedByNumber{{1, {1, 2}}, {2, {0}}});
    EXPECT_EQ(s.take_said(), "-t0; +t2; ");
    EXPECT_EQ(show_held(s.heartbeat()), "1:1,2");
    s.answer(2);
    EXPECT_EQ(s.member.state(), MemberState::reconciling);
    s.names_asked.clear();
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(show_held(s.heartbeat()), "-");
        s.answer(2);
    }
    EXPECT_EQ(s.take_said(), "");
    EXPECT_GE(s.names_asked.size(), 6U);
    EXPECT_LE(s.names_asked.size(), 15U) << "with growing waits";
    s.names[topic_id(2)] = "u";
    const auto told = s.heartbeat();
    EXPECT_EQ(s.take_said(), "+u0; ");
    EXPECT_EQ(show_held(told), "1:1,2 2:0");
    EXPECT_EQ(s.member.assigned_id("u"), topic_id(2));
    EXPECT_EQ(s.member.assigned_id("v"), std::nullopt);
}

TEST(ConsumerMembership, what_is_to_be_given_back_does_not_wait_for_names) {
    MemberScript s;
    s.become_member();
    s.names_fail = true;
    s.heartbeat();
    s.answer(1, AssignedByNumber{{2, {0}}});
    EXPECT_EQ(s.take_said(), "-t0 t1; ");
    EXPECT_EQ(show_held(s.heartbeat()), "");
    s.names_fail = false;
    s.answer(2);
    s.heartbeat();
    EXPECT_EQ(s.take_said(), "+u0; ");
}

TEST(ConsumerMembership, a_topic_that_was_made_anew_is_given_back_and_taken) {
    MemberScript s;
    s.become_member();
    s.names[topic_id(3)] = "t";
    s.app_waits = true;
    s.heartbeat();
    s.answer(1, AssignedByNumber{{3, {0, 1}}});
    EXPECT_EQ(s.take_said(), "-t0 t1; ");
    EXPECT_EQ(s.member.assigned_id("t"), topic_id(1)) << "what was done of the old one is committed of the old one";
    s.done();
    EXPECT_EQ(show_held(s.heartbeat()), "");
    s.answer(1);
    EXPECT_EQ(s.take_said(), "+t0 t1; ");
    EXPECT_EQ(show_held(s.heartbeat()), "3:0,1");
    EXPECT_EQ(s.member.assigned_id("t"), topic_id(3));
}

TEST(ConsumerMembership, a_change_of_the_subscription_is_said_at_once) {
    MemberScript s;
    s.become_member();
    const auto before = s.now;
    s.subscribe({"t", "u"});
    auto told = s.heartbeat();
    EXPECT_EQ(s.now, before);
    EXPECT_EQ(told.subscribed_topic_names, (std::vector<std::string>{"t", "u"}));
    EXPECT_EQ(told.subscribed_topic_regex, std::nullopt);
    s.subscribe({}, "t.*");
    s.answer(2, AssignedByNumber{{1, {0}}});
    told = s.heartbeat();
    EXPECT_EQ(told.subscribed_topic_names, std::vector<std::string>{});
    EXPECT_EQ(told.subscribed_topic_regex, "t.*");
    s.answer(2);
    s.subscribe({"t"});
    told = s.heartbeat();
    EXPECT_EQ(told.subscribed_topic_names, std::vector<std::string>{"t"});
    EXPECT_EQ(told.subscribed_topic_regex, "") << "takes back the pattern";
    s.answer(3);
    EXPECT_EQ(s.heartbeat().subscribed_topic_regex, std::nullopt);
}

TEST(ConsumerMembership, a_member_that_is_fenced_has_lost_its_partitions_and_joins_with_epoch_0) {
    // In a group that has gone, or gone back to the classic protocol without it, it is as much out.
    for (const auto code :
         {ErrorCode::fenced_member_epoch, ErrorCode::unknown_member_id, ErrorCode::group_id_not_found})
        for (const bool by_a_commit : {false, true}) {
            MemberScript s;
            s.become_member();
            const auto id = s.member.identity().member_id;
            s.app_waits = true;
            if (by_a_commit) {
                EXPECT_TRUE(s.member.on_commit_error(code, {id, 0}, s.now)) << "of an epoch from before";
                EXPECT_FALSE(s.member.on_commit_error(code, {id, 1}, s.now));
            } else {
                s.heartbeat();
                s.refuse(code);
            }
            EXPECT_TRUE(s.idle());
            EXPECT_EQ(s.take_said(), "lost t0 t1; ");
            EXPECT_EQ(s.member.state(), MemberState::fenced);
            EXPECT_EQ(s.member.identity().generation, -1) << "nothing can be committed meanwhile";
            s.done();
            const auto join = s.heartbeat();
            EXPECT_EQ(join.member_epoch, 0);
            EXPECT_EQ(join.member_id, id);
            EXPECT_EQ(show_held(join), "");
            EXPECT_EQ(join.subscribed_topic_names, std::vector<std::string>{"t"});
            s.answer(7, AssignedByNumber{{1, {1}}});
            EXPECT_EQ(s.take_said(), "+t1; ");
        }
}

TEST(ConsumerMembership, a_loss_comes_in_place_of_what_waits_for_the_application) {
    MemberScript s;
    s.become_member();
    s.app_waits = true;
    s.heartbeat();
    s.answer(1, AssignedByNumber{{1, {1}}});
    s.heartbeat();
    s.refuse(ErrorCode::fenced_member_epoch);
    EXPECT_EQ(s.take_said(), "-t0; lost t1; ");
    s.done();
    EXPECT_EQ(s.heartbeat().member_epoch, 0);
}

TEST(ConsumerMembership, what_cannot_be_mended_ends_it_and_says_what_to_do) {
    const std::pair<ErrorCode, std::string_view> cases[] = {
        {ErrorCode::unreleased_instance_id, "group.instance.id is 'i'"},
        {ErrorCode::fenced_instance_id, "group.instance.id is 'i'"},
        {ErrorCode::invalid_request, "The coordinator says: so it is"},
        {ErrorCode::unsupported_assignor, "group.remote.assignor is 'best'"},
        {ErrorCode::unsupported_version, "group.protocol=classic"},
        {ErrorCode::unsupported_feature, "group.protocol=classic"},
        {ErrorCode::group_authorization_failed, "READ"},
        {ErrorCode::invalid_regular_expression, "'t.*'"},
        {ErrorCode::group_max_size_reached, "group.consumer.max.size"},
    };
    for (const auto& [code, text] : cases) {
        SCOPED_TRACE(to_string(code));
        auto settings = member_settings("best");
        settings.instance_id = "i";
        MemberScript s(settings);
        s.subscribe({"t"}, "t.*");
        s.heartbeat();
        s.answer(1, AssignedByNumber{{1, {0}}});
        EXPECT_EQ(s.take_said(), "+t0; ");
        s.heartbeat();
        if (code == ErrorCode::unsupported_feature)
            s.answer(Error::of(code));
        else
            s.refuse(code, "so it is");
        EXPECT_EQ(s.take_said(), std::string(name(code)) + "!! lost t0; ");
        EXPECT_NE(s.last_report.text().find(text), std::string_view::npos) << s.last_report.text();
        EXPECT_NE(s.last_report.text().find("group 'g'"), std::string_view::npos);
        EXPECT_EQ(s.member.state(), MemberState::fatal);
        EXPECT_TRUE(s.member.is_out());
        EXPECT_EQ(s.member.wake_at(), TimePoint::max());
        s.subscribe({"t"});
        s.member.on_poll(s.now);
        EXPECT_TRUE(s.idle());
    }
}

TEST(ConsumerMembership, what_may_pass_is_told_once_and_tried_on) {
    for (const auto code : {ErrorCode::topic_authorization_failed, ErrorCode::unknown_server_error}) {
        MemberScript s;
        s.become_member();
        const auto before = s.now;
        for (int i = 0; i < 6; ++i) {
            s.heartbeat();
            s.refuse(code, "why");
        }
        EXPECT_GE(s.now - before, 3s) << "with growing waits";
        EXPECT_EQ(s.take_said(), std::string(name(code)) + "! ");
        EXPECT_NE(s.last_report.text().find("why"), std::string_view::npos) << s.last_report.text();
        s.heartbeat();
        s.answer(2, AssignedByNumber{{1, {0, 1}}});
        EXPECT_EQ(s.member.state(), MemberState::stable) << "nothing was lost";
    }
}

// Who is no member has nothing to lose.
TEST(ConsumerMembership, a_classic_group_that_takes_it_not_is_told_once_and_asked_again) {
    MemberScript s;
    s.subscribe({"t"});
    const auto before = s.now;
    for (int i = 0; i < 6; ++i) {
        EXPECT_EQ(s.heartbeat().member_epoch, 0);
        s.refuse(ErrorCode::group_id_not_found, "it is classic");
        EXPECT_EQ(s.member.state(), MemberState::joining);
    }
    EXPECT_GE(s.now - before, 2s) << "with growing waits";
    EXPECT_EQ(s.take_said(), "GROUP_ID_NOT_FOUND! ");
    EXPECT_NE(s.last_report.text().find("it is classic"), std::string_view::npos) << s.last_report.text();
    EXPECT_FALSE(s.member.on_commit_error(ErrorCode::group_id_not_found, {"", -1}, s.now));
    EXPECT_EQ(s.member.state(), MemberState::joining);
    s.heartbeat();
    s.answer(2, AssignedByNumber{{1, {0}}});
    EXPECT_EQ(s.take_said(), "+t0; ");
}

TEST(ConsumerMembership, who_leaves_a_group_that_has_gone_is_done) {
    MemberScript s;
    s.become_member();
    s.heartbeat();
    s.member.unsubscribe("", s.now);
    s.refuse(ErrorCode::group_id_not_found);
    EXPECT_TRUE(s.idle());
    EXPECT_TRUE(s.member.is_out());
}

TEST(ConsumerMembership, after_a_failure_it_says_everything_again) {
    for (const auto code : {ErrorCode::transport, ErrorCode::timed_out, ErrorCode::not_coordinator,
                            ErrorCode::coordinator_not_available, ErrorCode::coordinator_load_in_progress}) {
        SCOPED_TRACE(to_string(code));
        MemberScript s;
        s.become_member();
        s.heartbeat();
        const int searches = s.searches;
        const auto before = s.now;
        if (code == ErrorCode::transport || code == ErrorCode::timed_out)
            s.answer(Error::of(code));
        else
            s.refuse(code);
        const auto all = s.heartbeat();
        EXPECT_GE(s.now - before, 80ms);
        EXPECT_LE(s.now - before, 200ms);
        EXPECT_EQ(s.searches - searches, code == ErrorCode::coordinator_load_in_progress ? 0 : 1);
        EXPECT_EQ(all.member_epoch, 1);
        EXPECT_EQ(all.rebalance_timeout_ms, 300'000);
        EXPECT_EQ(all.subscribed_topic_names, std::vector<std::string>{"t"});
        EXPECT_EQ(show_held(all), "1:0,1");
        s.answer(1, AssignedByNumber{{1, {0, 1}}});
        EXPECT_EQ(s.take_said(), "");
        EXPECT_EQ(s.member.state(), MemberState::stable);
    }
}

TEST(ConsumerMembership, who_does_not_poll_leaves_says_so_and_joins_with_the_next_poll) {
    for (const bool is_static : {false, true}) {
        MemberScript s(is_static ? static_member("i") : member_settings());
        s.become_member();
        s.app_waits = true;
        MemberHeartbeat last;
        do {
            last = s.heartbeat();
            if (last.member_epoch > 0) s.answer(1);
        } while (last.member_epoch > 0);
        EXPECT_EQ(last.member_epoch, is_static ? -2 : -1);
        EXPECT_EQ(s.take_said(), "MAX_POLL_EXCEEDED! lost t0 t1; ");
        EXPECT_EQ(s.member.state(), MemberState::stale);
        EXPECT_TRUE(s.member.is_away());
        s.answer(-1);
        s.now += 1h;
        EXPECT_TRUE(s.idle());
        EXPECT_EQ(s.member.wake_at(), TimePoint::max());
        s.member.on_poll(s.now);
        EXPECT_TRUE(s.idle()) << "the application does not know yet that it has lost them";
        s.done();
        EXPECT_EQ(s.heartbeat().member_epoch, 0);
        s.answer(9, AssignedByNumber{{1, {0}}});
        EXPECT_EQ(s.take_said(), "+t0; ");
    }
}

TEST(ConsumerMembership, a_callback_that_takes_too_long_counts_as_not_polling) {
    MemberScript s;
    s.become_member();
    s.app_waits = true;
    s.heartbeat();
    s.answer(1, AssignedByNumber{{1, {1}}});
    while (s.member.state() == MemberState::reconciling)
        if (s.heartbeat().member_epoch > 0) s.answer(1);
    EXPECT_EQ(s.member.state(), MemberState::stale);
    EXPECT_EQ(s.take_said(), "-t0; MAX_POLL_EXCEEDED! lost t1; ");
}

TEST(ConsumerMembership, leaves_when_everything_is_given_back) {
    for (const bool is_static : {false, true}) {
        MemberScript s(is_static ? static_member("i") : member_settings());
        s.become_member();
        s.app_waits = true;
        s.member.unsubscribe("the consumer is closed", s.now);
        EXPECT_TRUE(s.idle());
        EXPECT_EQ(s.take_said(), "-t0 t1; ");
        EXPECT_EQ(s.member.state(), MemberState::prepare_leaving);
        EXPECT_EQ(s.heartbeat().member_epoch, 1) << "it is a member still";
        s.answer(2, AssignedByNumber{});
        EXPECT_EQ(s.member.identity().generation, 2) << "with which to commit";
        s.done();
        const auto last = s.heartbeat();
        EXPECT_EQ(last.member_epoch, is_static ? -2 : -1);
        EXPECT_EQ(last.instance_id.has_value(), is_static);
        EXPECT_EQ(s.member.state(), MemberState::leaving);
        EXPECT_FALSE(s.member.is_out());
        s.answer(last.member_epoch);
        EXPECT_TRUE(s.member.is_out());
        EXPECT_TRUE(s.idle());
        s.subscribe({"t"});
        EXPECT_EQ(s.heartbeat().member_epoch, 0);
    }
}

TEST(ConsumerMembership, leaving_does_not_wait_for_an_application_that_polls_no_more) {
    MemberScript s;
    s.become_member();
    s.app_waits = true;
    s.member.unsubscribe("the consumer unsubscribed", s.now);
    while (s.member.state() == MemberState::prepare_leaving)
        if (s.heartbeat().member_epoch > 0) s.answer(1);
    EXPECT_EQ(s.take_said(), "-t0 t1; lost ; ") << "and no word of polling: it has unsubscribed";
    EXPECT_EQ(s.member.state(), MemberState::unsubscribed);
    EXPECT_FALSE(s.member.is_out());
    s.done();
    EXPECT_TRUE(s.member.is_out());
    s.subscribe({"t"});
    EXPECT_EQ(s.heartbeat().member_epoch, 0);
}

TEST(ConsumerMembership, leaves_also_while_a_join_is_under_way) {
    MemberScript s;
    s.subscribe({"t"});
    s.heartbeat();
    const auto join = s.call;
    s.member.unsubscribe("the consumer is closed", s.now);
    EXPECT_EQ(s.heartbeat().member_epoch, -1);
    const auto leave = s.call;
    s.call = join;
    s.answer(1, AssignedByNumber{{1, {0}}});
    EXPECT_FALSE(s.member.is_out());
    s.call = leave;
    s.answer(Error::of(ErrorCode::timed_out));
    EXPECT_TRUE(s.member.is_out());
    EXPECT_EQ(s.take_said(), "");
}

TEST(ConsumerMembership, who_is_fenced_while_leaving_need_not_leave) {
    MemberScript s;
    s.become_member();
    s.app_waits = true;
    s.member.unsubscribe("the consumer is closed", s.now);
    s.heartbeat();
    s.refuse(ErrorCode::unknown_member_id);
    s.done();
    EXPECT_TRUE(s.idle());
    EXPECT_TRUE(s.member.is_out());
}

TEST(ConsumerMembership, who_subscribes_while_leaving_comes_back) {
    MemberScript s;
    s.become_member();
    s.member.unsubscribe("the consumer unsubscribed", s.now);
    EXPECT_EQ(s.heartbeat().member_epoch, -1);
    s.subscribe({"u"});
    s.answer(-1);
    const auto join = s.heartbeat();
    EXPECT_EQ(join.member_epoch, 0);
    EXPECT_EQ(join.subscribed_topic_names, std::vector<std::string>{"u"});
}

TEST(ConsumerMembership, a_coordinator_that_only_contradicts_itself_is_not_asked_without_end) {
    // Also one that takes the member in each time, and does not know it the next.
    for (const bool takes_in : {false, true})
        for (const auto code : {ErrorCode::unknown_member_id, ErrorCode::fenced_member_epoch,
                                ErrorCode::not_coordinator, ErrorCode::coordinator_load_in_progress}) {
            MemberScript s;
            s.subscribe({"t"});
            const auto until = s.now + 60s;
            int asked = 0;
            while (s.now < until && asked < 1000) {
                s.member.on_poll(s.now);
                ++asked;
                if (s.heartbeat().member_epoch == 0 && takes_in)
                    s.answer(1, AssignedByNumber{{1, {0}}});
                else
                    s.refuse(code);
            }
            EXPECT_LE(asked, takes_in ? 300 : 150) << to_string(code);
        }
}

}  // namespace
}  // namespace ottla::client
