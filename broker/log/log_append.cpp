// SPDX-License-Identifier: Apache-2.0
// Appending to a log: what the broker writes into batch headers goes into copies of them, so that the records are
// written from where the request left them.
#include <array>

#include <fmt/core.h>
#include <boost/container/small_vector.hpp>

#include "base/assert.hpp"
#include "base/crc32c.hpp"
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
        if (!active().takes(left.front().header, config_.segment_bytes)) {
            if (auto rolled = roll(); !rolled) return undo(appended.begin, segments_before, rolled.error());
        }
        const auto group = left.first(count_for_active(left));
        if (auto written = write(group); !written) return undo(appended.begin, segments_before, written.error());
        left = left.subspan(group.size());
    }
    for (const auto& batch : *batches) {
        if (epochs_.assign(batch.header.leader_epoch, batch.header.base_offset)) epochs_dirty_ = true;
    }
    appended.end = end_;
    return appended;
}

// How many of the batches the active segment takes: at least the first.
std::size_t Log::count_for_active(std::span<const Prepared> batches) const noexcept {
    std::uint64_t bytes = batches.front().header.total_size();
    std::size_t count = 1;
    while (count < batches.size() && bytes < config_.segment_bytes &&
           segments_.back()->takes(batches[count].header, config_.segment_bytes - bytes)) {
        bytes += batches[count++].header.total_size();
    }
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

// The log is again as it was at `before`. Answers `reason`, or why even that failed.
Error Log::undo(const LogPosition& before, std::size_t segments_before, const Error& reason) {
    if (auto cut = truncate_to(before.offset); !cut) return cut.error();
    if (auto removed = remove_segments_from(segments_before); !removed) return removed.error();
    end_ = active().end();
    OTTLA_ASSERT(end_ == before);
    // What was written of the batch that failed.
    if (auto cut = active().file()->truncate(active().size()); !cut) return cut.error();
    return reason;
}

}  // namespace ottla::broker::log
