// SPDX-License-Identifier: Apache-2.0
// The records of __consumer_offsets, byte for byte as Apache Kafka writes them: a key that begins with its type, a
// value that begins with its version, no value for what is deleted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include <ottla/bytes.hpp>
#include <ottla/protocol/messages/consumer_group_current_member_assignment_key.hpp>
#include <ottla/protocol/messages/consumer_group_current_member_assignment_value.hpp>
#include <ottla/protocol/messages/consumer_group_member_metadata_key.hpp>
#include <ottla/protocol/messages/consumer_group_member_metadata_value.hpp>
#include <ottla/protocol/messages/consumer_group_metadata_key.hpp>
#include <ottla/protocol/messages/consumer_group_metadata_value.hpp>
#include <ottla/protocol/messages/consumer_group_partition_metadata_key.hpp>
#include <ottla/protocol/messages/consumer_group_partition_metadata_value.hpp>
#include <ottla/protocol/messages/consumer_group_regular_expression_key.hpp>
#include <ottla/protocol/messages/consumer_group_regular_expression_value.hpp>
#include <ottla/protocol/messages/consumer_group_target_assignment_member_key.hpp>
#include <ottla/protocol/messages/consumer_group_target_assignment_member_value.hpp>
#include <ottla/protocol/messages/consumer_group_target_assignment_metadata_key.hpp>
#include <ottla/protocol/messages/consumer_group_target_assignment_metadata_value.hpp>
#include <ottla/protocol/messages/group_metadata_key.hpp>
#include <ottla/protocol/messages/group_metadata_value.hpp>
#include <ottla/protocol/messages/offset_commit_key.hpp>
#include <ottla/protocol/messages/offset_commit_value.hpp>
#include <ottla/protocol/record.hpp>
#include <ottla/result.hpp>

namespace ottla::broker::groups {

// Without a value: what stands under the key is deleted.
template <class K, class V>
struct KeyedRecord {
    using Key = K;
    using Value = V;
    K key;
    std::optional<V> value;

    friend bool operator==(const KeyedRecord&, const KeyedRecord&) = default;
};

using OffsetRecord = KeyedRecord<protocol::OffsetCommitKey, protocol::OffsetCommitValue>;
using ClassicGroupRecord = KeyedRecord<protocol::GroupMetadataKey, protocol::GroupMetadataValue>;

// Of a group of the consumer protocol (KIP-848): its epoch and what topics it reads were then, its members, what each
// is to have and in which epoch that was found, what each has, the topics that its regular expressions match.
using GroupEpochRecord = KeyedRecord<protocol::ConsumerGroupMetadataKey, protocol::ConsumerGroupMetadataValue>;
using ConsumerMemberRecord =
    KeyedRecord<protocol::ConsumerGroupMemberMetadataKey, protocol::ConsumerGroupMemberMetadataValue>;
using TargetEpochRecord = KeyedRecord<protocol::ConsumerGroupTargetAssignmentMetadataKey,
                                      protocol::ConsumerGroupTargetAssignmentMetadataValue>;
using TargetRecord =
    KeyedRecord<protocol::ConsumerGroupTargetAssignmentMemberKey, protocol::ConsumerGroupTargetAssignmentMemberValue>;
using MemberPositionRecord =
    KeyedRecord<protocol::ConsumerGroupCurrentMemberAssignmentKey, protocol::ConsumerGroupCurrentMemberAssignmentValue>;
using RegexRecord =
    KeyedRecord<protocol::ConsumerGroupRegularExpressionKey, protocol::ConsumerGroupRegularExpressionValue>;
// Written before Kafka 4.1; now only deleted.
using PartitionMetadataRecord =
    KeyedRecord<protocol::ConsumerGroupPartitionMetadataKey, protocol::ConsumerGroupPartitionMetadataValue>;

using GroupRecord =
    std::variant<OffsetRecord, ClassicGroupRecord, GroupEpochRecord, ConsumerMemberRecord, TargetEpochRecord,
                 TargetRecord, MemberPositionRecord, RegexRecord, PartitionMetadataRecord>;

const std::string& group_of(const GroupRecord&) noexcept;

OffsetRecord offset_tombstone(std::string group_id, std::string topic, std::int32_t partition);
ClassicGroupRecord classic_group_tombstone(std::string group_id);

// As they lie in the log.
struct EncodedRecord {
    Bytes key;
    std::optional<Bytes> value;
};

// Fails where a string is too long for the format.
Result<EncodedRecord> encode(const GroupRecord&);

// Errors: unsupported_version for a type or version that is not known here, to be skipped; bad_message for bytes that
// are none of the format's. A key without a value deletes.
Result<GroupRecord> decode_group_record(const protocol::NullableSpan& key, const protocol::NullableSpan& value);

}  // namespace ottla::broker::groups
