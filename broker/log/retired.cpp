// SPDX-License-Identifier: Apache-2.0
#include "broker/log/retired.hpp"

#include "broker/log/segment.hpp"
#include "broker/log/segment_files.hpp"

namespace ottla::broker::log {
namespace {

Result<void> retire_file(Disk& disk, const std::string& path, Retired& into) {
    const auto there = disk.exists(path);
    if (!there) return there.error();
    if (!*there) return ok();
    std::string renamed = path + std::string(deleted_suffix);
    if (auto moved = disk.rename(path, renamed); !moved) return moved;
    into.files.push_back(std::move(renamed));
    return ok();
}

}  // namespace

Result<void> Retired::remove(Disk& disk) const {
    for (const auto& file : files) {
        if (auto removed = disk.remove(file); !removed) return removed;
    }
    return ok();
}

Result<void> retire_segment_files(Disk& disk, const std::string& directory, std::int64_t base_offset, Retired& into) {
    ++into.segments;
    for (const auto suffix : segment_suffixes) {
        auto retired = retire_file(disk, join_path(directory, segment_name(base_offset, suffix)), into);
        if (!retired) return retired;
    }
    return retire_file(disk, join_path(directory, segment_name(base_offset, snapshot_suffix)), into);
}

}  // namespace ottla::broker::log
