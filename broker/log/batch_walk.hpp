// SPDX-License-Identifier: Apache-2.0
// Walking the batches of a segment file: by headers alone, which touches little of a file of large batches, or
// whole, which is what recovery checks.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <ottla/bytes.hpp>
#include <ottla/protocol/record_batch.hpp>
#include <ottla/result.hpp>
#include "broker/log/disk.hpp"

namespace ottla::broker::log {

struct BatchAt {
    protocol::RecordBatchHeader header;
    std::uint64_t position = 0;
    std::uint64_t end() const noexcept { return position + header.total_size(); }
};

// From a batch's begin up to a limit, header by header. Blocks.
class HeaderWalk {
public:
    // `file` outlives the walk.
    HeaderWalk(const File& file, std::uint64_t from, std::uint64_t limit)
        : file_(file),
          position_(from),
          limit_(limit) {}

    // Nothing at the limit. corrupt_storage where no batch can begin, or one that does not end before the limit.
    Result<std::optional<BatchAt>> next();

private:
    Result<const std::uint8_t*> header_at(std::uint64_t position);

    const File& file_;
    std::uint64_t position_;
    std::uint64_t limit_;
    std::vector<std::uint8_t> window_;
    std::uint64_t window_begin_ = 0;
};

// The same with the bytes of each batch, and its crc checked. Blocks.
class CheckedWalk {
public:
    CheckedWalk(const File& file, std::uint64_t from, std::uint64_t limit)
        : file_(file),
          position_(from),
          limit_(limit) {}

    // The view is good until the next call.
    Result<std::optional<protocol::RecordBatchView>> next();
    // Where the next batch begins.
    std::uint64_t position() const noexcept { return position_; }

private:
    Result<ByteSpan> bytes_at(std::uint64_t position, std::size_t least);

    const File& file_;
    std::uint64_t position_;
    std::uint64_t limit_;
    Buffer window_;
    std::uint64_t window_begin_ = 0;
    std::size_t window_size_ = 0;
};

// From here to there the file holds nothing but zeros: what was preallocated, and never written. Blocks.
Result<bool> only_zeros(const File&, std::uint64_t from, std::uint64_t to);

}  // namespace ottla::broker::log
