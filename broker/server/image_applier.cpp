// SPDX-License-Identifier: Apache-2.0
#include "broker/server/image_applier.hpp"

#include <algorithm>
#include <iterator>
#include <optional>

#include "broker/server/drain_syncs.hpp"
#include "broker/server/scatter.hpp"
#include "net/run_on.hpp"

namespace ottla::broker {

// A change and, when it opens a partition, its log.
struct ImageApplier::Opened {
    PartitionChange change;
    std::unique_ptr<log::Log> log;
};

ImageApplier::ImageApplier(Node& node, log::LogDirectory& directory, base::Workers& workers,
                           std::vector<std::shared_ptr<log::LogIo>> io, LogCleaner& cleaner, base::Random random)
    : node_(node),
      directory_(directory),
      workers_(workers),
      io_(std::move(io)),
      cleaner_(cleaner),
      random_(random) {}

boost::asio::awaitable<std::vector<ImageApplier::Opened>> ImageApplier::open_logs(
    std::vector<PartitionChange> changes) {
    std::vector<Opened> all;
    bool opens = false;
    for (auto& change : changes) {
        opens |= change.kind == PartitionChange::open;
        all.push_back({std::move(change), nullptr});
    }
    if (!opens) co_return all;
    auto job = [this, all = std::move(all)]() mutable {
        for (auto& one : all) {
            if (one.change.kind != PartitionChange::open) continue;
            const log::TopicPartitionName name{one.change.topic, one.change.key.partition};
            auto log = directory_.has_log(name)
                           ? directory_.open_log(name, one.change.settings.log)
                           : directory_.create_log(name, one.change.key.topic_id, one.change.settings.log);
            if (log) {
                one.log = std::move(*log);
            } else {
                node_.log.error("{}-{} is offline: {}", name.topic, name.partition, log.error().text());
            }
        }
        return std::move(all);
    };
    co_return co_await net::run_on(workers_, std::move(job));
}

void ImageApplier::perform_on(Shard& shard, std::vector<Opened>& all,
                              const std::shared_ptr<const MetadataImage>& next) {
    for (auto& one : all) {
        const auto& change = one.change;
        if (node_.owner_index(change.key) != shard.index()) continue;
        if (one.log) {
            shard.add(change.key, Partition::make(change.key, change.topic, std::move(one.log), io_[shard.index()],
                                                  change.settings));
        }
        const auto partition = shard.find(change.key);
        if (!partition) continue;
        partition->set_settings(change.settings);
        if (change.leads) {
            partition->lead(change.leader_epoch);
        } else {
            partition->follow(change.leader_epoch);
        }
    }
    shard.set_image(next);
}

boost::asio::awaitable<std::vector<std::string>> ImageApplier::set_aside(std::vector<PartitionChange> removed) {
    for (const auto& shard : node_.shards) {
        auto close = [&] {
            for (const auto& change : removed) {
                const auto partition = shard->find(change.key);
                if (!partition) continue;
                partition->close(Error::of(ErrorCode::unknown_topic_or_partition));
                shard->remove(change.key);
            }
        };
        co_await run_at(*shard, *node_.shards.front(), close);
    }
    co_await drain_syncs(node_, io_);
    for (const auto& change : removed) co_await cleaner_.let_go(change.key);
    auto job = [this, removed = std::move(removed)] {
        std::vector<std::string> paths;
        for (const auto& change : removed) {
            const log::TopicPartitionName name{change.topic, change.key.partition};
            if (!directory_.has_log(name)) continue;
            auto path = directory_.set_aside(name, random_.uuid());
            if (path) {
                paths.push_back(std::move(*path));
            } else {
                node_.log.error("{}-{} cannot be deleted: {}", name.topic, name.partition, path.error().text());
            }
        }
        return paths;
    };
    co_return co_await net::run_on(workers_, std::move(job));
}

boost::asio::awaitable<void> ImageApplier::remove_trees(std::vector<std::string> paths) {
    auto job = [this, paths = std::move(paths)] {
        for (const auto& path : paths) {
            if (auto removed = log::remove_tree(directory_.disk(), path); !removed)
                node_.log.error("'{}' cannot be removed: {}", path, removed.error().text());
        }
        return true;
    };
    co_await net::run_on(workers_, std::move(job));
}

boost::asio::awaitable<void> ImageApplier::apply(std::shared_ptr<const MetadataImage> next) {
    Shard& here = *node_.shards.front();
    const auto before = here.image() ? here.image() : MetadataImage::empty();
    auto changes = partition_changes(*before, *next, node_.id, *node_.config);
    const auto kept = std::stable_partition(changes.begin(), changes.end(),
                                            [](const auto& change) { return change.kind == PartitionChange::remove; });
    std::vector<PartitionChange> removed(std::make_move_iterator(changes.begin()), std::make_move_iterator(kept));
    changes.erase(changes.begin(), kept);

    std::vector<std::string> paths;
    if (!removed.empty()) paths = co_await set_aside(std::move(removed));
    auto all = co_await open_logs(std::move(changes));
    for (const auto& shard : node_.shards) {
        auto job = [&] { perform_on(*shard, all, next); };
        co_await run_at(*shard, here, job);
    }
    if (!paths.empty()) co_await remove_trees(std::move(paths));
}

}  // namespace ottla::broker
