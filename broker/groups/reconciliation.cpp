// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/reconciliation.hpp"

#include <algorithm>

namespace ottla::broker::groups {
namespace {

class ReconciliationStep {
public:
    ReconciliationStep(const MemberPosition& now, const Reconciliation& facts) : now_(now), facts_(facts) {}

    MemberPosition towards_target(std::int32_t from_epoch) const;
    // It keeps its epoch, and gives up what it does not read any more.
    MemberPosition without_unsubscribed() const;
    bool owns_any_of(const OwnedPartitions& given_up) const;

private:
    bool is_subscribed(const Uuid& topic) const { return std::ranges::binary_search(facts_.subscribed, topic); }
    bool is_target(const Uuid& topic, std::int32_t partition) const {
        const auto at = facts_.target->find(topic);
        return at != facts_.target->end() && at->second.contains(partition) && is_subscribed(topic);
    }
    MemberPosition moved_to(std::int32_t epoch, MemberState state) const {
        MemberPosition next;
        next.previous_epoch = now_.epoch;
        next.epoch = epoch;
        next.state = state;
        return next;
    }

    const MemberPosition& now_;
    const Reconciliation& facts_;
};

bool ReconciliationStep::owns_any_of(const OwnedPartitions& given_up) const {
    if (!facts_.owned) return true;
    return std::ranges::any_of(*facts_.owned, [&](const auto& one) {
        return std::ranges::any_of(one.partitions,
                                   [&](std::int32_t number) { return contains(given_up, one.topic_id, number); });
    });
}

MemberPosition ReconciliationStep::towards_target(std::int32_t from_epoch) const {
    OwnedPartitions kept, given_up;
    for (const auto& [topic, partitions] : now_.assigned) {
        for (const auto& [number, epoch] : partitions)
            (is_target(topic, number) ? kept : given_up)[topic].emplace(number, epoch);
    }
    if (!given_up.empty() && owns_any_of(given_up)) {
        MemberPosition next = moved_to(from_epoch, MemberState::unrevoked_partitions);
        next.assigned = std::move(kept);
        next.pending_revocation = std::move(given_up);
        return next;
    }
    MemberState state = MemberState::stable;
    for (const auto& [topic, partitions] : *facts_.target) {
        if (!is_subscribed(topic)) continue;
        for (const auto number : partitions) {
            if (contains(kept, topic, number)) continue;
            if (facts_.is_held(topic, number)) {
                state = MemberState::unreleased_partitions;
            } else {
                kept[topic].emplace(number, facts_.assignment_epoch);
            }
        }
    }
    MemberPosition next = moved_to(facts_.assignment_epoch, state);
    next.assigned = std::move(kept);
    return next;
}

MemberPosition ReconciliationStep::without_unsubscribed() const {
    OwnedPartitions kept, given_up = now_.pending_revocation;
    for (const auto& [topic, partitions] : now_.assigned) {
        if (is_subscribed(topic)) {
            kept[topic] = partitions;
        } else {
            given_up[topic].insert(partitions.begin(), partitions.end());
        }
    }
    if (kept == now_.assigned) return now_;
    const bool must_say_so = !given_up.empty() && owns_any_of(given_up);
    MemberPosition next = moved_to(now_.epoch, must_say_so ? MemberState::unrevoked_partitions : now_.state);
    next.assigned = std::move(kept);
    next.pending_revocation = must_say_so ? std::move(given_up) : now_.pending_revocation;
    return next;
}

}  // namespace

Result<MemberPosition> reconcile(const MemberPosition& now, const Reconciliation& facts) {
    const ReconciliationStep step(now, facts);
    MemberPosition next = now;
    switch (now.state) {
        case MemberState::stable:
            if (now.epoch != facts.assignment_epoch) {
                next = step.towards_target(now.epoch);
            } else if (facts.has_new_subscription) {
                next = step.without_unsubscribed();
            }
            break;
        case MemberState::unrevoked_partitions:
            if (!step.owns_any_of(now.pending_revocation)) {
                next = step.towards_target(now.epoch);
            } else if (facts.has_new_subscription) {
                next = step.without_unsubscribed();
            }
            break;
        case MemberState::unreleased_partitions: next = step.towards_target(now.epoch); break;
        case MemberState::unknown:
            if (!facts.owned || !facts.owned->empty()) {
                return Error::of(ErrorCode::fenced_member_epoch,
                                 "The member is in a state that this broker does not know; it must give up all its "
                                 "partitions and join again.");
            }
            next = step.towards_target(facts.assignment_epoch);
            break;
    }
    // Nothing but the note of the epoch before: still where it was.
    if (next.epoch == now.epoch && next.state == now.state && next.assigned == now.assigned &&
        next.pending_revocation == now.pending_revocation)
        return now;
    return next;
}

}  // namespace ottla::broker::groups
