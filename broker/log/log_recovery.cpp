// SPDX-License-Identifier: Apache-2.0
// LogRecovery: opens a partition's directory. After an unclean stop every batch is checked; the log ends at the first
// one that is torn or bad, and what follows is removed.
#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "broker/log/batch_walk.hpp"
#include "broker/log/log.hpp"
#include "broker/log/segment_files.hpp"
#include "broker/log/storage_counts.hpp"

namespace ottla::broker::log {

class LogRecovery {
public:
    LogRecovery(Log& log, const Log::OpenOptions& options) : log_(log), options_(options) {}

    Result<void> run() {
        auto done = recover();
        if (options_.counts) count(*options_.counts);
        return done;
    }

private:
    void count(StorageCounts& counts) const {
        counts.bytes_checked.add(bytes_checked_);
        counts.bytes_cut.add(bytes_cut_);
        counts.segments_indexed_anew.add(rebuilt_.size());
        counts.swaps_finished.add(swaps_finished_);
    }

    Result<void> recover() {
        if (auto read = read_epochs(); !read) return read;
        auto files = list_log_files(log_.disk_, log_.directory_);
        if (!files) return files.error();
        if (auto finished = finish_swaps(*files); !finished) return finished;
        if (auto removed = remove_what_is_over(*files); !removed) return removed;
        const auto& bases = files->segments;
        if (bases.empty()) {
            if (auto begun = log_.restart_at(options_.start_offset); !begun) return begun;
            log_.parent_dirty_ = true;
            return settle();
        }
        log_.start_offset_ = bases.front();
        for (std::size_t i = 0; i < bases.size() && !cut_; ++i) {
            if (auto loaded = load(bases, i); !loaded) return loaded;
        }
        if (auto finished = finish(bases); !finished) return finished;
        if (options_.start_offset > log_.end_.offset) {
            options_.messages.warn("{}: the log ends at {}, below its start {}; it is empty now", log_.directory_,
                                   log_.end_.offset, options_.start_offset);
            if (auto begun = log_.restart_at(options_.start_offset); !begun) return begun;
            return settle();
        }
        log_.advance_start(options_.start_offset);
        return ok();
    }

    Result<void> read_epochs() {
        const std::string path = join_path(log_.directory_, leader_epoch_checkpoint_name);
        const auto there = log_.disk_.exists(path);
        if (!there) return there.error();
        if (!*there) return ok();
        const auto text = read_text(log_.disk_, path);
        if (!text) return text.error();
        auto epochs = LeaderEpochs::parse(*text);
        if (epochs) {
            log_.epochs_ = std::move(*epochs);
        } else if (epochs.error() == ErrorCode::unsupported_version) {
            return epochs.error().with_context(log_.directory_);
        } else {
            // The batches tell most of it again.
            options_.messages.warn("{}: {}; it is rebuilt from the batches", log_.directory_, epochs.error().text());
            log_.epochs_dirty_ = true;
        }
        return ok();
    }

    // A stop came while a compacted segment took its place, or while a segment's indexes were built. The `.log` under
    // its `.swap` name is whole; what it replaces goes before it gets there. Its indexes, and whichever stand there
    // now, may be of either: they are built again.
    Result<void> finish_swaps(LogFiles& files) {
        for (const auto& name : files.swaps) {
            const std::string target = name.substr(0, name.size() - swap_suffix.size());
            const auto base = parse_segment_name(target);
            if (!base) continue;
            const auto end = end_of_segment(join_path(log_.directory_, name), *base);
            if (!end) return end.error();
            for (const std::int64_t other : files.segments) {
                if (other <= *base || other >= *end) continue;
                if (auto removed = remove_segment_files(log_.disk_, log_.directory_, other); !removed) return removed;
            }
            std::erase_if(files.segments, [&](std::int64_t other) { return other > *base && other < *end; });
            if (auto marked = mark(*base); !marked) return marked;
            const std::string path = join_path(log_.directory_, target);
            if (auto renamed = log_.disk_.rename(path + std::string(swap_suffix), path); !renamed) return renamed;
            ++swaps_finished_;
            if (!std::ranges::binary_search(files.segments, *base))
                files.segments.insert(std::ranges::upper_bound(files.segments, *base), *base);
        }
        for (const auto& name : files.swaps) {
            const auto base = parse_segment_name(name.substr(0, name.find('.')), "");
            if (!base) continue;
            if (auto marked = mark(*base); !marked) return marked;
            if (auto removed = remove_indexes(log_.disk_, log_.directory_, *base); !removed) return removed;
            if (name.ends_with(".log.swap") || join_path(log_.directory_, name) == mark_of(*base)) continue;
            if (auto removed = log_.disk_.remove(join_path(log_.directory_, name)); !removed) return removed;
        }
        return ok();
    }

