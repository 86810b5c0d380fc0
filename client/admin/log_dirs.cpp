// SPDX-License-Identifier: Apache-2.0
// The directories that brokers keep their logs in: each broker answers for its own.
#include <algorithm>
#include <tuple>

#include <fmt/format.h>
#include <ottla/protocol/messages/describe_log_dirs_request.hpp>
#include <ottla/protocol/messages/describe_log_dirs_response.hpp>

#include "client/admin/ask_broker.hpp"

namespace ottla::client {
namespace {

LogDirDescription described(const protocol::DescribeLogDirsResponse::DescribeLogDirsResult& from) {
    LogDirDescription out;
    out.path = from.log_dir;
    out.error = item_error(from.error_code, {}, fmt::format("the log directory '{}'", from.log_dir));
    out.total_bytes = from.total_bytes;
    out.usable_bytes = from.usable_bytes;
    out.is_cordoned = from.is_cordoned;
    for (const auto& topic : from.topics) {
        for (const auto& p : topic.partitions) {
            auto& replica = out.replicas.emplace_back();
            replica.topic = topic.name;
            replica.partition = p.partition_index;
            replica.bytes = p.partition_size;
            replica.offset_lag = p.offset_lag;
            replica.is_future = p.is_future_key;
        }
    }
    std::ranges::sort(out.replicas, {}, [](const ReplicaOnDisk& r) { return std::tie(r.topic, r.partition); });
    return out;
}

awaitable<Result<std::vector<std::int32_t>>> all_brokers(AdminPtr admin, TimePoint deadline) {
    std::optional<std::vector<std::string>> none(std::in_place);
    const auto answer = co_await ask_metadata(admin->cluster(), std::move(none), deadline);
    if (!answer) co_return answer.error();
    std::vector<std::int32_t> ids;
    for (const auto& broker : answer->brokers) ids.push_back(broker.node_id);
    std::ranges::sort(ids);
    co_return ids;
}

}  // namespace

awaitable<Result<std::vector<BrokerLogDirs>>> describe_log_dirs(AdminPtr admin, std::vector<std::int32_t> brokers,
                                                                AdminOptions options) {
    if (admin->is_closed()) co_return admin->closed_error("describe_log_dirs");
    const auto deadline = admin->runtime().deadline(options.timeout);
    if (brokers.empty()) {
        auto all = co_await all_brokers(admin, deadline);
        if (!all) co_return all.error().with_context("describe_log_dirs");
        brokers = std::move(*all);
    }
    std::vector<BrokerLogDirs> out;
    for (const std::int32_t id : brokers) {
        protocol::DescribeLogDirsRequest request;
        request.topics.reset();
        constexpr protocol::VersionRange versions{1, 5};
        const auto answer = co_await ask_broker(admin, id, std::move(request), versions, deadline);
        if (!answer && brokers.size() == 1) co_return answer.error().with_context("describe_log_dirs");
        auto& broker = out.emplace_back();
        broker.broker = id;
        if (!answer) {
            broker.error = answer.error();
            continue;
        }
        broker.error = item_error(answer->error_code, {}, fmt::format("the log directories of broker {}", id));
        for (const auto& one : answer->results) broker.directories.push_back(described(one));
    }
    co_return out;
}

}  // namespace ottla::client
