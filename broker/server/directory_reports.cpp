// SPDX-License-Identifier: Apache-2.0
#include "broker/server/directory_reports.hpp"

#include "broker/metadata/controller_client.hpp"
#include "broker/server/config.hpp"

namespace ottla::broker {
namespace {

constexpr auto report_again_after = std::chrono::milliseconds(500);
constexpr std::size_t assignments_max = 2250;  // in one request, as in Kafka's

}  // namespace

DirectoryReports::DirectoryReports(Node& node) : node_(node), life_(node.shards.front()->executor()) {}

void DirectoryReports::assign(const PartitionKey& key, const Uuid& directory) {
    assigned_.insert_or_assign(key, directory);
    life_.wake().notify();
}

void DirectoryReports::failed(const Uuid& directory) {
    if (directory.is_zero()) return;  // it never had a name
    failed_.insert(directory);
    life_.wake().notify();
}

boost::asio::awaitable<void> DirectoryReports::run(std::int64_t broker_epoch) {
    const net::UntilStopped::Running running(life_);
    while (!life_.stopping()) {
        if (assigned_.empty() && failed_.empty()) {
            co_await life_.wake().wait();
            continue;
        }
        // Failures first: what is assigned to a directory that is known to have failed gets no leader.
        bool heard = co_await tell_failures(broker_epoch);
        heard = heard && co_await tell_assignments(broker_epoch);
        if (!heard && !life_.stopping())
            co_await life_.wake().wait_until(*node_.timers, node_.timers->now() + report_again_after);
    }
}

boost::asio::awaitable<bool> DirectoryReports::tell_failures(std::int64_t broker_epoch) {
    if (failed_.empty()) co_return true;
    DirectoriesOfflineRequest request;
    request.broker_id = node_.id;
    request.broker_epoch = broker_epoch;
    request.directories.assign(failed_.begin(), failed_.end());
    const auto told = request.directories;
    const auto deadline = node_.timers->now() + std::chrono::milliseconds(node_.config->request_timeout_ms);
    const auto reply = co_await node_.controller->ask(std::move(request), deadline);
    if (!reply || reply->error != ErrorCode::none) co_return false;
    for (const auto& id : told) failed_.erase(id);
    co_return true;
}

protocol::AssignReplicasToDirsRequest DirectoryReports::next_assignments(std::int64_t broker_epoch) const {
    std::map<Uuid, std::map<Uuid, std::vector<std::int32_t>>> by_directory;
    std::size_t count = 0;
    for (const auto& [key, directory] : assigned_) {
        if (count++ == assignments_max) break;
        by_directory[directory][key.topic_id].push_back(key.partition);
    }
    protocol::AssignReplicasToDirsRequest request;
    request.broker_id = node_.id;
    request.broker_epoch = broker_epoch;
    for (const auto& [id, topics] : by_directory) {
        auto& directory = request.directories.emplace_back();
        directory.id = id;
        for (const auto& [topic_id, partitions] : topics) {
            auto& topic = directory.topics.emplace_back();
            topic.topic_id = topic_id;
            for (const auto partition : partitions) topic.partitions.emplace_back().partition_index = partition;
        }
    }
    return request;
}

boost::asio::awaitable<bool> DirectoryReports::tell_assignments(std::int64_t broker_epoch) {
    if (assigned_.empty()) co_return true;
    auto request = next_assignments(broker_epoch);
    const auto deadline = node_.timers->now() + std::chrono::milliseconds(node_.config->request_timeout_ms);
    const auto reply = co_await node_.controller->ask(std::move(request), deadline);
    if (!reply || reply->error_code != 0) co_return false;
    // A partition that the controller does not know, or not here, is gone: there is nothing to say of it any more.
    for (const auto& directory : reply->directories) {
        for (const auto& topic : directory.topics) {
            for (const auto& partition : topic.partitions) {
                const auto at = assigned_.find(PartitionKey{topic.topic_id, partition.partition_index});
                if (at != assigned_.end() && at->second == directory.id) assigned_.erase(at);
            }
        }
    }
    co_return true;
}

}  // namespace ottla::broker