    // The indexes of a segment that is safe itself are built again. They get onto stable storage one by one: the name
    // of a swap stands beside them until all are there, so that a start in between does not take them for whole.
    std::string mark_of(std::int64_t base) const {
        return join_path(log_.directory_, segment_name(base, ".index") + std::string(swap_suffix));
    }
    Result<void> mark(std::int64_t base) {
        if (!marked_.insert(base).second) return ok();
        const auto created = log_.disk_.create(mark_of(base));
        if (!created && created.error() != ErrorCode::storage_full) return created.error();
        return log_.disk_.sync_directory(log_.directory_);
    }

    Result<std::int64_t> end_of_segment(const std::string& path, std::int64_t base) const {
        const auto file = log_.disk_.open(path);
        if (!file) return file.error();
        const auto size = (*file)->size();
        if (!size) return size.error();
        HeaderWalk walk(**file, 0, *size);
        std::int64_t end = base;
        while (true) {
            const auto at = walk.next();
            if (!at) return at.error();
            if (!*at) return end;
            end = (*at)->header.next_offset();
        }
    }

    // What had been given up before the stop: left-overs, segments below the start, snapshots that nobody needs. Where
    // a power cut has brought some of them back, there may be gaps between them: they are not looked at.
    Result<void> remove_what_is_over(LogFiles& files) {
        for (const auto& name : files.leftovers) {
            if (auto removed = log_.disk_.remove(join_path(log_.directory_, name)); !removed) return removed;
        }
        auto& bases = files.segments;
        std::size_t below = 0;
        while (below + 1 < bases.size() && bases[below + 1] <= options_.start_offset) ++below;
        for (std::size_t i = 0; i < below; ++i) {
            if (auto removed = remove_segment_files(log_.disk_, log_.directory_, bases[i]); !removed) return removed;
        }
        bases.erase(bases.begin(), bases.begin() + static_cast<std::ptrdiff_t>(below));
        for (const std::int64_t at : files.snapshots) {
            if (at == files.snapshots.back() || std::ranges::binary_search(bases, at)) continue;
            auto removed = log_.disk_.remove(join_path(log_.directory_, segment_name(at, snapshot_suffix)));
            if (!removed) return removed;
        }
        return ok();
    }

