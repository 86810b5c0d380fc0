// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/embedded_protocol.hpp"

#include <algorithm>

#include <ottla/protocol/big_endian.hpp>
#include <ottla/protocol/reader.hpp>
#include <ottla/protocol/writer.hpp>

namespace ottla::broker::groups {
namespace {

template <class Message>
std::optional<Message> embedded_in(ByteSpan bytes) {
    protocol::Reader reader(bytes);
    const std::int16_t version = std::min(reader.int16(), Message::versions.max);
    std::optional<Message> message(std::in_place);
    if (version < Message::versions.min || !decode(reader, *message, version)) return std::nullopt;
    return message;
}

}  // namespace

std::optional<protocol::ConsumerProtocolSubscription> subscription_in(ByteSpan bytes) {
    return embedded_in<protocol::ConsumerProtocolSubscription>(bytes);
}

std::optional<protocol::ConsumerProtocolAssignment> assignment_in(ByteSpan bytes) {
    return embedded_in<protocol::ConsumerProtocolAssignment>(bytes);
}

protocol::ConsumerProtocolAssignment assignment_of(const TopicPartitions& partitions, const MetadataImage& image) {
    protocol::ConsumerProtocolAssignment assignment;
    for (const auto& [id, numbers] : partitions) {
        const auto topic = image.topic(id);
        if (!topic) continue;
        auto& one = assignment.assigned_partitions.emplace_back();
        one.topic = topic->name;
        one.partitions.assign(numbers.begin(), numbers.end());
    }
    return assignment;
}

protocol::ConsumerProtocolAssignment assignment_of(const OwnedPartitions& owned, const MetadataImage& image) {
    TopicPartitions partitions;
    for (const auto& [id, numbers] : owned) {
        for (const auto& [number, epoch] : numbers) partitions[id].insert(number);
    }
    return assignment_of(partitions, image);
}

TopicPartitions partitions_in(const protocol::ConsumerProtocolAssignment& assignment, const MetadataImage& image) {
    TopicPartitions partitions;
    for (const auto& one : assignment.assigned_partitions) {
        const auto topic = image.topic(one.topic);
        if (topic && !one.partitions.empty())
            partitions[topic->id].insert(one.partitions.begin(), one.partitions.end());
    }
    return partitions;
}

Bytes bytes_of(const protocol::ConsumerProtocolAssignment& assignment, ByteSpan like) {
    using Assignment = protocol::ConsumerProtocolAssignment;
    const std::int16_t wanted = like.size() < 2 ? std::int16_t{0} : protocol::load_big<std::int16_t>(like.data());
    const std::int16_t version = std::clamp(wanted, Assignment::versions.min, Assignment::versions.max);
    protocol::Writer writer(64);
    writer.int16(version);
    if (!encode(writer, assignment, version)) return {};
    const auto flat = writer.finish().flatten();
    return flat ? *flat : Bytes();
}

}  // namespace ottla::broker::groups
