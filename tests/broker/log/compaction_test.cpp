// SPDX-License-Identifier: Apache-2.0
// Compaction against a naive one, over random logs: keyed records, tombstones, transactions, all codecs, several
// rounds, small maps; then the same with the machine stopping at every change.
#include <gtest/gtest.h>

#include <map>

#include "broker/log/compaction/compaction.hpp"
#include "broker/log/log.hpp"
#include "broker/log/memory_disk.hpp"
#include "tests/broker/log/batches.hpp"
#include "tests/support/share.hpp"

namespace ottla::broker::log {
namespace {

const std::string compacted_path = "/data/t-0";

struct KeyedRecord {
    std::int64_t offset = 0;
    std::int64_t timestamp = 0;
    std::optional<std::string> key;
    std::optional<std::string> value;
    std::int64_t producer_id = -1;
    bool marker = false;
    std::int64_t aborted_at = -1;  // by the marker there
    friend bool operator==(const KeyedRecord&, const KeyedRecord&) = default;
};

// All records, by offset; checks that offsets rise and every batch is sound.
std::vector<KeyedRecord> records_of(const Log& log) {
    std::vector<KeyedRecord> all;
    protocol::Decompressor decompressor;
    Buffer space;
    std::int64_t offset = log.start_offset();
    while (offset < log.end().offset) {
        const auto slice = log.plan_read(offset, 1U << 20, log.end()).value().run().value();
        if (slice.range.length == 0) break;
        const Bytes bytes = slice.range.read().value();
        protocol::RecordBatchReader reader(bytes);
        while (const auto batch = reader.next().value()) {
            EXPECT_TRUE(batch->check_crc());
            EXPECT_GE(batch->header().next_offset(), offset);
            auto records = batch->records(decompressor, 1U << 20, space).value();
            for (protocol::RecordView record; records.next(record);) {
                KeyedRecord one;
                one.offset = record.offset;
                one.timestamp = record.timestamp;
                if (record.key) one.key = as_text(*record.key);
                if (record.value) one.value = as_text(*record.value);
                one.producer_id = batch->header().producer_id;
                one.marker = batch->header().is_control();
                EXPECT_TRUE(all.empty() || all.back().offset < one.offset);
                all.push_back(std::move(one));
            }
            EXPECT_TRUE(records.complete());
            offset = batch->header().next_offset();
        }
    }
    return all;
}

// A log that is written and compacted at random, and what must be true of it.
class RandomLog {
public:
    RandomLog(MemoryDisk& disk, std::uint64_t seed) : disk_(disk), random_(seed) {
        config_.segment_bytes = 700 + random_.below(2000);
        config_.index_interval_bytes = static_cast<std::uint32_t>(random_.below(400));
        keys_ = 1 + random_.below(30);
        delete_retention_ms_ = static_cast<std::int64_t>(random_.below(200));
    }
    bool create() {
        auto created = Log::create(disk_, compacted_path, config_, Uuid{});
        if (created) log_ = std::move(*created);
        return created.has_value();
    }
    Log& log() { return *log_; }
    const LogConfig& config() const { return config_; }
    const std::vector<KeyedRecord>& written() const { return written_; }
    std::int64_t synced() const { return synced_; }
    std::int64_t now_ms() const { return now_ms_; }

    // One of everything; false when the disk stopped.
    bool step() {
        now_ms_ += static_cast<std::int64_t>(random_.below(40));
        const auto dice = random_.below(20);
        if (dice < 12) return append();
        if (dice < 15) return end_transaction();
        if (dice < 17) return sync();
        if (dice == 17) return reopen();
        return compact();
    }
    bool sync() {
        if (!log_->sync()) return false;
        synced_ = log_->end().offset;
        return true;
    }
    // One round, as a broker does it. False when the disk failed.
    bool compact() {
        if (!sync()) return false;
        CompactionLimits limits;
        limits.up_to = log_->producers().first_unstable_offset(log_->end().offset).value_or(log_->end().offset);
        const Dirtiness dirt = log_->dirtiness(clean_up_to_, limits);
        if (!dirt.any()) return true;
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
            const auto retired = commit_cleaned(disk_, compacted_path, round.group());
            if (!retired) return failed(retired.error());
            if (auto replaced = log_->replace(round.group()); !replaced) return failed(replaced.error());
            if (random_.below(2) == 0 && !sync()) return false;
            if (!retired->remove(disk_)) return false;
        }
        log_->end_compaction();
        EXPECT_GT(round.clean_up_to(), dirt.first_dirty);
        clean_up_to_ = round.clean_up_to();
        // The checkpoint is written down only when the files are in their places.
        return sync();
    }
    std::int64_t clean_up_to() const { return clean_up_to_; }

