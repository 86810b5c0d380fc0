// SPDX-License-Identifier: Apache-2.0
// What a log knows of its producers: kept up with every batch, written down as a snapshot where a segment ends and at a
// stop in order, and rebuilt from the latest snapshot and the batches behind it. Aborted transactions go into the
// `.txnindex` of the segment that holds their marker.
#include <algorithm>

#include "broker/log/batch_walk.hpp"
#include "broker/log/log.hpp"
#include "broker/log/marker.hpp"
#include "broker/log/segment_files.hpp"
#include "broker/log/transaction_index.hpp"

namespace ottla::broker::log {

Result<void> Log::note_producer(const protocol::RecordBatchHeader& header, ByteSpan payload, Segment* index_into) {
    if (!header.has_producer_id()) return ok();
    if (!header.is_control()) {
        producers_.add(header);
        return ok();
    }
    const auto marker = marker_in(header, payload);
    if (!marker) {
        if (header.count == 0) producers_.add_emptied(header);
        return ok();
    }
    const auto aborted = producers_.end_transaction(header, *marker);
    if (!aborted || !index_into) return ok();
    names_dirty_ |= !index_into->aborted();
    auto added = index_into->add_aborted(disk_, *aborted);
    if (index_into->aborted()) mark_dirty(index_into->aborted());
    return added;
}

Result<void> Log::write_producer_snapshot(std::int64_t offset) {
    if (offset == 0 || snapshot_at_ == offset) return ok();
    auto file = disk_.create(join_path(directory_, segment_name(offset, snapshot_suffix)));
    if (!file) return file.error();
    names_dirty_ = true;
    mark_dirty(*file);
    if (auto written = (*file)->write_at(0, as_bytes(producer_snapshot_bytes(producers_.entries()))); !written)
        return written;
    snapshot_at_ = offset;
    return ok();
}

// What the snapshot at `offset` says; false when there is none that can be read. A stop of the machine may have torn
// it.
Result<bool> Log::read_producer_snapshot(std::int64_t offset) {
    const std::string path = join_path(directory_, segment_name(offset, snapshot_suffix));
    const auto there = disk_.exists(path);
    if (!there) return there.error();
    if (!*there) return false;
    const auto text = read_text(disk_, path);
    if (!text) return text.error();
    const auto entries = parse_producer_snapshot(as_bytes(*text));
    if (!entries) return false;
    producers_ = ProducerStates(*entries);
    snapshot_at_ = offset;
    return true;
}

// The latest snapshot at or below `offset` that can be read; offset 0 without one.
Result<std::int64_t> Log::load_producer_snapshot(std::int64_t offset) {
    producers_ = {};
    snapshot_at_ = -1;
    auto offsets = list_snapshots(disk_, directory_);
    if (!offsets) return offsets.error();
    for (auto at = offsets->rbegin(); at != offsets->rend(); ++at) {
        if (*at > offset) continue;
        const auto read = read_producer_snapshot(*at);
        if (!read) return read.error();
        if (*read) return *at;
    }
    return 0;
}

// After an unclean stop snapshots may be torn, have come back, or be in the page cache alone. Those where segments
// begin stay, and are synced from `unsafe_from` on, or are written anew by the rebuild that follows: nobody may be
// forgotten when what lies before them goes.
Result<void> Log::settle_snapshots(std::int64_t unsafe_from) {
    const auto snapshots = list_snapshots(disk_, directory_);
    if (!snapshots) return snapshots.error();
    for (const std::int64_t at : *snapshots) {
        const std::string path = join_path(directory_, segment_name(at, snapshot_suffix));
        const auto base_of = [](const auto& segment) { return segment->base_offset(); };
        if (!std::ranges::binary_search(segments_, at, {}, base_of)) {
            if (auto removed = disk_.remove(path); !removed) return removed;
        } else if (at >= unsafe_from) {
            const auto file = disk_.open(path);
            if (!file) return file.error();
            mark_dirty(*file);
        }
    }
    return ok();
}

// The rebuild has come to where a segment begins. Its snapshot knows more than the batches before it, some of which
// retention or compaction may have taken: an end of a transaction, say.
Result<void> Log::pass_producer_snapshot(std::int64_t offset) {
    const auto read = read_producer_snapshot(offset);
    if (!read) return read.error();
    if (*read) return ok();
    return unless_full(write_producer_snapshot(offset));
}

Result<void> Log::rebuild_producers(const std::vector<std::int64_t>& index_anew) {
    const auto from = load_producer_snapshot(index_anew.empty() ? end_.offset : index_anew.front());
    if (!from) return from.error();
    // Of those in which no batch is left, too.
    const auto is_indexed_anew = [&](const Segment& segment) {
        return std::ranges::binary_search(index_anew, segment.base_offset());
    };
    for (const auto& segment : segments_) {
        if (!is_indexed_anew(*segment)) continue;
        if (auto forgotten = segment->forget_aborted(disk_); !forgotten) return forgotten;
    }
    for (std::size_t i = segment_with(*from); i < segments_.size(); ++i) {
        Segment& segment = *segments_[i];
        if (segment.base_offset() > *from) {
            if (auto passed = pass_producer_snapshot(segment.base_offset()); !passed) return passed;
        }
        const bool indexed_anew = is_indexed_anew(segment);
        const auto first = segment.find(disk_, *from);
        if (!first) return first.error();
        HeaderWalk walk(*segment.file(), first->mark.position, segment.size());
        while (true) {
            auto at = walk.next();
            if (!at) return at.error();
            if (!*at) break;
            const auto& header = (*at)->header;
            if (!header.has_producer_id()) continue;
            std::vector<std::uint8_t> payload;
            if (header.is_control()) {
                payload.resize(header.total_size() - protocol::RecordBatchHeader::size);
                auto read = segment.file()->read_exactly((*at)->position + protocol::RecordBatchHeader::size, payload);
                if (!read) return read;
            }
            if (auto noted = note_producer(header, payload, indexed_anew ? &segment : nullptr); !noted) return noted;
        }
    }
    return ok();
}

// What lies at or behind the end is gone.
Result<void> Log::cut_producers() {
    if (auto removed = remove_snapshots_above(disk_, directory_, end_.offset); !removed) return removed;
    // For good with the next sync: a snapshot that comes back would tell of batches that are others now.
    names_dirty_ = true;
    if (const auto& aborted = active().aborted()) {
        if (auto cut = cut_transaction_index(*aborted, end_.offset); !cut) return cut;
        mark_dirty(aborted);
    }
    return rebuild_producers({});
}

}  // namespace ottla::broker::log
