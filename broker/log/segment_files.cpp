// SPDX-License-Identifier: Apache-2.0
#include "broker/log/segment_files.hpp"

#include <charconv>

#include "broker/log/segment.hpp"

namespace ottla::broker::log {
namespace {

std::optional<std::int64_t> parse_snapshot_name(std::string_view name) {
    if (!name.ends_with(snapshot_suffix)) return std::nullopt;
    return parse_segment_name(std::string(name.substr(0, name.size() - snapshot_suffix.size())) + ".log");
}

}  // namespace

Result<std::vector<std::int64_t>> list_segments(Disk& disk, const std::string& directory) {
    const auto entries = disk.list(directory);
    if (!entries) return entries.error();
    std::vector<std::int64_t> bases;
    for (const auto& entry : *entries) {
        if (const auto base = parse_segment_name(entry.name)) bases.push_back(*base);
    }
    return bases;  // the names sort as the numbers do
}

Result<std::vector<std::int64_t>> list_snapshots(Disk& disk, const std::string& directory) {
    const auto entries = disk.list(directory);
    if (!entries) return entries.error();
    std::vector<std::int64_t> offsets;
    for (const auto& entry : *entries) {
        if (const auto at = parse_snapshot_name(entry.name)) offsets.push_back(*at);
    }
    return offsets;
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
    const auto entries = disk.list(directory);
    if (!entries) return entries.error();
    for (const auto& entry : *entries) {
        const auto at = parse_snapshot_name(entry.name);
        if (!at || *at <= offset) continue;
        if (auto removed = disk.remove(join_path(directory, entry.name)); !removed) return removed;
    }
    return ok();
}

}  // namespace ottla::broker::log
