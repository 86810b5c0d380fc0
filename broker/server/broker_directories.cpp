// SPDX-License-Identifier: Apache-2.0
// Broker: its log directories, from the start to the stop, and when one of them fails.
#include <algorithm>
#include <tuple>

#include <fmt/format.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "broker/server/broker.hpp"
#include "broker/server/scatter.hpp"

namespace ottla::broker {
namespace asio = boost::asio;

Result<void> Broker::open_directories() {
    log::LogDirectories::Wanted wanted;
    wanted.paths = config_.log_dirs;
    if (!parts_.controller) wanted.metadata_path = config_.metadata_log_dir;
    wanted.node_id = config_.node_id;
    wanted.cluster_id = parts_.cluster_id;
    auto opened = log::LogDirectories::open(*parts_.disk, wanted, parts_.random, parts_.log.named("broker.log"));
    if (!opened) return opened.error();
    directories_ = std::move(*opened);
    node_.directories.assign(directories_->served().begin(), directories_->served().end());
    node_.cluster_id = directories_->cluster_id();
    io_ = std::make_unique<DirectoryIo>(node_, *directories_, config_.flush_policy, *parts_.workers, *parts_.timers);
    watch_directories();
    reports_ = std::make_unique<DirectoryReports>(node_);
    housekeeping_ = std::make_unique<Housekeeping>(node_, *parts_.workers);
    node_.housekeeping = housekeeping_.get();
    remove_deleted_later();
    cleaner_ = std::make_unique<LogCleaner>(node_, *parts_.workers, *housekeeping_, parts_.random.split());
    applier_ = std::make_unique<ImageApplier>(node_, *directories_, *parts_.workers, *io_, *reports_, *cleaner_,
                                              parts_.random.split());
    return ok();
}

void Broker::watch_directories() {
    const auto first = parts_.shards.front();
    for (const auto& directory : directories_->all()) {
        directory->on_offline([weak = weak_from_this(), first, failed = directory.get()](const Error& why) {
            asio::post(first, [weak, failed, why] {
                const auto self = weak.lock();
                if (!self || self->stopped_ || !self->directories_) return;
                asio::co_spawn(self->parts_.shards.front(), leave_directory(self, failed, why), asio::detached);
            });
        });
    }
}

// What the last stop has left of them.
void Broker::remove_deleted_later() {
    for (log::LogDirectory* directory : directories_->served()) {
        if (directory->offline()) continue;
        auto paths = directory->deleted();
        if (!paths) {
            directory->take_offline(paths.error());
            continue;
        }
        for (auto& path : *paths) housekeeping_->remove_tree_later(*directory, std::move(path));
    }
}

asio::awaitable<void> Broker::leave_directory(std::shared_ptr<Broker> self, log::LogDirectory* directory, Error why) {
    ++self->leaving_;
    const Error offline =
        Error::of(ErrorCode::kafka_storage_error, fmt::format("the log directory '{}' is offline", directory->path()));
    for (const auto& shard : self->node_.shards) {
        auto job = [&] {
            for (const auto& partition : shard->partitions()) {
                if (&partition->io().directory() != directory) continue;
                partition->close(offline);
                shard->remove(partition->key());
                shard->set_offline(partition->key(), true);
            }
        };
        co_await run_at(*shard, self->here(), job);
    }
    self->reports_->failed(directory->properties().directory_id);
    const bool is_last = self->directories_->all_offline();
    if ((is_last || directory == self->directories_->metadata()) && !std::exchange(self->failed_, true)) {
        const Error end = why.with_context(is_last ? "the broker stops, all of its log directories have failed"
                                                   : "the broker stops, its metadata log directory has failed");
        self->node_.log.error("{}", end.text());
        if (self->parts_.on_failed) self->parts_.on_failed(end);
    }
    --self->leaving_;
    self->image_applied_->notify();
}

asio::awaitable<void> Broker::report_directories(std::shared_ptr<Broker> self) {
    co_await self->reports_->run(self->epoch_);
}

// All of what housekeeping writes from time to time, once everything is on stable storage.
asio::awaitable<void> Broker::write_checkpoints(Housekeeping::Done& in_order) {
    for (std::size_t which = 0; which < log::checkpoint_count; ++which) {
        const auto written = co_await housekeeping_->write(static_cast<log::Checkpoint>(which));
        std::erase_if(in_order, [&](const auto* one) { return std::ranges::find(written, one) == written.end(); });
    }
}

asio::awaitable<Housekeeping::Done> Broker::close_partitions() {
    Housekeeping::Done all(node_.directories.begin(), node_.directories.end());
    for (const auto& shard : node_.shards) {
        auto job = [&shard] {
            // Who fails here fails below again, and is reported there.
            for (const auto& partition : shard->partitions()) std::ignore = partition->finish_log();
        };
        co_await run_at(*shard, here(), job);
    }
    if (io_) co_await io_->drain();
    for (const auto& shard : node_.shards) {
        auto job = [&] {
            for (const auto& partition : shard->partitions()) {
                const auto closed = partition->sync_and_close();
                if (closed) continue;
                std::erase(all, &partition->io().directory());
                node_.log.error("{}-{}: {}", partition->topic(), partition->number(), closed.error().text());
            }
        };
        co_await run_at(*shard, here(), job);
    }
    co_return all;
}

// Only a broker that had checked all of its logs, and synced them, may tell the next start to trust them.
void Broker::close_directories(const Housekeeping::Done& in_order) {
    for (const auto& directory : directories_->all()) {
        if (directory->offline() || std::ranges::find(in_order, directory.get()) == in_order.end()) continue;
        if (auto closed = directory->close(epoch_); !closed) node_.log.error("{}", closed.error().text());
    }
}

}  // namespace ottla::broker