    Result<void> load(const std::vector<std::int64_t>& bases, std::size_t index) {
        const std::int64_t base = bases[index];
        if (!log_.segments_.empty() && base < log_.end_.offset) {
            return bad(fmt::format("the segment {} begins below {}", base, log_.end_.offset));
        }
        // Compaction leaves gaps, but only in what has long been safe: here the end of the segment before is lost.
        if (!log_.segments_.empty() && base > log_.end_.offset && !options_.clean &&
            base > std::max(options_.recovery_point, options_.clean_up_to)) {
            return bad(fmt::format("the segment {} does not begin at {}", base, log_.end_.offset));
        }
        auto file = log_.disk_.open(join_path(log_.directory_, segment_name(base)));
        if (!file) return file.error();
        const bool last = index + 1 == bases.size();
        // Below the recovery point everything is on stable storage, as far as the next segment's name shows.
        const bool safe = options_.clean || (!last && bases[index + 1] <= options_.recovery_point);
        if (safe) {
            auto loaded = Segment::load(log_.disk_, *file, base, log_.config_.index_interval_bytes,
                                        last ? std::nullopt : std::optional(bases[index + 1]));
            if (!loaded) return loaded.error();
            if (*loaded) {
                log_.segments_.push_back(std::move(*loaded));
                log_.end_ = log_.active().end();
                return ok();
            }
            options_.messages.warn("{}: the indexes of segment {} are missing or do not fit it; they are rebuilt",
                                   log_.directory_, base);
            if (auto marked = mark(base); !marked) return marked;
        }
        rebuilt_.push_back(base);
        if (!safe && !known_from_) known_from_ = base;
        const auto size = (*file)->size();
        if (!size) return size.error();
        log_.segments_.push_back(std::make_unique<Segment>(*file, base, log_.config_.index_interval_bytes, true));
        auto walked = safe ? walk_headers(**file, *size) : check_batches(**file, *size);
        if (!walked) return walked;
        log_.end_ = log_.active().end();
        if (!last && !cut_) return log_.close_indexes();
        // As while it is appended to; what stands in the files of the segment that is written last is never read.
        if (!log_.active().wants_flush()) return ok();
        return Log::unless_full(log_.active().flush_indexes(log_.disk_));
    }

    Result<void> walk_headers(File& file, std::uint64_t size) {
        HeaderWalk walk(file, 0, size);
        while (true) {
            auto at = walk.next();
            if (!at && at.error() == ErrorCode::corrupt_storage) {
                const auto given_back = give_room_back(file, size);
                if (!given_back) return given_back.error();
                if (*given_back) return ok();
            }
            if (!at) return at.error();
            if (!*at) return ok();
            if (!log_.active().may_hold((*at)->header)) {
                return Error::of(ErrorCode::corrupt_storage,
                                 fmt::format("'{}' at {}: offset {} where {} is next", file.path(), (*at)->position,
                                             (*at)->header.base_offset, log_.active().next_offset()));
            }
            take((*at)->header);
        }
    }

    Result<void> check_batches(File& file, std::uint64_t size) {
        CheckedWalk walk(file, 0, size);
        log_.mark_dirty(log_.active().file());
        while (true) {
            auto view = walk.next();
            if (!view && view.error() != ErrorCode::corrupt_storage) return view.error();
            if (!view) return cut(file, size, view.error());
            if (!*view) return ok();
            const auto& header = (*view)->header();
            bytes_checked_ += (*view)->bytes().size();
            if (!log_.active().may_hold(header)) {
                return cut(file, size,
                           Error::of(ErrorCode::corrupt_storage,
                                     fmt::format("'{}': offset {} where {} is next", file.path(), header.base_offset,
                                                 log_.active().next_offset())));
            }
            take(header);
        }
    }

    void take(const protocol::RecordBatchHeader& header) {
        log_.active().add(header);
        if (log_.epochs_.assign(header.leader_epoch, header.base_offset)) log_.epochs_dirty_ = true;
    }

    Result<void> cut(File& file, std::uint64_t size, const Error& why) {
        const auto given_back = give_room_back(file, size);
        if (!given_back) return given_back.error();
        if (*given_back) return ok();
        options_.messages.warn("{}; the log ends at offset {} now, {} bytes are cut", why.text(),
                               log_.active().next_offset(), size - log_.active().size());
        bytes_cut_ += size - log_.active().size();
        cut_ = true;
        torn_ = true;
        return ok();
    }

    // Preallocated: whether something is missing shows where the next segment begins. Also in one that is safe: what it
    // gave back itself, when it ended, may not have been on stable storage.
    Result<bool> give_room_back(File& file, std::uint64_t size) {
        const std::uint64_t end = log_.active().size();
        const auto unused = only_zeros(file, end, size);
        if (!unused || !*unused) return unused;
        options_.messages.info("'{}': {} bytes that were made room for are given back", file.path(), size - end);
        if (auto truncated = file.truncate(end); !truncated) return truncated.error();
        log_.mark_dirty(log_.active().file());
        return true;
    }

