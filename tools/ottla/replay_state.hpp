// SPDX-License-Identifier: Apache-2.0
// How far a replay into or out of a file has come: a line of JSON in FILE.progress, written anew as a whole, so that a
// stop at any time leaves the old one or the new one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace ottla::tools {

struct ReplayState {
    // The topic that is read or written.
    std::string topic;
    // Of the file: all before it is whole, or acknowledged.
    std::uint64_t file_bytes = 0;
    // The next of each partition, where a topic is read.
    std::map<std::int32_t, std::int64_t> offsets;
};

// Nothing: there is no such file. Throws std::runtime_error where it can't be read, or is something else.
std::optional<ReplayState> load_replay_state(const std::string& path);
// Throws std::runtime_error.
void save_replay_state(const std::string& path, const ReplayState&);

}  // namespace ottla::tools
