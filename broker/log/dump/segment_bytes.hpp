// SPDX-License-Identifier: Apache-2.0
// SegmentBytes: the batches of a segment file as they stand there, damaged ones too, read through one window. What
// comes is framed by its length alone; whether it is sound is for the caller to ask.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include <ottla/protocol/record_batch.hpp>
#include <ottla/result.hpp>
#include "broker/log/disk.hpp"

namespace ottla::broker::log::dump {

struct FoundBatch {
    std::uint64_t position = 0;
    protocol::RecordBatchHeader header;
    // Header and records, good until the next call.
    ByteSpan bytes;

    std::uint64_t end() const noexcept { return position + bytes.size(); }
    bool has_right_crc() const noexcept;
};

class SegmentBytes {
public:
    // Blocks, as does all of it. Nothing behind `limit` is looked at.
    static Result<SegmentBytes> open(Disk&, const std::string& path,
                                     std::uint64_t limit = std::numeric_limits<std::uint64_t>::max());

    // The batch that begins at `position`; nothing at the end and where one is cut off. corrupt_storage where a length
    // or magic stands that can't be.
    Result<std::optional<FoundBatch>> at(std::uint64_t position);

    // Up to the limit.
    std::uint64_t size() const noexcept { return size_; }

private:
    SegmentBytes(std::shared_ptr<File> file, std::uint64_t size) : file_(std::move(file)), size_(size) {}
    Result<const std::uint8_t*> load(std::uint64_t position, std::size_t least);

    std::shared_ptr<File> file_;
    std::uint64_t size_;
    std::vector<std::uint8_t> window_;
    std::uint64_t window_begin_ = 0;
};

}  // namespace ottla::broker::log::dump
