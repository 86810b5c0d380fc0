// SPDX-License-Identifier: Apache-2.0
// LogDirectories: all of a broker's `log.dirs` (KIP-858), the one with its metadata log, and which of them holds which
// partition. Opened before the broker serves; afterwards one thread asks and tells where partitions are.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <ottla/result.hpp>
#include <ottla/uuid.hpp>
#include "base/log.hpp"
#include "base/random.hpp"
#include "broker/log/directory_files.hpp"
#include "broker/log/disk.hpp"
#include "broker/log/log_directory.hpp"

namespace ottla::broker::log {

class LogDirectories {
public:
    struct Wanted {
        std::vector<std::string> paths;  // log.dirs
        std::string metadata_path;       // one of them or another; empty: this node keeps no metadata log
        std::int32_t node_id = -1;
        std::string cluster_id;  // empty: what they say, or a new one
    };

    // Looks at all of them before it touches one. A directory whose disk fails is offline from the start, unless it is
    // the one with the metadata log, or none is left: then that is the error. Else the errors of LogDirectory::open(),
    // and invalid_argument: one directory is a copy of another, or they belong to different clusters, or one is used
    // while that of the metadata is empty, or two of them hold the same partition. Blocks.
    static Result<std::unique_ptr<LogDirectories>> open(Disk&, const Wanted&, base::Random&, const base::Log&);

    const std::string& cluster_id() const noexcept { return cluster_id_; }
    // Those of log.dirs, in that order, offline ones too.
    std::span<LogDirectory* const> served() const noexcept { return served_; }
    // And the one for metadata, when it is not among them.
    std::span<const std::unique_ptr<LogDirectory>> all() const noexcept { return all_; }
    // Null when this node keeps no metadata log.
    LogDirectory* metadata() const noexcept { return metadata_; }

    bool any_offline() const noexcept;
    bool all_offline() const noexcept;
    // Of log.dirs and online, else null.
    LogDirectory* find(const Uuid& directory_id) const noexcept;
    // The directory with the fewest partitions, of those online; null when none is.
    LogDirectory* emptiest() const noexcept;

    // The directory that holds this partition, online or not; null when none does.
    LogDirectory* holder(const TopicPartitionName&) const noexcept;
    void hold(const TopicPartitionName&, LogDirectory&);
    void let_go(const TopicPartitionName&);
    // Holds it where it lies on disk, if anywhere. Blocks.
    void find_again(const TopicPartitionName&);

private:
    LogDirectories() = default;
    Result<void> open_each(Disk&, const Wanted&, base::Random&, const base::Log&);
    Result<void> find_partitions();
    LogDirectory* at(const std::string& path) const noexcept;

    std::string cluster_id_;
    std::vector<std::unique_ptr<LogDirectory>> all_;
    std::vector<LogDirectory*> served_;
    LogDirectory* metadata_ = nullptr;
    std::map<TopicPartitionName, LogDirectory*> holders_;
    std::map<const LogDirectory*, std::size_t> counts_;  // of the partitions in each; never iterated
};

}  // namespace ottla::broker::log
