// SPDX-License-Identifier: Apache-2.0
#include "broker/server/image_applier.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <span>

#include "broker/groups/group_id.hpp"
#include "broker/metadata/leadership.hpp"
#include "broker/server/group_hosts.hpp"
#include "broker/server/open_progress.hpp"
#include "broker/server/scatter.hpp"
#include "broker/server/stray_logs.hpp"
#include "net/run_on.hpp"

namespace ottla::broker {

namespace {

bool topics_gone(const MetadataImage& before, const MetadataImage& next) {
    return std::ranges::any_of(before.topics(), [&](const auto& one) { return !next.topic(one.second->id); });
}

log::TopicPartitionName name_of(const PartitionChange& change) { return {change.topic, change.key.partition}; }

}  // namespace

// A change and, when it opens a partition, its log and where that lies.
struct ImageApplier::Opened {
    PartitionChange change;
    log::LogDirectory* directory = nullptr;
    std::unique_ptr<log::Log> log;
    bool is_old = false;  // it was there before
};

// What is left of a partition that is gone.
struct ImageApplier::Aside {
    log::LogDirectory* directory = nullptr;
    std::string path;
};

ImageApplier::ImageApplier(Node& node, log::LogDirectories& directories, base::Workers& workers, DirectoryIo& io,
                           DirectoryReports& reports, LogCleaner& cleaner, base::Random random)
    : node_(node),
      directories_(directories),
      workers_(workers),
      io_(io),
      reports_(reports),
      cleaner_(cleaner),
      random_(random) {}

log::LogDirectory* ImageApplier::place(const PartitionChange& change) const {
    // What is on disk decides, whatever the controller thinks.
    if (auto* holder = directories_.holder(name_of(change))) return holder->offline() ? nullptr : holder;
    // An empty log instead of one on a disk that is away would look like lost records: to producers and to compaction.
    const bool is_known = change.directory != directory_unassigned && change.directory != directory_lost &&
                          change.directory != directory_migrating;
    if (is_known) return directories_.find(change.directory);
    return change.is_new || !directories_.any_offline() ? directories_.emptiest() : nullptr;
}

void ImageApplier::open_log(Opened& one) {
    const auto name = name_of(one.change);
    const auto there = one.directory->has_log(name);
    auto log = !there   ? Result<std::unique_ptr<log::Log>>(there.error())
               : *there ? one.directory->open_unsynced_log(name, one.change.settings.log)
                        : one.directory->create_log(name, one.change.key.topic_id, one.change.settings.log);
    if (log) {
        one.log = std::move(*log);
        one.is_old = *there;
    } else {
        if (log.error() == ErrorCode::file_system) one.directory->take_offline(log.error());
        node_.log.error("{}-{} is offline: {}", name.topic, name.partition, log.error().text());
    }
}

boost::asio::awaitable<std::vector<ImageApplier::Opened>> ImageApplier::open_logs(
    std::vector<PartitionChange> changes) {
    std::vector<Opened> all;
    std::vector<std::size_t> opens;
    for (auto& change : changes) {
        auto& one = all.emplace_back();
        one.change = std::move(change);
        if (one.change.kind != PartitionChange::open) continue;
        one.directory = place(one.change);
        if (one.directory) {
            directories_.hold(name_of(one.change), *one.directory);
            opens.push_back(all.size() - 1);
        } else {
            node_.log.error("{}-{} is offline: its log directory is", one.change.topic, one.change.key.partition);
        }
    }
    OpenProgress progress(node_, opens.size());
    auto job = [&](std::size_t i) {
        open_log(all[opens[i]]);
        progress.opened_one();
    };
    co_await net::run_each_on(workers_, threads(), opens.size(), job);
    if (node_.config->flush_policy == log::FlushPolicy::ack) co_return co_await synced(std::move(all));
    co_return all;
}

// What is found after a stop that was not in order may be in the page cache alone.
bool ImageApplier::is_synced(const Opened& one) const {
    return !one.is_old || one.directory->was_clean() || node_.config->flush_policy == log::FlushPolicy::ack;
}

boost::asio::awaitable<std::vector<ImageApplier::Opened>> ImageApplier::synced(std::vector<Opened> all) {
    std::map<log::LogDirectory*, std::vector<log::Log*>> by_directory;
    for (const auto& one : all) {
        if (one.log && one.is_old) by_directory[one.directory].push_back(one.log.get());
    }
    std::vector<std::pair<log::LogDirectory*, std::span<log::Log* const>>> parts;
    for (const auto& [directory, logs] : by_directory) {
        // Otherwise side by side.
        const std::size_t size = directory->syncs_at_once() ? logs.size() : 1;
        for (std::size_t i = 0; i < logs.size(); i += size)
            parts.emplace_back(directory, std::span(logs).subspan(i, size));
    }
    auto job = [&](std::size_t i) {
        const auto& [directory, logs] = parts[i];
        if (directory->offline()) return;
        if (auto done = directory->sync(logs); !done) directory->take_offline(done.error());
    };
    co_await net::run_each_on(workers_, threads(), parts.size(), job);
    co_return all;
}

std::size_t ImageApplier::threads() const {
    return static_cast<std::size_t>(node_.config->recovery_threads) * node_.directories.size();
}

// What the controller does not know yet.
void ImageApplier::report(const std::vector<Opened>& all) {
    for (const auto& one : all) {
        if (one.change.kind != PartitionChange::open) continue;
        Uuid where = directory_lost;
        if (one.directory && (one.log || one.directory->offline())) {
            where = one.directory->properties().directory_id;
        } else if (!one.directory && one.change.directory != directory_unassigned) {
            continue;  // it knows
        }
        if (where != one.change.directory) reports_.assign(one.change.key, where);
    }
}

void ImageApplier::perform_on(Shard& shard, std::vector<Opened>& all, const std::shared_ptr<const MetadataImage>& next,
                              bool topics_gone) {
    shard.groups()->take_image(next, topics_gone);
    for (auto& one : all) {
        const auto& change = one.change;
        if (node_.owner_index(change.key) != shard.index()) continue;
        if (change.kind == PartitionChange::open) shard.set_offline(change.key, true);
        if (one.log && !one.directory->offline()) {
            shard.set_offline(change.key, false);
            const auto& io = io_.of(*one.directory, shard.index());
            auto partition = Partition::make(change.key, change.topic, std::move(one.log), io, change.settings);
            if (!is_synced(one)) partition->found_unsynced();
            shard.add(change.key, std::move(partition));
        }
        const auto partition = shard.find(change.key);
        if (!partition) continue;
        partition->set_settings(change.settings);
        if (change.leads) {
            partition->lead(change.leader_epoch);
            if (change.topic == groups::offsets_topic_name) shard.groups()->lead(partition);
        } else {
            partition->follow(change.leader_epoch);
        }
    }
    shard.groups()->forget_ended();
    shard.set_image(next);
}

boost::asio::awaitable<void> ImageApplier::set_aside(std::vector<PartitionChange> removed) {
    for (const auto& shard : node_.shards) {
        auto close = [&] {
            for (const auto& change : removed) {
                const auto partition = shard->find(change.key);
                shard->set_offline(change.key, false);
                if (!partition) continue;
                partition->close(Error::of(ErrorCode::unknown_topic_or_partition));
                shard->remove(change.key);
            }
        };
        co_await run_at(*shard, *node_.shards.front(), close);
    }
    co_await io_.drain();
    std::vector<std::pair<log::TopicPartitionName, log::LogDirectory*>> held;
    for (const auto& change : removed) {
        co_await cleaner_.let_go(change.key);
        auto name = name_of(change);
        auto* const directory = directories_.holder(name);
        // What lies in one that is offline is found when it is back.
        if (directory && !directory->offline()) held.emplace_back(name, directory);
        directories_.let_go(name);
    }
    auto job = [this, held = std::move(held)] {
        std::vector<Aside> aside;
        std::set<log::LogDirectory*> touched;
        for (const auto& [name, directory] : held) {
            const auto there = directory->has_log(name);
            if (there && !*there) continue;
            auto path = there ? directory->set_aside(name, random_.uuid()) : Result<std::string>(there.error());
            if (path) {
                touched.insert(directory);
                aside.push_back({directory, std::move(*path)});
            } else {
                // Under its name the next topic would find it.
                directory->take_offline(path.error());
            }
        }
        for (auto* const directory : touched) {
            if (auto synced = directory->disk().sync_directory(directory->path()); !synced)
                directory->take_offline(synced.error());
        }
        return aside;
    };
    auto all_aside = co_await net::run_on(workers_, std::move(job));
    for (auto& [directory, path] : all_aside) node_.housekeeping->remove_tree_later(*directory, std::move(path));
}

boost::asio::awaitable<void> ImageApplier::set_strays_aside(std::shared_ptr<const MetadataImage> image) {
    auto job = [this, image = std::move(image)] {
        return broker::set_strays_aside(directories_, *image, node_.id, random_, node_.log);
    };
    const auto strays = co_await net::run_on(workers_, std::move(job));
    for (const auto& name : strays) directories_.find_again(name);
}

boost::asio::awaitable<void> ImageApplier::apply(std::shared_ptr<const MetadataImage> next) {
    Shard& here = *node_.shards.front();
    const auto before = here.image() ? here.image() : MetadataImage::empty();
    if (before->offset() < 0) co_await set_strays_aside(next);
    auto changes = partition_changes(*before, *next, node_.id, *node_.config);
    const auto kept = std::stable_partition(changes.begin(), changes.end(),
                                            [](const auto& change) { return change.kind == PartitionChange::remove; });
    std::vector<PartitionChange> removed(std::make_move_iterator(changes.begin()), std::make_move_iterator(kept));
    changes.erase(changes.begin(), kept);

    if (!removed.empty()) co_await set_aside(std::move(removed));
    auto all = co_await open_logs(std::move(changes));
    report(all);
    const bool gone = topics_gone(*before, *next);
    for (const auto& shard : node_.shards) {
        auto job = [&] { perform_on(*shard, all, next, gone); };
        co_await run_at(*shard, here, job);
    }
    cleaner_.take_settings(*next);
}

}  // namespace ottla::broker
