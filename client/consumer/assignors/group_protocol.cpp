// SPDX-License-Identifier: Apache-2.0
#include "client/consumer/assignors/group_protocol.hpp"

#include <algorithm>

#include <ottla/protocol/messages/consumer_protocol_assignment.hpp>
#include <ottla/protocol/messages/consumer_protocol_subscription.hpp>
#include <ottla/protocol/reader.hpp>
#include <ottla/protocol/writer.hpp>

namespace ottla::client {
namespace {

using protocol::ConsumerProtocolAssignment;
using protocol::ConsumerProtocolSubscription;

template <class Message>
Result<Bytes> versioned(const Message& message) {
    constexpr std::int16_t version = Message::versions.max;
    protocol::Writer writer;
    writer.int16(version);
    if (auto written = encode(writer, message, version); !written) return written.error();
    return writer.finish().flatten();
}

// A later version is read as far as this one knows it: fields are only ever added at the end.
template <class Message>
Result<Message> read_versioned(const Bytes& bytes, std::string_view what) {
    protocol::Reader reader(bytes);
    const auto version = reader.int16();
    if (reader.failed() || version < 0)
        return Error::of(ErrorCode::bad_message, std::string(what) + " without a version");
    Message message;
    auto read = decode(reader, message, std::min(version, Message::versions.max));
    if (!read) return read.error().with_context(what);
    return message;
}

template <class List>
Result<PartitionMap> to_map(const List& topics, std::string_view what) {
    PartitionMap map;
    for (const auto& t : topics) {
        auto& numbers = map[t.topic];
        numbers.insert(numbers.end(), t.partitions.begin(), t.partitions.end());
    }
    for (auto at = map.begin(); at != map.end();) {
        auto& numbers = at->second;
        std::ranges::sort(numbers);
        numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
        if (!numbers.empty() && numbers.front() < 0)
            return Error::of(ErrorCode::bad_message, std::string(what) + " with a negative partition of " + at->first);
        at = numbers.empty() ? map.erase(at) : std::next(at);
    }
    return map;
}

// int32 count of topics, each a string and an int32 count of int32 partitions; then the int32 generation.
Result<Bytes> held_data(const PartitionMap& held, std::int32_t generation) {
    if (held.empty()) return Bytes();
    protocol::Writer writer;
    writer.int32(static_cast<std::int32_t>(held.size()));
    for (const auto& [topic, partitions] : held) {
        if (topic.size() > 0x7fff) return Error::of(ErrorCode::limit_exceeded, "a topic's name is too long");
        writer.int16(static_cast<std::int16_t>(topic.size()));
        writer.copy(as_bytes(topic));
        writer.int32(static_cast<std::int32_t>(partitions.size()));
        for (const auto p : partitions) writer.int32(p);
    }
    writer.int32(generation);
    return writer.finish().flatten();
}

Result<Bytes> generation_data(std::int32_t generation) {
    protocol::Writer writer;
    writer.int32(generation);
    return writer.finish().flatten();
}

struct Held {
    PartitionMap partitions;
    std::int32_t generation = -1;
};

// Nothing when the bytes are not that; the generation was added later.
std::optional<Held> read_held(const Bytes& bytes) {
    struct Entry {
        std::string topic;
        std::vector<std::int32_t> partitions;
    };
    protocol::Reader reader(bytes);
    std::vector<Entry> entries;
    for (auto count = reader.int32(); count > 0 && !reader.failed(); --count) {
        auto& entry = entries.emplace_back();
        const auto length = reader.int16();
        if (length < 0) return std::nullopt;
        entry.topic = std::string(as_text(reader.view(static_cast<std::size_t>(length))));
        for (auto n = reader.int32(); n > 0 && !reader.failed(); --n) entry.partitions.push_back(reader.int32());
    }
    Held held;
    if (reader.remaining() > 0) held.generation = reader.int32();
    if (reader.failed()) return std::nullopt;
    auto map = to_map(entries, "user data");
    if (!map) return std::nullopt;
    held.partitions = std::move(*map);
    return held;
}

// The version 2 of the subscription carries the generation itself (KIP-792); before, user data did. Data that cannot
// be read is as good as none: the member then starts without a past.
void read_user_data(const Assignor& assignor, const Bytes& bytes, GroupMember& member) {
    using UserData = Assignor::UserData;
    if (bytes.empty() || assignor.user_data == UserData::none) return;
    if (assignor.user_data == UserData::own) {
        member.user_data = bytes;
        return;
    }
    if (assignor.user_data == UserData::generation) {
        if (member.generation >= 0) return;
        if (bytes.size() == sizeof(std::int32_t)) {
            member.generation = protocol::Reader(bytes).int32();
        } else if (const auto held = read_held(bytes)) {
            member.generation = held->generation;
            if (member.owned.empty()) member.owned = held->partitions;
        }
    } else if (auto held = read_held(bytes)) {
        member.owned = std::move(held->partitions);
        member.generation = held->generation;
    }
}

}  // namespace

Result<Bytes> write_subscription(const Assignor& assignor, const GroupMember& member, const PartitionMap& held) {
    using UserData = Assignor::UserData;
    ConsumerProtocolSubscription message;
    message.topics = member.topics;
    for (const auto& [topic, partitions] : member.owned) {
        auto& to = message.owned_partitions.emplace_back();
        to.topic = topic;
        to.partitions = partitions;
    }
    message.generation_id = member.generation;
    message.rack_id = member.rack;
    if (assignor.user_data == UserData::own) {
        if (!member.user_data.empty()) message.user_data = member.user_data;
    } else if (assignor.user_data != UserData::none) {
        auto data = assignor.user_data == UserData::generation ? generation_data(member.generation)
                                                               : held_data(held, member.generation);
        if (!data) return data.error();
        if (!data->empty()) message.user_data = std::move(*data);
    }
    return versioned(message);
}

Result<GroupMember> read_subscription(const Assignor& assignor, const Bytes& bytes) {
    auto message = read_versioned<ConsumerProtocolSubscription>(bytes, "a member's subscription");
    if (!message) return message.error();
    auto owned = to_map(message->owned_partitions, "a member's subscription");
    if (!owned) return owned.error();
    GroupMember member;
    member.topics = std::move(message->topics);
    std::ranges::sort(member.topics);
    member.topics.erase(std::unique(member.topics.begin(), member.topics.end()), member.topics.end());
    member.owned = std::move(*owned);
    member.generation = message->generation_id;
    member.rack = std::move(message->rack_id);
    if (message->user_data) read_user_data(assignor, *message->user_data, member);
    return member;
}

Result<Bytes> write_assignment(const PartitionMap& partitions, const Bytes& user_data) {
    ConsumerProtocolAssignment message;
    for (const auto& [topic, numbers] : partitions) {
        auto& to = message.assigned_partitions.emplace_back();
        to.topic = topic;
        to.partitions = numbers;
    }
    if (!user_data.empty()) message.user_data = user_data;
    return versioned(message);
}

Result<PartitionMap> read_assignment(const Bytes& bytes, Bytes* user_data) {
    if (bytes.empty()) return PartitionMap();
    auto message = read_versioned<ConsumerProtocolAssignment>(bytes, "the assignment");
    if (!message) return message.error();
    if (user_data && message->user_data) *user_data = std::move(*message->user_data);
    return to_map(message->assigned_partitions, "the assignment");
}

}  // namespace ottla::client
