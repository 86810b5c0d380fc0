// SPDX-License-Identifier: Apache-2.0
// What the application wants, what the clock says, and what is to be done next. The answers are taken in
// membership_answers.cpp.
#include "client/group/membership.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "client/consumer/assignors/group_protocol.hpp"

namespace ottla::client {
namespace {

constexpr std::string_view protocol_type = "consumer";
// The coordinator answers a join when the rebalance timeout is over; so long after it, it is not answering at all.
constexpr base::Duration join_grace = std::chrono::seconds(5);

std::int32_t in_ms(base::Duration time) {
    return static_cast<std::int32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

bool all_cooperative(const std::vector<const Assignor*>& assignors) {
    return std::ranges::all_of(assignors, [](const Assignor* a) { return a->cooperative; });
}

}  // namespace

Membership::Membership(MembershipSettings settings, base::Random& random)
    : settings_(std::move(settings)),
      cooperative_(all_cooperative(settings_.assignors)),
      random_(random),
      backoff_(settings_.retry_backoff, settings_.retry_backoff_max) {
    OTTLA_ASSERT(!settings_.assignors.empty());
}

void Membership::subscribe(std::vector<std::string> topics, TimePoint now) {
    if (phase_ == Phase::fenced) return;
    const bool changed = topics != topics_;
    topics_ = std::move(topics);
    const bool was = std::exchange(subscribed_, true);
    if (!was) last_poll_ = now;
    if (phase_ == Phase::out) {
        join_reason_ = "the consumer subscribed";
        phase_ = Phase::unjoined;
        not_before_ = now;
    } else if (changed && was) {
        rejoin_reason_ = "the subscription changed";
    }
}

void Membership::unsubscribe(std::string reason, TimePoint now) {
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
    not_before_ = now;
    // What has not been handed over yet is not.
    std::erase_if(rebalances_, [](const Rebalance& r) { return r.kind == Rebalance::Kind::assigned; });
    auto giving = owned_;
    for (const auto& [call, r] : outstanding_)
        if (r.kind == Rebalance::Kind::revoked) giving = without(giving, r.partitions);
    std::erase_if(rebalances_, [](const Rebalance& r) { return r.kind == Rebalance::Kind::revoked; });
    if (!giving.empty()) rebalances_.push_back({Rebalance::Kind::revoked, std::move(giving)});
}

void Membership::on_poll(TimePoint now) {
    last_poll_ = std::max(last_poll_, now);
    if (phase_ != Phase::away) return;
    join_reason_ = "the application polls again";
    phase_ = Phase::unjoined;
    not_before_ = now;
}

void Membership::on_metadata(const GroupTopics& known) {
    if (!leads_) return;
    for (const auto& [topic, partitions] : known) {
        const auto at = shared_.find(topic);
        if (at == shared_.end() || at->second.size() == partitions.size()) continue;
        rejoin_reason_ = fmt::format("topic '{}' has {} partitions now", topic, partitions.size());
        at->second = partitions;
    }
}

bool Membership::heartbeats() const noexcept {
    using enum Phase;
    return is_member() &&
           (phase_ == giving_up || phase_ == describing || phase_ == sharing || phase_ == to_sync ||
            phase_ == syncing || phase_ == handing || phase_ == stable || (phase_ == leaving && !leave_sent_));
}

// Without a word from the coordinator. A join that is under way is one.
bool Membership::can_be_lost() const noexcept { return heartbeats() || (phase_ == Phase::unjoined && is_member()); }

// The coordinator may be in the next generation already, and its word of that is on the way or lost.
bool Membership::rejoins() const noexcept {
    using enum Phase;
    return phase_ == unjoined || phase_ == joining || phase_ == describing || phase_ == sharing || phase_ == to_sync ||
           phase_ == syncing;
}

bool Membership::must_be_polled() const noexcept {
    using enum Phase;
    // The group waits for what is given back, also by one who leaves.
    if (phase_ == leaving) return application_busy();
    return subscribed_ && phase_ != out && phase_ != away && phase_ != fenced && (is_member() || application_busy());
}

TimePoint Membership::wake_at() const {
    auto at = TimePoint::max();
    if (must_be_polled()) at = std::min(at, last_poll_ + settings_.max_poll_interval);
    if (can_be_lost()) at = std::min(at, last_contact_ + settings_.session_timeout);
    if (heartbeats() && heartbeat_ == 0 && coordinator_known_)
        at = std::min(at, last_heartbeat_ + settings_.heartbeat_interval);
    using enum Phase;
    const bool looks = !coordinator_known_ && finding_ == 0 && phase_ != out && phase_ != away && phase_ != fenced &&
                       phase_ != leaving;
    const bool asks =
        coordinator_known_ && request_ == 0 &&
        (((phase_ == unjoined || phase_ == leaving) && !application_busy()) || phase_ == sharing || phase_ == to_sync);
    return looks || asks ? std::min(at, not_before_) : at;
}

void Membership::look_at_time(TimePoint now) {
    if (must_be_polled() && now >= last_poll_ + settings_.max_poll_interval) {
        if (phase_ != Phase::leaving) {
            reports_.push_back(Error::of(
                ErrorCode::max_poll_exceeded,
                fmt::format("group '{}': nobody polled for max.poll.interval.ms ({}); the consumer has left the group, "
                            "and joins again with the next poll. Poll more often, or raise the setting",
                            settings_.group_id, in_ms(settings_.max_poll_interval))));
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
        coordinator_known_ = false;
        request_ = 0;
        if (phase_ != Phase::leaving) phase_ = Phase::unjoined;
    }
}

void Membership::begin_rejoin() {
    join_reason_ = std::exchange(rejoin_reason_, std::nullopt).value_or(std::string());
    phase_ = Phase::giving_up;
    PartitionMap giving;
    for (const auto& [topic, numbers] : owned_)
        if (!cooperative_ || !std::ranges::binary_search(topics_, topic)) giving[topic] = numbers;
    if (!giving.empty()) rebalances_.push_back({Rebalance::Kind::revoked, std::move(giving)});
}

// Steps that need nothing but that the application is done.
void Membership::advance(TimePoint now) {
    if (phase_ == Phase::stable && rejoin_reason_) begin_rejoin();
    if (application_busy()) return;
    if (phase_ == Phase::handing) {
        phase_ = Phase::stable;
        if (rejoin_reason_) begin_rejoin();
    }
    if (application_busy()) return;
    if (phase_ == Phase::giving_up) {
        phase_ = Phase::unjoined;
        not_before_ = std::min(not_before_, now);
    }
    if (phase_ == Phase::leaving && request_ == 0 &&
        (leave_sent_ || !coordinator_known_ || is_static() || identity_.member_id.empty())) {
        identity_ = {};
        phase_ = subscribed_ ? Phase::unjoined : Phase::out;
        join_reason_ = "the consumer subscribed";
        not_before_ = now;
    }
}

Membership::Action Membership::act(TimePoint deadline) {
    Action action;
    action.call = ++calls_;
    action.deadline = deadline;
    return action;
}

std::optional<Membership::Action> Membership::next_rebalance() {
    if (rebalances_.empty()) return std::nullopt;
    const bool lost = rebalances_.front().kind == Rebalance::Kind::lost;
    if (!outstanding_.empty() && !lost) return std::nullopt;
    auto action = act({});
    Rebalance next = std::move(rebalances_.front());
    rebalances_.pop_front();
    if (next.kind == Rebalance::Kind::assigned) merge(owned_, next.partitions);
    outstanding_.emplace(action.call, next);
    action.what = std::move(next);
    return action;
}

std::optional<Membership::Action> Membership::leave(TimePoint now) {
    if (!coordinator_known_ || is_static() || identity_.member_id.empty()) return std::nullopt;
    auto action = act(now + settings_.request_timeout);
    protocol::LeaveGroupRequest request;
    request.group_id = settings_.group_id;
    auto& member = request.members.emplace_back();
    member.member_id = identity_.member_id;
    member.reason = leave_reason_;
    action.what = std::move(request);
    return action;
}

protocol::JoinGroupRequest Membership::join_request() {
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
    if (cooperative_) self.owned = owned_;
    for (const Assignor* assignor : settings_.assignors) {
        auto bytes = write_subscription(*assignor, self, held_);
        if (!bytes) {
            tell_once(bytes.error().with_context("the subscription"));
            continue;
        }
        auto& to = request.protocols.emplace_back();
        to.name = assignor->name;
        to.metadata = std::move(*bytes);
    }
    return request;
}

std::optional<Membership::Action> Membership::next_request(TimePoint now) {
    using enum Phase;
    if (heartbeats() && coordinator_known_ && heartbeat_ == 0 &&
        now >= last_heartbeat_ + settings_.heartbeat_interval) {
        auto action = act(now + std::min(settings_.session_timeout, settings_.request_timeout));
        heartbeat_ = action.call;
        last_heartbeat_ = now;
        protocol::HeartbeatRequest request;
        request.group_id = settings_.group_id;
        request.generation_id = identity_.generation;
        request.member_id = identity_.member_id;
        request.group_instance_id = settings_.instance_id;
        action.what = std::move(request);
        return action;
    }
    if (request_ != 0 || now < not_before_) return std::nullopt;
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

std::optional<Membership::Action> Membership::next(TimePoint now) {
    look_at_time(now);
    advance(now);
    if (!reports_.empty()) {
        auto action = act({});
        action.what = Report{std::move(reports_.front())};
        reports_.pop_front();
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
    if (!coordinator_known_) {
        if (finding_ != 0 || now < not_before_ || phase_ == leaving) return std::nullopt;
        auto action = act(now + settings_.request_timeout);
        finding_ = action.call;
        action.what = FindCoordinator();
        return action;
    }
    return next_request(now);
}

}  // namespace ottla::client
