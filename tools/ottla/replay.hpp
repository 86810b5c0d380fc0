// SPDX-License-Identifier: Apache-2.0
// The directions of ottla replay, a file each, and what they share.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ottla/header.hpp>

#include "tools/ottla/copier.hpp"
#include "tools/ottla/record_range.hpp"

namespace ottla::tools {

struct ReplayOptions {
    Connection connection;
    std::string from;
    std::string from_file;
    std::string to;
    std::string to_file;
    std::string group;
    RangeOptions range;
    std::string key_part;
    std::string value_part;
    std::string header_part;
    RateOption rate;
    bool keeps_partitions = false;
    bool has_new_times = false;
};

// The exit code of each.
int replay_topic_to_topic(Session&, const ReplayOptions&);
int replay_topic_to_file(Session&, const ReplayOptions&);
int replay_file_to_topic(Session&, const ReplayOptions&);

// By the parts of key, value and headers that are asked for.
bool takes(const ReplayOptions&, BytesView key, BytesView value, std::span<const Header> headers);
// What all directions say at the end; the exit code.
int report_replay(Session&, std::int64_t looked_at, std::int64_t written, bool is_whole);
// Of the first that was refused, where that is `place`; the progress up to there is kept before.
[[noreturn]] void throw_refused(const ReplayOptions&, const Error&, std::string_view place);
// What is chosen, as text: progress that is kept with a file is good for the same choice only.
std::string choice_of(const ReplayOptions&);
// Begins where the progress says; throws, or warns, where that is not in the partition's log.
void go_on_at(RecordRange&, std::int32_t partition, std::int64_t offset, std::string_view progress);

}  // namespace ottla::tools
