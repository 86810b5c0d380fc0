// SPDX-License-Identifier: Apache-2.0
#include "broker/log/segment_files.hpp"

#include <algorithm>
#include <optional>

#include "broker/log/segment.hpp"

namespace ottla::broker::log {
namespace {

constexpr std::string_view index_suffixes[] = {".index", ".timeindex", ".txnindex"};

// The base offset in an index's name.
std::optional<std::int64_t> parse_index_name(std::string_view name) {
    for (const auto suffix : index_suffixes) {
        if (const auto base = parse_segment_name(name, suffix)) return base;
    }
    return std::nullopt;
}

}  // namespace

Result<std::vector<std::int64_t>> list_snapshots(Disk& disk, const std::string& directory) {
    auto files = list_log_files(disk, directory);
    if (!files) return files.error();
    return std::move(files->snapshots);
}

Result<void> remove_indexes(Disk& disk, const std::string& directory, std::int64_t base_offset) {
    for (const auto suffix : index_suffixes) {
        auto removed = disk.remove(join_path(directory, segment_name(base_offset, suffix)));
        if (!removed) return removed;
    }
    return ok();
}

Result<void> remove_segment_files(Disk& disk, const std::string& directory, std::int64_t base_offset) {
    if (auto removed = remove_indexes(disk, directory, base_offset); !removed) return removed;
    return disk.remove(join_path(directory, segment_name(base_offset)));
}

Result<LogFiles> list_log_files(Disk& disk, const std::string& directory) {
    const auto entries = disk.list(directory);
    if (!entries) return entries.error();
    LogFiles files;
    for (const auto& entry : *entries) {
        if (const auto base = parse_segment_name(entry.name)) {
            files.segments.push_back(*base);
        } else if (const auto at = parse_segment_name(entry.name, snapshot_suffix)) {
            files.snapshots.push_back(*at);
        } else if (entry.name.ends_with(deleted_suffix) || entry.name.ends_with(cleaned_suffix)) {
            files.leftovers.push_back(entry.name);
        } else if (entry.name.ends_with(swap_suffix)) {
            files.swaps.push_back(entry.name);
        }
    }
    for (const auto& entry : *entries) {
        const auto base = parse_index_name(entry.name);
        if (base && !std::ranges::binary_search(files.segments, *base)) files.leftovers.push_back(entry.name);
    }
    return files;
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
