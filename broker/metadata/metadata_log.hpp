// SPDX-License-Identifier: Apache-2.0
// MetadataLog: __cluster_metadata-0 of a quorum of one, in Kafka's format: control batches of the quorum, data batches
// of metadata records, quorum-state beside them, bootstrap.checkpoint above. Belongs to one shard. Everything blocks
// but sync().
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
#include "net/signal.hpp"

namespace ottla::broker {

class MetadataLog final : public log::Syncable, public std::enable_shared_from_this<MetadataLog> {
public:
    // Opens the log, or makes a new one with its bootstrap.checkpoint. `io` serves the directory, `executor` is its
    // shard's.
    static Result<std::shared_ptr<MetadataLog>> open(log::LogDirectory&, std::shared_ptr<log::LogIo> io,
                                                     boost::asio::any_io_executor executor, std::int64_t now_ms);

    // All records so far, in order, into the builder. corrupt_storage: a record that is not known or does not fit.
    Result<void> replay(ImageBuilder&) const;
    bool is_new() const noexcept { return log_->end().offset == 0; }
    std::int64_t end_offset() const noexcept { return log_->end().offset; }

    // Node `id` leads from here on: one epoch higher, kept in quorum-state, and the LeaderChange record that begins it.
    Result<void> become_leader(std::int32_t id, std::int64_t now_ms);
    std::int32_t leader_epoch() const noexcept { return epoch_; }

    // One batch. Returns the offset of the first record.
    Result<std::int64_t> append(std::span<const MetadataRecord>, std::int64_t now_ms);
    // Everything appended is on stable storage when it returns. One at a time.
    boost::asio::awaitable<Result<void>> sync();
    // For a stop in order. Blocks.
    Result<void> sync_and_close();

    log::SyncWork begin_sync() override { return log_->prepare_sync(); }
    void end_sync(const log::SyncWork&, const Result<void>&) override;

private:
    MetadataLog(log::LogDirectory&, std::unique_ptr<log::Log>, std::shared_ptr<log::LogIo>,
                boost::asio::any_io_executor);
    Result<void> replay_batch(const protocol::RecordBatchView&, ImageBuilder&) const;
    std::string path_of(const char* name) const;

    log::LogDirectory& directory_;
    std::unique_ptr<log::Log> log_;
    std::shared_ptr<log::LogIo> io_;
    std::int32_t epoch_ = 0;
    net::Signal synced_;
    bool sync_done_ = false;
    Result<void> sync_result_;
};

}  // namespace ottla::broker
