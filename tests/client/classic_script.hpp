// SPDX-License-Identifier: Apache-2.0
// ClassicScript: a membership, the application that it speaks to, and the coordinator's part as the test plays it.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "client/consumer/assignors/group_protocol.hpp"
#include "client/group/classic_membership.hpp"

namespace ottla::client {

using namespace std::chrono_literals;

inline ClassicSettings settings_for(std::vector<std::string> assignors) {
    ClassicSettings s;
    s.group_id = "g";
    for (const auto& name : assignors) s.assignors.push_back(find_assignor(name));
    s.session_timeout = 45s;
    s.heartbeat_interval = 3s;
    s.max_poll_interval = 300s;
    s.retry_backoff = 100ms;
    s.retry_backoff_max = 1s;
    s.request_timeout = 30s;
    return s;
}

inline std::string show(const PartitionMap& partitions) {
    std::string out;
    for (const auto& [topic, numbers] : partitions)
        for (const auto p : numbers) out += (out.empty() ? "" : " ") + topic + std::to_string(p);
    return out;
}

class ClassicScript {
public:
    explicit ClassicScript(ClassicSettings settings = settings_for({"range"}))
        : membership(std::move(settings), random_) {
        now += 1h;
    }

    // The next action, which must be of this kind. What the application is told is gathered in `said`.
    template <class Wanted>
    Wanted expect() {
        settle();
        for (int i = 0; i < 1000 && pending_.empty(); ++i) {
            const auto at = membership.wake_at();
            if (at == TimePoint::max()) break;
            EXPECT_LE(at - now, 301s);
            now = std::max(now, at);
            settle();
        }
        if (pending_.empty()) {
            ADD_FAILURE() << "nothing is to be done";
            return {};
        }
        call = pending_.front().call;
        const auto what = std::move(pending_.front().what);
        pending_.erase(pending_.begin());
        const auto* wanted = std::get_if<Wanted>(&what);
        EXPECT_TRUE(wanted) << "another action: " << what.index();
        return wanted ? *wanted : Wanted();
    }
    // Nothing happens for so long, but heartbeats, which are answered.
    void advance(base::Duration time, bool polls = true) {
        const auto end = now + time;
        for (settle(); now < end; settle()) {
            now = std::min(end, std::max(now, membership.wake_at()));
            if (polls) membership.on_poll(now);
        }
    }
    bool idle() {
        settle();
        return pending_.empty();
    }

    void found() { membership.on_coordinator((expect<FindCoordinator>(), call), Error(), now); }
    void joined(std::string member, std::int32_t generation, std::string leader = "other") {
        protocol::JoinGroupResponse r;
        r.member_id = std::move(member);
        r.generation_id = generation;
        r.protocol_name = std::string(last_join.protocols.empty() ? "" : last_join.protocols.front().name);
        r.leader = std::move(leader);
        membership.on_join(call, std::move(r), now);
    }
    void join(std::string member, std::int32_t generation, std::string leader = "other") {
        last_join = expect<protocol::JoinGroupRequest>();
        joined(std::move(member), generation, std::move(leader));
    }
    void join_fails(ErrorCode code, std::string member = {}) {
        last_join = expect<protocol::JoinGroupRequest>();
        protocol::JoinGroupResponse r;
        r.error_code = static_cast<std::int16_t>(code);
        r.member_id = std::move(member);
        membership.on_join(call, std::move(r), now);
    }
    void sync(const PartitionMap& assigned, ErrorCode code = ErrorCode::none) {
        last_sync = expect<protocol::SyncGroupRequest>();
        protocol::SyncGroupResponse r;
        r.error_code = static_cast<std::int16_t>(code);
        r.assignment = write_assignment(assigned).value();
        membership.on_sync(call, std::move(r), now);
    }
    void heartbeat(ErrorCode code) {
        protocol::HeartbeatResponse r;
        r.error_code = static_cast<std::int16_t>(code);
        keep_heartbeats = true;
        expect<protocol::HeartbeatRequest>();
        keep_heartbeats = false;
        membership.on_heartbeat(call, r, now);
    }
    void subscribe(std::vector<std::string> topics) {
        TopicSelection wanted;
        wanted.names = std::move(topics);
        membership.subscribe(std::move(wanted), now);
    }
    // From subscribing to the assignment.
    void become_member(const PartitionMap& assigned) {
        subscribe({"t"});
        found();
        join("m", 1);
        sync(assigned);
        settle();
        ASSERT_TRUE(membership.is_stable());
    }
    std::string take_said() { return std::exchange(said, {}); }

    // Does what can be done without the coordinator.
    void settle() {
        int actions = 0;
        while (auto action = membership.next(now)) {
            ASSERT_LT(++actions, 100) << "it spins";
            if (auto* report = std::get_if<Report>(&action->what)) {
                said += std::string(report->error.name()) + (report->error.is_fatal() ? "!! " : "! ");
            } else if (auto* rebalance = std::get_if<Rebalance>(&action->what)) {
                apply(action->call, *rebalance);
            } else if (std::holds_alternative<protocol::HeartbeatRequest>(action->what) && !keep_heartbeats) {
                if (!silent) membership.on_heartbeat(action->call, protocol::HeartbeatResponse(), now);
            } else {
                pending_.push_back(std::move(*action));
            }
        }
    }

    TimePoint now{};
    ClassicMembership membership;
    std::uint64_t call = 0;
    std::string said;
    PartitionMap held;  // by the application
    bool keep_heartbeats = false;
    bool silent = false;     // the coordinator, to heartbeats
    bool app_waits = false;  // takes note of nothing; done() does
    std::vector<std::uint64_t> waiting;
    protocol::JoinGroupRequest last_join;
    protocol::SyncGroupRequest last_sync;

    void done() {
        for (const auto c : std::exchange(waiting, {})) membership.on_rebalanced(c, now);
        app_waits = false;
    }

private:
    void apply(std::uint64_t number, const Rebalance& r) {
        using enum Rebalance::Kind;
        said += (r.kind == assigned ? "+" : r.kind == revoked ? "-" : "lost ") + show(r.partitions) + "; ";
        if (r.kind == assigned) {
            EXPECT_EQ(without(r.partitions, held), r.partitions) << "given what it has already";
            merge(held, r.partitions);
        } else {
            EXPECT_TRUE(without(r.partitions, held).empty()) << "it never had " << show(without(r.partitions, held));
            held = without(held, r.partitions);
        }
        if (app_waits)
            waiting.push_back(number);
        else
            membership.on_rebalanced(number, now);
    }

    base::Random random_{7};
    std::vector<MembershipAction> pending_;
};

}  // namespace ottla::client
