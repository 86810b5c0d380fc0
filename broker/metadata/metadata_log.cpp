// SPDX-License-Identifier: Apache-2.0
#include "broker/metadata/metadata_log.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <ottla/protocol/control_record.hpp>
#include <ottla/protocol/messages/leader_change_message.hpp>
#include <ottla/protocol/record_batch_builder.hpp>
#include <ottla/protocol/writer.hpp>
#include "base/assert.hpp"
#include "broker/log/directory_files.hpp"
#include "broker/metadata/bootstrap_checkpoint.hpp"

namespace ottla::broker {
namespace {

constexpr std::size_t replay_bytes = 1 << 20;

Uuid metadata_topic_id() {
    Uuid id;
    id.bytes.back() = 1;  // AAAAAAAAAAAAAAAAAAAAAQ
    return id;
}

Error corrupt(std::int64_t offset, std::string_view what) {
    return Error::of(ErrorCode::corrupt_storage, fmt::format("metadata log, offset {}: {}", offset, what));
}

Result<Buffer> leader_change_batch(std::int32_t id, std::int32_t epoch, std::int64_t now_ms) {
    protocol::LeaderChangeMessage message;
    message.leader_id = id;
    protocol::LeaderChangeMessage::Voter voter;
    voter.voter_id = id;
    message.voters.push_back(voter);
    message.granting_voters.push_back(voter);
    protocol::Writer writer;
    if (auto written = encode(writer, message, 0); !written) return written.error();
    const auto value = writer.finish().flatten();
    if (!value) return value.error();

    const protocol::ControlKey key(protocol::ControlRecordType::leader_change);
    protocol::RecordBatchBuilder builder{Buffer(256)};
    builder.append(now_ms, key.span(), value->span());
    protocol::BatchStamp stamp;
    stamp.leader_epoch = epoch;
    stamp.control = true;
    return builder.finish(stamp);
}

}  // namespace

MetadataLog::MetadataLog(log::LogDirectory& directory, RecoveredMetadata recovered, std::shared_ptr<log::LogIo> io,
                         boost::asio::any_io_executor executor)
    : directory_(directory),
      log_(std::move(recovered.log)),
      snapshot_image_(std::move(recovered.content.image)),
      snapshots_(std::move(recovered.held)),
      last_timestamp_(recovered.content.last_contained_log_timestamp),
      io_(std::move(io)),
      epoch_(log_->epochs().latest().value_or(0)),
      synced_(std::move(executor)) {
    if (!recovered.snapshot) return;
    replay_from_ = recovered.snapshot->end_offset;
    epoch_ = std::max(epoch_, recovered.snapshot->epoch);
}

std::string MetadataLog::path_of(const char* name) const { return log::join_path(log_->directory(), name); }

Result<std::shared_ptr<MetadataLog>> MetadataLog::open(log::LogDirectory& directory, std::shared_ptr<log::LogIo> io,
                                                       boost::asio::any_io_executor executor,
                                                       const MetadataLogOptions& options) {
    RecoveredMetadata recovered;
    const auto there = directory.has_log(metadata_partition);
    if (!there) return there.error();
    if (*there) {
        auto found = recover_metadata(directory, options.segments, options.messages);
        if (!found) return found.error();
        recovered = std::move(*found);
    } else {
        if (auto written = write_bootstrap_checkpoint(directory, options.now_ms); !written) return written.error();
        auto made = directory.create_log(metadata_partition, metadata_topic_id(), options.segments);
        if (!made) return made.error();
        recovered.log = std::move(*made);
    }
    std::shared_ptr<MetadataLog> opened(
        new MetadataLog(directory, std::move(recovered), std::move(io), std::move(executor)));
    if (auto read = opened->read_quorum_state(); !read) return read.error();
    return opened;
}

Result<void> MetadataLog::read_quorum_state() {
    const auto path = path_of("quorum-state");
    const auto kept = directory_.disk().exists(path);
    if (!kept) return kept.error();
    if (!*kept) return ok();
    const auto text = log::read_text(directory_.disk(), path);
    if (!text) return text.error();
    const auto state = log::QuorumState::parse(*text);
    if (!state) return state.error();
    epoch_ = std::max(epoch_, state->leader_epoch);
    quorum_state_version_ = state->data_version;
    return ok();
}

Result<void> MetadataLog::replay_batch(const protocol::RecordBatchView& batch, ImageBuilder& builder) const {
    if (batch.header().is_control()) {
        builder.skip_to(batch.header().last_offset());
        return ok();
    }
    protocol::Decompressor decompressor;
    Buffer space;
    constexpr std::size_t batch_bytes_max = 64 << 20;
    auto records = batch.records(decompressor, batch_bytes_max, space);
    if (!records) return records.error();
    for (protocol::RecordView record; records->next(record);) {
        if (record.offset < replay_from_) continue;  // the snapshot ended within this batch
        if (!record.value) return corrupt(record.offset, "a record without a value");
        const auto decoded = decode_record(Bytes::copy_of(*record.value));
        if (!decoded) return corrupt(record.offset, decoded.error().text());
        if (auto applied = builder.apply(*decoded, record.offset); !applied) return applied;
    }
    return records->complete() ? ok() : corrupt(batch.header().base_offset, "a malformed batch");
}

Result<ImageBuilder> MetadataLog::replay() {
    ImageBuilder builder(std::exchange(snapshot_image_, nullptr));
    for (std::int64_t offset = replay_from_; offset < log_->end().offset;) {
        const auto plan = log_->plan_read(offset, replay_bytes, log_->end());
        if (!plan) return plan.error();
        const auto slice = plan->run();
        if (!slice) return slice.error();
        const auto bytes = slice->range.read();
        if (!bytes) return bytes.error();
        protocol::RecordBatchReader batches(bytes->span());
        const auto before = offset;
        for (;;) {
            const auto batch = batches.next();
            if (!batch) return batch.error();
            if (!batch->has_value()) break;
            const auto& header = (*batch)->header();
            if (auto replayed = replay_batch(**batch, builder); !replayed) return replayed.error();
            offset = header.next_offset();
            last_timestamp_ = header.max_timestamp;
            bytes_seen_ += header.total_size();
        }
        if (offset == before) return corrupt(offset, "no batch where one must begin");
    }
    return builder;
}

Result<void> MetadataLog::become_leader(std::int32_t id, std::int64_t now_ms) {
    ++epoch_;
    log::QuorumState state;
    state.data_version = quorum_state_version_;
    state.leader_id = id;
    state.leader_epoch = epoch_;
    state.voters = {id};
    if (auto kept = log::replace_text(directory_.disk(), path_of("quorum-state"), state.to_text()); !kept) return kept;
    log_->begin_epoch(epoch_);
    const auto batch = leader_change_batch(id, epoch_, now_ms);
    if (!batch) return batch.error();
    log::AppendOptions options;
    options.origin = log::Origin::coordinator;
    options.leader_epoch = epoch_;
    options.now_ms = now_ms;
    const auto appended = log_->append(batch->span(), options);
    if (!appended) return appended.error();
    last_timestamp_ = now_ms;
    bytes_seen_ += batch->size();
    return ok();
}

Result<std::int64_t> MetadataLog::append(std::span<const MetadataRecord> records, std::int64_t now_ms) {
    protocol::RecordBatchBuilder builder{Buffer(64 + 128 * records.size())};
    for (const auto& record : records) {
        const auto bytes = encode_record(record);
        if (!bytes) return bytes.error();
        builder.append(now_ms, std::nullopt, bytes->span());
    }
    protocol::BatchStamp stamp;
    stamp.leader_epoch = epoch_;
    const auto batch = builder.finish(stamp);
    log::AppendOptions options;
    options.origin = log::Origin::coordinator;
    options.leader_epoch = epoch_;
    options.now_ms = now_ms;
    const auto appended = log_->append(batch.span(), options);
    if (!appended) return appended.error();
    last_timestamp_ = now_ms;
    bytes_seen_ += batch.size();
    return appended->first_offset;
}

boost::asio::awaitable<Result<void>> MetadataLog::sync() {
    sync_done_ = false;
    io_->sync_now(shared_from_this());
    while (!sync_done_) co_await synced_.wait();
    co_return sync_result_;
}

void MetadataLog::end_sync(const log::SyncWork& work, const Result<void>& result) {
    if (result) log_->synced(work);
    sync_done_ = true;
    sync_result_ = result;
    synced_.notify();
}

// --- snapshots ---

SnapshotId MetadataLog::snapshot_up_to(std::int64_t offset) const {
    return {offset + 1, log_->epochs().epoch_of(offset).value_or(epoch_)};
}

void MetadataLog::add_snapshot(const HeldSnapshot& taken) {
    std::erase_if(snapshots_, [&](const auto& held) { return held.id == taken.id; });
    snapshots_.push_back(taken);
}

std::vector<SnapshotId> MetadataLog::drop_snapshots(std::size_t count) {
    OTTLA_ASSERT(count < snapshots_.size());
    std::vector<SnapshotId> dropped;
    for (std::size_t i = 0; i < count; ++i) dropped.push_back(snapshots_[i].id);
    snapshots_.erase(snapshots_.begin(), snapshots_.begin() + static_cast<std::ptrdiff_t>(count));
    log_->advance_start(snapshots_.front().id.end_offset);
    return dropped;
}

Result<log::Retired> MetadataLog::retire_segment() { return log_->retire(log_->start_offset(), 1); }

Result<void> MetadataLog::sync_and_close() { return log_->close(); }

}  // namespace ottla::broker
