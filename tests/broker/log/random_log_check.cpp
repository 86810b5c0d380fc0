// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "broker/log/batch_walk.hpp"
#include "broker/log/dump/verify.hpp"
#include "tests/broker/log/random_log.hpp"

namespace ottla::broker::log {

bool RandomLog::is_aborted(const Original& original) const {
    return original.aborted_at >= 0 && original.aborted_at < log_->end().offset;
}

void RandomLog::check() {
    const LogContents found = contents_of(*log_).value();
    check_records(found);
    if (testing::Test::HasFatalFailure()) return;
    check_keys(found);
    check_batches(found);
    if (!testing::Test::HasFatalFailure()) check_producers();
}

void RandomLog::check_records(const LogContents& found) const {
    ASSERT_LE(found.end, static_cast<std::int64_t>(written_.size()));
    for (const auto& record : found.records) {
        ASSERT_LT(record.offset, found.end);
        KeyedRecord same = original(record.offset).record;
        if (record.marker) {
            same.timestamp = record.timestamp;
            same.key = record.key;
            same.value = record.value;
        }
        ASSERT_EQ(record, same) << record.offset;
    }
    for (std::int64_t offset = std::max(found.start, compacted_below_); offset < found.end; ++offset)
        ASSERT_TRUE(found.find(offset)) << "nothing may have taken " << offset;
    // Readers of committed records get all that are.
    const std::set<std::int64_t> committed(found.committed.begin(), found.committed.end());
    for (const auto& record : found.records) {
        const bool is_committed = !record.marker && !is_aborted(original(record.offset));
        ASSERT_EQ(committed.contains(record.offset), is_committed) << record.offset;
    }
}

void RandomLog::check_keys(const LogContents& found) const {
    std::map<std::string, const Original*> last;
    for (const auto& one : written_) {
        if (one.record.offset < found.start || one.record.offset >= found.end) continue;
        if (one.record.key && !is_aborted(one)) last[*one.record.key] = &one;
    }
    std::map<std::string, std::int64_t> first_left;
    std::map<std::string, std::int64_t> clean;
    for (const auto& record : found.records) {
        if (record.key && !record.marker) first_left.emplace(*record.key, record.offset);
        if (record.offset >= clean_up_to_ || record.marker) continue;
        ASSERT_FALSE(is_aborted(original(record.offset))) << record.offset;
        ASSERT_TRUE(record.key) << record.offset << " has no key";
        ASSERT_TRUE(clean.emplace(*record.key, record.offset).second)
            << "of a key one record is left in the clean part, not " << clean[*record.key] << " and " << record.offset;
    }
    for (const auto& [key, one] : last) {
        const std::int64_t offset = one->record.offset;
        if (found.find(offset)) continue;
        ASSERT_FALSE(one->record.value) << "the last value of " << key << ", " << offset;
        // A tombstone that is gone has nothing before it: else the old value would be back.
        const auto before = first_left.find(key);
        ASSERT_TRUE(before == first_left.end() || before->second > offset) << key << " is back";
    }
}

// Offsets, sequences and codecs stay.
void RandomLog::check_batches(const LogContents& found) const {
    for (const auto& header : found.batches) {
        const auto batch = batches_.find(header.base_offset);
        ASSERT_NE(batch, batches_.end()) << header.base_offset;
        const auto& before = batch->second;
        EXPECT_EQ(header.last_offset(), before.last_offset());
        EXPECT_EQ(header.producer_id, before.producer_id);
        EXPECT_EQ(header.producer_epoch, before.producer_epoch);
        EXPECT_EQ(header.base_sequence, before.base_sequence);
        EXPECT_EQ(header.is_transactional(), before.is_transactional());
        EXPECT_EQ(header.is_control(), before.is_control());
        EXPECT_EQ(header.compression(), header.count > 0 ? before.compression() : protocol::CompressionType::none);
        EXPECT_FALSE(header.count == 0 && header.delete_horizon_ms()) << header.base_offset;
    }
}

// --- what a round of compaction may do (KIP-534) ---

void RandomLog::check_round(const LogContents& before, std::int64_t clean) const {
    const auto after = contents_of(*log_);
    if (!after) return;  // the machine has stopped
    check_tombstones(before, *after, clean);
    check_markers(before, *after, clean);
    check_last_batches(before, *after);
    for (const auto& entry : disk_.list(log_directory_).value()) {
        if (!entry.name.ends_with(".log")) continue;
        const auto file = disk_.open(join_path(log_directory_, entry.name)).value();
        const std::uint64_t size = file->size().value();
        // A horizon takes the place of a batch's base timestamp: the distances to it take more bytes.
        std::uint64_t bytes_max = config_.segment_bytes;
        HeaderWalk walk(*file, 0, size);
        for (auto at = walk.next(); at && *at; at = walk.next()) {
            if ((*at)->header.delete_horizon_ms()) bytes_max += 10 * static_cast<std::uint64_t>((*at)->header.count);
        }
        EXPECT_LE(size, bytes_max) << entry.name;
    }
}

// The horizon of what stays begins with the first round that sees it, and does not move.
void RandomLog::check_horizon(std::int64_t offset, const LogContents& before, const LogContents& after) const {
    const auto had = before.horizons.find(offset);
    const auto has = after.horizons.find(offset);
    ASSERT_NE(has, after.horizons.end()) << "no horizon: " << offset;
    if (had == before.horizons.end()) {
        EXPECT_EQ(has->second, now_ms_ + delete_retention_ms_) << offset;
    } else {
        EXPECT_EQ(has->second, had->second) << "a horizon has moved: " << offset;
        EXPECT_GT(had->second, now_ms_) << "should be gone: " << offset;
    }
}

void RandomLog::check_tombstones(const LogContents& before, const LogContents& after, std::int64_t clean) const {
    std::map<std::string, std::int64_t> last;
    for (const auto& record : before.records) {
        if (record.offset < clean && record.key && !record.marker && !is_aborted(original(record.offset)))
            last[*record.key] = record.offset;
    }
    for (const auto& record : before.records) {
        if (record.offset >= clean || record.marker || record.value || !record.key) continue;
        const auto latest = last.find(*record.key);
        if (latest == last.end() || latest->second != record.offset) continue;
        if (after.find(record.offset)) {
            check_horizon(record.offset, before, after);
        } else {
            const auto had = before.horizons.find(record.offset);
            EXPECT_TRUE(had != before.horizons.end() && had->second <= now_ms_)
                << "a tombstone went before its time: " << record.offset;
        }
    }
}

void RandomLog::check_markers(const LogContents& before, const LogContents& after, std::int64_t clean) const {
    std::map<std::int64_t, std::int64_t> last_marker;
    for (const auto& one : written_) {
        const KeyedRecord& marker = one.record;
        if (marker.offset >= clean) break;
        if (!marker.marker) continue;
        const auto previous = last_marker.emplace(marker.producer_id, -1).first->second;
        last_marker[marker.producer_id] = marker.offset;
        if (!before.find(marker.offset) || (deletes_ && previous < before.start)) continue;
        const bool has_batches = std::ranges::any_of(before.batches, [&](const auto& batch) {
            return batch.producer_id == marker.producer_id && batch.is_transactional() && !batch.is_control() &&
                   batch.base_offset > previous && batch.base_offset < marker.offset;
        });
        const bool stays = after.find(marker.offset) != nullptr;
        if (has_batches) {
            EXPECT_TRUE(stays) << "a marker went before its records: " << marker.offset;
            EXPECT_FALSE(after.horizons.contains(marker.offset)) << marker.offset;
        } else if (stays) {
            check_horizon(marker.offset, before, after);
        } else {
            const auto had = before.horizons.find(marker.offset);
            EXPECT_TRUE(had != before.horizons.end() && had->second <= now_ms_)
                << "a marker went before its time: " << marker.offset;
        }
    }
}

// The last batch of each producer tells of its sequence though its records may be gone.
void RandomLog::check_last_batches(const LogContents& before, const LogContents& after) const {
    for (const auto& producer : log_->producers().entries()) {
        const auto is_last = [&](const auto& batch) {
            return batch.producer_id == producer.producer_id && batch.last_offset() == producer.last_offset;
        };
        if (std::ranges::any_of(before.batches, is_last)) {
            EXPECT_TRUE(std::ranges::any_of(after.batches, is_last)) << "of producer " << producer.producer_id;
        }
    }
}

// --- recovery ---

// A rebuild from the batches alone finds the same of those producers that are still known.
void RandomLog::check_producers() {
    const auto before = log_->producers().entries();
    const auto end = log_->end();
    if (!sync()) return;
    ASSERT_TRUE(open_log(false)) << why_;
    ASSERT_EQ(log_->end().offset, end.offset);
    for (const auto& entry : before) {
        const auto* rebuilt = log_->producers().find(entry.producer_id);
        ASSERT_NE(rebuilt, nullptr) << entry.producer_id;
        EXPECT_EQ(rebuilt->last_sequence, entry.last_sequence);
        EXPECT_EQ(rebuilt->last_offset, entry.last_offset);
        EXPECT_EQ(rebuilt->transaction_first_offset >= 0, entry.transaction_first_offset >= 0);
    }
}

void RandomLog::check_recovered() {
    made_anew_ = !was_synced_;
    if (!log_) {
        EXPECT_EQ(synced_, 0);
        return;
    }
    const std::int64_t end = log_->end().offset;
    ASSERT_GE(end, synced_);
    ASSERT_LE(end, static_cast<std::int64_t>(written_.size()));
    ASSERT_GE(log_->start_offset(), start_written_);
    ASSERT_LE(log_->start_offset(), std::max(start_, start_written_));
    for (const auto& entry : synced_producers_) {
        if (entry.last_offset < log_->start_offset()) continue;
        const auto* recovered = log_->producers().find(entry.producer_id);
        ASSERT_NE(recovered, nullptr) << "producer " << entry.producer_id << " is forgotten";
        ASSERT_GE(recovered->last_offset, entry.last_offset) << entry.producer_id;
    }
    forget_from(end);
    check();
}

// What lies there was never written; the log goes on from here.
void RandomLog::forget_from(std::int64_t end) {
    written_.resize(static_cast<std::size_t>(end));
    appended_ = written_.size();
    batches_.erase(batches_.lower_bound(end), batches_.end());
    open_.clear();
    for (std::size_t i = 0; i < written_.size(); ++i) {
        Original& one = written_[i];
        if (one.aborted_at >= end) one.aborted_at = -1;
        if (one.record.marker)
            open_[one.record.producer_id].clear();
        else if (one.record.transactional)
            open_[one.record.producer_id].push_back(i);
    }
    start_ = start_written_ = log_->start_offset();
    synced_ = end;
    synced_producers_ = log_->producers().entries();
}

void RandomLog::check_indexes() {
    if (auto closed = log_->close(); !closed) return;
    const auto as_written = index_files(disk_, log_directory_);
    const auto verified = dump::verify_directory(disk_, log_directory_, [this](std::string_view problem) {
        // A topic of which nothing was ever synced is made again.
        const bool may_be_torn = made_anew_ && problem.find("partition.metadata") != problem.npos;
        EXPECT_TRUE(may_be_torn) << problem;
        return true;
    });
    ASSERT_TRUE(verified);
    remove_index_files(disk_, log_directory_);
    ASSERT_TRUE(open_log(false)) << why_;
    ASSERT_TRUE(log_->close());
    const auto rebuilt = index_files(disk_, log_directory_);
    for (const auto& [name, bytes] : as_written) {
        const auto again = rebuilt.find(name);
        ASSERT_NE(again, rebuilt.end()) << name;
        EXPECT_EQ(again->second, bytes) << name;
    }
    EXPECT_EQ(rebuilt.size(), as_written.size());
    ASSERT_TRUE(open_log(false)) << why_;
}

}  // namespace ottla::broker::log
