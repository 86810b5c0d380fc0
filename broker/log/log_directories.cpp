// SPDX-License-Identifier: Apache-2.0
#include "broker/log/log_directories.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace ottla::broker::log {
namespace {

// What meta.properties of each directory says, before any of them is opened.
struct Identities {
    std::map<std::string, MetaProperties> by_path;
    std::vector<std::string> unreadable;
};

// The disk failed, which another directory need not share.
bool is_of_the_disk(const Error& error) { return error == ErrorCode::file_system || error == ErrorCode::storage_full; }

// Once meta.properties of all have been seen to be right, so are these.
bool is_of_one_directory(const Error& error) {
    return is_of_the_disk(error) || error == ErrorCode::corrupt_storage || error == ErrorCode::unsupported_version;
}

Result<std::optional<MetaProperties>> look_at(Disk& disk, const std::string& path) {
    const std::string file = join_path(path, "meta.properties");
    const auto there = disk.exists(file);
    if (!there) return there.error();
    if (!*there) return std::optional<MetaProperties>();
    const auto text = read_text(disk, file);
    if (!text) return text.error();
    auto properties = MetaProperties::parse(*text);
    if (!properties) return std::move(properties).with_context(path).error();
    return std::optional(std::move(*properties));
}

Result<Identities> look_at_all(Disk& disk, const std::vector<std::string>& paths) {
    Identities all;
    for (const auto& path : paths) {
        auto seen = look_at(disk, path);
        if (!seen) {
            if (!is_of_the_disk(seen.error())) return seen.error();
            all.unreadable.push_back(path);
        } else if (*seen) {
            all.by_path.emplace(path, std::move(**seen));
        }
    }
    return all;
}

// All of one cluster, none a copy of another.
Result<void> check_together(const Identities& all) {
    std::map<Uuid, std::string> ids;
    for (const auto& [path, properties] : all.by_path) {
        const auto& [first_path, first] = *all.by_path.begin();
        if (properties.cluster_id != first.cluster_id) {
            return Error::of(ErrorCode::inconsistent_cluster_id,
                             fmt::format("log.dirs: '{}' belongs to the cluster {}, '{}' to {}", first_path,
                                         first.cluster_id, path, properties.cluster_id));
        }
        if (properties.directory_id.is_zero()) continue;
        const auto [at, is_first] = ids.emplace(properties.directory_id, path);
        if (is_first) continue;
        return Error::of(ErrorCode::invalid_argument,
                         fmt::format("log.dirs: '{}' and '{}' have the same directory.id {}: one is a copy of the "
                                     "other; keep one of them",
                                     at->second, path, to_string(properties.directory_id)));
    }
    return ok();
}

// An empty directory where the metadata log should be: a disk is not mounted, more likely than a new cluster.
Result<void> check_metadata(const Identities& all, const std::string& metadata_path) {
    if (metadata_path.empty() || all.by_path.empty() || all.by_path.contains(metadata_path)) return ok();
    if (std::ranges::find(all.unreadable, metadata_path) != all.unreadable.end()) return ok();  // open() says why
    const auto& [path, properties] = *all.by_path.begin();
    return Error::of(ErrorCode::invalid_argument,
                     fmt::format("'{}' is to hold the metadata log and has no meta.properties, while '{}' belongs to "
                                 "the cluster {}: is its disk mounted? metadata.log.dir names the directory with "
                                 "__cluster_metadata-0 in it (by default the first of log.dirs)",
                                 metadata_path, path, properties.cluster_id));
}

// The directory with the metadata log comes first: nobody is left with partitions and without it.
std::vector<std::string> paths_of(const LogDirectories::Wanted& wanted) {
    std::vector<std::string> paths;
    if (!wanted.metadata_path.empty()) paths.push_back(wanted.metadata_path);
    for (const auto& path : wanted.paths) {
        if (path != wanted.metadata_path) paths.push_back(path);
    }
    return paths;
}

}  // namespace

Result<std::unique_ptr<LogDirectories>> LogDirectories::open(Disk& disk, const Wanted& wanted, base::Random& random,
                                                             const base::Log& messages) {
    std::unique_ptr<LogDirectories> directories(new LogDirectories());
    if (auto opened = directories->open_each(disk, wanted, random, messages); !opened) return opened.error();
    if (auto found = directories->find_partitions(); !found) return found.error();
    const LogDirectory* const metadata = directories->metadata();
    if (directories->all_offline() || (metadata && metadata->offline()))
        return Error::of(ErrorCode::kafka_storage_error, "none of log.dirs, or not that of the metadata, can be read");
    return directories;
}

