// SPDX-License-Identifier: Apache-2.0
// What the application wants, what the clock says, and what is to be done next. The answers are taken in
// consumer_answers.cpp.
#include "client/group/consumer_membership.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

namespace ottla::client {
namespace {

// Until the coordinator says otherwise.
constexpr base::Duration first_heartbeat_interval = std::chrono::seconds(5);
// A heartbeat is answered at once. Who waited longer for a coordinator that is gone would be fenced by the next one.
constexpr base::Duration heartbeat_answer_max = std::chrono::seconds(10);
constexpr std::int32_t leaving_epoch = -1;
// A static member may be back soon: its partitions wait for it.
constexpr std::int32_t static_leaving_epoch = -2;
constexpr std::int32_t joining_epoch = 0;

// What `from` has and `then` has not; both in ascending order.
template <class Assignment>
Assignment what_is_gone(const Assignment& from, const Assignment& then) {
    Assignment left;
    for (const auto& [id, partitions] : from) {
        std::vector<std::int32_t> rest;
        const auto at = then.find(id);
        for (const auto p : partitions)
            if (at == then.end() || !std::ranges::binary_search(at->second, p)) rest.push_back(p);
        if (!rest.empty()) left.emplace(id, std::move(rest));
    }
    return left;
}

}  // namespace

ConsumerMembership::ConsumerMembership(ConsumerSettings settings, base::Random& random)
    : settings_(std::move(settings)),
      random_(random),
      search_(settings_.retry_backoff, settings_.retry_backoff_max, random),
      reports_(settings_),
      naming_backoff_(settings_.retry_backoff, settings_.retry_backoff_max),
      heartbeat_interval_(first_heartbeat_interval) {
    identity_.member_id = to_string(random.uuid());
}

std::optional<Uuid> ConsumerMembership::assigned_id(std::string_view topic) const {
    // While partitions change over from a topic that was deleted to its successor, those held count.
    const Assignment* const held[] = {&current_, next_current_ ? &*next_current_ : nullptr};
    for (const Assignment* assignment : held) {
        if (!assignment) continue;
        for (const auto& [id, partitions] : *assignment)
            if (const auto at = names_.find(id); at != names_.end() && at->second == topic) return id;
    }
    return std::nullopt;
}

void ConsumerMembership::subscribe(TopicSelection wanted, TimePoint now) {
    if (state_ == State::fatal) return;
    const bool changed = wanted != wanted_;
    wanted_ = std::move(wanted);
    if (!std::exchange(subscribed_, true)) last_poll_ = now;
    if (state_ == State::unsubscribed)
        enter_joining();
    else if (changed)
        hurries_ = true;
}

void ConsumerMembership::unsubscribe(std::string, TimePoint) {
    if (!std::exchange(subscribed_, false)) return;
    using enum State;
    if (state_ == fatal || state_ == unsubscribed || state_ == prepare_leaving || state_ == leaving) return;
    const bool is_out_already = state_ == stale || state_ == fenced;
    // A loss that the application does not know of yet is told all the same.
    if (!is_out_already) handover_.give_back_all();
    naming_ = 0;
    next_current_.reset();
    state_ = is_out_already ? unsubscribed : prepare_leaving;
}

void ConsumerMembership::on_poll(TimePoint now) {
    last_poll_ = std::max(last_poll_, now);
    if (state_ == State::stale) polled_ = true;
}

bool ConsumerMembership::sends_heartbeats() const noexcept {
    using enum State;
    return (state_ == joining && handover_.is_idle()) || state_ == reconciling || state_ == acknowledging ||
           state_ == stable || (state_ == prepare_leaving && is_member());
}

bool ConsumerMembership::must_be_polled() const noexcept {
    using enum State;
    // Others wait for what is given back, also by one who leaves.
    if (state_ == prepare_leaving) return !handover_.is_idle();
    return (state_ == joining || state_ == reconciling || state_ == acknowledging || state_ == stable ||
            state_ == fenced) &&
           (is_member() || !handover_.is_idle());
}

bool ConsumerMembership::lacks_names() const {
    if (state_ != State::reconciling && state_ != State::acknowledging) return false;
    return std::ranges::any_of(target_, [&](const auto& entry) { return !names_.contains(entry.first); });
}

TimePoint ConsumerMembership::heartbeat_due() const noexcept {
    const bool now = hurries_ || state_ == State::joining || state_ == State::acknowledging;
    return now ? search_.not_before() : std::max(search_.not_before(), last_heartbeat_ + heartbeat_interval_);
}

TimePoint ConsumerMembership::wake_at() const {
    auto at = TimePoint::max();
    if (must_be_polled()) at = std::min(at, last_poll_ + settings_.max_poll_interval);
    if (naming_ == 0 && lacks_names()) at = std::min(at, naming_not_before_);
    if (!sends_heartbeats()) return at;
    if (!search_.is_known()) return search_.is_under_way() ? at : std::min(at, search_.not_before());
    return heartbeat_ == 0 ? std::min(at, heartbeat_due()) : at;
}

void ConsumerMembership::look_at_time(TimePoint now) {
    if (!must_be_polled() || now < last_poll_ + settings_.max_poll_interval) return;
    if (state_ != State::prepare_leaving) reports_.nobody_polled();
    if (search_.is_known() && (is_member() || heartbeat_ != 0)) parting_ = last_heartbeat();
    lose();
    polled_ = false;
    state_ = subscribed_ ? State::stale : State::unsubscribed;
}

// Steps that need nothing but that the application is done.
void ConsumerMembership::advance() {
    using enum State;
    if (!handover_.is_idle()) return;
    if (state_ == fenced || (state_ == stale && polled_)) enter_joining();
    if (state_ == prepare_leaving) {
        state_ = leaving;
        // Where no join is under way either, nobody has to hear of it.
        if (!search_.is_known() || (!is_member() && heartbeat_ == 0)) end_leaving();
    }
    if (state_ == reconciling && next_current_) {
        current_ = std::move(*next_current_);
        next_current_.reset();
        state_ = acknowledging;
    }
    if (state_ == reconciling) reconcile();
}

void ConsumerMembership::end_leaving() {
    lose();
    state_ = State::unsubscribed;
    if (subscribed_) enter_joining();
}

// Begins to make current_ what target_ is, as far as the topics have names.
void ConsumerMembership::reconcile() {
    Assignment named;
    std::set<std::string_view> taken;
    for (const auto& [id, partitions] : target_)
        if (const auto at = names_.find(id); at != names_.end() && taken.insert(at->second).second)
            named.emplace(id, partitions);
    if (named == current_) {
        if (target_ == current_) state_ = State::stable;
        return;
    }
    // Who waits for what is to be given back does not wait for names, but what is new may come in one piece.
    auto given_back = what_is_gone(current_, named);
    if (given_back.empty() && named.size() < target_.size() && !names_asked_) return;
    auto added = what_is_gone(named, current_);
    handover_.revoke(by_name(given_back));
    if (!added.empty()) handover_.assign(by_name(added));
    next_current_ = std::move(named);
}

PartitionMap ConsumerMembership::by_name(const Assignment& assignment) const {
    PartitionMap named;
    for (const auto& [id, partitions] : assignment)
        if (const auto at = names_.find(id); at != names_.end()) merge(named, {{at->second, partitions}});
    return named;
}

ConsumerMembership::Action ConsumerMembership::act(TimePoint deadline) {
    Action action;
    action.call = ++calls_;
    action.deadline = deadline;
    return action;
}

ConsumerMembership::Heartbeat ConsumerMembership::heartbeat() {
    Heartbeat request;
    request.group_id = settings_.group_id;
    request.member_id = identity_.member_id;
    request.member_epoch = state_ == State::joining ? joining_epoch : identity_.generation;
    request.instance_id = settings_.instance_id;
    if (!told_) {
        request.rebalance_timeout_ms = in_ms(settings_.max_poll_interval);
        request.rack_id = settings_.rack;
        if (!settings_.assignor.empty()) request.server_assignor = settings_.assignor;
    }
    if (!told_ || told_->names != wanted_.names) request.subscribed_topic_names = wanted_.names;
    // An empty one takes back what was told before.
    if (told_ ? told_->regex != wanted_.regex : !wanted_.regex.empty()) request.subscribed_topic_regex = wanted_.regex;
    if (!told_ || state_ == State::acknowledging) {
        auto& held = request.topic_partitions.emplace();
        for (const auto& [id, partitions] : current_) {
            auto& to = held.emplace_back();
            to.topic_id = id;
            to.partitions = partitions;
        }
    }
    told_ = wanted_;
    return request;
}

ConsumerMembership::Heartbeat ConsumerMembership::last_heartbeat() const {
    Heartbeat request;
    request.group_id = settings_.group_id;
    request.member_id = identity_.member_id;
    request.instance_id = settings_.instance_id;
    request.member_epoch = settings_.instance_id ? static_leaving_epoch : leaving_epoch;
    return request;
}

std::optional<ConsumerMembership::Action> ConsumerMembership::next_naming(TimePoint now) {
    if (naming_ != 0 || now < naming_not_before_ || !lacks_names()) return std::nullopt;
    auto action = act(now + settings_.request_timeout);
    NameTopics wanted;
    for (const auto& [id, partitions] : target_)
        if (!names_.contains(id)) wanted.ids.push_back(id);
    action.what = std::move(wanted);
    naming_ = action.call;
    return action;
}

std::optional<ConsumerMembership::Action> ConsumerMembership::next_request(TimePoint now) {
    if (state_ == State::leaving && leave_ == 0) {
        auto action = act(now + settings_.request_timeout);
        action.what = last_heartbeat();
        leave_ = action.call;
        lose();
        return action;
    }
    if (!sends_heartbeats()) return std::nullopt;
    if (!search_.is_known()) {
        if (search_.is_under_way() || now < search_.not_before()) return std::nullopt;
        auto action = act(now + settings_.request_timeout);
        action.what = FindCoordinator();
        search_.begin(action.call);
        return action;
    }
    if (heartbeat_ != 0 || now < heartbeat_due()) return std::nullopt;
    auto action = act(now + std::min(settings_.request_timeout, heartbeat_answer_max));
    action.what = heartbeat();
    heartbeat_ = action.call;
    last_heartbeat_ = now;
    hurries_ = false;
    if (state_ == State::acknowledging) state_ = target_ == current_ ? State::stable : State::reconciling;
    return action;
}

std::optional<ConsumerMembership::Action> ConsumerMembership::next(TimePoint now) {
    look_at_time(now);
    advance();
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
    if (handover_.is_due()) {
        auto action = act({});
        action.what = handover_.take(action.call);
        return action;
    }
    if (auto naming = next_naming(now)) return naming;
    return next_request(now);
}

std::string_view ConsumerMembership::state_name() const noexcept {
    static constexpr std::string_view names[] = {"UNSUBSCRIBED",    "JOINING", "RECONCILING", "ACKNOWLEDGING", "STABLE",
                                                 "PREPARE_LEAVING", "LEAVING", "STALE",       "FENCED",        "FATAL"};
    return names[static_cast<std::size_t>(state_)];
}

std::string_view ConsumerMembership::join_state() const noexcept {
    static constexpr std::string_view names[] = {"init",
                                                 "wait-join",
                                                 "wait-assign-call",
                                                 "steady",
                                                 "steady",
                                                 "wait-unassign-call",
                                                 "wait-unassign-to-complete",
                                                 "init",
                                                 "wait-join",
                                                 "init"};
    return names[static_cast<std::size_t>(state_)];
}

}  // namespace ottla::client
