// SPDX-License-Identifier: Apache-2.0
#include "broker/log/dump/segment_bytes.hpp"

#include <algorithm>

#include <fmt/core.h>
#include <ottla/protocol/big_endian.hpp>

#include "base/crc32c.hpp"

namespace ottla::broker::log::dump {
namespace {

using protocol::RecordBatchHeader;

constexpr std::size_t window_bytes = 1U << 20;
// Offset, length, and what stands before the magic in every format.
constexpr std::size_t bytes_to_magic = 17, magic_at = 16, length_at = 8;
constexpr std::size_t crc_from = 21;
// The least that a batch of any format counts in its length.
constexpr std::int32_t length_min = 14;

}  // namespace

bool FoundBatch::has_right_crc() const noexcept { return header.crc == base::crc32c(bytes.subspan(crc_from)); }

Result<SegmentBytes> SegmentBytes::open(Disk& disk, const std::string& path, std::uint64_t limit) {
    auto file = disk.open(path);
    if (!file) return file.error();
    const auto size = (*file)->size();
    if (!size) return size.error();
    return SegmentBytes(*std::move(file), std::min(*size, limit));
}

Result<std::optional<FoundBatch>> SegmentBytes::at(std::uint64_t position) {
    const auto broken = [&](std::string why) {
        return Error::of(ErrorCode::corrupt_storage,
                         fmt::format("'{}' at {}: {}", file_->path(), position, std::move(why)));
    };
    if (position >= size_ || size_ - position < bytes_to_magic) return std::optional<FoundBatch>();
    auto bytes = load(position, bytes_to_magic);
    if (!bytes) return bytes.error();
    const auto length = protocol::load_big<std::int32_t>(*bytes + length_at);
    const int magic = static_cast<std::int8_t>((*bytes)[magic_at]);
    if (length < length_min) return broken(fmt::format("a record batch of length {} can't be", length));
    const std::uint64_t total = RecordBatchHeader::overhead + static_cast<std::uint64_t>(length);
    if (total > size_ - position) return std::optional<FoundBatch>();
    if (magic < RecordBatchHeader::current_magic)
        return broken(fmt::format("messages of magic {} are not read", magic));
    if (total < RecordBatchHeader::size) return broken(fmt::format("a record batch of length {} can't be", length));
    bytes = load(position, total);
    if (!bytes) return bytes.error();
    FoundBatch found;
    found.position = position;
    found.header = RecordBatchHeader::read(*bytes);
    found.bytes = ByteSpan(*bytes, total);
    return std::optional<FoundBatch>(found);
}

// At least `least` bytes from `position` on, which the file has.
Result<const std::uint8_t*> SegmentBytes::load(std::uint64_t position, std::size_t least) {
    if (position < window_begin_ || position + least > window_begin_ + window_.size()) {
        const std::uint64_t wanted = std::min<std::uint64_t>(std::max(window_bytes, least), size_ - position);
        window_.resize(wanted);
        window_begin_ = position;
        if (auto read = file_->read_exactly(position, window_); !read) {
            window_.clear();
            return read.error();
        }
    }
    return window_.data() + (position - window_begin_);
}

}  // namespace ottla::broker::log::dump
