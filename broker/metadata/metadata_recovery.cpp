// SPDX-License-Identifier: Apache-2.0
#include "broker/metadata/metadata_recovery.hpp"

#include <fmt/format.h>

#include "broker/log/segment_files.hpp"

namespace ottla::broker {
namespace {

class MetadataRecovery {
public:
    MetadataRecovery(log::LogDirectory& directory, const log::LogConfig& config, const base::Log& messages)
        : directory_(directory),
          path_(log::join_path(directory.path(),
                               log::partition_directory(metadata_partition.topic, metadata_partition.partition))),
          config_(config),
          messages_(messages) {}

    Result<RecoveredMetadata> run() {
        auto ids = list_metadata_snapshots(directory_.disk(), path_);
        if (!ids) return ids.error();
        if (auto loaded = load_latest(*ids); !loaded) return loaded.error();
        if (auto held = note_held(*ids); !held) return held.error();
        if (auto opened = open_log(*ids); !opened) return opened.error();
        if (auto reaches = check_reach(); !reaches) return reaches.error();
        return std::move(out_);
    }

private:
    Result<void> load_latest(const std::vector<SnapshotId>& ids) {
        for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
            auto read = read_snapshot(directory_.disk(), path_, *id);
            if (read) {
                out_.snapshot = *id;
                out_.content = std::move(*read);
                return ok();
            }
            if (read.error() != ErrorCode::corrupt_storage) return read.error();
            messages_.warn("{}; it is not used", read.error().text());
            if (damage_.empty()) damage_ = read.error().text();
        }
        return ok();
    }

    Result<void> note_held(const std::vector<SnapshotId>& ids) {
        for (const auto& id : ids) {
            if (!out_.snapshot || id > *out_.snapshot) break;
            const auto timestamp = read_snapshot_timestamp(directory_.disk(), path_, id);
            if (!timestamp && timestamp.error() == ErrorCode::corrupt_storage) continue;
            if (!timestamp) return timestamp.error();
            const auto file = directory_.disk().open(log::join_path(path_, snapshot_name(id)));
            if (!file) return file.error();
            const auto size = (*file)->size();
            if (!size) return size.error();
            out_.held.push_back({id, *size, *timestamp});
        }
        return ok();
    }

    Result<void> open_log(const std::vector<SnapshotId>& ids) {
        const auto files = log::list_log_files(directory_.disk(), path_);
        if (!files) return files.error();
        // Once the log has lost its beginning it starts at the oldest snapshot: the segments below are on their way
        // out.
        const bool whole = files->segments.empty() || files->segments.front() == 0;
        const std::int64_t start = whole || !out_.snapshot ? 0 : ids.front().end_offset;
        if (auto opened = open_log_at(start); !opened) return opened;
        if (!out_.snapshot || out_.log->end().offset >= out_.snapshot->end_offset) return ok();
        messages_.warn("{}: the log ends at offset {}, its latest snapshot at {}; it goes on from there", path_,
                       out_.log->end().offset, out_.snapshot->end_offset);
        out_.log.reset();
        return open_log_at(out_.snapshot->end_offset);
    }

    Result<void> open_log_at(std::int64_t start) {
        auto log = directory_.open_log(metadata_partition, config_, start);
        if (!log) return log.error();
        out_.log = std::move(*log);
        return ok();
    }

    Result<void> check_reach() const {
        const std::int64_t start = out_.log->start_offset();
        const std::int64_t told = out_.snapshot ? out_.snapshot->end_offset : 0;
        if (start <= told) return ok();
        const std::string why = damage_.empty() ? "there is no snapshot of what lies below" : damage_;
        return Error::of(
            ErrorCode::corrupt_storage,
            fmt::format(
                "'{}': the metadata log begins at offset {}, and what is known ends at {}: {}. Put back a copy of "
                "that directory, or of its latest .checkpoint file, from a backup",
                path_, start, told, why));
    }

    log::LogDirectory& directory_;
    std::string path_;
    const log::LogConfig& config_;
    const base::Log& messages_;
    RecoveredMetadata out_;
    std::string damage_;  // of the latest snapshot
};

}  // namespace

Result<RecoveredMetadata> recover_metadata(log::LogDirectory& directory, const log::LogConfig& config,
                                           const base::Log& messages) {
    return MetadataRecovery(directory, config, messages).run();
}

}  // namespace ottla::broker
