// SPDX-License-Identifier: Apache-2.0
// Where the committed offsets of a group are to be set: decided from what is known of each partition. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ottla::tools {

struct ResetTarget {
    enum class Kind : std::uint8_t {
        earliest,
        latest,
        current,  // stays as it is
        offset,   // `value`
        time,     // the first record not older than `value`, milliseconds since 1970
        shift,    // by `value` records from where it is
    };
    Kind kind = Kind::latest;
    std::int64_t value = 0;
};

struct ResetFacts {
    // Where the partition begins and ends.
    std::int64_t start = 0;
    std::int64_t end = 0;
    // Nothing: the group has not committed there.
    std::optional<std::int64_t> committed;
    // For a time: the offset of the first record from then on; nothing when there is none that late.
    std::optional<std::int64_t> at_time;
};

struct ResetStep {
    // Nothing: there is none to be had, and the note says why.
    std::optional<std::int64_t> offset;
    // What is not as one would expect; empty otherwise.
    std::string note;
};

// Never before the start nor behind the end of the partition.
ResetStep plan_reset(const ResetTarget&, const ResetFacts&);

}  // namespace ottla::tools
