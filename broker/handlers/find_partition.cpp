// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/find_partition.hpp"

namespace ottla::broker {

MetadataImage::TopicPtr find_topic(const MetadataImage& image, std::string_view name, const Uuid& id, bool by_id) {
    return by_id ? image.topic(id) : image.topic(name);
}

PartitionRef refer(MetadataImage::TopicPtr topic, std::int32_t partition, bool by_id) {
    PartitionRef ref;
    if (!topic) {
        ref.error = by_id ? ErrorCode::unknown_topic_id : ErrorCode::unknown_topic_or_partition;
        return ref;
    }
    ref.key = {topic->id, partition};
    if (!topic->partition(partition)) ref.error = ErrorCode::unknown_topic_or_partition;
    ref.topic = std::move(topic);
    return ref;
}

Result<std::shared_ptr<Partition>> find_partition(const Shard& shard, const PartitionRef& ref) {
    if (ref.error != ErrorCode::none) return Error::of(ref.error);
    auto partition = shard.find(ref.key);
    if (!partition && shard.is_offline(ref.key)) return Error::of(ErrorCode::kafka_storage_error);
    if (!partition) return Error::of(ErrorCode::not_leader_or_follower);
    return partition;
}

Result<std::shared_ptr<Partition>> find_leader(const Shard& shard, const PartitionRef& ref, std::int32_t leader_epoch) {
    auto partition = find_partition(shard, ref);
    if (!partition) return partition;
    if (auto leads = (*partition)->check_leader(leader_epoch); !leads) return leads.error();
    return partition;
}

ErrorCode wire_code(const Error& error) noexcept {
    switch (error.code()) {
        case ErrorCode::file_system:
        case ErrorCode::storage_full: return ErrorCode::kafka_storage_error;
        case ErrorCode::corrupt_storage:
        case ErrorCode::bad_compression:
        case ErrorCode::limit_exceeded: return ErrorCode::corrupt_message;
        default: return static_cast<std::int16_t>(error.code()) >= -1 ? error.code() : ErrorCode::unknown_server_error;
    }
}

CurrentLeader current_leader(const PartitionRef& ref) noexcept {
    const PartitionImage* partition = ref.topic ? ref.topic->partition(ref.key.partition) : nullptr;
    if (!partition) return {};
    return {partition->leader, partition->leader_epoch};
}

}  // namespace ottla::broker