    Result<void> bad(std::string why) {
        if (options_.clean) {
            return Error::of(ErrorCode::corrupt_storage, fmt::format("'{}': {}", log_.directory_, why));
        }
        options_.messages.warn("{}: {}", log_.directory_, why);
        cut_ = true;
        return ok();
    }

    Result<void> finish(const std::vector<std::int64_t>& bases) {
        // The last first, and all before the cut, so that a stop in between leaves no gap.
        for (std::size_t i = bases.size(); i > log_.segments_.size(); --i) {
            options_.messages.warn("{}: removing the segment {}", log_.directory_, bases[i - 1]);
            log_.names_dirty_ = true;
            auto removed = remove_segment_files(log_.disk_, log_.directory_, bases[i - 1]);
            if (!removed) return removed;
        }
        log_.known_from_ = known_from_.value_or(log_.end_.offset);
        log_.synced_ = options_.sync_later && !options_.clean ? begin() : log_.end_;
        log_.recovery_point_ = options_.clean ? log_.end_.offset : options_.recovery_point;
        if (options_.clean) {
            if (auto rebuilt = log_.rebuild_producers(rebuilt_); !rebuilt) return rebuilt;
            return marked_.empty() ? ok() : settle();
        }
        if (bases.size() > log_.segments_.size()) {
            if (auto synced = log_.disk_.sync_directory(log_.directory_); !synced) return synced;
        }
        if (torn_) {
            if (auto truncated = log_.active().file()->truncate(log_.active().size()); !truncated) return truncated;
        }
        // From the start first: else an epoch whose records are all gone would be forgotten and found in turns.
        const std::int64_t start = options_.start_offset;
        if (start > log_.start_offset_ && log_.epochs_.truncate_start(start)) log_.epochs_dirty_ = true;
        if (log_.epochs_.truncate_end(log_.end_.offset)) log_.epochs_dirty_ = true;
        if (auto settled = log_.settle_snapshots(rebuilt_.empty() ? log_.end_.offset : rebuilt_.front()); !settled)
            return settled;
        if (auto rebuilt = log_.rebuild_producers(rebuilt_); !rebuilt) return rebuilt;
        // What a killed process left may be in the page cache alone: batches, names of segments, the directory itself.
        log_.names_dirty_ = true;
        log_.parent_dirty_ = true;
        return settle();
    }

    LogPosition begin() const {
        const std::int64_t base = log_.segments_.front()->base_offset();
        return {base, base, 0};
    }

    Result<void> settle() {
        if (options_.sync_later && marked_.empty()) return ok();
        SyncWork work = log_.prepare_sync();
        if (auto done = work.run(log_.disk_); !done) return done;
        log_.synced(work);
        for (const std::int64_t base : marked_) {
            if (auto removed = log_.disk_.remove(mark_of(base)); !removed) return removed;
        }
        marked_.clear();
        return ok();
    }

    Log& log_;
    const Log::OpenOptions& options_;
    std::vector<std::int64_t> rebuilt_;       // the segments with new indexes
    std::set<std::int64_t> marked_;           // those of them that are safe
    std::optional<std::int64_t> known_from_;  // the first whose batches were checked
    bool cut_ = false;                        // nothing further is loaded
    std::uint64_t bytes_checked_ = 0, bytes_cut_ = 0, swaps_finished_ = 0;
    bool torn_ = false;  // the last segment has bytes that do not count
};

Result<std::unique_ptr<Log>> Log::open(Disk& disk, std::string directory, const LogConfig& config,
                                       const OpenOptions& options) {
    std::unique_ptr<Log> log(new Log(disk, std::move(directory), config));
    LogRecovery recovery(*log, options);
    if (auto recovered = recovery.run(); !recovered) return recovered.error();
    return log;
}

}  // namespace ottla::broker::log
