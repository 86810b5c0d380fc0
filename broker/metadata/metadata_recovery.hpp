// SPDX-License-Identifier: Apache-2.0
// What a metadata directory still tells after whatever stop: the latest whole snapshot, and the log from there on.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <ottla/result.hpp>
#include "base/log.hpp"
#include "broker/log/log_directory.hpp"
#include "broker/metadata/snapshot_file.hpp"
#include "broker/metadata/snapshot_policy.hpp"

namespace ottla::broker {

inline const log::TopicPartitionName metadata_partition{"__cluster_metadata", 0};

struct RecoveredMetadata {
    std::unique_ptr<log::Log> log;
    std::optional<SnapshotId> snapshot;  // none: the log tells everything
    Snapshot content{MetadataImage::empty(), 0};
    std::vector<HeldSnapshot> held;  // the whole ones up to `snapshot`, the oldest first
};

// The directory exists. A damaged snapshot is passed over with a warning when an older one and the log tell the same;
// corrupt_storage when they do not. Blocks.
Result<RecoveredMetadata> recover_metadata(log::LogDirectory&, const log::LogConfig&, const base::Log&);

}  // namespace ottla::broker
