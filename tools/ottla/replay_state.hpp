// SPDX-License-Identifier: Apache-2.0
// How far a replay into or out of a file has come: a line of JSON in FILE.progress, written anew as a whole, so that a
// stop at any time leaves the old one or the new one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "tools/ottla/connection.hpp"

namespace ottla::tools {

struct ReplayState {
    // The topic that is read or written: which, of the clusters and of those that had the name.
    std::string cluster_id;
    std::string topic;
    std::string topic_id;
    // choice_of() the options.
    std::string choice;
    // Of the file: all before it is whole, or acknowledged.
    std::uint64_t file_bytes = 0;
    // What lies before that, up to 4 KiB, as CRC-32C: another file is told by it.
    std::uint32_t tail_crc = 0;
    // The next of each partition, where a topic is read.
    std::map<std::int32_t, std::int64_t> offsets;
};

// Of the topic as it is now, the rest empty. Throws ottla::Exception when it is not there.
ReplayState replay_state_of(const Connection&, const std::string& topic, std::string choice);
// Why what was saved is not of what is asked for now: empty when it is.
std::string differs(const ReplayState& saved, const ReplayState& now);

// Of the file's bytes before `bytes`. Throws std::runtime_error, also when it has not so many.
std::uint32_t tail_crc_of(const std::string& path, std::uint64_t bytes);

// Nothing: there is no such file. Throws std::runtime_error where it can't be read, or is something else.
std::optional<ReplayState> load_replay_state(const std::string& path);
// Throws std::runtime_error.
void save_replay_state(const std::string& path, const ReplayState&);

}  // namespace ottla::tools
