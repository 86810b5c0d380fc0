// SPDX-License-Identifier: Apache-2.0
// Appending to a log: what the broker writes into batch headers goes into copies of them, so that the records are
// written from where the request left them.
#include <algorithm>
#include <array>
#include <limits>

#include <fmt/core.h>
#include <boost/container/small_vector.hpp>

#include "base/assert.hpp"
#include "base/crc32c.hpp"
#include "base/random.hpp"
#include "broker/log/log.hpp"

namespace ottla::broker::log {

using protocol::RecordBatchHeader;

struct Log::Prepared {
    RecordBatchHeader header;
    std::array<std::uint8_t, RecordBatchHeader::size> head;
    ByteSpan payload;
};

namespace {

constexpr std::size_t crc_at = 17;
constexpr std::size_t crc_from = 21;

}  // namespace

Result<Log::Batches> Log::prepare(ByteSpan bytes, const AppendOptions& options) const {
    Batches batches;
    protocol::RecordBatchReader reader(bytes);
    std::int64_t next = end_.offset;
    while (true) {
        auto view = reader.next();
        if (!view) return view.error();
        if (!*view) break;
        Prepared batch;
        batch.header = (*view)->header();
        batch.payload = (*view)->payload();
        if (options.origin == Origin::replica) {
            if (batch.header.base_offset < next) {
                return Error::of(ErrorCode::corrupt_message,
                                 fmt::format("a batch at offset {} where {} is next", batch.header.base_offset, next));
            }
        } else {
            batch.header.base_offset = next;
            batch.header.leader_epoch = options.leader_epoch;
        }
        if (options.log_append_time) {
            batch.header.attributes =
                static_cast<std::int16_t>(batch.header.attributes | RecordBatchHeader::log_append_time_bit);
            batch.header.max_timestamp = *options.log_append_time;
        }
        batch.header.write(batch.head.data());
        if (options.log_append_time) {
            const auto crc = base::crc32c(batch.payload, base::crc32c(ByteSpan(batch.head).subspan(crc_from)));
            protocol::store_big(batch.head.data() + crc_at, crc);
        }
        if (batch.header.total_size() > config_.segment_bytes) {
            return Error::of(ErrorCode::record_list_too_large,
                             fmt::format("a batch of {} bytes is larger than a segment (segment.bytes {})",
                                         batch.header.total_size(), config_.segment_bytes));
        }
        next = batch.header.next_offset();
        batches.push_back(batch);
    }
    if (!reader.rest().empty()) return Error::of(ErrorCode::corrupt_message, "the last batch is cut off");
    if (batches.empty()) return Error::of(ErrorCode::corrupt_message, "there is no batch");
    return batches;
}

Result<Appended> Log::append(ByteSpan bytes, const AppendOptions& options) {
    auto batches = prepare(bytes, options);
    if (!batches) return batches.error();
    Appended appended;
    appended.begin = end_;
    appended.first_offset = batches->front().header.base_offset;
    appended.last_offset = batches->back().header.last_offset();

    const std::size_t segments_before = segments_.size();
    std::span<const Prepared> left(*batches);
    while (!left.empty()) {
        auto count = count_for_active(left, options.now_ms);
        if (count && *count == 0) {
            if (auto rolled = roll(); !rolled) return undo(appended.begin, segments_before, rolled.error());
            count = count_for_active(left, options.now_ms);
        }
        if (!count) return undo(appended.begin, segments_before, count.error());
        if (auto written = write(left.first(*count)); !written)
            return undo(appended.begin, segments_before, written.error());
        left = left.subspan(*count);
    }
    for (const auto& batch : *batches) {
        if (epochs_.assign(batch.header.leader_epoch, batch.header.base_offset)) epochs_dirty_ = true;
    }
    appended.end = end_;
    return appended;
}

// The same for a segment whenever it is asked, and no two need be alike.
std::int64_t Log::roll_jitter() const noexcept {
    const std::int64_t most = std::min(config_.segment_jitter_ms, config_.segment_ms);
    if (most <= 0) return 0;
    const std::uint64_t seed =
        base::crc32c(as_bytes(directory_)) ^ (static_cast<std::uint64_t>(segments_.back()->base_offset()) << 20);
    return static_cast<std::int64_t>(base::Random(seed).below(static_cast<std::uint64_t>(most)));
}

// The largest timestamp that the active segment takes, when `first` comes next. Where the segment's first batch has no
// time, its age is counted by the clock.
Result<std::int64_t> Log::latest_for_active(const Prepared& first, std::int64_t now_ms) {
    constexpr auto any = std::numeric_limits<std::int64_t>::max();
    const std::int64_t began_ms = active().began_ms(now_ms);
    const bool empty = active().size() == 0;
    const auto first_timestamp = empty ? Result<std::int64_t>(first.header.max_timestamp) : active().first_timestamp();
    if (!first_timestamp) return first_timestamp;
    const std::int64_t age_max = config_.segment_ms - roll_jitter();
    if (*first_timestamp >= 0) return age_max > any - *first_timestamp ? any : *first_timestamp + age_max;
    return empty || now_ms - began_ms <= age_max ? any : std::numeric_limits<std::int64_t>::min();
}

// How many of the batches the active segment takes. When it is empty, that is one at least.
Result<std::size_t> Log::count_for_active(std::span<const Prepared> batches, std::int64_t now_ms) {
    const bool empty = active().size() == 0;
    if (!empty && active().indexes_full(config_.index_bytes_max)) return std::size_t{0};
    const auto latest = latest_for_active(batches.front(), now_ms);
    if (!latest) return latest.error();
    std::uint64_t bytes = 0;
    std::size_t count = 0;
    for (const auto& batch : batches) {
        if (batch.header.max_timestamp > *latest || !active().takes(batch.header, bytes, config_.segment_bytes)) break;
        bytes += batch.header.total_size();
        ++count;
    }
    OTTLA_ASSERT(count > 0 || !empty);
    return count;
}

Result<void> Log::write(std::span<const Prepared> batches) {
    boost::container::small_vector<ByteSpan, 8> pieces;
    for (const auto& batch : batches) {
        pieces.push_back(batch.head);
        pieces.push_back(batch.payload);
    }
    mark_dirty(active().file());
    auto written = active().file()->write_at(active().size(), std::span<const ByteSpan>(pieces.data(), pieces.size()));
    if (!written) return written;
    for (const auto& batch : batches) active().add(batch.header);
    end_ = active().end();
    for (const auto& batch : batches) {
        if (auto noted = note_producer(batch.header, batch.payload, &active()); !noted) return noted;
    }
    return active().wants_flush() ? unless_full(active().flush_indexes(disk_)) : ok();
}

// The log is again as it was at `before`. Answers `reason`, or why even that failed: also a lack of room is no mere
// refusal then.
Error Log::undo(const LogPosition& before, std::size_t segments_before, const Error& reason) {
    const auto not_undone = [](const Error& why) {
        return why == ErrorCode::storage_full ? Error::of(ErrorCode::file_system, std::string(why.text())) : why;
    };
    if (auto cut = truncate_to(before.offset); !cut) return not_undone(cut.error());
    if (auto removed = remove_segments_from(segments_before); !removed) return not_undone(removed.error());
    end_ = active().end();
    OTTLA_ASSERT(end_ == before);
    // What was written of the batch that failed.
    if (auto cut = active().file()->truncate(active().size()); !cut) return not_undone(cut.error());
    return reason;
}

}  // namespace ottla::broker::log