    // What there is must be what a naive compaction may leave: the last committed value of each key is there; nothing
    // that was not written, nothing that was replaced comes back where it was cleaned.
    void check() {
        const auto found = records_of(*log_);
        std::map<std::int64_t, const KeyedRecord*> by_offset;
        std::map<std::string, const KeyedRecord*> last;  // committed, or not known to be aborted
        const auto aborted = [&](const KeyedRecord& record) {
            return record.aborted_at >= 0 && record.aborted_at < log_->end().offset;
        };
        for (const auto& record : written_) {
            if (record.offset >= log_->end().offset) continue;
            by_offset[record.offset] = &record;
            if (record.key && !aborted(record) && !record.marker) last[*record.key] = &record;
        }
        std::map<std::int64_t, const KeyedRecord*> there;
        for (const auto& record : found) {
            const auto original = by_offset.find(record.offset);
            ASSERT_NE(original, by_offset.end()) << record.offset;
            if (!record.marker) {
                KeyedRecord same = *original->second;
                same.aborted_at = -1;
                ASSERT_EQ(record, same) << record.offset;
            }
            there[record.offset] = &record;
        }
        for (const auto& [key, record] : last) {
            if (!record->value) continue;  // a tombstone may be gone, later
            ASSERT_TRUE(there.contains(record->offset)) << "the last value of " << key << ", " << record->offset;
        }
        for (const auto& record : found) {
            if (record.offset >= clean_up_to_ || record.marker) continue;
            const KeyedRecord& original = *by_offset.at(record.offset);
            ASSERT_FALSE(aborted(original)) << record.offset;
            // Of a key, one record is left in the clean part.
            for (const auto& other : found) {
                if (other.offset <= record.offset || other.offset >= clean_up_to_ || other.marker) continue;
                ASSERT_NE(other.key, record.key) << record.offset << " and " << other.offset;
            }
        }
        // A tombstone that is gone has nothing before it: else the old value would be back.
        for (const auto& [key, record] : last) {
            if (record->value) continue;
            if (there.contains(record->offset)) continue;
            for (const auto& other : found) ASSERT_FALSE(other.key == key && other.offset < record->offset) << key;
        }
        check_producers();
    }
    bool reopen() {
        const bool clean = random_.below(2) == 0;
        if (clean ? !log_->close() : !sync()) return false;
        synced_ = log_->end().offset;
        return open(clean);
    }
    bool open(bool clean, std::int64_t recovery_point = 0) {
        log_.reset();
        Log::OpenOptions options;
        options.clean = clean;
        options.recovery_point = recovery_point;
        auto opened = Log::open(disk_, compacted_path, config_, options);
        if (!opened) return failed(opened.error());
        log_ = std::move(*opened);
        return true;
    }
    const std::string& why() const { return why_; }

private:
    bool failed(const Error& error) {
        why_ = error.text();
        return false;
    }
    bool append() {
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
        const auto base = log_->end().offset;
        const auto count = 1 + static_cast<std::int64_t>(random_.below(5));
        std::vector<KeyedRecord> batch;
        for (std::int64_t i = 0; i < count; ++i) {
            KeyedRecord record;
            record.offset = base + i;
            record.timestamp = now_ms_ - static_cast<std::int64_t>(random_.below(100));
            record.key = "key " + std::to_string(random_.below(keys_));
            if (random_.below(4) != 0)
                record.value = std::string(random_.below(60), 'v') + std::to_string(record.offset);
            record.producer_id = stamp.producer_id;
            builder.append(record.timestamp, as_bytes(*record.key),
                           record.value ? protocol::NullableSpan(as_bytes(*record.value)) : std::nullopt);
            batch.push_back(std::move(record));
        }
        Buffer bytes = builder.finish(stamp);
        Buffer compressed;
        const auto codec = static_cast<protocol::CompressionType>(random_.below(5));
        EXPECT_TRUE(protocol::compress_batch(bytes.span(), codec, protocol::default_compression_level, compressor_,
                                             compressed));
        // Should the machine stop in it, the batch may be there all the same.
        const std::size_t first = written_.size();
        written_.insert(written_.end(), batch.begin(), batch.end());
        if (!log_->append(compressed.span(), {})) return false;
        if (stamp.producer_id >= 0) sequences_[stamp.producer_id] += static_cast<std::int32_t>(count);
        for (std::size_t i = first; in_transaction && i < written_.size(); ++i) open_[producer].push_back(i);
        return true;
    }
    bool end_transaction() {
        const auto producer = static_cast<std::int64_t>(1 + random_.below(3));
        const bool commit = random_.below(2) == 0;
        const auto marker = protocol::build_marker_batch(0, 0, now_ms_, producer, 0, {commit, 1});
        AppendOptions options;
        options.origin = Origin::coordinator;
        KeyedRecord record;
        record.offset = log_->end().offset;
        record.producer_id = producer;
        record.marker = true;
        for (const auto at : open_[producer]) written_[at].aborted_at = commit ? -1 : record.offset;
        open_[producer].clear();
        written_.push_back(record);
        return log_->append(marker.span(), options).has_value();
    }
    // A rebuild from the batches alone finds the same of those producers that are still known.
    void check_producers() {
        const auto before = log_->producers().entries();
        const auto end = log_->end();
        if (!sync()) return;
        ASSERT_TRUE(open(false));
        ASSERT_EQ(log_->end().offset, end.offset);
        for (const auto& entry : before) {
            const auto* rebuilt = log_->producers().find(entry.producer_id);
            ASSERT_NE(rebuilt, nullptr) << entry.producer_id;
            EXPECT_EQ(rebuilt->last_sequence, entry.last_sequence);
            EXPECT_EQ(rebuilt->last_offset, entry.last_offset);
            EXPECT_EQ(rebuilt->transaction_first_offset >= 0, entry.transaction_first_offset >= 0);
        }
    }

