// SPDX-License-Identifier: Apache-2.0
// ConsumerProtocol: epochs, who is to have what, and one member's step towards it.
#include <algorithm>
#include <deque>

#include "broker/groups/assignors/server_assignor.hpp"
#include "broker/groups/consumer_protocol.hpp"
#include "broker/groups/consumer_records.hpp"
#include "broker/groups/group_configs.hpp"
#include "broker/groups/reconciliation.hpp"
#include "broker/groups/topic_hash.hpp"

namespace ottla::broker::groups {
namespace {

// The topics of members, each list once: most members of a group read the same.
class TopicLists {
public:
    template <class Find>
    const std::vector<Uuid>* of(const MemberProfile& profile, Find find) {
        for (const auto& [known, topics] : lists_) {
            if (known->topics == profile.topics && known->regex == profile.regex) return &topics;
        }
        lists_.emplace_back(&profile, find(profile));
        return &lists_.back().second;
    }

private:
    std::deque<std::pair<const MemberProfile*, std::vector<Uuid>>> lists_;
};

}  // namespace

// `must`: its members have changed. Otherwise when its topics have since it was looked at last.
void ConsumerProtocol::raise_epoch(Step& step, bool must) {
    step.epoch = group_.epoch();
    if (!must && group_.compared_with == image_.offset()) return;
    const std::int64_t hash = topics_hash(group_.topics_with(&step.old, &step.next), image_);
    if (!must && hash == group_.metadata_hash()) {
        group_.compared_with = image_.offset();
        return;
    }
    step.epoch = group_.next_epoch();
    write_epoch(step.epoch, hash);
}

void ConsumerProtocol::write_epoch(std::int32_t epoch, std::int64_t hash) {
    if (group_.has_partition_metadata()) turn_.write(partition_metadata_tombstone(group_.id()));
    turn_.write(group_epoch_record(group_.id(), epoch, hash));
}

std::vector<Uuid> ConsumerProtocol::topic_ids(const MemberProfile& profile) const {
    std::vector<Uuid> ids;
    const auto add = [&](const std::string& name) {
        if (const auto topic = image_.topic(name)) ids.push_back(topic->id);
    };
    for (const auto& name : profile.topics) add(name);
    if (const auto at = group_.regexes().find(profile.regex); at != group_.regexes().end()) {
        for (const auto& name : at->second.topics) add(name);
    }
    std::ranges::sort(ids);
    const auto repeated = std::ranges::unique(ids);
    ids.erase(repeated.begin(), repeated.end());
    return ids;
}

TopicPartitions ConsumerProtocol::target_for(Step& step) {
    step.is_dealt = step.epoch > group_.assignment_epoch() && is_time_to_deal(step);
    if (step.is_dealt) return deal(step);
    return group_.target(step.replaced.empty() ? step.next.id : step.replaced);
}

// To deal takes as long as the group is large, and so do all that join it: in large ones, many are dealt to at once
// (KIP-1263). Those of the classic protocol cannot be told later.
bool ConsumerProtocol::is_time_to_deal(const Step& step) const {
    if (group_.members().size() <= members_dealt_to_at_once || step.next.is_classic()) return true;
    const std::int64_t age_ms = turn_.wall_ms - group_.dealt_at_ms();
    return age_ms < 0 || age_ms >= assignment_interval_ms(image_, group_.id(), turn_.settings.consumer);
}

// Deals all partitions anew; what the step's member is to have.
TopicPartitions ConsumerProtocol::deal(const Step& step) {
    std::map<std::string_view, const ConsumerMember*> members;
    for (const auto& [id, member] : group_.members()) {
        if (id != step.replaced) members.emplace(id, &member);
    }
    members[step.next.id] = &step.next;

    AssignorGroup input;
    TopicLists lists;
    for (const auto& [id, member] : members) {
        auto& one = input.members.emplace_back();
        one.id = id;
        if (member->profile.instance_id) one.instance_id = *member->profile.instance_id;
        one.topics = lists.of(member->profile, [this](const MemberProfile& profile) { return topic_ids(profile); });
        const bool is_replacing = id == step.next.id && !step.replaced.empty();
        one.current = &group_.target(is_replacing ? std::string_view(step.replaced) : id);
        for (const auto& topic : *one.topics) {
            if (const auto known = image_.topic(topic))
                input.partitions.emplace(topic, static_cast<std::int32_t>(known->partitions.size()));
        }
    }
    const auto preferred = preferred_assignor(members);
    const ServerAssignor* assignor = preferred ? find_server_assignor(*preferred) : nullptr;
    if (!assignor) assignor = find_server_assignor(turn_.settings.consumer.assignors.front());
    const Assigned assigned = assignor->assign(input);

    TopicPartitions of_next;
    for (std::size_t i = 0; i < assigned.size(); ++i) {
        const std::string id(input.members[i].id);
        const bool is_next = id == step.next.id;
        if (is_next) of_next = assigned[i];
        const bool has_one = group_.has_target(id) || (is_next && !step.replaced.empty());
        if (!has_one || assigned[i] != *input.members[i].current)
            turn_.write(target_record(group_.id(), id, assigned[i]));
    }
    turn_.write(target_epoch_record(group_.id(), step.epoch, turn_.wall_ms));
    return of_next;
}

Result<void> ConsumerProtocol::reconcile_member(Step& step, const Reconciliation::Owned* owned,
                                                const TopicPartitions& target, std::int32_t assignment_epoch) {
    MemberPosition& position = step.next.position;
    if (!step.is_new_subscription && position.is_reconciled_to(assignment_epoch)) return ok();
    Reconciliation facts;
    facts.assignment_epoch = assignment_epoch;
    facts.target = &target;
    facts.subscribed = topic_ids(step.next.profile);
    facts.has_new_subscription = step.is_new_subscription;
    facts.owned = owned;
    facts.is_held = [&](const Uuid& topic, std::int32_t partition) {
        const std::string* const owner = group_.owner(topic, partition);
        return owner && *owner != step.next.id && *owner != step.replaced;
    };
    const auto next = reconcile(position, facts);
    if (!next) return next.error();
    if (*next == position) return ok();
    position = *next;
    turn_.write(position_record(group_.id(), step.next));
    const auto rebalance = timer(TimerKind::rebalance, step.next.id);
    // Those of the classic protocol are to join again, and have their time for that.
    if (!step.next.is_classic() && position.state == MemberState::unrevoked_partitions) {
        const std::chrono::milliseconds patience(std::max(step.next.profile.rebalance_timeout_ms, 0));
        turn_.timers.set(rebalance, turn_.after(patience));
    } else {
        turn_.timers.cancel(rebalance);
    }
    return ok();
}

}  // namespace ottla::broker::groups
