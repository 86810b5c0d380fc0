// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/answers.hpp"

#include <algorithm>

#include "broker/metadata/leadership.hpp"

namespace ottla::broker {
namespace {

// Kafka's numbers of operations.
enum Operation : std::uint8_t {
    read = 3,
    write = 4,
    create = 5,
    remove = 6,
    alter = 7,
    describe = 8,
    cluster_action = 9,
    describe_configs = 10,
    alter_configs = 11,
    idempotent_write = 12
};

constexpr std::int32_t bits(std::initializer_list<Operation> operations) {
    std::int32_t all = 0;
    for (const auto one : operations) all |= 1 << one;
    return all;
}

}  // namespace

base::TimePoint controller_deadline(const RequestContext& context, std::int32_t timeout_ms) {
    const auto most = context.node.config->request_timeout_ms;
    return context.node.timers->now() + std::chrono::milliseconds(std::clamp(timeout_ms, 1, std::max(1, most)));
}

std::int32_t all_topic_operations() noexcept {
    return bits({read, write, create, remove, alter, describe, describe_configs, alter_configs});
}

std::int32_t all_cluster_operations() noexcept {
    return bits({create, alter, describe, cluster_action, describe_configs, alter_configs, idempotent_write});
}

std::int32_t all_group_operations() noexcept { return bits({read, remove, describe, describe_configs, alter_configs}); }

ErrorCode leader_error(const MetadataImage& image, const PartitionImage& partition, std::string_view listener_name) {
    if (!image.is_alive(partition.leader)) return ErrorCode::leader_not_available;
    return image.broker(partition.leader)->endpoint(listener_name) ? ErrorCode::none : ErrorCode::listener_not_found;
}

std::vector<std::int32_t> offline_replicas(const MetadataImage& image, const PartitionImage& partition) {
    std::vector<std::int32_t> offline;
    std::copy_if(partition.replicas.begin(), partition.replicas.end(), std::back_inserter(offline),
                 [&](auto id) { return !replica_is_online(image, partition, id); });
    return offline;
}

}  // namespace ottla::broker
