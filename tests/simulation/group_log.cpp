// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/group_log.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <ottla/protocol/messages/consumer_group_current_member_assignment_key.hpp>
#include <ottla/protocol/messages/consumer_group_current_member_assignment_value.hpp>
#include <ottla/protocol/messages/consumer_group_member_metadata_key.hpp>
#include <ottla/protocol/messages/consumer_group_member_metadata_value.hpp>
#include <ottla/protocol/messages/consumer_group_metadata_key.hpp>
#include <ottla/protocol/messages/consumer_group_metadata_value.hpp>
#include <ottla/protocol/messages/consumer_protocol_assignment.hpp>
#include <ottla/protocol/messages/consumer_protocol_subscription.hpp>
#include <ottla/protocol/messages/group_metadata_key.hpp>
#include <ottla/protocol/messages/group_metadata_value.hpp>
#include <ottla/protocol/messages/offset_commit_key.hpp>
#include <ottla/protocol/messages/offset_commit_value.hpp>
#include <ottla/protocol/reader.hpp>

namespace ottla::test {

std::string to_string(const Place& place) { return fmt::format("{}[{}]", place.first, place.second); }

std::set<std::int32_t> GroupLog::generations() const {
    std::set<std::int32_t> numbers;
    for (const auto& entry : entries)
        if (entry.generation && !entry.generation->members.empty()) numbers.insert(entry.generation->number);
    return numbers;
}

namespace {

constexpr std::int16_t offset_key = 1;
constexpr std::int16_t group_key = 2;
// Of the consumer protocol.
constexpr std::int16_t epoch_key = 3;
constexpr std::int16_t member_key = 5;
constexpr std::int16_t position_key = 8;
constexpr std::int16_t last_key = 16;

// Behind the number that tells their version.
template <class T>
std::optional<T> decode_versioned(ByteSpan bytes) {
    protocol::Reader reader(bytes);
    const auto version = reader.int16();
    T message;
    if (!decode(reader, message, version)) return std::nullopt;
    return message;
}

template <class T>
std::optional<T> decode_key(ByteSpan bytes) {
    protocol::Reader reader(bytes);
    reader.skip(sizeof(std::int16_t));
    T key;
    if (!decode(reader, key, 0)) return std::nullopt;
    return key;
}

std::set<Place> places_in(const Bytes& assignment) {
    std::set<Place> places;
    if (assignment.empty()) return places;
    const auto read = decode_versioned<protocol::ConsumerProtocolAssignment>(assignment.span());
    if (!read) return places;
    for (const auto& topic : read->assigned_partitions)
        for (const auto number : topic.partitions) places.emplace(topic.topic, number);
    return places;
}

std::vector<std::string> topics_in(const Bytes& subscription) {
    const auto read = decode_versioned<protocol::ConsumerProtocolSubscription>(subscription.span());
    return read ? read->topics : std::vector<std::string>();
}

std::optional<GroupLog::Entry> commit_in(const MessageView& record, std::string& group) {
    const auto key = decode_key<protocol::OffsetCommitKey>(record.key().span());
    if (!key) return std::nullopt;
    group = key->group;
    GroupLog::Entry entry;
    entry.at_ms = record.timestamp_ms();
    auto& commit = entry.commit.emplace();
    commit.place = {key->topic, key->partition};
    commit.at_ms = entry.at_ms;
    if (!record.value()) return entry;
    const auto value = decode_versioned<protocol::OffsetCommitValue>(record.value().span());
    if (!value) return std::nullopt;
    commit.offset = value->offset;
    commit.at_ms = value->commit_timestamp;
    commit.metadata = value->metadata;
    return entry;
}

std::optional<GroupLog::Entry> generation_in(const MessageView& record, std::string& group) {
    const auto key = decode_key<protocol::GroupMetadataKey>(record.key().span());
    if (!key) return std::nullopt;
    group = key->group;
    GroupLog::Entry entry;
    entry.at_ms = record.timestamp_ms();
    if (!record.value()) return entry;
    const auto value = decode_versioned<protocol::GroupMetadataValue>(record.value().span());
    if (!value) return std::nullopt;
    auto& generation = entry.generation.emplace();
    generation.number = value->generation;
    for (const auto& member : value->members) {
        generation.members[member.member_id] = places_in(member.assignment);
        for (auto& topic : topics_in(member.subscription)) generation.topics.insert(std::move(topic));
    }
    return entry;
}

}  // namespace

bool GroupLogReader::take_epoch(const MessageView& record, Dealt& dealt) {
    dealt.now.is_dealt = static_cast<bool>(record.value());
    if (!dealt.now.is_dealt) return true;
    const auto value = decode_versioned<protocol::ConsumerGroupMetadataValue>(record.value().span());
    if (value) dealt.now.number = value->epoch;
    return value.has_value();
}

bool GroupLogReader::take_member(const MessageView& record, const std::string& member, Dealt& dealt) {
    dealt.topics.erase(member);
    if (!record.value()) {
        dealt.now.members.erase(member);
    } else {
        auto value = decode_versioned<protocol::ConsumerGroupMemberMetadataValue>(record.value().span());
        if (!value) return false;
        dealt.now.members.try_emplace(member);
        dealt.topics[member] = std::move(value->subscribed_topic_names);
    }
    dealt.now.topics.clear();
    for (const auto& [who, topics] : dealt.topics) dealt.now.topics.insert(topics.begin(), topics.end());
    return true;
}

bool GroupLogReader::take_position(const MessageView& record, const std::string& member, Dealt& dealt) {
    std::set<Place> places;
    if (record.value()) {
        const auto value = decode_versioned<protocol::ConsumerGroupCurrentMemberAssignmentValue>(record.value().span());
        if (!value) return false;
        for (const auto* all : {&value->assigned_partitions, &value->partitions_pending_revocation})
            for (const auto& topic : *all) {
                const auto name = names_.find(topic.topic_id);
                for (const auto number : topic.partitions)
                    places.emplace(name == names_.end() ? to_string(topic.topic_id) : name->second, number);
            }
    }
    if (const auto known = dealt.now.members.find(member); known != dealt.now.members.end())
        known->second = std::move(places);
    return true;
}

std::optional<GroupLog::Entry> GroupLogReader::dealt_in(std::int16_t type, const MessageView& record,
                                                        std::string& group) {
    bool is_read = true;
    if (type == epoch_key) {
        const auto key = decode_key<protocol::ConsumerGroupMetadataKey>(record.key().span());
        if (!key) return std::nullopt;
        group = key->group_id;
        is_read = take_epoch(record, dealt_[group]);
    } else if (type == member_key) {
        const auto key = decode_key<protocol::ConsumerGroupMemberMetadataKey>(record.key().span());
        if (!key) return std::nullopt;
        group = key->group_id;
        is_read = take_member(record, key->member_id, dealt_[group]);
    } else {
        const auto key = decode_key<protocol::ConsumerGroupCurrentMemberAssignmentKey>(record.key().span());
        if (!key) return std::nullopt;
        group = key->group_id;
        is_read = take_position(record, key->member_id, dealt_[group]);
    }
    if (!is_read) return std::nullopt;
    GroupLog::Entry entry;
    entry.at_ms = record.timestamp_ms();
    const auto& dealt = dealt_[group];
    if (dealt.now.is_dealt) entry.generation = dealt.now;
    return entry;
}

void GroupLogReader::take(const MessageView& record) {
    if (record.offset() != next_offset_) whole_ = false;
    next_offset_ = record.offset() + 1;
    std::string group;
    std::optional<GroupLog::Entry> entry;
    const ByteSpan key = record.key().span();
    const auto type = key.size() < 2 ? std::int16_t{-1} : protocol::Reader(key).int16();
    if (type == offset_key) entry = commit_in(record, group);
    if (type == group_key) entry = generation_in(record, group);
    if (type == epoch_key || type == member_key || type == position_key)
        entry = dealt_in(type, record, group);
    else if (type > group_key && type <= last_key)
        return;  // what was dealt, and expressions
    if (!entry) {
        problems.push_back(fmt::format("the record at offset {} of the groups' log cannot be read", record.offset()));
        return;
    }
    GroupLog& log = groups_[group];
    log.entries.push_back(std::move(*entry));
    log.whole = log.whole && whole_;
}

}  // namespace ottla::test
