// SPDX-License-Identifier: Apache-2.0
// MetadataLog: __cluster_metadata-0 of a quorum of one, in Kafka's format: control batches of the quorum, data batches
// of metadata records, snapshots and quorum-state beside them, bootstrap.checkpoint above. Belongs to one shard.
// Everything blocks but sync().
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "broker/log/log.hpp"
#include "broker/log/log_directory.hpp"
#include "broker/log/log_io.hpp"
#include "broker/metadata/image_builder.hpp"
#include "broker/metadata/metadata_recovery.hpp"
#include "net/signal.hpp"

namespace ottla::broker {

struct MetadataLogOptions {
    log::LogConfig segments;
    std::int64_t now_ms = 0;  // since 1970
    base::Log messages;
};

class MetadataLog final : public log::Syncable, public std::enable_shared_from_this<MetadataLog> {
public:
    // Opens the log, or makes a new one with its bootstrap.checkpoint. `io` serves the directory, `executor` is its
    // shard's.
    static Result<std::shared_ptr<MetadataLog>> open(log::LogDirectory&, std::shared_ptr<log::LogIo> io,
                                                     boost::asio::any_io_executor executor,
                                                     const MetadataLogOptions& options);

    // The latest snapshot and all records behind it. corrupt_storage: a record that is not known or does not fit.
    Result<ImageBuilder> replay();
    bool is_new() const noexcept { return log_->end().offset == 0; }
    std::int64_t end_offset() const noexcept { return log_->end().offset; }

    // Node `id` leads from here on: one epoch higher, kept in quorum-state, and the LeaderChange record that begins it.
    Result<void> become_leader(std::int32_t id, std::int64_t now_ms);
    std::int32_t leader_epoch() const noexcept { return epoch_; }

    // One batch. Returns the offset of the first record.
    Result<std::int64_t> append(std::span<const MetadataRecord>, std::int64_t now_ms);
    // Everything appended is on stable storage when it returns. One at a time.
    boost::asio::awaitable<Result<void>> sync();
    // --- snapshots ---

    const std::string& directory() const noexcept { return log_->directory(); }
    log::Disk& disk() const noexcept { return directory_.disk(); }
    log::LogDirectory& log_directory() const noexcept { return directory_; }
    // The oldest first.
    const std::vector<HeldSnapshot>& snapshots() const noexcept { return snapshots_; }
    // Of everything up to `offset`, which is in the log.
    SnapshotId snapshot_up_to(std::int64_t offset) const;
    // When the last record was written.
    std::int64_t last_timestamp() const noexcept { return last_timestamp_; }
    // What no snapshot had when the log was replayed, and everything appended since.
    std::uint64_t bytes_replayed_and_appended() const noexcept { return bytes_seen_; }
    std::uint64_t bytes() const noexcept { return log_->bytes(); }
    std::int64_t start_offset() const noexcept { return log_->start_offset(); }
    // It is on stable storage.
    void add_snapshot(const HeldSnapshot&);
    // The oldest so many are gone, but never the latest: the log starts at the one that is the oldest now. Their files
    // are the caller's.
    std::vector<SnapshotId> drop_snapshots(std::size_t count);
    // The oldest segment, if it lies below the start. Its files are called `.deleted` now.
    Result<log::Retired> retire_segment();

    // For a stop in order. Blocks.
    Result<void> sync_and_close();

    log::SyncWork begin_sync() override { return log_->prepare_sync(); }
    void end_sync(const log::SyncWork&, const Result<void>&) override;

private:
    MetadataLog(log::LogDirectory&, RecoveredMetadata, std::shared_ptr<log::LogIo>, boost::asio::any_io_executor);
    Result<void> read_quorum_state();
    Result<void> replay_batch(const protocol::RecordBatchView&, ImageBuilder&) const;
    std::string path_of(const char* name) const;

    log::LogDirectory& directory_;
    std::unique_ptr<log::Log> log_;
    ImagePtr snapshot_image_;  // until it is replayed
    std::int64_t replay_from_ = 0;
    std::vector<HeldSnapshot> snapshots_;
    std::int64_t last_timestamp_ = 0;
    std::uint64_t bytes_seen_ = 0;
    std::shared_ptr<log::LogIo> io_;
    std::int32_t epoch_ = 0;
    std::int32_t quorum_state_version_ = 0;
    net::Signal synced_;
    bool sync_done_ = false;
    Result<void> sync_result_;
};

}  // namespace ottla::broker
