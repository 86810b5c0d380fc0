// SPDX-License-Identifier: Apache-2.0
#include "broker/embedded/copy_log.hpp"

#include <algorithm>

#include "broker/log/segment_files.hpp"

namespace ottla::broker {
namespace {

constexpr std::size_t chunk_bytes = 1 << 20;

Result<void> copy_file(log::Disk& from_disk, const std::string& from, log::Disk& to_disk, const std::string& to) {
    const auto source = from_disk.open(from);
    if (!source) return source.error();
    const auto target = to_disk.create(to);
    if (!target) return target.error();
    const auto size = (*source)->size();
    if (!size) return size.error();
    std::vector<std::uint8_t> chunk(static_cast<std::size_t>(std::min<std::uint64_t>(chunk_bytes, *size)));
    for (std::uint64_t at = 0; at < *size;) {
        const auto read = (*source)->read_at(at, chunk);
        if (!read) return read.error();
        if (auto written = (*target)->write_at(at, ByteSpan(chunk.data(), *read)); !written) return written;
        at += *read;
    }
    return (*target)->sync();
}

// Of producers it knows each one's last batch alone, which is all that a stop in order leaves. A follower knows all
// that a leader knows of them, and so does who builds it anew from the batches.
bool is_snapshot_of_the_end(std::string_view name, const std::vector<log::DirectoryEntry>& entries) {
    if (!name.ends_with(log::snapshot_suffix)) return false;
    const auto segment = std::string(name.substr(0, name.size() - log::snapshot_suffix.size())) + ".log";
    return std::ranges::find(entries, segment, &log::DirectoryEntry::name) == entries.end();
}

}  // namespace

Result<void> copy_log(log::Disk& from_disk, const std::string& from, log::Disk& to_disk, const std::string& to) {
    // What it held when it led before.
    const auto held = to_disk.exists(to);
    if (!held) return held.error();
    if (*held)
        if (auto removed = log::remove_tree(to_disk, to); !removed) return removed;
    if (auto made = to_disk.make_directory(to); !made) return made;
    const auto entries = from_disk.list(from);
    if (!entries) return entries.error();
    for (const auto& entry : *entries) {
        if (entry.is_directory || is_snapshot_of_the_end(entry.name, *entries)) continue;
        auto copied = copy_file(from_disk, log::join_path(from, entry.name), to_disk, log::join_path(to, entry.name));
        if (!copied) return copied;
    }
    if (auto synced = to_disk.sync_directory(to); !synced) return synced;
    return to_disk.sync_directory(log::parent_path(to));
}

}  // namespace ottla::broker
