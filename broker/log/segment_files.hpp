// SPDX-License-Identifier: Apache-2.0
// The names in a partition's directory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <ottla/result.hpp>
#include "broker/log/disk.hpp"

namespace ottla::broker::log {

inline constexpr std::string_view partition_metadata_name = "partition.metadata";
inline constexpr std::string_view leader_epoch_checkpoint_name = "leader-epoch-checkpoint";

inline constexpr std::string_view snapshot_suffix = ".snapshot";
// Behind the name of a file that is to be removed, and of one that was to replace another.
inline constexpr std::string_view deleted_suffix = ".deleted";
inline constexpr std::string_view cleaned_suffix = ".cleaned";
inline constexpr std::string_view swap_suffix = ".swap";

// All files of a segment, the log first.
inline constexpr std::string_view segment_suffixes[] = {".log", ".index", ".timeindex", ".txnindex"};

// The offsets of the snapshots of producer states, rising.
Result<std::vector<std::int64_t>> list_snapshots(Disk&, const std::string& directory);
// The indexes that Kafka keeps beside a segment: stale once the segment is cut.
Result<void> remove_indexes(Disk&, const std::string& directory, std::int64_t base_offset);
// The segment with its indexes. The log goes last: without it the others mean nothing.
Result<void> remove_segment_files(Disk&, const std::string& directory, std::int64_t base_offset);
// All of them at once, as an opening log wants them.
struct LogFiles {
    std::vector<std::int64_t> segments;   // base offsets, rising
    std::vector<std::int64_t> snapshots;  // offsets, rising
    // Names ending in `.deleted` or `.cleaned`, where a stop came in between, and indexes without their segment.
    std::vector<std::string> leftovers;
    std::vector<std::string> swaps;  // names ending in `.swap`: what they replace may be there still
};
Result<LogFiles> list_log_files(Disk&, const std::string& directory);
// Kafka's snapshots of producer state taken above `offset`.
Result<void> remove_snapshots_above(Disk&, const std::string& directory, std::int64_t offset);

}  // namespace ottla::broker::log
