// SPDX-License-Identifier: Apache-2.0
// What the coordinator answers, and what the application has done, and where the membership goes from there.
#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "client/group/consumer_membership.hpp"

namespace ottla::client {
namespace {

// A broker that says less is not believed.
constexpr base::Duration heartbeat_interval_min = std::chrono::milliseconds(100);

Error heartbeat_error(const Result<ConsumerMembership::HeartbeatAnswer>& answer) {
    if (!answer) return answer.error();
    const auto code = static_cast<ErrorCode>(answer->error_code);
    if (code == ErrorCode::none && answer->member_epoch <= 0)
        return Error::of(ErrorCode::bad_message,
                         fmt::format("the coordinator gave a member the epoch {}", answer->member_epoch));
    if (code == ErrorCode::none || !answer->error_message) return Error::of(code);
    return Error::of(code, fmt::format("{} The coordinator says: {}", v0::describe(code), *answer->error_message));
}

bool is_lasting(ErrorCode code) {
    switch (code) {
        case ErrorCode::unreleased_instance_id:
        case ErrorCode::fenced_instance_id:
        case ErrorCode::invalid_request:
        case ErrorCode::unsupported_assignor:
        case ErrorCode::unsupported_version:
        case ErrorCode::unsupported_feature:
        case ErrorCode::group_authorization_failed:
        case ErrorCode::invalid_group_id:
        case ErrorCode::invalid_regular_expression:
        case ErrorCode::group_max_size_reached: return true;
        default: return false;
    }
}

std::string what_to_do(ErrorCode code, const ConsumerSettings& settings, const TopicSelection& wanted) {
    switch (code) {
        case ErrorCode::unreleased_instance_id:
        case ErrorCode::fenced_instance_id:
            return fmt::format("group.instance.id is '{}', give every member its own",
                               settings.instance_id.value_or(std::string()));
        case ErrorCode::unsupported_assignor: return fmt::format("group.remote.assignor is '{}'", settings.assignor);
        case ErrorCode::unsupported_version:
        case ErrorCode::unsupported_feature:
            return "group.protocol=consumer needs brokers of Apache Kafka 4.0 with the feature group.version 1, others "
                   "need group.protocol=classic";
        case ErrorCode::group_authorization_failed: return "the principal needs READ of the group";
        case ErrorCode::invalid_regular_expression: return fmt::format("the pattern is '{}'", wanted.regex);
        case ErrorCode::group_max_size_reached: return "the brokers' group.consumer.max.size says how many it takes";
        default: return "trying again would not mend it";
    }
}

}  // namespace

void ConsumerMembership::enter_joining() {
    told_.reset();
    hurries_ = false;
    state_ = State::joining;
}

void ConsumerMembership::lose() {
    identity_.generation = -1;
    heartbeat_ = naming_ = 0;
    handover_.lose();
    target_.clear();
    current_.clear();
    next_current_.reset();
    names_.clear();
    naming_not_before_ = {};
}

void ConsumerMembership::fence(TimePoint now) {
    using enum State;
    if (state_ == unsubscribed || state_ == leaving || state_ == stale || state_ == fenced || state_ == fatal) return;
    lose();
    if (state_ == prepare_leaving) return;
    state_ = fenced;
    search_.soon(now);
}

void ConsumerMembership::fail(const Error& error) {
    lose();
    subscribed_ = false;
    state_ = State::fatal;
    std::string_view why = error.text();
    if (why.ends_with('.')) why.remove_suffix(1);
    reports_.tell(Error::of(error.code(), fmt::format("{}; {}; for this consumer that is the end, make a new one", why,
                                                      what_to_do(error.code(), settings_, wanted_)))
                      .as_fatal());
}

void ConsumerMembership::refused(const Error& error, TimePoint now) {
    // What has reached the coordinator is not known: it is told everything again, and says everything.
    told_.reset();
    hurries_ = true;
    if (is_lasting(error.code())) return fail(error);
    switch (error.code()) {
        case ErrorCode::fenced_member_epoch:
        case ErrorCode::unknown_member_id: return fence(now);
        // The group went with its last member, or has gone back to the classic protocol without this one.
        case ErrorCode::group_id_not_found:
            if (is_member()) return fence(now);
            break;
        case ErrorCode::coordinator_load_in_progress: return search_.wait(now);
        default: break;
    }
    if (error.is_retriable()) return search_.lost(now);
    reports_.tell_once(error.with_context("heartbeat"));
    search_.wait(now);
}

void ConsumerMembership::on_answer(std::uint64_t call, MembershipAnswer answer, TimePoint now) {
    if (auto* found = std::get_if<CoordinatorFound>(&answer))
        on_coordinator(call, found->error, now);
    else if (auto* heartbeat = std::get_if<Result<HeartbeatAnswer>>(&answer))
        on_heartbeat(call, *heartbeat, now);
    else if (auto* names = std::get_if<Result<TopicNames>>(&answer))
        on_names(call, std::move(*names), now);
}

void ConsumerMembership::on_coordinator(std::uint64_t call, const Error& error, TimePoint now) {
    if (!search_.end(call, error, now) || search_.is_known() || !sends_heartbeats()) return;
    if (is_lasting(error.code()))
        fail(error);
    else if (!error.is_retriable())
        reports_.tell_once(error.with_context("looking for the coordinator"));
}

void ConsumerMembership::on_heartbeat(std::uint64_t call, const Result<HeartbeatAnswer>& answer, TimePoint now) {
    if (call == leave_ && leave_ != 0) {
        leave_ = 0;
        return end_leaving();
    }
    if (call != heartbeat_ || heartbeat_ == 0) return;
    heartbeat_ = 0;
    const auto error = heartbeat_error(answer);
    if (error.code() != ErrorCode::none) return refused(error, now);
    reports_.went_well();
    // A join that went well says nothing yet: it may be all that does.
    if (is_member()) search_.went_well();
    identity_.generation = answer->member_epoch;
    heartbeat_interval_ =
        std::max<base::Duration>(heartbeat_interval_min, std::chrono::milliseconds(answer->heartbeat_interval_ms));
    if (state_ == State::prepare_leaving) return;
    if (answer->assignment) return take_target(*answer->assignment);
    if (state_ != State::joining) return;
    // It should have come with the join: everything is asked for with the next heartbeat.
    state_ = State::stable;
    told_.reset();
}

void ConsumerMembership::take_target(const HeartbeatAnswer::Assignment& assignment) {
    const bool joined = state_ == State::joining;
    Assignment target;
    for (const auto& topic : assignment.topic_partitions) {
        auto& to = target[topic.topic_id];
        to.insert(to.end(), topic.partitions.begin(), topic.partitions.end());
    }
    for (auto& [id, partitions] : target) {
        std::ranges::sort(partitions);
        partitions.erase(std::unique(partitions.begin(), partitions.end()), partitions.end());
    }
    std::erase_if(target, [](const auto& entry) { return entry.second.empty(); });
    if (target != target_) {
        target_ = std::move(target);
        names_asked_ = false;
        naming_not_before_ = {};
        std::erase_if(names_, [&](const auto& entry) {
            return !target_.contains(entry.first) && !current_.contains(entry.first) &&
                   !(next_current_ && next_current_->contains(entry.first));
        });
    }
    // Who has joined hears so, whatever he got.
    if (joined && target_.empty()) handover_.assign({});
    if (state_ == State::acknowledging || next_current_) return;
    state_ = target_ == current_ ? State::stable : State::reconciling;
}

void ConsumerMembership::on_names(std::uint64_t call, Result<TopicNames> names, TimePoint now) {
    if (call != naming_ || naming_ == 0) return;
    naming_ = 0;
    names_asked_ = true;
    if (names)
        for (auto& [id, name] : *names)
            if (target_.contains(id)) names_[id] = std::move(name);
    if (!names && !names.error().is_retriable())
        reports_.tell_once(names.error().with_context("the names of the assigned topics"));
    if (lacks_names())
        naming_not_before_ = now + naming_backoff_.next(random_);
    else
        naming_backoff_.reset();
}

void ConsumerMembership::on_rebalanced(std::uint64_t call, TimePoint) { handover_.done(call); }

bool ConsumerMembership::on_commit_error(ErrorCode code, const MemberIdentity& who, TimePoint now) {
    const bool of_members = code == ErrorCode::unknown_member_id || code == ErrorCode::fenced_member_epoch ||
                            code == ErrorCode::illegal_generation || code == ErrorCode::fenced_instance_id ||
                            code == ErrorCode::group_id_not_found;
    if (!of_members || who.generation < 0) return false;
    if (who != identity_) return true;
    if (code == ErrorCode::fenced_instance_id)
        fail(Error::of(code));
    else
        fence(now);
    return false;
}

}  // namespace ottla::client
