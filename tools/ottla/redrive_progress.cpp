// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/redrive_progress.hpp"

#include <fmt/format.h>

#include "tools/ottla/connection.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {
namespace {

// The broker's offset.metadata.max.bytes, unless it is set otherwise there.
constexpr std::size_t map_bytes_max = 4096;
// Where some letters of a window can't be written, its map is larger than where all can.
constexpr std::size_t map_bytes_spare = 512;

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
            knows_nothing_ = false;
        }
        partitions_.emplace(tp.partition, std::move(p));
    }
}

std::int64_t RedriveProgress::begin_of(std::int32_t partition) const {
    return std::max<std::int64_t>(0, partitions_.at(partition).progress.watermark());
}

bool RedriveProgress::has_gone_back(std::int32_t partition, std::int64_t offset) {
    return partitions_.at(partition).progress.pass_if_done(offset);
}

RedriveProgress::Letter RedriveProgress::stays(std::int32_t partition, std::int64_t offset) {
    return {partition, partitions_.at(partition).progress.take(offset)};
}

void RedriveProgress::goes_back(const Letter& letter) {
    Partition& p = partitions_.at(letter.partition);
    p.progress.finish(letter.place);
    p.is_changed = true;
}

void RedriveProgress::check_room_for(std::span<const Letter> letters) const {
    std::map<std::int32_t, client::PartitionProgress> after;
    for (const auto& l : letters)
        after.try_emplace(l.partition, partitions_.at(l.partition).progress).first->second.finish(l.place);
    for (const auto& [number, progress] : after)
        if (!progress.beyond().encode(map_bytes_max - map_bytes_spare)) throw Exception(too_scattered(number));
}

void RedriveProgress::prove_commit(Consumer& consumer, std::span<const Letter> letters) {
    for (const auto& l : letters) partitions_.at(l.partition).is_changed = true;
    commit(consumer);
}

void RedriveProgress::commit(Consumer& consumer) {
    std::vector<TopicPartition> offsets;
    Error refused;
    for (auto& [number, p] : partitions_) {
        if (!p.is_changed) continue;
        TopicPartition tp(topic_, number, p.progress.watermark());
        auto map = p.progress.beyond().encode(map_bytes_max);
        if (!map) {
            // The others are to be kept nonetheless.
            refused = too_scattered(number);
            continue;
        }
        tp.metadata = std::move(*map);
        offsets.push_back(std::move(tp));
    }
    if (!offsets.empty()) {
        for (const auto& tp :
             expect(consumer.commit(std::move(offsets), answer_within), "committing what has gone back")) {
            if (tp.error.code() == ErrorCode::none)
                partitions_.at(tp.partition).is_changed = false;
            else
                refused = tp.error.with_context("committing what has gone back");
        }
    }
    if (refused.code() != ErrorCode::none) throw Exception(refused);
}

Error RedriveProgress::too_scattered(std::int32_t partition) const {
    return Error::of(
        ErrorCode::limit_exceeded,
        fmt::format("{}[{}]: what has gone back lies too scattered to be kept in the metadata of a commit; "
                    "redrive all from offset {} on first, without a choice",
                    topic_, partition, partitions_.at(partition).progress.watermark()));
}

}  // namespace ottla::tools
