// SPDX-License-Identifier: Apache-2.0
// LogDirectory: one of a broker's `log.dirs`: its lock, its identity, the logs in it, and whether it can still be
// trusted. Everything blocks but offline(), take_offline() and report_damage(), which
// any thread may call.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <ottla/result.hpp>
#include <ottla/uuid.hpp>
#include "base/log.hpp"
#include "broker/log/directory_files.hpp"
#include "broker/log/disk.hpp"
#include "broker/log/log.hpp"
#include "broker/log/storage_counts.hpp"

namespace ottla::broker::log {

// What a directory remembers of all its logs, each in a file of Kafka's.
enum class Checkpoint : std::uint8_t {
    recovery_points,  // below them everything is on stable storage
    high_watermarks,
    start_offsets,    // of the logs that do not start at 0
    cleaned_offsets,  // below them compaction has been
};
inline constexpr std::size_t checkpoint_count = 4;

class LogDirectory {
public:
    // What meta.properties must say. An empty cluster id takes whatever is there.
    struct Identity {
        std::int32_t node_id = -1;
        std::string cluster_id;
        Uuid new_directory_id;  // for a directory that has none yet
    };
    struct Found {
        TopicPartitionName name;
        Uuid topic_id;
    };

    // Makes the directory if need be, locks it and checks or writes meta.properties.
    //   locked                   another broker uses it
    //   inconsistent_cluster_id  it belongs to another cluster
    //   invalid_argument         it belongs to another node, or is new while `identity` names no cluster
    //   corrupt_storage          its log-start-offset-checkpoint is damaged: deleted records would come back
    //   unsupported_version      a newer broker wrote one of its checkpoints
    static Result<std::unique_ptr<LogDirectory>> open(Disk&, std::string path, const Identity&, base::Log);
    // One that could not be opened: offline from the start, without an identity.
    static std::unique_ptr<LogDirectory> offline_at(Disk&, std::string path, base::Log, const Error& reason);

    Disk& disk() const noexcept { return disk_; }
    const std::string& path() const noexcept { return path_; }
    const MetaProperties& properties() const noexcept { return properties_; }
    // The last stop was in order, with nothing written since. What the file said is read and removed in open().
    bool was_clean() const noexcept { return clean_broker_epoch_.has_value(); }
    std::optional<std::int64_t> clean_broker_epoch() const noexcept { return clean_broker_epoch_; }

    // The partitions in it, by name. A directory without a readable partition.metadata has a zero topic id; one whose
    // partition.metadata a newer broker wrote is left out, and does not open.
    Result<std::vector<Found>> partitions() const;
    // Only their names, without a look inside; __cluster_metadata is left out.
    Result<std::vector<TopicPartitionName>> partition_names() const;
    // What partition.metadata says; zero when there is none that can be read. unsupported_version when a newer broker
    // wrote it.
    Result<Uuid> topic_id_of(const TopicPartitionName&) const;
    Result<bool> has_log(const TopicPartitionName&) const;
    Result<std::unique_ptr<Log>> create_log(const TopicPartitionName&, const Uuid& topic_id, const LogConfig&);
    // It starts at `start_offset` at least. One that fails to open is left as it is, and so is what the checkpoints say
    // of it.
    Result<std::unique_ptr<Log>> open_log(const TopicPartitionName&, const LogConfig&, std::int64_t start_offset = 0);
    // The same, but what is found there is synced later.
    Result<std::unique_ptr<Log>> open_unsynced_log(const TopicPartitionName&, const LogConfig&);
    // What the logs hold is on stable storage afterwards: all at once where the file system can, and then for one
    // caller at a time.
    Result<void> sync(std::span<Log* const>);
    bool syncs_at_once() const noexcept { return file_system_ != nullptr; }
    // Renames the directory to `t-p.<id>-delete`, for the caller to remove, or to `t-p.<id>-stray`, which stays: the
    // path.
    enum class Aside : std::uint8_t { deleted, stray };
    Result<std::string> set_aside(const TopicPartitionName&, const Uuid& unique, Aside = Aside::deleted);
    // What a stop has left of deleted partitions, for the caller to remove. Paths.
    Result<std::vector<std::string>> deleted() const;
    // Before the offsets for one are gathered; write_checkpoint() follows. A log that is made in between is left out:
    // what was gathered under its name is of a deleted one.
    void begin_checkpoint();
    // What the file says of a log; 0 when it says nothing.
    std::int64_t checkpointed(Checkpoint, const TopicPartitionName&) const;
    // Replaces the file, unless it says so already; durable when this returns.
    Result<void> write_checkpoint(Checkpoint, const OffsetCheckpoint&);
    // Everything is synced, the checkpoints are written: leaves .kafka_cleanshutdown, unless a log was never opened
    // after all, and the lock to others.
    Result<void> close(std::int64_t broker_epoch);

    // Open to all: what is done here is counted where it is done.
    StorageCounts& counts() noexcept { return counts_; }

    bool offline() const noexcept { return offline_.load(std::memory_order_acquire); }
    // A sync or write failed: nothing in here is served or written any more. Says so once.
    void take_offline(const Error& reason);
    // Damaged bytes were read: says so once for each place, of which so many are remembered. Any thread.
    void report_damage(const Error&);
    static constexpr std::size_t damage_remembered_max = 1000;
    // Called once, on the thread that found out. Set before the first log is opened.
    void on_offline(std::function<void(const Error&)> listener) { listener_ = std::move(listener); }

private:
    LogDirectory(Disk& disk, std::string path, base::Log messages)
        : disk_(disk),
          path_(std::move(path)),
          messages_(std::move(messages)) {}
    Result<void> check_identity(const Identity&);
    Result<void> take_clean_shutdown();
    std::string path_of(const TopicPartitionName&) const;
    Result<std::unique_ptr<Log>> open(const TopicPartitionName&, const LogConfig&, Log::OpenOptions);
    Result<std::unique_ptr<Log>> open_known(const TopicPartitionName&, const LogConfig&, Log::OpenOptions);
    Result<std::unique_ptr<Log>> placed(const TopicPartitionName&, Result<std::unique_ptr<Log>>) const;
    Result<void> read_checkpoints();
    Result<void> forget(const TopicPartitionName&);
    Result<void> write_held(Checkpoint);

    Disk& disk_;
    std::string path_;
    base::Log messages_;
    StorageCounts counts_;
    std::unique_ptr<FileLock> lock_;
    std::unique_ptr<FileSystemSync> file_system_;  // from before the first log was opened: no error escapes it
    MetaProperties properties_;
    std::optional<std::int64_t> clean_broker_epoch_;
    mutable std::mutex checkpoints_mutex_;
    std::array<OffsetCheckpoint, checkpoint_count> checkpoints_;  // as they stand in the files
    int gathering_ = 0;
    std::set<TopicPartitionName> made_since_begin_;  // while that is not 0
    std::set<TopicPartitionName> not_opened_;        // as they should have been
    std::atomic<bool> offline_ = false;
    std::function<void(const Error&)> listener_;
    std::mutex damage_mutex_;
    std::set<std::string, std::less<>> damage_;  // as it was told
};

}  // namespace ottla::broker::log