Result<void> LogDirectories::open_each(Disk& disk, const Wanted& wanted, base::Random& random,
                                       const base::Log& messages) {
    const std::vector<std::string> paths = paths_of(wanted);
    const auto seen = look_at_all(disk, paths);
    if (!seen) return seen.error();
    if (auto right = check_together(*seen); !right) return right;
    if (auto right = check_metadata(*seen, wanted.metadata_path); !right) return right;

    cluster_id_ = wanted.cluster_id;
    if (cluster_id_.empty() && !seen->by_path.empty()) cluster_id_ = seen->by_path.begin()->second.cluster_id;
    if (cluster_id_.empty()) cluster_id_ = to_string(random.uuid());

    Error last;
    for (const auto& path : paths) {
        LogDirectory::Identity identity;
        identity.node_id = wanted.node_id;
        identity.cluster_id = cluster_id_;
        identity.new_directory_id = random.uuid();
        auto opened = LogDirectory::open(disk, path, identity, messages);
        if (!opened && (!is_of_one_directory(opened.error()) || path == wanted.metadata_path)) return opened.error();
        if (!opened) last = opened.error();
        all_.push_back(opened ? std::move(*opened) : LogDirectory::offline_at(disk, path, messages, opened.error()));
    }
    for (const auto& path : wanted.paths) served_.push_back(at(path));
    for (const LogDirectory* directory : served_) counts_[directory] = 0;
    metadata_ = wanted.metadata_path.empty() ? nullptr : at(wanted.metadata_path);
    if (all_offline()) return std::move(last).with_context("none of log.dirs can be used");
    return ok();
}

// As Kafka does: nobody but the operator can tell which of two is the right one.
Result<void> LogDirectories::find_partitions() {
    for (LogDirectory* directory : served_) {
        if (directory->offline()) continue;
        auto names = directory->partition_names();
        if (!names) {
            directory->take_offline(names.error());
            continue;
        }
        for (const auto& name : *names) {
            LogDirectory* const other = holder(name);
            if (!other) {
                hold(name, *directory);
                continue;
            }
            const auto one_id = directory->topic_id_of(name);
            const auto other_id = other->topic_id_of(name);
            // One of them is a stray: its topic was deleted while its directory was away. The metadata will tell which.
            if (one_id && other_id && !one_id->is_zero() && !other_id->is_zero() && *one_id != *other_id) continue;
            return Error::of(ErrorCode::invalid_argument,
                             fmt::format("log.dirs: {}-{} lies in '{}' and in '{}': move one of them away, rather the "
                                         "one on the disk that failed last",
                                         name.topic, name.partition, other->path(), directory->path()));
        }
    }
    return ok();
}

LogDirectory* LogDirectories::at(const std::string& path) const noexcept {
    const auto found = std::ranges::find(all_, path, [](const auto& directory) { return directory->path(); });
    return found == all_.end() ? nullptr : found->get();
}

bool LogDirectories::any_offline() const noexcept {
    return std::ranges::any_of(served_, [](const LogDirectory* one) { return one->offline(); });
}

bool LogDirectories::all_offline() const noexcept {
    return std::ranges::all_of(served_, [](const LogDirectory* one) { return one->offline(); });
}

LogDirectory* LogDirectories::find(const Uuid& directory_id) const noexcept {
    for (LogDirectory* directory : served_) {
        if (!directory->offline() && directory->properties().directory_id == directory_id) return directory;
    }
    return nullptr;
}

LogDirectory* LogDirectories::emptiest() const noexcept {
    LogDirectory* emptiest = nullptr;
    for (LogDirectory* directory : served_) {
        if (directory->offline()) continue;
        if (!emptiest || counts_.at(directory) < counts_.at(emptiest)) emptiest = directory;
    }
    return emptiest;
}

LogDirectory* LogDirectories::holder(const TopicPartitionName& name) const noexcept {
    const auto found = holders_.find(name);
    return found == holders_.end() ? nullptr : found->second;
}

void LogDirectories::hold(const TopicPartitionName& name, LogDirectory& directory) {
    let_go(name);
    holders_[name] = &directory;
    ++counts_.at(&directory);
}

void LogDirectories::find_again(const TopicPartitionName& name) {
    let_go(name);
    for (LogDirectory* directory : served_) {
        if (directory->offline()) continue;
        const auto there = directory->has_log(name);
        if (!there || !*there) continue;
        hold(name, *directory);
        return;
    }
}

void LogDirectories::let_go(const TopicPartitionName& name) {
    const auto found = holders_.find(name);
    if (found == holders_.end()) return;
    --counts_.at(found->second);
    holders_.erase(found);
}

}  // namespace ottla::broker::log
