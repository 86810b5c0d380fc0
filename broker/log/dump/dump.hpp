// SPDX-License-Identifier: Apache-2.0
// Dump: the files of a log as text, line for line as Apache Kafka 4.3.1's DumpLogSegments prints them: segments,
// snapshots of the metadata log, the three indexes (held against their segment) and snapshots of producers.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include <ottla/protocol/compression.hpp>
#include <ottla/result.hpp>
#include "broker/log/disk.hpp"
#include "broker/log/dump/findings.hpp"
#include "broker/log/dump/record_text.hpp"
#include "broker/log/dump/segment_bytes.hpp"

namespace ottla::broker::log::dump {

struct DumpOptions {
    // Of `.log` and `.checkpoint`: every record, too; with keys and values.
    bool deep_iteration = false;
    bool print_data = false;  // implies deep_iteration
    RecordDecoder decoder = RecordDecoder::text;
    // Stop before the batch that ends behind so many bytes.
    std::uint64_t bytes_max = std::numeric_limits<std::uint64_t>::max();
    // Of indexes: only what a start of the broker looks at; or only the check against the segment.
    bool index_sanity_check = false;
    bool verify_index_only = false;
    // A batch that claims to hold more is not opened.
    std::size_t uncompressed_bytes_max = 1U << 30;
    // Put before relative paths where a finding names a file.
    std::string working_directory;
};

class Dump {
public:
    // `lines` gets what is in the files, `remarks` what is wrong with them. Both get whole or partial lines.
    Dump(Disk& disk, DumpOptions options, TextSink lines, TextSink remarks);

    // By the name's ending; other files are passed over with a remark. Blocks. corrupt_storage where it can't be read
    // any further, and the errors of the disk.
    Result<void> file(const std::string& path);
    // What was found on the way, when all went well.
    void finish() { findings_.print(remarks_); }

private:
    Result<void> segment(const std::string& path);
    Result<bool> batch(const FoundBatch&, const std::string& path);
    Result<void> records(const FoundBatch&, const std::string& path);
    Result<void> offset_index(const std::string& path);
    Result<void> time_index(const std::string& path);
    Result<void> transaction_index(const std::string& path);
    Result<void> producer_snapshot(const std::string& path);

    std::string absolute(const std::string& path) const;
    // What was put together goes out; false when nobody reads.
    bool flush();

    Disk& disk_;
    DumpOptions options_;
    TextSink lines_;
    TextSink remarks_;
    Findings findings_;
    std::string text_;
    // Of the segment under way; Kafka's tool expects every one to begin with 0.
    std::int64_t last_offset_ = -1;
    protocol::Decompressor decompressor_;
    Buffer space_;
};

}  // namespace ottla::broker::log::dump
