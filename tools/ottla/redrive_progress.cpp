// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/redrive_progress.hpp"

#include <fmt/format.h>

#include "tools/ottla/connection.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {
namespace {

// The broker's offset.metadata.max.bytes, unless it is set otherwise there.
constexpr std::size_t map_bytes_max = 4096;

}  // namespace

RedriveProgress::RedriveProgress(Consumer& consumer, const std::string& topic,
                                 const std::vector<std::int32_t>& partitions)
    : topic_(topic) {
    std::vector<TopicPartition> asked;
    for (const auto p : partitions) asked.emplace_back(topic, p);
    for (const auto& tp : expect(consumer.committed(asked, answer_within), "asking what has gone back")) {
        if (tp.error.code() != ErrorCode::none) throw Exception(tp.error);
        Partition p;
        if (tp.offset.is_absolute()) {
            auto map =
                expect(client::OffsetMap::decode(tp.offset.value(), tp.metadata),
                       fmt::format("what has gone back of {}[{}] can't be told from what its group has committed; "
                                   "name another --group",
                                   topic, tp.partition));
            p.progress = client::PartitionProgress(std::move(map));
        }
        partitions_.emplace(tp.partition, std::move(p));
    }
}

std::int64_t RedriveProgress::begin_of(std::int32_t partition) const {
    return std::max<std::int64_t>(0, partitions_.at(partition).progress.watermark());
}

bool RedriveProgress::has_gone_back(std::int32_t partition, std::int64_t offset) {
    Partition& p = partitions_.at(partition);
    if (p.progress.pass_if_done(offset)) return true;
    p.open.emplace(offset, p.progress.take(offset));
    return false;
}

void RedriveProgress::goes_back(std::int32_t partition, std::int64_t offset) {
    Partition& p = partitions_.at(partition);
    const auto found = p.open.find(offset);
    p.progress.finish(found->second);
    p.open.erase(found);
    p.is_changed = true;
}

void RedriveProgress::commit(Consumer& consumer) {
    std::vector<TopicPartition> offsets;
    for (auto& [number, p] : partitions_) {
        if (!std::exchange(p.is_changed, false)) continue;
        TopicPartition tp(topic_, number, p.progress.watermark());
        tp.metadata =
            expect(p.progress.beyond().encode(map_bytes_max),
                   fmt::format("{}[{}]: what has gone back lies too scattered to be kept in the metadata of a "
                               "commit, and the last letters would go again; redrive those from offset {} on "
                               "first",
                               topic_, number, p.progress.watermark()));
        offsets.push_back(std::move(tp));
    }
    if (offsets.empty()) return;
    for (const auto& tp : expect(consumer.commit(std::move(offsets), answer_within), "committing what has gone back"))
        if (tp.error.code() != ErrorCode::none) throw Exception(tp.error.with_context("committing what has gone back"));
}

}  // namespace ottla::tools
