// SPDX-License-Identifier: Apache-2.0
#include "broker/log/dump/verify_partition.hpp"

#include <algorithm>

#include "broker/log/batch_walk.hpp"
#include "broker/log/directory_files.hpp"
#include "broker/log/dump/file_name.hpp"
#include "broker/log/dump/verify_index.hpp"
#include "broker/log/producer_snapshot.hpp"
#include "broker/log/segment_files.hpp"
#include "broker/log/transaction_index.hpp"

namespace ottla::broker::log::dump {

std::int64_t PartitionVerifier::run(const std::vector<DirectoryEntry>& entries) {
    for (const auto& entry : entries) {
        if (!entry.is_directory) names_.push_back(entry.name);
    }
    std::ranges::sort(names_);
    read_epochs();
    // In the order of their names, which is that of their offsets.
    for (const auto& name : names_) {
        if (suffix_of(name) == ".log") segment(name);
    }
    for (const auto& name : names_) beside(name);
    if (epochs_ && !epochs_->entries().empty() && epochs_->entries().back().start_offset > next_offset_) {
        const auto& last = epochs_->entries().back();
        problems_.say(join_path(directory_, leader_epoch_checkpoint_name),
                      fmt::format("epoch {} begins at {}, behind the end of the log at {}", last.epoch,
                                  last.start_offset, next_offset_));
    }
    return next_offset_;
}

void PartitionVerifier::read_epochs() {
    if (!std::ranges::binary_search(names_, leader_epoch_checkpoint_name)) return;
    problems_.parsed(join_path(directory_, leader_epoch_checkpoint_name), LeaderEpochs::parse,
                     [&](const LeaderEpochs& said) { epochs_ = said; });
}

void PartitionVerifier::segment(const std::string& name) {
    const std::string path = join_path(directory_, name);
    problems_.begin_file();
    const auto base = offset_in_name(path);
    if (!base) return problems_.say(path, "the name has no offset");
    auto bytes = SegmentBytes::open(problems_.disk(), path);
    if (!bytes) return problems_.say(path, bytes.error().text());
    if (*base < next_offset_) problems_.say(path, fmt::format("begins below offset {}", next_offset_));
    next_offset_ = std::max(next_offset_, *base);

    std::optional<IndexVerifier<OffsetIndexEntry>> offsets;
    std::optional<IndexVerifier<TimeIndexEntry>> times;
    std::optional<TransactionIndexVerifier> aborted;
    const auto there = [&](std::string_view suffix) {
        return std::ranges::binary_search(names_, sibling(name, suffix));
    };
    if (there(".index")) offsets.emplace(problems_, sibling(path, ".index"), *base);
    if (there(".timeindex")) times.emplace(problems_, sibling(path, ".timeindex"), *base);
    if (there(transaction_index_suffix)) aborted.emplace(problems_, sibling(path, transaction_index_suffix));

    std::uint64_t position = 0;
    while (true) {
        const auto found = bytes->at(position);
        if (!found || !*found) {
            if (position == bytes->size() || preallocated(path, position, bytes->size())) break;
            problems_.say(path, !found ? std::string(found.error().text())
                                       : fmt::format("at {}: {} bytes are no whole batch; offset {} would be next",
                                                     position, bytes->size() - position, next_offset_));
            break;
        }
        batch(path, **found);
        if (offsets) offsets->batch(**found);
        if (times) times->batch(**found);
        if (aborted) aborted->batch(**found);
        position = (*found)->end();
    }
    if (offsets) offsets->end();
    if (times) times->end();
    if (aborted) aborted->end();
}

// What the broker made room for holds zeros until it is written, or the segment ends.
bool PartitionVerifier::preallocated(const std::string& path, std::uint64_t from, std::uint64_t to) {
    const auto file = problems_.disk().open(path);
    if (!file) return false;
    const auto zeros = only_zeros(**file, from, to);
    return zeros && *zeros;
}

void PartitionVerifier::batch(const std::string& path, const FoundBatch& found) {
    const auto& header = found.header;
    const auto at = [&](std::string_view what) {
        problems_.say(path, fmt::format("at {}: the batch of offsets {} to {} {}", found.position, header.base_offset,
                                        header.last_offset(), what));
    };
    if (!found.has_right_crc())
        at("has a wrong checksum");
    else if (const auto view = protocol::RecordBatchView::parse(found.bytes); !view)
        at(view.error().text());
    else
        records(*view, at);
    if (header.last_offset_delta < 0)
        at("ends before it begins");
    else if (header.base_offset < next_offset_)
        at(fmt::format("comes where {} is next", next_offset_));
    next_offset_ = std::max(next_offset_, header.next_offset());
    // An epoch that has only just begun may not be written down yet; those before the first one are deleted records'.
    const auto epoch = epochs_ ? epochs_->epoch_of(header.base_offset) : std::nullopt;
    if (epoch && *epoch != header.leader_epoch && header.leader_epoch <= epochs_->latest().value_or(-1))
        at(fmt::format("is of leader epoch {}, and {} says {}", header.leader_epoch, leader_epoch_checkpoint_name,
                       *epoch));
}

template <class At>
void PartitionVerifier::records(const protocol::RecordBatchView& view, const At& at) {
    auto reader = view.records(decompressor_, verified_file_bytes_max, space_);
    if (!reader) return at(reader.error().text());
    for (protocol::RecordView record; reader->next(record);) {
        if (!record.headers.well_formed()) return at("has a record with malformed headers");
        if (record.offset < view.header().base_offset || record.offset > view.header().last_offset())
            return at(fmt::format("has a record of offset {}", record.offset));
    }
    if (!reader->complete()) at("has records that do not fit its count");
}

void PartitionVerifier::beside(const std::string& name) {
    const std::string path = join_path(directory_, name);
    const auto suffix = suffix_of(name);
    const bool index = suffix == ".index" || suffix == ".timeindex" || suffix == transaction_index_suffix;
    if (index && !std::ranges::binary_search(names_, sibling(name, ".log"))) {
        problems_.begin_file();
        problems_.say(path, "there is no segment of this offset");
    }
    if (suffix == snapshot_suffix) producers(path);
    if (suffix == ".checkpoint") verify_metadata_snapshot(problems_, path);
    if (name == partition_metadata_name) problems_.parsed(path, parse_partition_metadata, [](const Uuid&) {});
}

void PartitionVerifier::producers(const std::string& path) {
    const auto parse = [](const std::string& text) { return parse_producer_snapshot(as_bytes(text)); };
    problems_.parsed(path, parse, [&](const std::vector<ProducerEntry>& entries) {
        const auto taken_at = offset_in_name(path);
        if (!taken_at) return problems_.say(path, "the name has no offset");
        for (const auto& entry : entries) {
            if (std::max(entry.last_offset, entry.transaction_first_offset) >= *taken_at)
                problems_.say(
                    path, fmt::format("producer {} is at offset {} with a transaction from {}, not below {}",
                                      entry.producer_id, entry.last_offset, entry.transaction_first_offset, *taken_at));
        }
    });
}

}  // namespace ottla::broker::log::dump
