// SPDX-License-Identifier: Apache-2.0
#include "tests/broker/log/random_log.hpp"

#include <array>

#include <gtest/gtest.h>

#include <ottla/protocol/control_record.hpp>
#include <ottla/protocol/record_batch_builder.hpp>

namespace ottla::broker::log {

RandomLog::RandomLog(MemoryDisk& disk, std::uint64_t seed, bool deletes)
    : disk_(disk),
      random_(seed),
      deletes_(deletes) {
    config_.segment_bytes = 900 + random_.below(2000);
    config_.index_interval_bytes = static_cast<std::uint32_t>(random_.below(400));
    config_.preallocate = random_.below(4) == 0;
    if (random_.below(3) == 0) config_.segment_ms = static_cast<std::int64_t>(100 + random_.below(400));
    keys_ = 1 + random_.below(30);
    delete_retention_ms_ = static_cast<std::int64_t>(random_.below(200));
}

bool RandomLog::failed(const Error& error) {
    why_ = error.text();
    return false;
}

void RandomLog::drop() {
    log_.reset();
    directory_.reset();
}

bool RandomLog::open_directory() {
    Uuid id;
    id.bytes[15] = 9;
    auto opened = LogDirectory::open(disk_, "/data", {1, "c", id}, {});
    if (!opened) return failed(opened.error());
    directory_ = std::move(*opened);
    return true;
}

bool RandomLog::create() {
    if (!open_directory()) return false;
    auto created = directory_->create_log(name_, Uuid{}, config_);
    if (!created) return failed(created.error());
    log_ = std::move(*created);
    return true;
}

bool RandomLog::open(bool with_checkpoint) {
    drop();
    if (!open_directory()) return false;
    return !directory_->has_log(name_).value() || open_log(with_checkpoint);
}

bool RandomLog::open_log(bool with_checkpoint) {
    log_.reset();
    Log::OpenOptions from_the_first;
    from_the_first.start_offset = directory_->checkpointed(Checkpoint::start_offsets, name_);
    auto opened = with_checkpoint ? directory_->open_log(name_, config_)
                                  : Log::open(disk_, log_directory_, config_, from_the_first);
    if (!opened) return failed(opened.error());
    log_ = std::move(*opened);
    return true;
}

bool RandomLog::step() {
    now_ms_ += static_cast<std::int64_t>(random_.below(40));
    const auto dice = random_.below(24);
    const auto does = [this](const char* what, bool well) {
        ++done_[what];
        return well;
    };
    if (dice < 11) return does("append", append());
    if (dice < 14) return does("end a transaction", end_transaction());
    if (dice < 16) return does("sync", sync());
    if (dice < 18) return does("checkpoint", write_checkpoint(static_cast<Checkpoint>(random_.below(4))));
    if (dice == 18) return does("reopen", reopen());
    if (dice == 19) {
        log_->begin_epoch(++epoch_);
        return true;
    }
    if (dice < 22 && deletes_) return does("delete", remove_front());
    return does("compact", compact());
}

// --- what a broker does ---

bool RandomLog::note_synced() {
    was_synced_ = true;
    synced_ = log_->end().offset;
    synced_producers_ = log_->producers().entries();
    return true;
}

bool RandomLog::sync() {
    // Alone, or with its file system.
    const auto done = log_->end().offset % 2 == 0 ? log_->sync() : directory_->sync(std::array{log_.get()});
    return done ? note_synced() : failed(done.error());
}

bool RandomLog::write_down(Checkpoint which, std::int64_t offset) {
    directory_->begin_checkpoint();
    OffsetCheckpoint offsets;
    if (offset > 0) offsets[name_] = offset;
    const auto written = directory_->write_checkpoint(which, offsets);
    return written || failed(written.error());
}

bool RandomLog::write_checkpoint(Checkpoint which) {
    switch (which) {
        case Checkpoint::recovery_points:
        case Checkpoint::high_watermarks: return write_down(which, log_->recovery_point());
        case Checkpoint::start_offsets: break;
        case Checkpoint::cleaned_offsets: return true;  // after a round only
    }
    const std::int64_t start = log_->start_offset();
    if (!write_down(which, start)) return false;
    start_written_ = start;
    return true;
}

// Retention, or DeleteRecords.
bool RandomLog::remove_front() {
    RetentionRules rules;
    rules.high_watermark = log_->synced().offset;
    if (random_.below(2) == 0) rules.expired_before_ms = now_ms_ - static_cast<std::int64_t>(random_.below(1500));
    if (random_.below(2) == 0) rules.bytes_max = random_.below(2 * log_->bytes() + 1);
    std::int64_t start = log_->start_by(rules);
    if (const auto room = log_->synced().offset - log_->start_offset(); room > 0 && random_.below(4) == 0)
        start = log_->start_offset() + static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(room + 1)));
    start_ = std::max(start_, start);
    log_->advance_start(start);
    if (!write_checkpoint(Checkpoint::start_offsets)) return false;
    auto retired = log_->retire(start_written_, random_.below(3) == 0 ? 1 : 1000);
    if (!retired) return failed(retired.error());
    if (random_.below(2) == 0 && !sync()) return false;
    const auto removed = retired->remove(disk_);
    return removed || failed(removed.error());
}

