// SPDX-License-Identifier: Apache-2.0
// MemberScript: a member of the consumer protocol, the application that it speaks to, and the coordinator's part as the
// test plays it.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "client/group/consumer_membership.hpp"

namespace ottla::client {

using namespace std::chrono_literals;
using MemberState = ConsumerMembership::State;
using MemberHeartbeat = ConsumerMembership::Heartbeat;
using MemberAnswer = ConsumerMembership::HeartbeatAnswer;

inline ConsumerSettings member_settings(std::string assignor = {}) {
    ConsumerSettings s;
    s.group_id = "g";
    s.assignor = std::move(assignor);
    s.max_poll_interval = 300s;
    s.retry_backoff = 100ms;
    s.retry_backoff_max = 1s;
    s.request_timeout = 30s;
    return s;
}

inline ConsumerSettings static_member(std::string instance) {
    auto s = member_settings();
    s.instance_id = std::move(instance);
    return s;
}

inline Uuid topic_id(std::uint8_t number) {
    Uuid id;
    id.bytes[15] = number;
    return id;
}

inline std::string show_partitions(const PartitionMap& partitions) {
    std::string out;
    for (const auto& [topic, numbers] : partitions)
        for (const auto p : numbers) out += (out.empty() ? "" : " ") + topic + std::to_string(p);
    return out;
}

// "1:0,1 2:0": by the topics' numbers.
inline std::string show_held(const MemberHeartbeat& request) {
    if (!request.topic_partitions) return "-";
    std::string out;
    for (const auto& t : *request.topic_partitions) {
        out += (out.empty() ? "" : " ") + std::to_string(t.topic_id.bytes[15]) + ":";
        for (std::size_t i = 0; i < t.partitions.size(); ++i) out += (i ? "," : "") + std::to_string(t.partitions[i]);
    }
    return out;
}

using AssignedByNumber = std::vector<std::pair<std::uint8_t, std::vector<std::int32_t>>>;

inline MemberAnswer member_answer(std::int32_t epoch, std::optional<AssignedByNumber> assigned = std::nullopt) {
    MemberAnswer answer;
    answer.member_epoch = epoch;
    answer.heartbeat_interval_ms = 3000;
    if (!assigned) return answer;
    auto& assignment = answer.assignment.emplace();
    for (auto& [topic, partitions] : *assigned) {
        auto& to = assignment.topic_partitions.emplace_back();
        to.topic_id = topic_id(topic);
        to.partitions = std::move(partitions);
    }
    return answer;
}

class MemberScript {
public:
    explicit MemberScript(ConsumerSettings settings = member_settings()) : member(std::move(settings), random_) {
        now += 1h;
    }

    void subscribe(std::vector<std::string> topics, std::string regex = {}) {
        TopicSelection wanted;
        wanted.names = std::move(topics);
        wanted.regex = std::move(regex);
        member.subscribe(std::move(wanted), now);
    }
    // The next heartbeat, when it is due.
    MemberHeartbeat heartbeat() {
        settle();
        for (int i = 0; i < 1000 && pending_.empty(); ++i) {
            const auto at = member.wake_at();
            if (at == TimePoint::max()) break;
            EXPECT_LE(at - now, 301s);
            now = std::max(now, at);
            settle();
        }
        if (pending_.empty()) {
            ADD_FAILURE() << "nothing is to be done";
            return {};
        }
        auto [number, request] = std::move(pending_.front());
        pending_.erase(pending_.begin());
        call = number;
        return request;
    }
    void answer(Result<MemberAnswer> answer) {
        member.on_heartbeat(call, answer, now);
        settle();
    }
    void answer(std::int32_t epoch, std::optional<AssignedByNumber> assigned = std::nullopt) {
        answer(member_answer(epoch, std::move(assigned)));
    }
    void refuse(ErrorCode code, std::optional<std::string> why = std::nullopt) {
        MemberAnswer refusal;
        refusal.error_code = static_cast<std::int16_t>(code);
        refusal.error_message = std::move(why);
        answer(std::move(refusal));
    }
    // From subscribing to the acknowledged assignment, which is t0 t1.
    void become_member() {
        subscribe({"t"});
        heartbeat();
        answer(1, AssignedByNumber{{1, {0, 1}}});
        heartbeat();
        answer(1);
        ASSERT_EQ(member.state(), MemberState::stable);
        ASSERT_EQ(take_said(), "+t0 t1; ");
    }
    bool idle() {
        settle();
        return pending_.empty();
    }
    std::string take_said() { return std::exchange(said, {}); }
    // The application is done with what it waited with.
    void done() {
        app_waits = false;
        for (const auto c : std::exchange(waiting, {})) member.on_rebalanced(c, now);
        settle();
    }
    // Does what can be done without a heartbeat.
    void settle() {
        int actions = 0;
        while (auto action = member.next(now)) {
            ASSERT_LT(++actions, 100) << "it spins";
            if (auto* report = std::get_if<Report>(&action->what)) {
                said += std::string(report->error.name()) + (report->error.is_fatal() ? "!! " : "! ");
                last_report = report->error;
            } else if (auto* rebalance = std::get_if<Rebalance>(&action->what)) {
                apply(action->call, *rebalance);
            } else if (auto* wanted = std::get_if<NameTopics>(&action->what)) {
                name(action->call, *wanted);
            } else if (std::holds_alternative<FindCoordinator>(action->what)) {
                ++searches;
                member.on_coordinator(action->call, Error(), now);
            } else {
                patience = action->deadline - now;
                pending_.emplace_back(action->call, std::get<MemberHeartbeat>(std::move(action->what)));
            }
        }
    }

    TimePoint now{};
    ConsumerMembership member;
    std::uint64_t call = 0;
    std::string said;
    Error last_report;
    PartitionMap held;  // by the application
    bool app_waits = false;
    std::vector<std::uint64_t> waiting;
    int searches = 0;
    base::Duration patience{};  // with the last heartbeat
    // What is known of topics' names; null: nobody answers.
    TopicNames names{{topic_id(1), "t"}, {topic_id(2), "u"}};
    bool names_fail = false;
    std::vector<TimePoint> names_asked;

private:
    void name(std::uint64_t number, const NameTopics& wanted) {
        names_asked.push_back(now);
        if (names_fail) return member.on_names(number, Error::of(ErrorCode::timed_out), now);
        TopicNames found;
        for (const auto& id : wanted.ids)
            if (const auto at = names.find(id); at != names.end()) found.insert(*at);
        member.on_names(number, std::move(found), now);
    }
    void apply(std::uint64_t number, const Rebalance& r) {
        using enum Rebalance::Kind;
        said += (r.kind == assigned ? "+" : r.kind == revoked ? "-" : "lost ") + show_partitions(r.partitions) + "; ";
        if (r.kind == assigned) {
            EXPECT_EQ(without(r.partitions, held), r.partitions) << "given what it has already";
            merge(held, r.partitions);
        } else {
            EXPECT_TRUE(without(r.partitions, held).empty())
                << "it never had " << show_partitions(without(r.partitions, held));
            held = without(held, r.partitions);
        }
        if (app_waits)
            waiting.push_back(number);
        else
            member.on_rebalanced(number, now);
    }

    base::Random random_{7};
    std::vector<std::pair<std::uint64_t, MemberHeartbeat>> pending_;
};

}  // namespace ottla::client
