// SPDX-License-Identifier: Apache-2.0
// LeaderEpochs: where each leader's epoch begins in a log (KIP-101, KIP-279), and its file `leader-epoch-checkpoint`:
// text "0\n<count>\n<epoch> <start offset>\n…". Both rise from entry to entry.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ottla/result.hpp>

namespace ottla::broker::log {

struct EpochEntry {
    std::int32_t epoch = 0;
    std::int64_t start_offset = 0;
    friend bool operator==(const EpochEntry&, const EpochEntry&) = default;
};

struct EpochEnd {
    std::int32_t epoch = -1;
    std::int64_t end_offset = -1;
    friend bool operator==(const EpochEnd&, const EpochEnd&) = default;
};

class LeaderEpochs {
public:
    // corrupt_storage with the line that is wrong; unsupported_version when a newer broker wrote it.
    static Result<LeaderEpochs> parse(std::string_view text);
    std::string to_text() const;

    const std::vector<EpochEntry>& entries() const noexcept { return entries_; }
    std::optional<std::int32_t> latest() const noexcept;
    // The epoch that `offset` was, or would be, written in.
    std::optional<std::int32_t> epoch_of(std::int64_t offset) const noexcept;

    // The epoch begins here, unless it has begun or a later one has. True when something changed.
    bool assign(std::int32_t epoch, std::int64_t start_offset);
    // As assign(), by the word of the metadata: none later has begun. Whoever says so has read it in the header of a
    // batch, where no checksum covers it. True when something changed.
    bool begin(std::int32_t epoch, std::int64_t start_offset);
    // The log now ends at `offset`: epochs that begin at or behind it are gone. True when something changed.
    bool truncate_end(std::int64_t offset);
    // The log now starts at `offset`: the epoch that covers it begins there.
    bool truncate_start(std::int64_t offset);

    // OffsetForLeaderEpoch: the largest epoch up to `requested` that this log knows and the offset where the next one
    // begins (`log_end` for the latest); (-1, -1) when `requested` is above the latest, or none is known.
    EpochEnd end_of(std::int32_t requested, std::int64_t log_end) const noexcept;

private:
    std::vector<EpochEntry> entries_;
};

}  // namespace ottla::broker::log