bool RandomLog::compact() {
    if (!sync()) return false;
    CompactionLimits limits;
    limits.up_to = log_->producers().first_unstable_offset(log_->end().offset).value_or(log_->end().offset);
    if (random_.below(4) == 0) limits.newer_than_ms = now_ms_ - static_cast<std::int64_t>(random_.below(300));
    const Dirtiness dirt = log_->dirtiness(directory_->checkpointed(Checkpoint::cleaned_offsets, name_), limits);
    if (!dirt.any()) return true;
    EXPECT_LE(dirt.up_to, std::max(limits.up_to, dirt.first_dirty));
    const auto before = contents_of(*log_);
    if (!before) return failed(before.error());
    for (const auto& record : before->records) {
        if (record.offset < dirt.first_dirty || record.offset >= dirt.up_to) continue;
        EXPECT_LE(record.timestamp, limits.newer_than_ms) << record.offset << " is too young";
    }
    compacted_below_ = std::max(compacted_below_, dirt.up_to);
    CompactionOptions options;
    options.now_ms = now_ms_;
    options.delete_retention_ms = delete_retention_ms_;
    options.map_bytes_max = random_.below(3) == 0 ? 16 * 16 : 1U << 20;
    Compaction round(disk_, log_->begin_compaction(dirt), options, random_.split());
    while (true) {
        const auto progress = round.step(1 + random_.below(5000));
        if (!progress) return failed(progress.error());
        if (*progress == Compaction::Progress::done) break;
        if (*progress == Compaction::Progress::more) continue;
        const auto retired = commit_cleaned(disk_, log_directory_, round.group());
        if (!retired) return failed(retired.error());
        auto cleaned = place_cleaned(disk_, log_directory_, round.group());
        if (!cleaned) return failed(cleaned.error());
        log_->replace(round.group(), std::move(*cleaned));
        if (random_.below(2) == 0 && !sync()) return false;
        if (!retired->remove(disk_)) return false;
    }
    log_->end_compaction();
    EXPECT_GT(round.clean_up_to(), dirt.first_dirty);
    check_round(*before, round.clean_up_to());
    // The checkpoint is written down only when the files are in their places.
    if (!sync()) return false;
    clean_up_to_ = std::max(clean_up_to_, round.clean_up_to());
    return write_down(Checkpoint::cleaned_offsets, round.clean_up_to());
}

bool RandomLog::reopen() {
    const bool clean = random_.below(2) == 0;
    const auto done = clean ? log_->close() : log_->sync();
    if (!done) return failed(done.error());
    note_synced();
    if (clean) {
        if (!write_down(Checkpoint::recovery_points, log_->end().offset)) return false;
        if (!write_checkpoint(Checkpoint::start_offsets)) return false;
        if (auto closed = directory_->close(1); !closed) return failed(closed.error());
    }
    return open();
}