    MemoryDisk& disk_;
    base::Random random_;
    LogConfig config_;
    std::uint64_t keys_ = 1;
    std::int64_t delete_retention_ms_ = 0;
    std::int64_t now_ms_ = 1'000'000;
    std::unique_ptr<Log> log_;
    std::vector<KeyedRecord> written_;  // one for each offset
    std::map<std::int64_t, std::vector<std::size_t>> open_;
    std::map<std::int64_t, std::int32_t> sequences_;
    protocol::Compressor compressor_;
    std::int64_t synced_ = 0;
    std::int64_t clean_up_to_ = 0;
    std::string why_;
};

TEST(Compaction, leaves_what_a_naive_one_would) {
    const std::uint64_t logs = test::share(10'000, 600, 60);
    for (std::uint64_t seed = 0; seed < logs; ++seed) {
        SCOPED_TRACE(seed);
        MemoryDisk disk;
        RandomLog log(disk, seed);
        ASSERT_TRUE(log.create());
        for (int i = 0; i < 60; ++i) ASSERT_TRUE(log.step()) << log.why();
        ASSERT_TRUE(log.compact()) << log.why();
        log.check();
        if (HasFatalFailure()) return;
    }
}

// Until the machine stops, or to the end.
void run_workload(RandomLog& log) {
    if (!log.create()) return;
    for (int i = 0; i < 200 && log.step(); ++i) {
    }
}

class CompactionCrashes : public testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, CompactionCrashes, testing::Values(1, 2));

TEST_P(CompactionCrashes, at_every_change_nothing_is_lost_or_comes_back) {
    std::uint64_t points = 0;
    {
        MemoryDisk disk;
        ASSERT_TRUE(disk.make_directory("/data"));
        ASSERT_TRUE(disk.sync_directory("/"));
        const auto before = disk.changes();
        RandomLog log(disk, GetParam());
        run_workload(log);
        ASSERT_GT(log.clean_up_to(), 100);
        points = disk.changes() - before;
    }
    const std::uint64_t stride = test::share(1, 3, 20);
    for (std::uint64_t point = GetParam() % stride; point <= points; point += stride) {
        SCOPED_TRACE("stopped after change " + std::to_string(point));
        MemoryDisk disk;
        ASSERT_TRUE(disk.make_directory("/data"));
        ASSERT_TRUE(disk.sync_directory("/"));
        disk.stop_after(point);
        RandomLog log(disk, GetParam());
        run_workload(log);
        base::Random random(point * 1000 + GetParam());
        disk.crash(random);
        if (!disk.exists(compacted_path).value()) continue;
        ASSERT_TRUE(log.open(false, point % 2 == 0 ? 0 : log.synced())) << log.why();
        ASSERT_GE(log.log().end().offset, log.synced());
        const auto found = records_of(log.log());
        log.check();
        if (HasFatalFailure()) return;
        disk.crash(random);
        ASSERT_TRUE(log.open(false)) << log.why();
        ASSERT_EQ(records_of(log.log()), found);
        for (const auto& entry : disk.list(compacted_path).value()) {
            for (const auto suffix : {".cleaned", ".swap", ".deleted"})
                ASSERT_FALSE(entry.name.ends_with(suffix)) << entry.name;
        }
    }
}

}  // namespace
}  // namespace ottla::broker::log
