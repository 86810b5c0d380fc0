// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/consumer_records.hpp"

#include <algorithm>

namespace ottla::broker::groups {
namespace {

using protocol::ConsumerGroupCurrentMemberAssignmentValue;
using protocol::ConsumerGroupMemberMetadataValue;
using LoggedPartitions = ConsumerGroupCurrentMemberAssignmentValue::TopicPartitions;

template <class Record>
Record keyed_by(const std::string& group_id) {
    Record record;
    record.key.group_id = group_id;
    return record;
}

template <class Record>
Record keyed_by(const std::string& group_id, const std::string& member_id) {
    auto record = keyed_by<Record>(group_id);
    record.key.member_id = member_id;
    return record;
}

std::vector<LoggedPartitions> logged(const OwnedPartitions& owned) {
    std::vector<LoggedPartitions> all;
    for (const auto& [topic, partitions] : owned) {
        auto& one = all.emplace_back();
        one.topic_id = topic;
        auto& epochs = one.assignment_epochs.emplace();
        for (const auto& [partition, epoch] : partitions) {
            one.partitions.push_back(partition);
            epochs.push_back(epoch);
        }
    }
    return all;
}

// Brokers before 4.3 wrote no epochs of partitions: then the member's own is the latest that is possible.
OwnedPartitions owned_of(const std::vector<LoggedPartitions>& all, std::int32_t member_epoch) {
    OwnedPartitions owned;
    for (const auto& one : all) {
        const bool has_epochs = one.assignment_epochs && one.assignment_epochs->size() == one.partitions.size();
        for (std::size_t i = 0; i < one.partitions.size(); ++i) {
            const std::int32_t epoch = has_epochs ? (*one.assignment_epochs)[i] : std::max(member_epoch, 0);
            owned[one.topic_id][one.partitions[i]] = epoch;
        }
    }
    return owned;
}

}  // namespace

ConsumerMemberRecord member_record(const std::string& group_id, const ConsumerMember& member) {
    auto record = member_tombstone(group_id, member.id);
    const MemberProfile& profile = member.profile;
    auto& value = record.value.emplace();
    value.instance_id = profile.instance_id;
    value.rack_id = profile.rack_id;
    value.client_id = profile.client_id;
    value.client_host = profile.client_host;
    value.subscribed_topic_names = profile.topics;
    value.subscribed_topic_regex = profile.regex;
    value.rebalance_timeout_ms = profile.rebalance_timeout_ms;
    value.server_assignor = profile.server_assignor;
    value.classic_member_metadata.reset();
    if (!profile.classic) return record;
    auto& classic = value.classic_member_metadata.emplace();
    classic.session_timeout_ms = static_cast<std::int32_t>(profile.classic->session_timeout.count());
    for (const auto& [name, metadata] : profile.classic->protocols) {
        auto& one = classic.supported_protocols.emplace_back();
        one.name = name;
        one.metadata = metadata;
    }
    return record;
}

MemberPositionRecord position_record(const std::string& group_id, const ConsumerMember& member) {
    auto record = position_tombstone(group_id, member.id);
    const MemberPosition& position = member.position;
    auto& value = record.value.emplace();
    value.member_epoch = position.epoch;
    value.previous_member_epoch = position.previous_epoch;
    value.state = static_cast<std::int8_t>(position.state);
    value.assigned_partitions = logged(position.assigned);
    value.partitions_pending_revocation = logged(position.pending_revocation);
    return record;
}

TargetRecord target_record(const std::string& group_id, const std::string& member_id, const TopicPartitions& target) {
    auto record = target_tombstone(group_id, member_id);
    auto& value = record.value.emplace();
    for (const auto& [topic, partitions] : target) {
        auto& one = value.topic_partitions.emplace_back();
        one.topic_id = topic;
        one.partitions.assign(partitions.begin(), partitions.end());
    }
    return record;
}

GroupEpochRecord group_epoch_record(const std::string& group_id, std::int32_t epoch, std::int64_t metadata_hash) {
    auto record = group_epoch_tombstone(group_id);
    auto& value = record.value.emplace();
    value.epoch = epoch;
    value.metadata_hash = metadata_hash;
    return record;
}

TargetEpochRecord target_epoch_record(const std::string& group_id, std::int32_t epoch, std::int64_t wall_ms) {
    auto record = target_epoch_tombstone(group_id);
    auto& value = record.value.emplace();
    value.assignment_epoch = epoch;
    value.assignment_timestamp = wall_ms;
    return record;
}

// --- tombstones ---

ConsumerMemberRecord member_tombstone(const std::string& group_id, const std::string& member_id) {
    return keyed_by<ConsumerMemberRecord>(group_id, member_id);
}
MemberPositionRecord position_tombstone(const std::string& group_id, const std::string& member_id) {
    return keyed_by<MemberPositionRecord>(group_id, member_id);
}
TargetRecord target_tombstone(const std::string& group_id, const std::string& member_id) {
    return keyed_by<TargetRecord>(group_id, member_id);
}
GroupEpochRecord group_epoch_tombstone(const std::string& group_id) { return keyed_by<GroupEpochRecord>(group_id); }
TargetEpochRecord target_epoch_tombstone(const std::string& group_id) { return keyed_by<TargetEpochRecord>(group_id); }
PartitionMetadataRecord partition_metadata_tombstone(const std::string& group_id) {
    return keyed_by<PartitionMetadataRecord>(group_id);
}
RegexRecord regex_tombstone(const std::string& group_id, const std::string& regex) {
    auto record = keyed_by<RegexRecord>(group_id);
    record.key.regular_expression = regex;
    return record;
}

// --- back ---

MemberProfile profile_of(const ConsumerGroupMemberMetadataValue& value) {
    MemberProfile profile;
    profile.instance_id = value.instance_id;
    profile.rack_id = value.rack_id;
    profile.client_id = value.client_id;
    profile.client_host = value.client_host;
    profile.topics = value.subscribed_topic_names;
    std::ranges::sort(profile.topics);
    const auto repeated = std::ranges::unique(profile.topics);
    profile.topics.erase(repeated.begin(), repeated.end());
    profile.regex = value.subscribed_topic_regex.value_or("");
    profile.rebalance_timeout_ms = value.rebalance_timeout_ms;
    profile.server_assignor = value.server_assignor;
    const auto& classic = value.classic_member_metadata;
    if (!classic || classic->supported_protocols.empty()) return profile;
    auto& side = profile.classic.emplace();
    side.session_timeout = std::chrono::milliseconds(std::max(classic->session_timeout_ms, 0));
    for (const auto& one : classic->supported_protocols) side.protocols.push_back({one.name, one.metadata});
    return profile;
}

MemberPosition position_of(const ConsumerGroupCurrentMemberAssignmentValue& value) {
    MemberPosition position;
    position.epoch = value.member_epoch;
    position.previous_epoch = value.previous_member_epoch;
    const bool is_known =
        value.state >= 0 && value.state <= static_cast<std::int8_t>(MemberState::unreleased_partitions);
    position.state = is_known ? static_cast<MemberState>(value.state) : MemberState::unknown;
    position.assigned = owned_of(value.assigned_partitions, value.member_epoch);
    position.pending_revocation = owned_of(value.partitions_pending_revocation, value.member_epoch);
    return position;
}

TopicPartitions target_of(const protocol::ConsumerGroupTargetAssignmentMemberValue& value) {
    TopicPartitions target;
    for (const auto& one : value.topic_partitions) {
        if (!one.partitions.empty()) target[one.topic_id].insert(one.partitions.begin(), one.partitions.end());
    }
    return target;
}

}  // namespace ottla::broker::groups
