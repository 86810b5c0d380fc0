// SPDX-License-Identifier: Apache-2.0
#include "broker/log/segment.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include <fmt/core.h>

#include "base/assert.hpp"

namespace ottla::broker::log {
namespace {

constexpr std::size_t name_digits = 20;

}  // namespace

std::string segment_name(std::int64_t base_offset, std::string_view suffix) {
    return fmt::format("{:020}{}", base_offset, suffix);
}

std::optional<std::int64_t> parse_segment_name(std::string_view name) {
    if (name.size() != name_digits + 4 || name.substr(name_digits) != ".log") return std::nullopt;
    std::int64_t offset = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name_digits, offset);
    if (error != std::errc{} || end != name.data() + name_digits || offset < 0) return std::nullopt;
    return offset;
}

bool Segment::takes(const protocol::RecordBatchHeader& batch, std::uint64_t bytes_max) const noexcept {
    if (size_ == 0) return true;
    const std::uint64_t limit = std::min<std::uint64_t>(bytes_max, std::numeric_limits<std::int32_t>::max());
    return size_ + batch.total_size() <= limit &&
           batch.last_offset() - base_offset_ <= std::numeric_limits<std::int32_t>::max();
}

void Segment::add(const protocol::RecordBatchHeader& batch) {
    OTTLA_ASSERT(batch.base_offset >= next_offset_);
    if (bytes_since_entry_ > index_interval_bytes_) {
        index_.push_back({static_cast<std::int32_t>(batch.base_offset - base_offset_),
                          static_cast<std::uint32_t>(size_), max_timestamp_});
        bytes_since_entry_ = 0;
    }
    bytes_since_entry_ += batch.total_size();
    size_ += batch.total_size();
    next_offset_ = batch.next_offset();
    max_timestamp_ = std::max(max_timestamp_, batch.max_timestamp);
}

void Segment::cut(std::uint64_t position, std::int64_t next_offset, std::int64_t max_timestamp) {
    while (!index_.empty() && index_.back().position >= position) index_.pop_back();
    bytes_since_entry_ = position - (index_.empty() ? 0 : index_.back().position);
    size_ = position;
    next_offset_ = next_offset;
    max_timestamp_ = max_timestamp;
}

Segment::Mark Segment::mark_before(std::int64_t offset) const noexcept {
    const auto above = std::upper_bound(index_.begin(), index_.end(), offset - base_offset_,
                                        [](std::int64_t wanted, const Entry& entry) { return wanted < entry.offset; });
    if (above == index_.begin()) return {};
    return {std::prev(above)->position, std::prev(above)->max_timestamp};
}

std::uint64_t Segment::boundary_before(std::uint64_t position) const noexcept {
    const auto above =
        std::upper_bound(index_.begin(), index_.end(), position,
                         [](std::uint64_t wanted, const Entry& entry) { return wanted < entry.position; });
    return above == index_.begin() ? 0 : std::prev(above)->position;
}

std::uint64_t Segment::position_before_time(std::int64_t timestamp) const noexcept {
    // The last entry before which everything is older.
    const auto first = std::partition_point(
        index_.begin(), index_.end(), [timestamp](const Entry& entry) { return entry.max_timestamp < timestamp; });
    return first == index_.begin() ? 0 : std::prev(first)->position;
}

}  // namespace ottla::broker::log
