// SPDX-License-Identifier: Apache-2.0
// Records: a `records` field of a message, that is record batches back to back, unread. It is bytes in memory, a
// range of a file, or several of those; decoding yields a slice of the frame, encoding splices without a copy.
#pragma once

#include <cstddef>
#include <utility>
#include <variant>

#include <ottla/protocol/chain.hpp>

namespace ottla::protocol {

class Records {
public:
    Records() = default;
    Records(Bytes bytes) : data_(std::move(bytes)) {}
    Records(FileRange range) : data_(std::move(range)) {}
    Records(Chain chain) : data_(std::move(chain)) {}

    std::size_t size() const noexcept;
    bool empty() const noexcept { return size() == 0; }

    // The bytes when they are one piece in memory (always so after decoding), else null.
    const Bytes* bytes() const noexcept { return std::get_if<Bytes>(&data_); }
    const FileRange* file_range() const noexcept { return std::get_if<FileRange>(&data_); }
    const Chain* chain() const noexcept { return std::get_if<Chain>(&data_); }

    // One piece in memory, reading files if need be. Blocks on files.
    Result<Bytes> flatten() const;
    // The same bytes in memory, or the same ranges of files.
    friend bool operator==(const Records&, const Records&);

private:
    std::variant<Bytes, FileRange, Chain> data_;
};

}  // namespace ottla::protocol
