// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/consumer_group.hpp"

#include <utility>

#include "broker/groups/consumer_records.hpp"

namespace ottla::broker::groups {
namespace {

using protocol::ConsumerGroupDescribeResponse;

template <class Partitions>
void add_described(ConsumerGroupDescribeResponse::Assignment& told, const MetadataImage& image, const Uuid& topic_id,
                   const Partitions& numbers) {
    const auto topic = image.topic(topic_id);
    if (!topic) return;
    auto& one = told.topic_partitions.emplace_back();
    one.topic_id = topic_id;
    one.topic_name = topic->name;
    one.partitions.assign(numbers.begin(), numbers.end());
}

ConsumerGroupDescribeResponse::Member described_member(const ConsumerMember& member, const TopicPartitions& target,
                                                       const MetadataImage& image) {
    ConsumerGroupDescribeResponse::Member told;
    told.member_id = member.id;
    told.instance_id = member.profile.instance_id;
    told.rack_id = member.profile.rack_id;
    told.member_epoch = member.position.epoch;
    told.client_id = member.profile.client_id;
    told.client_host = member.profile.client_host;
    told.subscribed_topic_names = member.profile.topics;
    if (!member.profile.regex.empty()) told.subscribed_topic_regex = member.profile.regex;
    for (const auto& [topic, partitions] : member.position.assigned) {
        std::vector<std::int32_t> numbers;
        for (const auto& [number, epoch] : partitions) numbers.push_back(number);
        add_described(told.assignment, image, topic, numbers);
    }
    for (const auto& [topic, partitions] : target) add_described(told.target_assignment, image, topic, partitions);
    told.member_type = member.is_classic() ? 0 : 1;
    return told;
}

}  // namespace

std::string_view ConsumerGroup::state_name() const noexcept {
    if (members_.empty()) return "Empty";
    if (epoch_ > assignment_epoch()) return "Assigning";
    const bool all_there = std::ranges::all_of(
        members_, [&](const auto& one) { return one.second.position.is_reconciled_to(assignment_epoch()); });
    return all_there ? "Stable" : "Reconciling";
}

// --- members ---

const ConsumerMember* ConsumerGroup::find(std::string_view member_id) const {
    const auto at = members_.find(member_id);
    return at == members_.end() ? nullptr : &at->second;
}

const ConsumerMember* ConsumerGroup::static_member(std::string_view instance_id) const {
    const auto at = static_members_.find(instance_id);
    return at == static_members_.end() ? nullptr : find(at->second);
}

const TopicPartitions& ConsumerGroup::target(std::string_view member_id) const {
    static const TopicPartitions nothing;
    const auto at = targets_.find(member_id);
    return at == targets_.end() ? nothing : at->second;
}

const std::string* ConsumerGroup::owner(const Uuid& topic, std::int32_t partition) const {
    const auto of_topic = owners_.find(topic);
    if (of_topic == owners_.end()) return nullptr;
    const auto at = of_topic->second.find(partition);
    return at == of_topic->second.end() ? nullptr : &at->second;
}

void ConsumerGroup::take_owned(const ConsumerMember& member) {
    for (const auto* owned : {&member.position.assigned, &member.position.pending_revocation}) {
        for (const auto& [topic, partitions] : *owned) {
            for (const auto& [number, epoch] : partitions) owners_[topic][number] = member.id;
        }
    }
}

void ConsumerGroup::drop_owned(const ConsumerMember& member) {
    for (const auto* owned : {&member.position.assigned, &member.position.pending_revocation}) {
        for (const auto& [topic, partitions] : *owned) {
            const auto of_topic = owners_.find(topic);
            if (of_topic == owners_.end()) continue;
            for (const auto& [number, epoch] : partitions) {
                const auto at = of_topic->second.find(number);
                if (at != of_topic->second.end() && at->second == member.id) of_topic->second.erase(at);
            }
            if (of_topic->second.empty()) owners_.erase(of_topic);
        }
    }
}

// --- what it reads ---

void ConsumerGroup::count_topic(const std::string& name, bool more) {
    if (more) {
        ++topics_[name];
    } else if (const auto at = topics_.find(name); at != topics_.end() && --at->second == 0) {
        topics_.erase(at);
    }
}

void ConsumerGroup::count_topics(const MemberProfile& profile, bool more) {
    for (const auto& name : profile.topics) count_topic(name, more);
    if (profile.regex.empty()) return;
    if (more) {
        ++regex_users_[profile.regex];
    } else if (const auto at = regex_users_.find(profile.regex); at != regex_users_.end() && --at->second == 0) {
        regex_users_.erase(at);
    }
}

std::vector<std::string> ConsumerGroup::used_regexes() const {
    std::vector<std::string> used;
    for (const auto& [regex, users] : regex_users_) used.push_back(regex);
    return used;
}

std::size_t ConsumerGroup::users_of(std::string_view regex) const {
    const auto at = regex_users_.find(regex);
    return at == regex_users_.end() ? 0 : at->second;
}

ConsumerGroup::Names ConsumerGroup::topics_with(const ConsumerMember* old, const ConsumerMember* next) const {
    auto counts = topics_;
    const auto drop = [&counts](const std::string& name) {
        if (const auto at = counts.find(name); at != counts.end()) --at->second;
    };
    const auto next_regex = next ? std::string_view(next->profile.regex) : std::string_view();
    if (old) {
        for (const auto& name : old->profile.topics) drop(name);
        const auto& regex = old->profile.regex;
        const auto resolved = regexes_.find(regex);
        if (resolved != regexes_.end() && users_of(regex) == 1 && next_regex != regex) {
            for (const auto& name : resolved->second.topics) drop(name);
        }
    }
    Names names;
    for (const auto& [name, count] : counts) {
        if (count != 0) names.insert(name);
    }
    if (next) names.insert(next->profile.topics.begin(), next->profile.topics.end());
    return names;
}

// --- records ---

void ConsumerGroup::apply_any(const GroupRecord& record) {
    std::visit(
        [this](const auto& one) {
            if constexpr (requires { apply(one); }) apply(one);
        },
        record);
}

void ConsumerGroup::apply(const GroupEpochRecord& record) {
    epoch_ = record.value ? record.value->epoch : 0;
    metadata_hash_ = record.value ? record.value->metadata_hash : 0;
}

void ConsumerGroup::apply(const ConsumerMemberRecord& record) {
    const std::string& id = record.key.member_id;
    auto at = members_.find(id);
    if (at != members_.end()) {
        const auto& instance = at->second.profile.instance_id;
        if (const auto held = instance ? static_members_.find(*instance) : static_members_.end();
            held != static_members_.end() && held->second == id)
            static_members_.erase(held);
        count_topics(at->second.profile, false);
    }
    if (!record.value) {
        if (at == members_.end()) return;
        drop_owned(at->second);
        members_.erase(at);
        targets_.erase(id);
        return;
    }
    if (at == members_.end()) at = members_.emplace(id, ConsumerMember{id, {}, {}}).first;
    MemberProfile& profile = at->second.profile;
    profile = profile_of(*record.value);
    if (profile.instance_id) static_members_[*profile.instance_id] = id;
    count_topics(profile, true);
}

void ConsumerGroup::apply(const TargetEpochRecord& record) {
    assignment_epoch_ = record.value ? record.value->assignment_epoch : 0;
    dealt_at_ms_ = record.value ? record.value->assignment_timestamp : 0;
}

void ConsumerGroup::apply(const TargetRecord& record) {
    if (record.value) {
        targets_[record.key.member_id] = target_of(*record.value);
    } else {
        targets_.erase(record.key.member_id);
    }
}

// Compaction may have left it before its member's other record.
void ConsumerGroup::apply(const MemberPositionRecord& record) {
    const std::string& id = record.key.member_id;
    auto at = members_.find(id);
    if (at == members_.end()) {
        if (!record.value) return;
        at = members_.emplace(id, ConsumerMember{id, {}, {}}).first;
    }
    drop_owned(at->second);
    at->second.position = record.value ? position_of(*record.value) : MemberPosition{};
    take_owned(at->second);
}

void ConsumerGroup::apply(const RegexRecord& record) {
    const std::string& regex = record.key.regular_expression;
    if (const auto at = regexes_.find(regex); at != regexes_.end()) {
        for (const auto& name : at->second.topics) count_topic(name, false);
        regexes_.erase(at);
    }
    if (!record.value) return;
    ResolvedRegex& resolved = regexes_[regex];
    resolved.topics.insert(record.value->topics.begin(), record.value->topics.end());
    resolved.version = record.value->version;
    resolved.timestamp_ms = record.value->timestamp;
    for (const auto& name : resolved.topics) count_topic(name, true);
}

// --- described ---

ConsumerGroupDescribeResponse::DescribedGroup ConsumerGroup::described(const MetadataImage& image,
                                                                       const std::string& assignor) const {
    ConsumerGroupDescribeResponse::DescribedGroup told;
    told.group_id = id_;
    told.group_state = state_name();
    told.group_epoch = epoch_;
    told.assignment_epoch = assignment_epoch_;
    std::map<std::string_view, const ConsumerMember*> members;
    for (const auto& [id, member] : members_) {
        members.emplace(id, &member);
        told.members.push_back(described_member(member, target(id), image));
    }
    told.assignor_name = preferred_assignor(members).value_or(assignor);
    return told;
}

std::optional<std::string> preferred_assignor(const std::map<std::string_view, const ConsumerMember*>& members) {
    std::map<std::string, std::size_t> votes;
    for (const auto& [id, member] : members) {
        if (member->profile.server_assignor) ++votes[*member->profile.server_assignor];
    }
    if (votes.empty()) return std::nullopt;
    return std::ranges::max_element(votes, [](const auto& a, const auto& b) { return a.second < b.second; })->first;
}

}  // namespace ottla::broker::groups
