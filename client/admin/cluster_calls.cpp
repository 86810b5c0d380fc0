// SPDX-License-Identifier: Apache-2.0
// The cluster itself, and the offsets of its partitions.
#include <fmt/format.h>
#include <ottla/protocol/messages/describe_cluster_request.hpp>
#include <ottla/protocol/messages/describe_cluster_response.hpp>

#include "client/admin/admin_core.hpp"
#include "client/cluster/list_offsets.hpp"

namespace ottla::client {

awaitable<Result<ClusterDescription>> describe_cluster(AdminPtr admin, AdminOptions options) {
    if (admin->is_closed()) co_return admin->closed_error("describe_cluster");
    protocol::DescribeClusterRequest request;
    constexpr protocol::VersionRange versions{0, 1};
    auto never = [](const protocol::DescribeClusterResponse&) { return false; };
    auto answer = co_await ask(admin, Target::any, std::move(request), versions,
                               admin->runtime().deadline(options.timeout), never);
    if (!answer) co_return answer.error().with_context("describe_cluster");
    if (answer->error_code != 0) co_return item_error(answer->error_code, answer->error_message, "describe_cluster");
    ClusterDescription out;
    out.cluster_id = answer->cluster_id;
    out.controller_id = answer->controller_id;
    for (const auto& b : answer->brokers) {
        Node& node = out.nodes.emplace_back();
        node.id = b.broker_id;
        node.host = b.host;
        node.port = b.port;
        node.rack = b.rack;
    }
    std::ranges::sort(out.nodes, {}, &Node::id);
    co_return out;
}

awaitable<Result<std::vector<ListedOffset>>> list_offsets(AdminPtr admin, std::vector<TopicPartition> partitions,
                                                          AdminOptions options) {
    if (admin->is_closed()) co_return admin->closed_error("list_offsets");
    std::vector<OffsetQuestion> questions;
    for (const auto& tp : partitions) {
        // Offset::beginning() and Offset::end() are Kafka's own numbers for the two places.
        if (!tp.offset.is_absolute() && tp.offset != Offset::beginning() && tp.offset != Offset::end() &&
            tp.offset != at_max_timestamp)
            co_return Error::of(ErrorCode::invalid_argument,
                                fmt::format("list_offsets of {}[{}]: the place is beginning, end, that of the largest "
                                            "timestamp, or a time in milliseconds, not {}",
                                            tp.topic, tp.partition, to_string(tp.offset)));
        questions.emplace_back(tp.topic, tp.partition, tp.offset.value());
    }
    const auto level = options.read_committed ? IsolationLevel::read_committed : IsolationLevel::read_uncommitted;
    auto answers = co_await list_offsets(admin->cluster(), std::move(questions), level,
                                         admin->runtime().deadline(options.timeout));
    if (!answers) co_return answers.error();
    std::vector<ListedOffset> out;
    for (std::size_t i = 0; i < partitions.size(); ++i) {
        const auto& a = (*answers)[i];
        auto& listed = out.emplace_back();
        listed.partition = std::move(partitions[i]);
        listed.partition.error = a.error;
        listed.partition.offset = a.error.code() != ErrorCode::none ? Offset::invalid() : Offset(a.offset);
        if (a.leader_epoch >= 0) listed.partition.leader_epoch = a.leader_epoch;
        listed.timestamp_ms = a.found_timestamp;
    }
    co_return out;
}

}  // namespace ottla::client
