// SPDX-License-Identifier: Apache-2.0
// An index held against the batches of its segment, which come one after the other: of the batches nothing is kept.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "broker/log/dump/problems.hpp"
#include "broker/log/dump/segment_bytes.hpp"
#include "broker/log/index_entries.hpp"

namespace ottla::broker::log::dump {

inline std::string wrong_batch(const OffsetIndexEntry& entry, const FoundBatch& batch) {
    if (static_cast<std::uint64_t>(static_cast<std::int64_t>(entry.position)) == batch.position) return {};
    return fmt::format("begins at {}, not {}", batch.position, entry.position);
}
inline std::string wrong_batch(const TimeIndexEntry& entry, const FoundBatch& batch) {
    if (entry.timestamp == batch.header.max_timestamp) return {};
    return fmt::format("has the largest timestamp {}, not {}", batch.header.max_timestamp, entry.timestamp);
}

template <class Entry>
class IndexVerifier {
public:
    IndexVerifier(Problems& problems, std::string path, std::int64_t base)
        : problems_(problems),
          path_(std::move(path)) {
        problems_.with_text(path_, [&](const std::string& text) { read(text, base); });
    }

    // In the order of their offsets.
    void batch(const FoundBatch& batch) {
        const std::int64_t offset = batch.header.last_offset();
        while (next_ != lines_.size() && lines_[next_].offset < offset) absent(lines_[next_++]);
        for (; next_ != lines_.size() && lines_[next_].offset == offset; ++next_) {
            const auto wrong = wrong_batch(lines_[next_].entry, batch);
            if (!wrong.empty())
                problems_.say(path_, fmt::format("at {}: the batch that ends with offset {} {}", lines_[next_].at,
                                                 offset, wrong));
        }
    }
    void end() {
        while (next_ != lines_.size()) absent(lines_[next_++]);
    }

private:
    struct Line {
        Entry entry;
        std::int64_t offset = 0;
        std::size_t at = 0;
    };

    void read(const std::string& text, std::int64_t base) {
        if (text.size() % Entry::size != 0)
            problems_.say(path_, fmt::format("{} bytes are not whole entries of {}", text.size(), Entry::size));
        // What follows the last entry was only made room for.
        const std::size_t used = text.find_last_not_of('\0') + 1;
        std::int64_t before = base - 1;
        for (std::size_t at = 0; at < used && text.size() - at >= Entry::size; at += Entry::size) {
            const auto entry = Entry::read(as_bytes(text).data() + at);
            if (entry.last_offset > std::numeric_limits<std::int64_t>::max() - base) {
                problems_.say(path_, fmt::format("at {}: the entry lies {} behind {}, where there are no offsets", at,
                                                 entry.last_offset, base));
                continue;
            }
            const std::int64_t offset = base + entry.last_offset;
            if (offset <= before) problems_.say(path_, fmt::format("at {}: offset {} follows {}", at, offset, before));
            before = offset;
            lines_.push_back({entry, offset, at});
        }
        std::ranges::stable_sort(lines_, {}, &Line::offset);
    }
    void absent(const Line& line) {
        problems_.say(path_, fmt::format("at {}: no batch ends with offset {}", line.at, line.offset));
    }

    Problems& problems_;
    std::string path_;
    std::vector<Line> lines_;  // by offset
    std::size_t next_ = 0;
};

// The index of aborted transactions: each entry has its marker in the segment.
class TransactionIndexVerifier {
public:
    TransactionIndexVerifier(Problems&, std::string path);

    void batch(const FoundBatch&);
    void end();

private:
    struct Line {
        TransactionIndexEntry entry;
        std::size_t at = 0;
    };

    void read(const std::string& text);
    void say(const Line&, std::string_view what);

    Problems& problems_;
    std::string path_;
    std::vector<Line> lines_;  // by the offset of the marker
    std::size_t next_ = 0;
};

}  // namespace ottla::broker::log::dump
