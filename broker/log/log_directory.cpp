// SPDX-License-Identifier: Apache-2.0
#include "broker/log/log_directory.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "broker/log/segment_files.hpp"

namespace ottla::broker::log {
namespace {

constexpr std::string_view meta_properties_name = "meta.properties";
constexpr std::string_view lock_name = ".lock";
constexpr std::string_view clean_shutdown_name = ".kafka_cleanshutdown";
constexpr std::string_view delete_suffix = "-delete";
constexpr std::string_view stray_suffix = "-stray";
constexpr std::size_t file_name_bytes_max = 255;
constexpr std::string_view metadata_topic_name = "__cluster_metadata";  // not one of the broker's partitions

std::string_view name_of(Checkpoint which) {
    switch (which) {
        case Checkpoint::recovery_points: return "recovery-point-offset-checkpoint";
        case Checkpoint::high_watermarks: return "replication-offset-checkpoint";
        case Checkpoint::start_offsets: return "log-start-offset-checkpoint";
        case Checkpoint::cleaned_offsets: break;
    }
    return "cleaner-offset-checkpoint";
}

// Nothing else tells where a log begins.
Error unknown_starts(const std::string& path, const Error& why) {
    return Error::of(
        why.code(), fmt::format("'{}' is damaged ({}), and without it records that were deleted would come back: put a "
                                "copy of it there, or remove it if whatever the logs hold may be read again; then "
                                "start again",
                                path, why.text()));
}

}  // namespace

Result<std::unique_ptr<LogDirectory>> LogDirectory::open(Disk& disk, std::string path, const Identity& identity,
                                                         base::Log messages) {
    std::unique_ptr<LogDirectory> directory(new LogDirectory(disk, std::move(path), std::move(messages)));
    if (auto made = make_durable_directory(disk, directory->path_); !made) return made.error();
    auto lock = disk.lock(join_path(directory->path_, lock_name));
    if (!lock) return lock.error();
    directory->lock_ = std::move(*lock);
    directory->file_system_ = disk.file_system_sync(directory->path_);
    if (auto checked = directory->check_identity(identity); !checked) return checked.error();
    if (auto read = directory->read_checkpoints(); !read) return read.error();
    if (auto taken = directory->take_clean_shutdown(); !taken) return taken.error();
    return directory;
}

std::unique_ptr<LogDirectory> LogDirectory::offline_at(Disk& disk, std::string path, base::Log messages,
                                                       const Error& reason) {
    std::unique_ptr<LogDirectory> directory(new LogDirectory(disk, std::move(path), std::move(messages)));
    directory->take_offline(reason);
    return directory;
}

Result<void> LogDirectory::check_identity(const Identity& identity) {
    const std::string file = join_path(path_, meta_properties_name);
    const auto there = disk_.exists(file);
    if (!there) return there.error();
    if (!*there) {
        if (identity.cluster_id.empty()) {
            return Error::of(ErrorCode::invalid_argument,
                             fmt::format("'{}' has no meta.properties, and no cluster id was given", path_));
        }
        properties_ = {identity.cluster_id, identity.node_id, identity.new_directory_id};
        return replace_text(disk_, file, properties_.to_text());
    }
    const auto text = read_text(disk_, file);
    if (!text) return text.error();
    auto properties = MetaProperties::parse(*text);
    if (!properties) return properties.error().with_context(path_);
    properties_ = std::move(*properties);
    if (!identity.cluster_id.empty() && properties_.cluster_id != identity.cluster_id) {
        return Error::of(ErrorCode::inconsistent_cluster_id,
                         fmt::format("'{}' belongs to the cluster {}, not to {}: give this broker another log.dirs",
                                     path_, properties_.cluster_id, identity.cluster_id));
    }
    if (properties_.node_id != identity.node_id) {
        return Error::of(ErrorCode::invalid_argument,
                         fmt::format("'{}' belongs to the node {}, not to {}: give this broker another log.dirs or "
                                     "its node.id back",
                                     path_, properties_.node_id, identity.node_id));
    }
    if (!properties_.directory_id.is_zero()) return ok();
    properties_.directory_id = identity.new_directory_id;
    return replace_text(disk_, file, properties_.to_text());
}

Result<void> LogDirectory::read_checkpoints() {
    for (std::size_t i = 0; i < checkpoint_count; ++i) {
        const std::string path = join_path(path_, name_of(static_cast<Checkpoint>(i)));
        const auto there = disk_.exists(path);
        if (!there) return there.error();
        if (!*there) continue;
        const auto text = read_text(disk_, path);
        if (!text) return text.error();
        auto parsed = parse_offset_checkpoint(*text);
        if (parsed) {
            checkpoints_[i] = std::move(*parsed);
        } else if (parsed.error() == ErrorCode::unsupported_version) {
            return parsed.error().with_context(path);
        } else if (static_cast<Checkpoint>(i) == Checkpoint::start_offsets) {
            return unknown_starts(path, parsed.error());
        } else {
            // The logs tell the same, at the price of reading more of them.
            messages_.warn("{}: {}; it is not used", path, parsed.error().text());
        }
    }
    return ok();
}

Result<void> LogDirectory::take_clean_shutdown() {
    const std::string file = join_path(path_, clean_shutdown_name);
    const auto there = disk_.exists(file);
    if (!there) return there.error();
    if (!*there) return ok();
    const auto text = read_text(disk_, file);
    if (!text) return text.error();
    // An older release left the file empty: a stop in order, by an unknown epoch.
    const auto epoch = parse_clean_shutdown(*text);
    clean_broker_epoch_ = epoch ? *epoch : -1;
    // From now on a stop is not in order until close().
    if (auto removed = disk_.remove(file); !removed) return removed;
    return disk_.sync_directory(path_);
}

Result<std::vector<std::string>> LogDirectory::deleted() const {
    const auto entries = disk_.list(path_);
    if (!entries) return entries.error();
    std::vector<std::string> paths;
    for (const auto& entry : *entries) {
        if (entry.is_directory && entry.name.ends_with(delete_suffix)) paths.push_back(join_path(path_, entry.name));
    }
    return paths;
}

Result<std::vector<LogDirectory::Found>> LogDirectory::partitions() const {
    const auto entries = disk_.list(path_);
    if (!entries) return entries.error();
    std::vector<Found> found;
    for (const auto& entry : *entries) {
        auto name = parse_partition_directory(entry.name);
        if (!entry.is_directory || !name) continue;
        const auto id = topic_id_of(*name);
        if (!id && id.error() == ErrorCode::unsupported_version) continue;
        if (!id) return id.error();
        found.push_back({std::move(*name), *id});
    }
    return found;
}

Result<Uuid> LogDirectory::topic_id_of(const TopicPartitionName& name) const {
    const std::string about = join_path(path_of(name), partition_metadata_name);
    const auto there = disk_.exists(about);
    if (!there) return there.error();
    if (!*there) return Uuid();
    const auto text = read_text(disk_, about);
    if (!text) return text.error();
    const auto id = parse_partition_metadata(*text);
    if (id) return *id;
    if (id.error() == ErrorCode::unsupported_version) return id.error().with_context(path_of(name));
    // A power cut right after the creation may have torn it; there are no records then.
    return Uuid();
}

Result<std::vector<TopicPartitionName>> LogDirectory::partition_names() const {
    const auto entries = disk_.list(path_);
    if (!entries) return entries.error();
    std::vector<TopicPartitionName> names;
    for (const auto& entry : *entries) {
        auto name = parse_partition_directory(entry.name);
        if (entry.is_directory && name && name->topic != metadata_topic_name) names.push_back(std::move(*name));
    }
    return names;
}

Result<bool> LogDirectory::has_log(const TopicPartitionName& name) const { return disk_.exists(path_of(name)); }

Result<std::unique_ptr<Log>> LogDirectory::create_log(const TopicPartitionName& name, const Uuid& topic_id,
                                                      const LogConfig& config) {
    // Of a topic of this name that was deleted.
    if (auto forgotten = forget(name); !forgotten) return forgotten.error();
    return placed(name, Log::create(disk_, path_of(name), config, topic_id));
}

Result<std::unique_ptr<Log>> LogDirectory::open_log(const TopicPartitionName& name, const LogConfig& config,
                                                    std::int64_t start_offset) {
    Log::OpenOptions options;
    options.start_offset = start_offset;
    return open(name, config, std::move(options));
}

Result<std::unique_ptr<Log>> LogDirectory::open_unsynced_log(const TopicPartitionName& name, const LogConfig& config) {
    Log::OpenOptions options;
    options.sync_later = true;
    return open(name, config, std::move(options));
}

Result<std::unique_ptr<Log>> LogDirectory::open(const TopicPartitionName& name, const LogConfig& config,
                                                Log::OpenOptions options) {
    auto opened = open_known(name, config, std::move(options));
    (opened ? counts_.logs_opened : counts_.logs_not_opened).add();
    const std::lock_guard lock(checkpoints_mutex_);
    if (opened) {
        not_opened_.erase(name);
    } else {
        not_opened_.insert(name);
    }
    return opened;
}

Result<std::unique_ptr<Log>> LogDirectory::open_known(const TopicPartitionName& name, const LogConfig& config,
                                                      Log::OpenOptions options) {
    // Of a newer broker's log it is not known whose it is, and what else stands there.
    if (const auto id = topic_id_of(name); !id) return id.error();
    options.clean = was_clean();
    options.recovery_point = checkpointed(Checkpoint::recovery_points, name);
    // A broker that was killed may have written down less far what is safe: a gap above that is not records lost.
    options.clean_up_to = checkpointed(Checkpoint::cleaned_offsets, name);
    options.start_offset = std::max(options.start_offset, checkpointed(Checkpoint::start_offsets, name));
    options.messages = messages_;
    options.counts = &counts_;
    return placed(name, Log::open(disk_, path_of(name), config, options));
}

// A link, or a mount, may have led it to another file system.
Result<std::unique_ptr<Log>> LogDirectory::placed(const TopicPartitionName& name,
                                                  Result<std::unique_ptr<Log>> log) const {
    if (!log) return log;
    const auto ours = disk_.file_system_of(path_);
    const auto its = disk_.file_system_of(path_of(name));
    if (!ours) return ours.error();
    if (!its) return its.error();
    (*log)->set_apart(*its != *ours);
    return log;
}

Result<void> LogDirectory::sync(std::span<Log* const> logs) {
    std::vector<Log*> unsynced;
    std::vector<SyncWork> works;
    for (auto* const log : logs) {
        auto work = log->prepare_sync();
        if (work.empty()) continue;
        unsynced.push_back(log);
        works.push_back(std::move(work));
    }
    if (works.empty()) return ok();
    if (file_system_) {
        if (auto synced = run_together(works, disk_, *file_system_); !synced) return synced;
    } else {
        for (auto& work : works) {
            if (auto synced = work.run(disk_); !synced) return synced;
        }
    }
    for (std::size_t i = 0; i < works.size(); ++i) unsynced[i]->synced(works[i]);
    return ok();
}

// --- checkpoints ---

std::int64_t LogDirectory::checkpointed(Checkpoint which, const TopicPartitionName& name) const {
    const std::lock_guard lock(checkpoints_mutex_);
    const auto& offsets = checkpoints_[static_cast<std::size_t>(which)];
    const auto found = offsets.find(name);
    return found == offsets.end() ? 0 : found->second;
}

void LogDirectory::begin_checkpoint() {
    const std::lock_guard lock(checkpoints_mutex_);
    ++gathering_;
}

Result<void> LogDirectory::write_checkpoint(Checkpoint which, const OffsetCheckpoint& gathered) {
    const std::lock_guard lock(checkpoints_mutex_);
    OffsetCheckpoint offsets = gathered;
    for (const auto& name : made_since_begin_) offsets.erase(name);
    if (gathering_ > 0 && --gathering_ == 0) made_since_begin_.clear();
    auto& held = checkpoints_[static_cast<std::size_t>(which)];
    for (const auto& name : not_opened_) {
        if (const auto said = held.find(name); said != held.end()) offsets.insert(*said);
    }
    if (held == offsets) return ok();
    auto before = std::exchange(held, std::move(offsets));
    auto written = write_held(which);
    if (!written) held = std::move(before);
    return written;
}

Result<void> LogDirectory::write_held(Checkpoint which) {
    const std::string text = offset_checkpoint_text(checkpoints_[static_cast<std::size_t>(which)]);
    auto replaced = replace_text(disk_, join_path(path_, name_of(which)), text);
    if (replaced) counts_.checkpoints_written.add();
    return replaced;
}

Result<void> LogDirectory::forget(const TopicPartitionName& name) {
    const std::lock_guard lock(checkpoints_mutex_);
    if (gathering_ > 0) made_since_begin_.insert(name);
    for (std::size_t i = 0; i < checkpoint_count; ++i) {
        if (checkpoints_[i].erase(name) == 0) continue;
        if (auto written = write_held(static_cast<Checkpoint>(i)); !written) return written;
    }
    return ok();
}

Result<std::string> LogDirectory::set_aside(const TopicPartitionName& name, const Uuid& unique, Aside why) {
    std::string suffix = fmt::format("-{}.", name.partition);
    for (const auto byte : unique.bytes) suffix += fmt::format("{:02x}", byte);
    suffix += why == Aside::stray ? stray_suffix : delete_suffix;
    // A file's name has at most 255 bytes; as Kafka does, it is the topic's that is cut.
    const std::string topic = name.topic.substr(0, file_name_bytes_max - suffix.size());
    std::string renamed = join_path(path_, topic + suffix);
    if (auto moved = disk_.rename(path_of(name), renamed); !moved) return moved.error();
    const std::lock_guard lock(checkpoints_mutex_);
    not_opened_.erase(name);
    return renamed;
}

Result<void> LogDirectory::close(std::int64_t broker_epoch) {
    // The next start would not look at what was not looked at now.
    if (not_opened_.empty()) {
        const std::string clean = clean_shutdown_text(broker_epoch);
        if (auto written = replace_text(disk_, join_path(path_, clean_shutdown_name), clean); !written) return written;
    }
    lock_.reset();
    return disk_.remove(join_path(path_, lock_name));
}

void LogDirectory::take_offline(const Error& reason) {
    if (offline_.exchange(true, std::memory_order_acq_rel)) return;
    counts_.times_offline.add();
    messages_.error("the log directory '{}' is offline: {}", path_, reason.text());
    if (listener_) listener_(reason);
}

void LogDirectory::report_damage(const Error& error) {
    {
        const std::lock_guard lock(damage_mutex_);
        if (damage_.size() >= damage_remembered_max || !damage_.emplace(error.text()).second) return;
    }
    counts_.damaged_places.add();
    messages_.error("damaged: {}", error.text());
}

std::string LogDirectory::path_of(const TopicPartitionName& name) const {
    return join_path(path_, partition_directory(name.topic, name.partition));
}

}  // namespace ottla::broker::log
