// SPDX-License-Identifier: Apache-2.0
#include "broker/log/batch_walk.hpp"

#include <algorithm>

#include <fmt/core.h>

namespace ottla::broker::log {
namespace {

using protocol::RecordBatchHeader;
using protocol::RecordBatchView;

constexpr std::size_t header_window_bytes = 4096;
constexpr std::size_t checked_window_bytes = 1U << 20;

Error corrupt(const File& file, std::uint64_t position, std::string_view why) {
    return Error::of(ErrorCode::corrupt_storage, fmt::format("'{}' at {}: {}", file.path(), position, why));
}

// What a header must be for a batch to begin with it; null when it may.
const char* fault_of(const RecordBatchHeader& header, std::uint64_t room) {
    if (header.magic != RecordBatchHeader::current_magic) return "not a record batch of magic 2";
    if (header.length < static_cast<std::int32_t>(RecordBatchHeader::size - RecordBatchHeader::overhead)) {
        return "a record batch of impossible length";
    }
    if (header.total_size() > room) return "the record batch is cut off";
    if (header.base_offset < 0 || header.last_offset_delta < 0) return "a record batch with negative offsets";
    if (header.next_offset() < 0) return "a record batch beyond the largest offset";
    return nullptr;
}

}  // namespace

Result<std::optional<BatchAt>> HeaderWalk::next() {
    if (position_ >= limit_) return std::optional<BatchAt>();
    if (limit_ - position_ < RecordBatchHeader::size) return corrupt(file_, position_, "the record batch is cut off");
    const auto bytes = header_at(position_);
    if (!bytes) return bytes.error();
    const BatchAt at{RecordBatchHeader::read(*bytes), position_};
    if (const char* fault = fault_of(at.header, limit_ - position_)) return corrupt(file_, position_, fault);
    position_ = at.end();
    return std::optional<BatchAt>(at);
}

Result<const std::uint8_t*> HeaderWalk::header_at(std::uint64_t position) {
    if (position < window_begin_ || position + RecordBatchHeader::size > window_begin_ + window_.size()) {
        window_.resize(std::min<std::uint64_t>(header_window_bytes, limit_ - position));
        window_begin_ = position;
        if (auto read = file_.read_exactly(position, window_); !read) return read.error();
    }
    return window_.data() + (position - window_begin_);
}

Result<std::optional<RecordBatchView>> CheckedWalk::next() {
    if (position_ >= limit_) return std::optional<RecordBatchView>();
    const std::uint64_t room = limit_ - position_;
    if (room < RecordBatchHeader::size) return corrupt(file_, position_, "the record batch is cut off");
    auto bytes = bytes_at(position_, RecordBatchHeader::size);
    if (!bytes) return bytes.error();
    const auto header = RecordBatchHeader::read(bytes->data());
    if (const char* fault = fault_of(header, room)) return corrupt(file_, position_, fault);
    bytes = bytes_at(position_, header.total_size());
    if (!bytes) return bytes.error();
    auto view = RecordBatchView::parse(*bytes);
    if (!view) return corrupt(file_, position_, view.error().text());
    if (!view->check_crc()) {
        return corrupt(file_, position_,
                       fmt::format("the checksum of the record batch with the offsets {} to {} is wrong",
                                   header.base_offset, header.last_offset()));
    }
    position_ += view->bytes().size();
    return std::optional<RecordBatchView>(*view);
}

// At least `least` bytes from `position` on, which the file has.
Result<ByteSpan> CheckedWalk::bytes_at(std::uint64_t position, std::size_t least) {
    const std::size_t skip = position - window_begin_;
    if (skip > window_size_ || window_size_ - skip < least) {
        // What is there already moves to the front.
        const std::size_t kept = skip < window_size_ ? window_size_ - skip : 0;
        const std::size_t wanted = std::min<std::uint64_t>(std::max(checked_window_bytes, least), limit_ - position);
        if (kept != 0) std::copy_n(window_.data() + skip, kept, window_.data());
        if (window_.size() < wanted) window_.resize(wanted);
        const std::span<std::uint8_t> fresh(window_.data() + kept, wanted - kept);
        window_begin_ = position;
        window_size_ = kept;
        if (auto read = file_.read_exactly(position + kept, fresh); !read) return read.error();
        window_size_ = wanted;
    }
    return ByteSpan(window_.data() + (position - window_begin_), window_size_ - (position - window_begin_));
}

Result<bool> only_zeros(const File& file, std::uint64_t from, std::uint64_t to) {
    std::vector<std::uint8_t> window;
    for (std::size_t size = header_window_bytes; from < to; from += size, size = checked_window_bytes) {
        size = std::min<std::uint64_t>(size, to - from);
        window.resize(size);
        if (auto read = file.read_exactly(from, window); !read) return read.error();
        if (std::any_of(window.begin(), window.end(), [](std::uint8_t byte) { return byte != 0; })) return false;
    }
    return true;
}

}  // namespace ottla::broker::log
