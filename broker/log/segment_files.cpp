// SPDX-License-Identifier: Apache-2.0
#include "broker/log/segment_files.hpp"

#include "broker/log/segment.hpp"

namespace ottla::broker::log {
namespace {

// The offsets in the names with this suffix, rising: the names sort as the numbers do.
Result<std::vector<std::int64_t>> list_offsets(Disk& disk, const std::string& directory, std::string_view suffix) {
    const auto entries = disk.list(directory);
    if (!entries) return entries.error();
    std::vector<std::int64_t> offsets;
    for (const auto& entry : *entries) {
        if (const auto offset = parse_segment_name(entry.name, suffix)) offsets.push_back(*offset);
    }
    return offsets;
}

}  // namespace

Result<std::vector<std::int64_t>> list_segments(Disk& disk, const std::string& directory) {
    return list_offsets(disk, directory, ".log");
}

Result<std::vector<std::int64_t>> list_snapshots(Disk& disk, const std::string& directory) {
    return list_offsets(disk, directory, snapshot_suffix);
}

Result<void> remove_indexes(Disk& disk, const std::string& directory, std::int64_t base_offset) {
    for (const std::string_view suffix : {".index", ".timeindex", ".txnindex"}) {
        auto removed = disk.remove(join_path(directory, segment_name(base_offset, suffix)));
        if (!removed) return removed;
    }
    return ok();
}

Result<void> remove_segment_files(Disk& disk, const std::string& directory, std::int64_t base_offset) {
    if (auto removed = remove_indexes(disk, directory, base_offset); !removed) return removed;
    return disk.remove(join_path(directory, segment_name(base_offset)));
}

Result<void> remove_snapshots_above(Disk& disk, const std::string& directory, std::int64_t offset) {
    const auto snapshots = list_snapshots(disk, directory);
    if (!snapshots) return snapshots.error();
    for (const std::int64_t at : *snapshots) {
        if (at <= offset) continue;
        auto removed = disk.remove(join_path(directory, segment_name(at, snapshot_suffix)));
        if (!removed) return removed;
    }
    return ok();
}

}  // namespace ottla::broker::log
