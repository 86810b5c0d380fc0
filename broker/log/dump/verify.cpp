// SPDX-License-Identifier: Apache-2.0
#include "broker/log/dump/verify.hpp"

#include <algorithm>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include "broker/log/directory_files.hpp"
#include "broker/log/dump/file_name.hpp"
#include "broker/log/dump/problems.hpp"
#include "broker/log/dump/verify_partition.hpp"

namespace ottla::broker::log::dump {
namespace {

constexpr std::string_view checkpoints[] = {"recovery-point-offset-checkpoint", "replication-offset-checkpoint",
                                            "log-start-offset-checkpoint", "cleaner-offset-checkpoint"};

bool has_segments(const std::vector<DirectoryEntry>& entries) {
    return std::ranges::any_of(
        entries, [](const auto& entry) { return !entry.is_directory && suffix_of(entry.name) == ".log"; });
}

// The files of the directory itself. What a checkpoint says of a partition lies within its log.
void verify_own_files(Problems& problems, const std::string& directory, const std::vector<DirectoryEntry>& entries,
                      const std::map<TopicPartitionName, std::int64_t>& ends) {
    for (const auto& entry : entries) {
        if (entry.is_directory) continue;
        const auto path = join_path(directory, entry.name);
        if (entry.name == "meta.properties") problems.parsed(path, MetaProperties::parse, [](const auto&) {});
        if (entry.name == ".kafka_cleanshutdown") problems.parsed(path, parse_clean_shutdown, [](const auto&) {});
        if (entry.name == "bootstrap.checkpoint") verify_metadata_snapshot(problems, path);
        if (std::ranges::find(checkpoints, entry.name) == std::end(checkpoints)) continue;
        problems.parsed(path, parse_offset_checkpoint, [&](const OffsetCheckpoint& offsets) {
            for (const auto& [name, offset] : offsets) {
                const auto log = ends.find(name);
                if (offset < 0 || (log != ends.end() && offset > log->second))
                    problems.say(path, fmt::format("offset {} of {}-{}, whose log ends at {}", offset, name.topic,
                                                   name.partition, log == ends.end() ? -1 : log->second));
            }
        });
    }
}

}  // namespace

Result<Verified> verify_directory(Disk& disk, const std::string& directory, const TextSink& sink) {
    const auto entries = disk.list(directory);
    if (!entries) return entries.error();
    Verified verified;
    Problems problems(disk, verified, sink);
    const auto verify = [&](const std::string& path, const std::vector<DirectoryEntry>& files) {
        problems.begin_partition();
        return PartitionVerifier(problems, path).run(files);
    };
    if (has_segments(*entries)) {
        verify(directory, *entries);
        return verified;
    }
    std::map<TopicPartitionName, std::int64_t> ends;
    for (const auto& entry : *entries) {
        if (!entry.is_directory) continue;
        const auto name = parse_partition_directory(entry.name);
        if (!name) continue;
        const auto path = join_path(directory, entry.name);
        const auto files = disk.list(path);
        if (!files) return files.error();
        ends[*name] = verify(path, *files);
    }
    if (verified.partitions == 0)
        return Error::of(ErrorCode::invalid_argument, fmt::format("'{}': there is no partition", directory));
    verify_own_files(problems, directory, *entries, ends);
    return verified;
}

}  // namespace ottla::broker::log::dump
