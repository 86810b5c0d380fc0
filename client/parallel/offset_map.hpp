// SPDX-License-Identifier: Apache-2.0
// OffsetMap: what is done beyond the offset that a group has committed, as it travels in the commit's metadata. The
// format is that of Confluent's parallel-consumer, so that a group can move between the two:
//
//   base64( magic, payload ), or nothing when there is nothing beyond the committed offset
//     'l'  int16 count, a bit for each offset, lowest first: 1 is done       'a'  the same, in a frame of zstd
//     'o'  int32 count, bits                                                 's'
//     'n'  int16 lengths of runs: not done, done, not done …                 'J'
//     'e'  int32 lengths                                                     'p'
//
// All numbers are big-endian and signed; offset 0 of the map is the committed one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ottla/result.hpp>

namespace ottla::client {

class OffsetMap {
public:
    // Of a map that is read: the text may have so many bytes, and its bits and runs, unpacked, so many.
    static constexpr std::size_t text_bytes_max = 64 * 1024;
    static constexpr std::size_t payload_bytes_max = 512 * 1024;

    OffsetMap() = default;
    explicit OffsetMap(std::int64_t base) noexcept : base_(base), end_(base) {}

    // The next `count` offsets are all done, or all not.
    void append(bool is_done, std::int64_t count);

    // The committed offset.
    std::int64_t base() const noexcept { return base_; }
    // One behind the last that the map tells of; from there on nothing is done.
    std::int64_t end() const noexcept { return end_; }
    // Lengths of runs, in turn not done and done; the first may be 0.
    std::span<const std::uint32_t> runs() const noexcept { return runs_; }
    bool has_done() const noexcept { return runs_.size() > 1; }
    std::int64_t done_count() const noexcept;

    // The smallest of the encodings above; empty when nothing is done. Errors: limit_exceeded when it has more than
    // `bytes_max`.
    Result<std::string> encode(std::size_t bytes_max) const;
    // Takes any text. Errors: bad_message says what is wrong, also of what another tool has left there;
    // bad_compression; limit_exceeded.
    static Result<OffsetMap> decode(std::int64_t base, std::string_view metadata);

    friend bool operator==(const OffsetMap&, const OffsetMap&) = default;

private:
    std::int64_t base_ = 0;
    std::int64_t end_ = 0;
    std::vector<std::uint32_t> runs_;
};

// "3 of 10 offsets behind 42 are done"
std::string to_string(const OffsetMap&);

// Answers for offsets in ascending order.
class OffsetMapReader {
public:
    OffsetMapReader() = default;
    explicit OffsetMapReader(OffsetMap map) noexcept : map_(std::move(map)), run_begin_(map_.base()) {}

    // Not below the one asked for before.
    bool is_done(std::int64_t offset) noexcept;
    // Nothing is done from here on.
    bool is_past(std::int64_t offset) const noexcept { return offset >= map_.end(); }
    // What the map tells of `from`, not below what was asked for, and all behind it.
    void append_rest(std::int64_t from, OffsetMap& to) const;

private:
    OffsetMap map_;
    std::size_t run_ = 0;
    std::int64_t run_begin_ = 0;
};

}  // namespace ottla::client
