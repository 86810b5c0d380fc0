// SPDX-License-Identifier: Apache-2.0
// What a test finds in a log: records and batches, as a reader of them sees them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <ottla/protocol/record_batch.hpp>
#include "broker/log/log.hpp"

namespace ottla::broker::log {

struct KeyedRecord {
    std::int64_t offset = 0;
    std::int64_t timestamp = 0;
    std::optional<std::string> key;
    std::optional<std::string> value;
    std::string headers;  // as they are encoded
    std::int64_t producer_id = -1;
    bool transactional = false;
    bool marker = false;
    friend bool operator==(const KeyedRecord&, const KeyedRecord&) = default;
};

struct LogContents {
    std::int64_t start = 0;
    std::int64_t end = 0;
    std::vector<KeyedRecord> records;
    std::vector<protocol::RecordBatchHeader> batches;
    std::vector<std::int64_t> committed;  // offsets of what readers of committed records get
    // When a tombstone or marker may go, by its offset.
    std::map<std::int64_t, std::int64_t> horizons;
    friend bool operator==(const LogContents&, const LogContents&) = default;

    const KeyedRecord* find(std::int64_t offset) const;
};

// By reads from the start on. Offsets must rise, every batch be sound.
Result<LogContents> contents_of(const Log&);

// The indexes beside the segments, by their names; all of them are whole when the log was closed.
std::map<std::string, std::string> index_files(Disk&, const std::string& directory);
void remove_index_files(Disk&, const std::string& directory);

}  // namespace ottla::broker::log
