// SPDX-License-Identifier: Apache-2.0
// What the application wants, what the clock says, and what is to be done next. The answers are taken in
// classic_answers.cpp.
#include "client/group/classic_membership.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "client/consumer/assignors/group_protocol.hpp"

namespace ottla::client {
namespace {

constexpr std::string_view protocol_type = "consumer";
// The coordinator answers a join when the rebalance timeout is over; so long after it, it is not answering at all.
constexpr base::Duration join_grace = std::chrono::seconds(5);

bool all_cooperative(const std::vector<const Assignor*>& assignors) {
    return std::ranges::all_of(assignors, [](const Assignor* a) { return a->cooperative; });
}

}  // namespace

ClassicMembership::ClassicMembership(ClassicSettings settings, base::Random& random)
    : settings_(std::move(settings)),
      cooperative_(all_cooperative(settings_.assignors)),
      search_(settings_.retry_backoff, settings_.retry_backoff_max, random),
      heartbeat_pace_(settings_.heartbeat_interval),
      reports_(settings_) {
    OTTLA_ASSERT(!settings_.assignors.empty());
}

void ClassicMembership::subscribe(TopicSelection wanted, TimePoint now) {
    OTTLA_ASSERT(wanted.regex.empty());
    if (phase_ == Phase::fenced) return;
    const bool changed = wanted.names != topics_;
    topics_ = std::move(wanted.names);
    const bool was = std::exchange(subscribed_, true);
    if (!was) last_poll_ = now;
    if (phase_ == Phase::out) {
        join_reason_ = "the consumer subscribed";
        phase_ = Phase::unjoined;
        search_.at_once(now);
    } else if (changed && was) {
        rejoin_reason_ = "the subscription changed";
    }
}

void ClassicMembership::unsubscribe(std::string reason, TimePoint now) {
    if (!subscribed_) return;
    subscribed_ = false;
    topics_.clear();
    shared_.clear();
    leads_ = false;
    rejoin_reason_.reset();
    request_ = 0;
    if (phase_ == Phase::fenced || phase_ == Phase::out) return;
    leave_reason_ = std::move(reason);
    leave_sent_ = false;
    phase_ = Phase::leaving;
    search_.at_once(now);
    handover_.give_back_all();
}

void ClassicMembership::on_poll(TimePoint now) {
    last_poll_ = std::max(last_poll_, now);
    if (phase_ != Phase::away) return;
    join_reason_ = "the application polls again";
    phase_ = Phase::unjoined;
    search_.at_once(now);
}

bool ClassicMembership::heartbeats() const noexcept {
    using enum Phase;
    return is_member() &&
           (phase_ == giving_up || phase_ == describing || phase_ == sharing || phase_ == to_sync ||
            phase_ == syncing || phase_ == handing || phase_ == stable || (phase_ == leaving && !leave_sent_));
}

// Without a word from the coordinator. A join that is under way is one.
bool ClassicMembership::can_be_lost() const noexcept {
    return heartbeats() || (phase_ == Phase::unjoined && is_member());
}

// The coordinator may be in the next generation already, and its word of that is on the way or lost.
bool ClassicMembership::rejoins() const noexcept {
    using enum Phase;
    return phase_ == unjoined || phase_ == joining || phase_ == describing || phase_ == sharing || phase_ == to_sync ||
           phase_ == syncing;
}

bool ClassicMembership::must_be_polled() const noexcept {
    using enum Phase;
    // The group waits for what is given back, also by one who leaves.
    if (phase_ == leaving) return application_busy();
    return subscribed_ && phase_ != out && phase_ != away && phase_ != fenced && (is_member() || application_busy());
}

TimePoint ClassicMembership::wake_at() const {
    auto at = TimePoint::max();
    if (must_be_polled()) at = std::min(at, last_poll_ + settings_.max_poll_interval);
    if (can_be_lost()) at = std::min(at, last_contact_ + settings_.session_timeout);
    if (heartbeats() && heartbeat_ == 0 && search_.is_known()) at = std::min(at, last_heartbeat_ + heartbeat_pace_);
    using enum Phase;
    if (phase_ == stable && leads_ && description_ == 0 && search_.is_known()) at = std::min(at, orphans_due_);
    const bool looks = !search_.is_known() && !search_.is_under_way() && phase_ != out && phase_ != away &&
                       phase_ != fenced && phase_ != leaving;
    const bool asks =
        search_.is_known() && request_ == 0 &&
        (((phase_ == unjoined || phase_ == leaving) && !application_busy()) || phase_ == sharing || phase_ == to_sync);
    return looks || asks ? std::min(at, search_.not_before()) : at;
}

void ClassicMembership::look_at_time(TimePoint now) {
    if (must_be_polled() && now >= last_poll_ + settings_.max_poll_interval) {
        if (phase_ != Phase::leaving) {
            reports_.nobody_polled();
            leave_reason_ = "max.poll.interval.ms passed without a poll";
        }
        if (auto parting = leave(now)) parting_ = std::get<protocol::LeaveGroupRequest>(std::move(parting->what));
        lose();
        identity_ = {};
        request_ = 0;
        phase_ = subscribed_ ? Phase::away : Phase::out;
    }
    if (can_be_lost() && now >= last_contact_ + settings_.session_timeout) {
        // The coordinator will have given the partitions to others.
        join_reason_ = "the coordinator was silent for session.timeout.ms";
        lose();
        identity_.generation = -1;
        search_.forget();
        request_ = 0;
        if (phase_ != Phase::leaving) phase_ = Phase::unjoined;
    }
}

void ClassicMembership::begin_rejoin() {
    join_reason_ = std::exchange(rejoin_reason_, std::nullopt).value_or(std::string());
    phase_ = Phase::giving_up;
    PartitionMap giving;
    for (const auto& [topic, numbers] : handover_.owned())
        if (!cooperative_ || !std::ranges::binary_search(topics_, topic)) giving[topic] = numbers;
    handover_.revoke(std::move(giving));
}

// Steps that need nothing but that the application is done.
void ClassicMembership::advance(TimePoint now) {
    if (phase_ == Phase::stable && rejoin_reason_) begin_rejoin();
    if (application_busy()) return;
    if (phase_ == Phase::handing) {
        phase_ = Phase::stable;
        if (rejoin_reason_) begin_rejoin();
    }
    if (application_busy()) return;
    if (phase_ == Phase::giving_up) {
        phase_ = Phase::unjoined;
        search_.at_once(std::min(search_.not_before(), now));
    }
    if (phase_ == Phase::leaving && request_ == 0 &&
        (leave_sent_ || !search_.is_known() || is_static() || identity_.member_id.empty())) {
        identity_ = {};
        phase_ = subscribed_ ? Phase::unjoined : Phase::out;
        join_reason_ = "the consumer subscribed";
        search_.at_once(now);
    }
}

ClassicMembership::Action ClassicMembership::act(TimePoint deadline) {
    Action action;
    action.call = ++calls_;
    action.deadline = deadline;
    return action;
}

std::optional<ClassicMembership::Action> ClassicMembership::next_rebalance() {
    if (!handover_.is_due()) return std::nullopt;
    auto action = act({});
    action.what = handover_.take(action.call);
    return action;
}

std::optional<ClassicMembership::Action> ClassicMembership::leave(TimePoint now) {
    if (!search_.is_known() || is_static() || identity_.member_id.empty()) return std::nullopt;
    auto action = act(now + settings_.request_timeout);
    protocol::LeaveGroupRequest request;
    request.group_id = settings_.group_id;
    auto& member = request.members.emplace_back();
    member.member_id = identity_.member_id;
    member.reason = leave_reason_;
    action.what = std::move(request);
    return action;
}

protocol::JoinGroupRequest ClassicMembership::join_request() {
    protocol::JoinGroupRequest request;
    request.group_id = settings_.group_id;
    request.session_timeout_ms = in_ms(settings_.session_timeout);
    request.rebalance_timeout_ms = in_ms(settings_.max_poll_interval);
    request.member_id = identity_.member_id;
    request.group_instance_id = settings_.instance_id;
    request.protocol_type = protocol_type;
    if (!join_reason_.empty()) request.reason = join_reason_;
    GroupMember self;
    self.topics = topics_;
    self.rack = settings_.rack;
    self.generation = held_generation_;
    if (cooperative_) self.owned = handover_.owned();
    for (const Assignor* assignor : settings_.assignors) {
        self.user_data = own_user_data(*assignor);
        auto bytes = write_subscription(*assignor, self, held_);
        if (!bytes) {
            reports_.tell_once(bytes.error().with_context("the subscription"));
            continue;
        }
        auto& to = request.protocols.emplace_back();
        to.name = assignor->name;
        to.metadata = std::move(*bytes);
    }
    return request;
}

std::optional<ClassicMembership::Action> ClassicMembership::next_request(TimePoint now) {
    using enum Phase;
    if (heartbeats() && search_.is_known() && heartbeat_ == 0 && now >= last_heartbeat_ + heartbeat_pace_) {
        auto action = act(now + std::min(settings_.session_timeout, settings_.request_timeout));
        heartbeat_ = action.call;
        last_heartbeat_ = now;
        heartbeat_pace_ = std::min<base::Duration>(2 * heartbeat_pace_, settings_.heartbeat_interval);
        protocol::HeartbeatRequest request;
        request.group_id = settings_.group_id;
        request.generation_id = identity_.generation;
        request.member_id = identity_.member_id;
        request.group_instance_id = settings_.instance_id;
        action.what = std::move(request);
        return action;
    }
    if (auto action = look_for_orphans(now)) return action;
    if (request_ != 0 || now < search_.not_before()) return std::nullopt;
    if (phase_ == unjoined && !application_busy()) {
        auto action = act(now + settings_.max_poll_interval + join_grace);
        rejoin_reason_.reset();
        action.what = join_request();
        request_ = action.call;
        phase_ = joining;
        return action;
    }
    if (phase_ == sharing) {
        auto action = act(now + settings_.request_timeout);
        DescribeTopics wanted;
        std::set<std::string> names;
        for (const auto& m : members_) names.insert(m.topics.begin(), m.topics.end());
        wanted.topics.assign(names.begin(), names.end());
        action.what = std::move(wanted);
        request_ = action.call;
        phase_ = describing;
        return action;
    }
    if (phase_ == to_sync) {
        auto action = act(now + settings_.max_poll_interval + join_grace);
        protocol::SyncGroupRequest request;
        request.group_id = settings_.group_id;
        request.generation_id = identity_.generation;
        request.member_id = identity_.member_id;
        request.group_instance_id = settings_.instance_id;
        request.protocol_type = protocol_type;
        request.protocol_name = std::string(assignor_->name);
        request.assignments = std::exchange(assignments_, {});
        action.what = std::move(request);
        request_ = action.call;
        phase_ = syncing;
        return action;
    }
    if (phase_ == leaving && !application_busy()) {
        auto action = leave(now);
        leave_sent_ = true;
        if (action) request_ = action->call;
        return action;
    }
    return std::nullopt;
}

std::optional<ClassicMembership::Action> ClassicMembership::next(TimePoint now) {
    look_at_time(now);
    advance(now);
    if (auto report = reports_.next()) {
        auto action = act({});
        action.what = Report{std::move(*report)};
        return action;
    }
    if (parting_) {
        auto action = act(now + settings_.request_timeout);
        action.what = std::move(*parting_);
        parting_.reset();
        return action;
    }
    if (auto rebalance = next_rebalance()) return rebalance;
    using enum Phase;
    if (phase_ == out || phase_ == away || phase_ == fenced) return std::nullopt;
    if (!search_.is_known()) {
        if (search_.is_under_way() || now < search_.not_before() || phase_ == leaving) return std::nullopt;
        auto action = act(now + settings_.request_timeout);
        search_.begin(action.call);
        action.what = FindCoordinator();
        return action;
    }
    return next_request(now);
}

std::string_view ClassicMembership::state_name() const noexcept {
    static constexpr std::string_view names[] = {
        "out",          "to join", "giving back", "joining",      "looking at the topics",
        "to share out", "to sync", "syncing",     "handing over", "stable",
        "away",         "leaving", "fenced"};
    return names[static_cast<std::size_t>(phase_)];
}

std::string_view ClassicMembership::join_state() const noexcept {
    static constexpr std::string_view names[] = {
        "init",      "wait-join", "wait-unassign-call", "wait-join", "wait-metadata", "wait-metadata",
        "wait-sync", "wait-sync", "wait-assign-call",   "steady",    "init",          "wait-unassign-to-complete",
        "init"};
    return names[static_cast<std::size_t>(phase_)];
}

}  // namespace ottla::client
