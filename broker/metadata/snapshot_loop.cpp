// SPDX-License-Identifier: Apache-2.0
#include "broker/metadata/snapshot_loop.hpp"

#include <utility>

#include "net/run_on.hpp"

namespace ottla::broker {
namespace asio = boost::asio;

namespace {

Result<HeldSnapshot> write_and_measure(log::Disk& disk, const std::string& directory, const HeldSnapshot& wanted,
                                       const MetadataImage& image, std::int64_t now_ms) {
    auto written = write_snapshot(disk, directory, wanted.id, image, wanted.last_contained_log_timestamp, now_ms);
    if (!written) return written.error();
    const auto file = disk.open(log::join_path(directory, snapshot_name(wanted.id)));
    if (!file) return file.error();
    const auto size = (*file)->size();
    if (!size) return size.error();
    HeldSnapshot held = wanted;
    held.bytes = *size;
    return held;
}

}  // namespace

SnapshotLoop::SnapshotLoop(asio::any_io_executor executor, net::Timers& timers, base::Workers& workers, base::Log log,
                           std::shared_ptr<MetadataLog> store, const SnapshotLimits& limits)
    : timers_(timers),
      workers_(workers),
      log_(std::move(log)),
      store_(std::move(store)),
      limits_(limits),
      policy_(limits, timers.now()),
      wake_(std::move(executor)) {}

void SnapshotLoop::committed(ImagePtr image) {
    image_ = std::move(image);
    image_timestamp_ = store_->last_timestamp();
    policy_.appended(store_->bytes_replayed_and_appended() - counted_);
    counted_ = store_->bytes_replayed_and_appended();
    wake_.notify();
}

asio::awaitable<void> SnapshotLoop::run() {
    while (!stopped_) {
        const auto due = policy_.due();
        if (due == base::TimePoint::max() || store_->log_directory().offline()) {
            co_await wake_.wait();
            continue;
        }
        if (due > timers_.now()) {
            co_await wake_.wait_until(timers_, due);
            continue;
        }
        auto done = co_await take();
        if (done) done = co_await clean();
        if (!done) report(done.error());
    }
}

void SnapshotLoop::stop() {
    stopped_ = true;
    wake_.notify();
}

asio::awaitable<Result<void>> SnapshotLoop::take() {
    HeldSnapshot wanted;
    wanted.id = store_->snapshot_up_to(image_->offset());
    wanted.last_contained_log_timestamp = image_timestamp_;
    policy_.begun();
    auto job = [store = store_, image = image_, wanted, now_ms = timers_.wall_ms()] {
        return write_and_measure(store->disk(), store->directory(), wanted, *image, now_ms);
    };
    const auto written = co_await net::run_on(workers_, std::move(job));
    if (!written) co_return written.error();
    policy_.taken(timers_.now());
    store_->add_snapshot(*written);
    log_.info("the metadata up to offset {} stand in the snapshot {} ({} bytes)", wanted.id.end_offset - 1,
              snapshot_name(wanted.id), written->bytes);
    co_return ok();
}

// The snapshots first, so that what is left always reaches back to a snapshot; then the segments, the oldest first and
// each for good before the next, so that no power cut leaves a hole.
asio::awaitable<Result<void>> SnapshotLoop::clean() {
    const auto count = expired_snapshots(limits_, store_->snapshots(), store_->bytes(), timers_.wall_ms());
    if (count == 0) co_return ok();
    auto dropped = store_->drop_snapshots(count);
    auto removed = co_await remove_snapshots(std::move(dropped));
    if (!removed) co_return removed;
    while (!stopped_) {
        auto retired = store_->retire_segment();
        if (!retired) co_return retired.error();
        if (retired->empty()) break;
        log_.info("the metadata log: {} bytes below offset {} are removed", retired->bytes, store_->start_offset());
        auto job = [store = store_, retired = std::move(*retired)]() -> Result<void> {
            if (auto synced = store->disk().sync_directory(store->directory()); !synced) return synced;
            return retired.remove(store->disk());
        };
        auto gone = co_await net::run_on(workers_, std::move(job));
        if (!gone) co_return gone;
    }
    co_return ok();
}

asio::awaitable<Result<void>> SnapshotLoop::remove_snapshots(std::vector<SnapshotId> dropped) {
    auto job = [store = store_, dropped = std::move(dropped)]() -> Result<void> {
        for (const auto& id : dropped) {
            auto removed = store->disk().remove(log::join_path(store->directory(), snapshot_name(id)));
            if (!removed) return removed;
        }
        return store->disk().sync_directory(store->directory());
    };
    co_return co_await net::run_on(workers_, std::move(job));
}

void SnapshotLoop::report(const Error& error) {
    policy_.failed(timers_.now());
    if (error == ErrorCode::storage_full) {
        log_.warn("no room for a snapshot of the metadata: {}", error.text());
    } else if (!stopped_) {
        store_->log_directory().take_offline(error);
    }
}

}  // namespace ottla::broker