// --- what its clients do ---

Bytes RandomLog::batch(std::int64_t base) {
    const bool in_transaction = random_.below(4) == 0;
    const auto producer = static_cast<std::int64_t>(1 + random_.below(3));
    protocol::BatchStamp stamp;
    if (in_transaction || random_.below(4) == 0) {
        stamp.producer_id = in_transaction ? producer : producer + 10;
        stamp.producer_epoch = 0;
        stamp.base_sequence = sequences_[stamp.producer_id];
        stamp.transactional = in_transaction;
    }
    protocol::RecordBatchBuilder builder{Buffer()};
    const auto count = 1 + static_cast<std::int64_t>(random_.below(5));
    for (std::int64_t i = 0; i < count; ++i) {
        Original original;
        original.batch = base;
        KeyedRecord& record = original.record;
        record.offset = base + i;
        record.timestamp = now_ms_ - static_cast<std::int64_t>(random_.below(100));
        if (random_.below(20) != 0) record.key = "key " + std::to_string(random_.below(keys_));
        if (random_.below(4) != 0) record.value = std::string(random_.below(60), 'v') + std::to_string(record.offset);
        record.producer_id = stamp.producer_id;
        record.transactional = in_transaction;
        std::vector<protocol::RecordHeaderView> headers;
        if (random_.below(8) == 0) {
            headers.emplace_back("h", as_bytes("header"));
            record.headers = std::string("\x02h\x0cheader", 9);
        }
        builder.append(record.timestamp, record.key ? protocol::NullableSpan(as_bytes(*record.key)) : std::nullopt,
                       record.value ? protocol::NullableSpan(as_bytes(*record.value)) : std::nullopt, headers);
        if (in_transaction) open_[producer].push_back(written_.size());
        // Should the machine stop in it, the batch may be there all the same.
        written_.push_back(std::move(original));
    }
    if (stamp.producer_id >= 0) sequences_[stamp.producer_id] += static_cast<std::int32_t>(count);
    Buffer bytes = builder.finish(stamp);
    Buffer compressed;
    const auto codec = static_cast<protocol::CompressionType>(random_.below(5));
    EXPECT_TRUE(
        protocol::compress_batch(bytes.span(), codec, protocol::default_compression_level, compressor_, compressed));
    auto header = protocol::RecordBatchHeader::read(compressed.span().data());
    header.base_offset = base;
    batches_[base] = header;
    return std::move(compressed).freeze();
}

bool RandomLog::append() {
    Buffer bytes;
    const auto count = random_.below(8) == 0 ? 2 + random_.below(5) : 1;
    for (std::uint64_t i = 0; i < count; ++i) {
        const Bytes one = batch(static_cast<std::int64_t>(written_.size()));
        bytes.append(one.span());
    }
    AppendOptions options;
    options.leader_epoch = epoch_;
    options.now_ms = now_ms_;
    const auto appended = log_->append(bytes.span(), options);
    if (!appended) return failed(appended.error());
    appended_ = written_.size();
    return true;
}

bool RandomLog::end_transaction() {
    const auto producer = static_cast<std::int64_t>(1 + random_.below(3));
    const bool commit = random_.below(2) == 0;
    Buffer marker = protocol::build_marker_batch(0, 0, now_ms_, producer, 0, {commit, 1});
    AppendOptions options;
    options.origin = Origin::coordinator;
    options.leader_epoch = epoch_;
    options.now_ms = now_ms_;
    Original original;
    original.batch = original.record.offset = log_->end().offset;
    original.record.producer_id = producer;
    original.record.transactional = original.record.marker = true;
    for (const auto at : open_[producer]) written_[at].aborted_at = commit ? -1 : original.batch;
    open_[producer].clear();
    batches_[original.batch] = protocol::RecordBatchHeader::read(marker.span().data());
    batches_[original.batch].base_offset = original.batch;
    written_.push_back(original);
    const auto appended = log_->append(marker.span(), options);
    if (!appended) return failed(appended.error());
    appended_ = written_.size();
    return true;
}

}  // namespace ottla::broker::log
