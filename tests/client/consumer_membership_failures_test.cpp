// SPDX-License-Identifier: Apache-2.0
// The way of a member of a group whose coordinator shares out (KIP-848), with every step of it failing.
#include "tests/client/member_script.hpp"

namespace ottla::client {
namespace {

// The whole way of a member, its answers given by a coordinator that fails at one step in one way.
class FailingMember {
public:
    FailingMember(int failing_step, ErrorCode code) : failing_step_(failing_step), code_(code) {}

    // Partitions are taken away and come back, then it leaves. Returns the number of steps.
    int run() {
        target_ = {0, 1, 2};
        s.subscribe({"t"});
        until([&] { return is_settled("t0 t1 t2"); });
        move_to({0, 1});
        until([&] { return is_settled("t0 t1"); });
        move_to({0, 1, 2});
        until([&] { return is_settled("t0 t1 t2"); });
        s.member.unsubscribe("done", s.now);
        until([&] { return s.member.is_out(); });
        EXPECT_TRUE(s.held.empty());
        return step_;
    }
    MemberScript s;

private:
    bool is_settled(const std::string& held) const {
        return s.member.state() == MemberState::stable && show_partitions(s.held) == held && owned_ == target_;
    }
    void move_to(std::vector<std::int32_t> target) {
        target_ = std::move(target);
        changed_ = true;
    }
    template <class Done>
    void until(Done done) {
        const auto limit = s.now + 100s;
        while (!done() && s.now < limit) {
            s.member.on_poll(s.now);
            bool acted = false;
            while (auto action = s.member.next(s.now)) acted = true, answer(std::move(*action));
            if (!acted && !done()) s.now = std::max(s.now + 1ms, std::min(limit, s.member.wake_at()));
        }
        EXPECT_TRUE(done()) << "step " << failing_step_ << " with " << to_string(code_) << ": " << s.member.state_name()
                            << ", holds " << show_partitions(s.held);
    }
    ErrorCode error() { return step_++ == failing_step_ ? code_ : ErrorCode::none; }

    void answer(MembershipAction action) {
        auto& m = s.member;
        if (std::holds_alternative<FindCoordinator>(action.what)) {
            m.on_coordinator(action.call, Error::of(error()), s.now);
        } else if (std::holds_alternative<NameTopics>(action.what)) {
            const auto failed = error();
            if (failed == ErrorCode::none)
                m.on_names(action.call, TopicNames{{topic_id(1), "t"}}, s.now);
            else
                m.on_names(action.call, Error::of(failed), s.now);
        } else if (auto* heartbeat = std::get_if<MemberHeartbeat>(&action.what)) {
            m.on_heartbeat(action.call, coordinate(*heartbeat), s.now);
        } else if (auto* rebalance = std::get_if<Rebalance>(&action.what)) {
            if (rebalance->kind == Rebalance::Kind::assigned)
                merge(s.held, rebalance->partitions);
            else
                s.held = without(s.held, rebalance->partitions);
            m.on_rebalanced(action.call, s.now);
        }
    }
    // An answer that is lost on the way was still decided.
    Result<MemberAnswer> coordinate(const MemberHeartbeat& request) {
        const auto failed = error();
        const bool is_lost = static_cast<std::int16_t>(failed) < -1;
        if (failed != ErrorCode::none && !is_lost) {
            if (failed == ErrorCode::unknown_member_id || failed == ErrorCode::fenced_member_epoch) epoch_ = 0;
            return refusal(failed);
        }
        auto answered = decide(request);
        if (is_lost) return Error::of(failed);
        return answered;
    }
    static MemberAnswer refusal(ErrorCode code) {
        MemberAnswer answer;
        answer.error_code = static_cast<std::int16_t>(code);
        return answer;
    }
    // As Kafka does: an epoch from before is taken only with what the member holds, and what is assigned is said to
    // those who say everything, or when it has changed.
    MemberAnswer decide(const MemberHeartbeat& request) {
        if (request.member_epoch < 0) {
            epoch_ = 0;
            return member_answer(request.member_epoch);
        }
        if (request.member_epoch == 0) {
            EXPECT_EQ(show_held(request), "");
            EXPECT_EQ(request.rebalance_timeout_ms, 300'000);
            EXPECT_TRUE(request.subscribed_topic_names);
            epoch_ = ++epochs_;
            owned_.clear();
            changed_ = true;
        } else if (epoch_ == 0) {
            return refusal(ErrorCode::unknown_member_id);
        } else if (request.member_epoch != epoch_ &&
                   !(request.member_epoch == epoch_before_ && request.topic_partitions)) {
            epoch_ = 0;
            return refusal(ErrorCode::fenced_member_epoch);
        }
        if (request.topic_partitions) {
            owned_.clear();
            for (const auto& t : *request.topic_partitions) owned_ = t.partitions;
            if (owned_ == target_ && request.member_epoch == epoch_ && moving_) {
                epoch_before_ = epoch_;
                epoch_ = ++epochs_;
                moving_ = false;
            }
        }
        const bool is_full = request.rebalance_timeout_ms != -1 && request.subscribed_topic_names;
        if (!is_full && !changed_) return member_answer(epoch_);
        if (std::exchange(changed_, false)) moving_ = true;
        AssignedByNumber assigned;
        assigned.emplace_back(std::uint8_t{1}, target_);
        return member_answer(epoch_, std::move(assigned));
    }

    int failing_step_;
    ErrorCode code_;
    int step_ = 0;
    std::int32_t epochs_ = 0;
    std::int32_t epoch_ = 0;  // of the member; 0: there is none
    std::int32_t epoch_before_ = 0;
    std::vector<std::int32_t> target_;
    std::vector<std::int32_t> owned_;
    bool changed_ = false;
    bool moving_ = false;
};

TEST(ConsumerMembership, gets_over_any_failure_of_any_step) {
    const ErrorCode errors[] = {
        ErrorCode::transport,
        ErrorCode::timed_out,
        ErrorCode::not_coordinator,
        ErrorCode::coordinator_not_available,
        ErrorCode::coordinator_load_in_progress,
        ErrorCode::unknown_member_id,
        ErrorCode::fenced_member_epoch,
        ErrorCode::topic_authorization_failed,
        ErrorCode::unknown_server_error,
        ErrorCode::bad_message,
    };
    const int steps = FailingMember(-1, ErrorCode::none).run();
    EXPECT_GE(steps, 9);
    for (int step = 0; step < steps; ++step)
        for (const auto code : errors) {
            FailingMember script(step, code);
            script.run();
            ASSERT_FALSE(::testing::Test::HasFailure()) << "step " << step << " " << to_string(code);
        }
}

}  // namespace
}  // namespace ottla::client
