// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/group_log.hpp"

#include <algorithm>

#include <fmt/format.h>
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

void GroupLogReader::take(const MessageView& record) {
    if (record.offset() != next_offset_) whole_ = false;
    next_offset_ = record.offset() + 1;
    std::string group;
    std::optional<GroupLog::Entry> entry;
    const ByteSpan key = record.key().span();
    const auto type = key.size() < 2 ? std::int16_t{-1} : protocol::Reader(key).int16();
    if (type == offset_key) entry = commit_in(record, group);
    if (type == group_key) entry = generation_in(record, group);
    if (!entry) {
        problems.push_back(fmt::format("the record at offset {} of the groups' log cannot be read", record.offset()));
        return;
    }
    GroupLog& log = groups_[group];
    log.entries.push_back(std::move(*entry));
    log.whole = log.whole && whole_;
}

}  // namespace ottla::test
