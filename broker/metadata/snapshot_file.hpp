// SPDX-License-Identifier: Apache-2.0
// The snapshots of the metadata log as files beside its segments (KIP-630): `<end offset>-<epoch>.checkpoint` holds
// all that the log says below the end offset; its last record was written in that epoch. A file is written under
// another name, synced and renamed, so a whole name means a whole file.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ottla/result.hpp>
#include "broker/log/disk.hpp"
#include "broker/metadata/image_builder.hpp"

namespace ottla::broker {

struct SnapshotId {
    std::int64_t end_offset = 0;
    std::int32_t epoch = 0;
    friend auto operator<=>(const SnapshotId&, const SnapshotId&) = default;
};

// "00000000000000000042-0000000003.checkpoint"
std::string snapshot_name(const SnapshotId&);
std::optional<SnapshotId> parse_snapshot_name(std::string_view name);

// Durable when it returns. The image's last offset is the one below the id's end. Blocks.
Result<void> write_snapshot(log::Disk&, const std::string& directory, const SnapshotId&, const MetadataImage&,
                            std::int64_t last_contained_log_timestamp, std::int64_t now_ms);

struct Snapshot {
    std::shared_ptr<const MetadataImage> image;
    std::int64_t last_contained_log_timestamp = 0;
};
// corrupt_storage: torn or damaged. bad_message: whole, but with records of a newer release. Blocks.
Result<Snapshot> read_snapshot(log::Disk&, const std::string& directory, const SnapshotId&);
// From its first batch. corrupt_storage. Blocks.
Result<std::int64_t> read_snapshot_timestamp(log::Disk&, const std::string& directory, const SnapshotId&);

// The oldest first. Removes what an interrupted writing or removal has left. Blocks.
Result<std::vector<SnapshotId>> list_metadata_snapshots(log::Disk&, const std::string& directory);

}  // namespace ottla::broker
