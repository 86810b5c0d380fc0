// SPDX-License-Identifier: Apache-2.0
#include "tests/broker/log/log_contents.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include <ottla/protocol/control_record.hpp>
#include "broker/log/marker.hpp"

namespace ottla::broker::log {
namespace {

// Follows aborted transactions as a consumer does: by the list in the answer, and by the markers.
class CommittedReader {
public:
    void begin(std::vector<AbortedTransaction> aborted) {
        std::ranges::sort(aborted, {}, &AbortedTransaction::first_offset);
        aborted_ = std::move(aborted);
        next_ = 0;
        ongoing_.clear();
    }
    bool gets(const protocol::RecordBatchView& batch) {
        const auto& header = batch.header();
        for (; next_ < aborted_.size() && aborted_[next_].first_offset <= header.last_offset(); ++next_)
            ongoing_.insert(aborted_[next_].producer_id);
        if (header.is_control()) {
            const auto marker = marker_in(header, batch.payload());
            if (marker && !marker->committed) ongoing_.erase(header.producer_id);
            return false;
        }
        return !header.is_transactional() || !ongoing_.contains(header.producer_id);
    }

private:
    std::vector<AbortedTransaction> aborted_;
    std::size_t next_ = 0;
    std::set<std::int64_t> ongoing_;
};

KeyedRecord keyed_record(const protocol::RecordView& record, const protocol::RecordBatchHeader& header) {
    KeyedRecord one;
    one.offset = record.offset;
    one.timestamp = record.timestamp;
    if (record.key) one.key = as_text(*record.key);
    if (record.value) one.value = as_text(*record.value);
    one.headers = as_text(record.headers.bytes());
    one.producer_id = header.producer_id;
    one.transactional = header.is_transactional();
    one.marker = header.is_control();
    return one;
}

}  // namespace

const KeyedRecord* LogContents::find(std::int64_t offset) const {
    const auto found = std::ranges::lower_bound(records, offset, {}, &KeyedRecord::offset);
    return found != records.end() && found->offset == offset ? &*found : nullptr;
}

Result<LogContents> contents_of(const Log& log) {
    LogContents all;
    all.start = log.start_offset();
    all.end = log.end().offset;
    protocol::Decompressor decompressor;
    Buffer space;
    CommittedReader committed;
    std::int64_t offset = log.start_offset();
    while (offset < log.end().offset) {
        const auto slice = log.plan_read(offset, 1U << 20, log.end(), true, true).value().run();
        if (!slice) return slice.error();
        if (slice->range.length == 0) break;
        committed.begin(slice->aborted);
        const auto bytes = slice->range.read();
        if (!bytes) return bytes.error();
        protocol::RecordBatchReader reader(*bytes);
        while (const auto batch = reader.next().value()) {
            const auto& header = batch->header();
            EXPECT_TRUE(batch->check_crc());
            EXPECT_GE(header.next_offset(), offset);
            all.batches.push_back(header);
            const bool gets = committed.gets(*batch);
            auto records = batch->records(decompressor, 1U << 20, space).value();
            std::int64_t max_timestamp = -1;
            for (protocol::RecordView record; records.next(record);) {
                max_timestamp = std::max(max_timestamp, record.timestamp);
                if (record.offset < log.start_offset()) continue;
                EXPECT_TRUE(all.records.empty() || all.records.back().offset < record.offset);
                all.records.push_back(keyed_record(record, header));
                if (gets) all.committed.push_back(record.offset);
                if ((header.is_control() || !record.value) && header.delete_horizon_ms())
                    all.horizons[record.offset] = *header.delete_horizon_ms();
            }
            EXPECT_TRUE(records.complete());
            EXPECT_TRUE(header.count == 0 || header.max_timestamp == max_timestamp) << header.base_offset;
            offset = header.next_offset();
        }
    }
    return all;
}

std::map<std::string, std::string> index_files(Disk& disk, const std::string& directory) {
    std::map<std::string, std::string> files;
    for (const auto& entry : disk.list(directory).value())
        if (entry.name.ends_with("index"))
            files[entry.name] = read_text(disk, join_path(directory, entry.name)).value();
    return files;
}

void remove_index_files(Disk& disk, const std::string& directory) {
    for (const auto& [name, bytes] : index_files(disk, directory)) EXPECT_TRUE(disk.remove(join_path(directory, name)));
}

}  // namespace ottla::broker::log
