// SPDX-License-Identifier: Apache-2.0
// Verifying a partition's directory: segment by segment, each with its indexes, then what stands beside them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ottla/protocol/compression.hpp>
#include <ottla/protocol/record_batch.hpp>
#include "broker/log/dump/problems.hpp"
#include "broker/log/dump/segment_bytes.hpp"
#include "broker/log/leader_epochs.hpp"

namespace ottla::broker::log::dump {

class PartitionVerifier {
public:
    PartitionVerifier(Problems& problems, std::string directory)
        : problems_(problems),
          directory_(std::move(directory)) {}

    // `entries`: all that is there. Gives the offset behind the last batch.
    std::int64_t run(const std::vector<DirectoryEntry>& entries);

private:
    void read_epochs();
    void segment(const std::string& name);
    bool preallocated(const std::string& path, std::uint64_t from, std::uint64_t to);
    void batch(const std::string& path, const FoundBatch&);
    template <class At>
    void records(const protocol::RecordBatchView&, const At&);
    void beside(const std::string& name);
    void producers(const std::string& path);

    Problems& problems_;
    std::string directory_;
    std::vector<std::string> names_;  // of its files, sorted
    std::optional<LeaderEpochs> epochs_;
    std::int64_t next_offset_ = 0;
    protocol::Decompressor decompressor_;
    Buffer space_;
};

// A snapshot of the metadata log: whole batches with right checksums, offsets without gaps, a header first and a footer
// last.
void verify_metadata_snapshot(Problems&, const std::string& path);

}  // namespace ottla::broker::log::dump
