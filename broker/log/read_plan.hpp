// SPDX-License-Identifier: Apache-2.0
// What a read has to look at, taken from the log by its owner without touching the disk, to be run on any thread: it
// reads files only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <ottla/result.hpp>
#include "broker/log/batch_walk.hpp"
#include "broker/log/disk.hpp"
#include "broker/log/index_file.hpp"
#include "broker/log/log_types.hpp"

namespace ottla::broker::log {

// Batches from the one that holds `offset` on.
struct ReadPlan {
    std::shared_ptr<File> file;  // null: there is nothing to read
    std::int64_t offset = 0;
    std::int64_t end_offset = 0;    // behind the last record that may be seen in this file
    std::uint64_t search_from = 0;  // begin of a batch at or before the wanted one
    std::uint64_t limit = 0;        // the file position behind the last batch that may be seen
    std::uint64_t boundary = 0;     // a batch's begin not far before bytes_max are reached; 0: not known
    // Where both are looked up first, when what the owner had in memory does not reach back so far.
    IndexSearch<OffsetIndexEntry> index;
    std::int64_t base_offset = 0;  // of the segment
    std::size_t bytes_max = 0;
    // The first batch comes whole even when it is larger than bytes_max (KIP-74); else nothing comes.
    bool first_batch_whole = true;
    // The indexes of aborted transactions in which those of the wanted batches may stand: of this segment and of later
    // ones, since an index lies with the marker. Empty also when nobody asks for them.
    std::vector<std::shared_ptr<File>> aborted_in;
    // How far behind the end of the log this lies: near the end it is in the page cache.
    std::uint64_t bytes_behind = 0;
    // This process wrote the batches, or has checked them.
    bool is_known = false;

    // How much run() may find, but for a first batch that comes whole.
    std::size_t bytes_at_most() const noexcept;
    void limit_bytes(std::size_t bytes) noexcept;

    // Blocks. corrupt_storage when there is no batch where one must begin.
    Result<LogSlice> run() const;
    // The same, and every batch in it has its checksum: it ends before one that has not; corrupt_storage, with file,
    // position and offsets, when that is the first.
    Result<LogSlice> run_checked() const;

private:
    Result<LogSlice> slice() const;
    Result<bool> is_in_its_place(const BatchAt&) const;
    Error out_of_place(const BatchAt&) const;
    std::uint64_t search() const;
    Result<void> add_aborted(LogSlice&) const;
};

// The first record with a timestamp of at least `timestamp`.
struct TimePlan {
    std::shared_ptr<File> file;  // null: there is none
    std::int64_t timestamp = 0;
    std::int64_t start_offset = 0;  // records before it do not count
    IndexSearch<TimeIndexEntry> times;
    IndexSearch<OffsetIndexEntry> index;
    std::uint64_t limit = 0;

    // Blocks; opens compressed batches.
    Result<std::optional<TimestampOffset>> run() const;
};

}  // namespace ottla::broker::log
