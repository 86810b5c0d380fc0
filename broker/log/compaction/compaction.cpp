// SPDX-License-Identifier: Apache-2.0
#include "broker/log/compaction/compaction.hpp"

#include <algorithm>
#include <limits>

#include <fmt/core.h>

#include "broker/log/marker.hpp"
#include "broker/log/segment_files.hpp"
#include "broker/log/transaction_index.hpp"

namespace ottla::broker::log {
namespace {

constexpr std::size_t write_bytes = 1U << 20;

std::size_t keys_at_most(const CompactionInput& input) {
    const std::int64_t end = input.segments.empty() ? input.first_dirty : input.segments.back().next_offset;
    return static_cast<std::size_t>(std::max<std::int64_t>(end - input.first_dirty, 0));
}

}  // namespace

Compaction::Compaction(Disk& disk, CompactionInput input, const CompactionOptions& options, base::Random random)
    : disk_(disk),
      input_(std::move(input)),
      options_(options),
      keys_(keys_at_most(input_), options.map_bytes_max, input_.first_dirty, random),
      indexed_up_to_(input_.first_dirty) {}

Result<Compaction::Progress> Compaction::step(std::uint64_t bytes) {
    const std::uint64_t limit = bytes_read_ + bytes_written_ + bytes;
    if (phase_ == Phase::begin) {
        if (auto begun = begin(); !begun) return begun.error();
    }
    while (bytes_read_ + bytes_written_ < limit) {
        if (phase_ == Phase::done) return Progress::done;
        if (phase_ == Phase::index) {
            const auto more = index_some();
            if (!more) return more.error();
            if (*more) continue;
            phase_ = Phase::copy;
            at_ = group_end_ = 0;
            next_offset_ = 0;
            transactions_.emplace(aborted_);
        } else {
            const auto ended = copy_some();
            if (!ended) return ended.error();
            if (*ended) return Progress::group_is_ready;
        }
    }
    return Progress::more;
}

Result<void> Compaction::begin() {
    for (const auto& file : input_.aborted_in) {
        auto entries = read_transaction_index(*file);
        if (!entries) return entries.error();
        aborted_.insert(aborted_.end(), entries->begin(), entries->end());
    }
    std::vector<TransactionIndexEntry> dirty;
    std::ranges::copy_if(aborted_, std::back_inserter(dirty),
                         [&](const auto& entry) { return entry.last_offset >= input_.first_dirty; });
    transactions_.emplace(std::move(dirty));
    while (at_ < input_.segments.size() && input_.segments[at_].next_offset <= input_.first_dirty) ++at_;
    phase_ = Phase::index;
    return ok();
}

// --- the last offset of each key ---

// False when there is nothing more to learn, or no more room for it.
Result<bool> Compaction::index_some() {
    if (at_ == input_.segments.size() || keys_full_) {
        walk_.reset();
        return false;
    }
    const auto& source = input_.segments[at_];
    if (!walk_) walk_.emplace(*source.file, 0, source.size);
    auto batch = walk_->next();
    if (!batch) return batch.error();
    if (!*batch) {
        indexed_up_to_ = std::max(indexed_up_to_, source.next_offset);
        walk_.reset();
        ++at_;
        return true;
    }
    bytes_read_ += (*batch)->bytes().size();
    if (auto placed = check_place(source, (*batch)->header()); !placed) return placed.error();
    if (auto indexed = index_batch(**batch); !indexed) return indexed.error();
    return true;
}

// The offset of a batch is not under its checksum.
Result<void> Compaction::check_place(const CompactionInput::Source& source, const protocol::RecordBatchHeader& batch) {
    const std::int64_t least = std::max(source.base_offset, next_offset_);
    if (batch.base_offset < least || batch.next_offset() > source.next_offset) {
        return Error::of(
            ErrorCode::corrupt_storage,
            fmt::format("'{}': the offsets {} to {} of a record batch, where {} to {} may follow", source.file->path(),
                        batch.base_offset, batch.last_offset(), least, source.next_offset - 1));
    }
    next_offset_ = batch.next_offset();
    return ok();
}

Result<void> Compaction::index_batch(const protocol::RecordBatchView& batch) {
    const auto& header = batch.header();
    if (header.last_offset() < input_.first_dirty) return ok();
    if (header.is_control()) {
        transactions_->marker(header, marker_in(header, batch.payload()));
    } else if (!transactions_->is_aborted(header)) {
        const auto no_room_at = cleaner_.note_keys(batch, input_.first_dirty, keys_);
        if (!no_room_at) return no_room_at.error();
        keys_full_ = no_room_at->has_value();
        if (keys_full_) indexed_up_to_ = **no_room_at;
    }
    if (!keys_full_) indexed_up_to_ = header.next_offset();
    return ok();
}

// --- the copy ---

// True when a group has ended.
Result<bool> Compaction::copy_some() {
    if (!out_) {
        if (at_ == input_.segments.size() || input_.segments[at_].base_offset >= indexed_up_to_) {
            phase_ = Phase::done;
            return false;
        }
        if (auto opened = open_group(); !opened) return opened.error();
    }
    const auto& source = input_.segments[at_];
    if (!walk_) walk_.emplace(*source.file, 0, source.size);
    auto batch = walk_->next();
    if (!batch) return batch.error();
    if (*batch) {
        bytes_read_ += (*batch)->bytes().size();
        bytes_copied_ += (*batch)->bytes().size();
        if (auto placed = check_place(source, (*batch)->header()); !placed) return placed.error();
        if (auto copied = copy_batch(**batch); !copied) return copied.error();
        return false;
    }
    walk_.reset();
    if (++at_ < group_end_) return false;
    if (auto closed = close_group(); !closed) return closed.error();
    return true;
}

// So many of the segments as fit into one, as large as they are now.
Result<void> Compaction::open_group() {
    const auto& segments = input_.segments;
    group_ = {};
    group_.base_offset = segments[at_].base_offset;
    group_.index_interval_bytes = input_.config.index_interval_bytes;
    const std::uint64_t bytes_max = std::min(input_.config.segment_bytes, Segment::bytes_limit);
    std::uint64_t bytes = 0;
    for (group_end_ = at_; group_end_ < segments.size(); ++group_end_) {
        const auto& next = segments[group_end_];
        const bool first = group_end_ == at_;
        if (next.base_offset >= indexed_up_to_) break;
        if (!first && (bytes + next.size > bytes_max ||
                       next.next_offset - group_.base_offset > std::numeric_limits<std::int32_t>::max()))
            break;
        bytes += next.size;
        group_.bases.push_back(next.base_offset);
        group_.next_offset = next.next_offset;
    }
    auto file = disk_.create(
        join_path(input_.directory, segment_name(group_.base_offset, ".log") + std::string(cleaned_suffix)));
    if (!file) return file.error();
    out_file_ = std::move(*file);
    out_ = std::make_unique<Segment>(out_file_, group_.base_offset, input_.config.index_interval_bytes, true);
    return out_->forget_aborted(disk_);
}

Result<BatchFate> Compaction::fate_of(const protocol::RecordBatchView& batch) {
    const auto& header = batch.header();
    BatchFate fate;
    if (header.is_control()) {
        const auto marker = transactions_->marker(header, marker_in(header, batch.payload()));
        const auto horizon = header.delete_horizon_ms();
        fate.is_spent = marker.may_go;
        fate.records_go = marker.may_go && horizon && *horizon <= options_.now_ms;
        if (marker.aborts) {
            if (auto added = out_->add_aborted(disk_, *marker.aborts); !added) return added.error();
        }
    } else {
        fate.records_go = transactions_->is_aborted(header);
    }
    // The last of a group stays, so that what is left of it tells how far it reaches.
    fate.header_stays = header.next_offset() == group_.next_offset;
    if (const auto last = input_.producers.find(header.producer_id);
        header.has_producer_id() && last != input_.producers.end()) {
        fate.header_stays |= last->second.last_offset >= 0
                                 ? header.last_offset() == last->second.last_offset
                                 : header.is_control() && header.producer_epoch == last->second.epoch;
    }
    return fate;
}

Result<void> Compaction::copy_batch(const protocol::RecordBatchView& batch) {
    const auto fate = fate_of(batch);
    if (!fate) return fate.error();
    const CleaningRules rules{&keys_, indexed_up_to_, options_.now_ms, options_.delete_retention_ms};
    const auto kept = cleaner_.clean(batch, rules, *fate);
    if (!kept) return kept.error();
    if (kept->empty()) return ok();
    // Only a horizon makes records longer: it takes the place of a base timestamp that was near them.
    if (out_->size() + kept->size() > Segment::bytes_limit) {
        return Error::of(ErrorCode::limit_exceeded,
                         fmt::format("'{}': at offset {} it would get more than {} bytes", out_file_->path(),
                                     batch.header().base_offset, Segment::bytes_limit));
    }
    out_->add(protocol::RecordBatchHeader::read(kept->data()));
    pending_.append(*kept);
    bytes_written_ += kept->size();
    if (pending_.size() >= write_bytes) return write_out();
    return ok();
}

Result<void> Compaction::write_out() {
    const std::uint64_t at = out_->size() - pending_.size();
    if (auto written = out_file_->write_at(at, pending_.span()); !written) return written;
    pending_.clear();
    return out_->flush_indexes(disk_);
}

Result<void> Compaction::close_group() {
    if (auto written = write_out(); !written) return written;
    const auto indexes = out_->close_indexes(disk_);
    if (!indexes) return indexes.error();
    for (const auto& file : *indexes) {
        if (auto synced = file->sync(); !synced) return synced;
    }
    group_.has_aborted = out_->aborted() != nullptr;
    if (group_.has_aborted) {
        if (auto synced = out_->aborted()->sync(); !synced) return synced;
    }
    auto synced = out_file_->sync();
    out_.reset();
    out_file_.reset();
    return synced;
}

// --- into its place ---

Result<Retired> commit_cleaned(Disk& disk, const std::string& directory, const CleanedGroup& group) {
    // The log last. Should a power cut bring its new name without the others', they are built again.
    for (const std::string_view suffix : {".index", ".timeindex", ".txnindex", ".log"}) {
        if (suffix == transaction_index_suffix && !group.has_aborted) continue;
        const std::string name = join_path(directory, segment_name(group.base_offset, suffix));
        auto renamed = disk.rename(name + std::string(cleaned_suffix), name + std::string(swap_suffix));
        if (!renamed) return renamed.error();
    }
    if (auto synced = disk.sync_directory(directory); !synced) return synced.error();
    Retired retired;
    for (std::size_t i = 1; i < group.bases.size(); ++i) {
        auto moved = retire_segment_files(disk, directory, group.bases[i], retired);
        if (!moved) return moved.error();
    }
    if (!group.has_aborted) {
        const std::string index = segment_name(group.base_offset, transaction_index_suffix);
        if (auto removed = disk.remove(join_path(directory, index)); !removed) return removed.error();
    }
    if (auto synced = disk.sync_directory(directory); !synced) return synced.error();
    return retired;
}

Result<std::unique_ptr<Segment>> place_cleaned(Disk& disk, const std::string& directory, const CleanedGroup& group) {
    for (const std::string_view suffix : {".index", ".timeindex", ".txnindex", ".log"}) {
        if (suffix == transaction_index_suffix && !group.has_aborted) continue;
        const std::string name = join_path(directory, segment_name(group.base_offset, suffix));
        auto renamed = disk.rename(name + std::string(swap_suffix), name);
        if (!renamed) return renamed.error();
    }
    auto file = disk.open(join_path(directory, segment_name(group.base_offset)));
    if (!file) return file.error();
    auto cleaned = Segment::load(disk, *file, group.base_offset, group.index_interval_bytes, group.next_offset);
    // The names have changed hands already: whatever is wrong now, memory and disk no longer say the same.
    if (!cleaned) return Error::of(ErrorCode::file_system, std::string(cleaned.error().text()));
    if (!*cleaned) {
        return Error::of(ErrorCode::file_system,
                         fmt::format("'{}': its indexes, just written, do not fit it", (*file)->path()));
    }
    return cleaned;
}

Result<void> drop_cleaned(Disk& disk, const std::string& directory, const CleanedGroup& group) {
    for (const auto suffix : segment_suffixes) {
        const std::string name = join_path(directory, segment_name(group.base_offset, suffix));
        if (auto removed = disk.remove(name + std::string(cleaned_suffix)); !removed) return removed;
    }
    return ok();
}

}  // namespace ottla::broker::log
