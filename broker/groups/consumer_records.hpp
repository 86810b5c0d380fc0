// SPDX-License-Identifier: Apache-2.0
// What a group of the consumer protocol writes, and how what it wrote is read: ConsumerMember as records and back.
#pragma once

#include <string>

#include "broker/groups/consumer_member.hpp"
#include "broker/groups/group_records.hpp"

namespace ottla::broker::groups {

ConsumerMemberRecord member_record(const std::string& group_id, const ConsumerMember&);
MemberPositionRecord position_record(const std::string& group_id, const ConsumerMember&);
TargetRecord target_record(const std::string& group_id, const std::string& member_id, const TopicPartitions&);
GroupEpochRecord group_epoch_record(const std::string& group_id, std::int32_t epoch, std::int64_t metadata_hash);
TargetEpochRecord target_epoch_record(const std::string& group_id, std::int32_t epoch, std::int64_t wall_ms);

ConsumerMemberRecord member_tombstone(const std::string& group_id, const std::string& member_id);
MemberPositionRecord position_tombstone(const std::string& group_id, const std::string& member_id);
TargetRecord target_tombstone(const std::string& group_id, const std::string& member_id);
GroupEpochRecord group_epoch_tombstone(const std::string& group_id);
TargetEpochRecord target_epoch_tombstone(const std::string& group_id);
PartitionMetadataRecord partition_metadata_tombstone(const std::string& group_id);
RegexRecord regex_tombstone(const std::string& group_id, const std::string& regex);

MemberProfile profile_of(const protocol::ConsumerGroupMemberMetadataValue&);
MemberPosition position_of(const protocol::ConsumerGroupCurrentMemberAssignmentValue&);
TopicPartitions target_of(const protocol::ConsumerGroupTargetAssignmentMemberValue&);

}  // namespace ottla::broker::groups
