// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/describe_log_dirs.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "broker/handlers/answers.hpp"
#include "broker/partitions/partition.hpp"
#include "broker/server/scatter.hpp"
#include "net/run_on.hpp"

namespace ottla::broker {
namespace {

using protocol::DescribeLogDirsRequest;
using protocol::DescribeLogDirsResponse;

// A partition as it lies on a disk.
struct LogOnDisk {
    const log::LogDirectory* directory = nullptr;
    std::string topic;
    std::int32_t partition = 0;
    std::int64_t bytes = 0;
    std::int64_t offset_lag = 0;
};

// Which partitions are asked for: without a list, all.
class LogDirsFilter {
public:
    explicit LogDirsFilter(const DescribeLogDirsRequest& request) : all_(!request.topics) {
        if (all_) return;
        for (const auto& topic : *request.topics)
            wanted_[topic.topic].insert(topic.partitions.begin(), topic.partitions.end());
    }
    bool takes(const std::string& topic, std::int32_t partition) const {
        if (all_) return true;
        const auto found = wanted_.find(topic);
        return found != wanted_.end() && found->second.contains(partition);
    }

private:
    bool all_;
    std::map<std::string, std::set<std::int32_t>> wanted_;
};

// What each shard holds, into the shard's own slot.
class LogsOnShard {
public:
    LogsOnShard(const LogDirsFilter& filter, std::vector<std::vector<LogOnDisk>>& found)
        : filter_(filter),
          found_(found) {}

    awaitable<void> operator()(Shard& shard, std::span<const std::size_t> indices) {
        auto& found = found_[indices.front()];
        for (const auto& partition : shard.partitions()) {
            if (!filter_.takes(partition->topic(), partition->number())) continue;
            LogOnDisk one;
            one.directory = &partition->io().directory();
            one.topic = partition->topic();
            one.partition = partition->number();
            one.bytes = static_cast<std::int64_t>(partition->log().bytes());
            // How far a replica here is behind what is committed.
            one.offset_lag = std::max<std::int64_t>(0, partition->high_watermark() - partition->log_end_offset());
            found.push_back(std::move(one));
        }
        co_return;
    }

private:
    const LogDirsFilter& filter_;
    std::vector<std::vector<LogOnDisk>>& found_;
};

struct RoomInDirectory {
    ErrorCode error = ErrorCode::none;
    std::int64_t total_bytes = -1;
    std::int64_t usable_bytes = -1;
};

std::int64_t clamped(std::uint64_t bytes) noexcept {
    return static_cast<std::int64_t>(
        std::min<std::uint64_t>(bytes, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())));
}

RoomInDirectory room_in(const log::LogDirectory& directory) {
    RoomInDirectory room;
    const auto total = directory.disk().total_bytes(directory.path());
    const auto usable = directory.disk().free_bytes(directory.path());
    if (directory.offline() || !total || !usable) {
        room.error = ErrorCode::kafka_storage_error;
        return room;
    }
    room.total_bytes = clamped(*total);
    room.usable_bytes = clamped(*usable);
    return room;
}

// By topic and partition; `logs` are in that order.
void add_topics(const std::vector<LogOnDisk>& logs, const log::LogDirectory& directory,
                DescribeLogDirsResponse::DescribeLogDirsResult& result) {
    for (const auto& one : logs) {
        if (one.directory != &directory) continue;
        if (result.topics.empty() || result.topics.back().name != one.topic)
            result.topics.emplace_back().name = one.topic;
        auto& partition = result.topics.back().partitions.emplace_back();
        partition.partition_index = one.partition;
        partition.partition_size = one.bytes;
        partition.offset_lag = one.offset_lag;
    }
}

}  // namespace

awaitable<Result<DescribeLogDirsResponse>> DescribeLogDirsHandler::handle(RequestContext& context,
                                                                          DescribeLogDirsRequest& request) {
    const LogDirsFilter filter(request);
    std::vector<std::vector<LogOnDisk>> found(context.node.shards.size());
    LogsOnShard work(filter, found);
    const auto owner = [](std::size_t shard) { return shard; };
    co_await on_owners(context.node, context.shard, found.size(), owner, work);
    std::vector<LogOnDisk> logs;
    for (auto& part : found) std::move(part.begin(), part.end(), std::back_inserter(logs));
    std::ranges::sort(logs, {}, [](const LogOnDisk& one) { return std::tie(one.topic, one.partition); });

    // Of each directory in turn; it is looked at where that may take its time.
    auto look = [directories = context.node.directories] {
        std::vector<RoomInDirectory> rooms;
        for (const auto* directory : directories) rooms.push_back(room_in(*directory));
        return rooms;
    };
    const auto rooms = co_await net::run_on(*context.node.workers, std::move(look));

    DescribeLogDirsResponse response;
    for (std::size_t i = 0; i < rooms.size(); ++i) {
        const log::LogDirectory& directory = *context.node.directories[i];
        auto& result = response.results.emplace_back();
        result.error_code = wire(rooms[i].error);
        result.log_dir = directory.path();
        result.total_bytes = rooms[i].total_bytes;
        result.usable_bytes = rooms[i].usable_bytes;
        if (rooms[i].error == ErrorCode::none) add_topics(logs, directory, result);
    }
    co_return response;
}

DescribeLogDirsResponse DescribeLogDirsHandler::error_answer(const DescribeLogDirsRequest&, std::int16_t,
                                                             ErrorCode code) {
    DescribeLogDirsResponse response;
    response.error_code = wire(code);
    return response;
}

}  // namespace ottla::broker
