// SPDX-License-Identifier: Apache-2.0
// A metadata log with its snapshots, on virtual time and somebody's disk in memory.
#pragma once

#include <memory>

#include "broker/log/group_sync.hpp"
#include "broker/log/memory_disk.hpp"
#include "broker/metadata/snapshot_loop.hpp"
#include "net/simulated_workers.hpp"
#include "tests/broker/metadata/random_image.hpp"
#include "tests/support/virtual_loop.hpp"

namespace ottla::broker {

class MetadataBench {
public:
    static constexpr const char* path = "/data/__cluster_metadata-0";

    explicit MetadataBench(log::MemoryDisk& disk, SnapshotLimits limits = {}, std::uint64_t segment_bytes = 1500)
        : limits_(limits) {
        options_.segments.segment_bytes = segment_bytes;
        auto opened = log::LogDirectory::open(disk, "/data", {1, "cluster", Uuid{}}, {});
        if (!opened) return;
        directory_ = std::move(*opened);
        io_ = log::GroupSync::make(*directory_, log::FlushPolicy::ack, workers_, loop_.timers, loop_.io.get_executor());
    }
    ~MetadataBench() {
        if (snapshots_) snapshots_->stop();
        loop_.run_for(std::chrono::seconds(1));
        snapshots_.reset();
        store_.reset();
        io_.reset();
    }

    // Opens what is there, and runs the snapshots' loop.
    Result<void> start() {
        if (!directory_) return Error::of(ErrorCode::file_system);
        auto opened = MetadataLog::open(*directory_, io_, loop_.io.get_executor(), options_);
        if (!opened) return opened.error();
        store_ = *opened;
        auto replayed = store_->replay();
        if (!replayed) return replayed.error();
        image_ = replayed->build();
        snapshots_ = std::make_shared<SnapshotLoop>(loop_.io.get_executor(), loop_.timers, workers_, base::Log{},
                                                    store_, limits_);
        boost::asio::co_spawn(loop_.io, follow(snapshots_), boost::asio::detached);
        return ok();
    }

    // Appended, applied; synced when it returns true.
    bool commit(std::span<const MetadataRecord> records) {
        const auto first = store_->append(records, loop_.timers.wall_ms());
        if (!first) return false;
        ImageBuilder builder(image_);
        for (std::size_t i = 0; i < records.size(); ++i) {
            EXPECT_TRUE(builder.apply(records[i], *first + static_cast<std::int64_t>(i)).has_value());
        }
        image_ = builder.build();
        const auto synced = loop_.run(store_->sync(), std::chrono::seconds(1));
        if (!synced || !*synced) return false;
        snapshots_->committed(image_);
        return true;
    }
    Result<void> lead() {
        auto led = store_->become_leader(1, loop_.timers.wall_ms());
        if (!led) return led;
        ImageBuilder builder(image_);
        builder.skip_to(store_->end_offset() - 1);
        image_ = builder.build();
        return ok();
    }
    void pass(base::Duration time) { loop_.run_for(time); }

    MetadataLog& store() { return *store_; }
    const ImagePtr& image() const { return image_; }

private:
    static boost::asio::awaitable<void> follow(std::shared_ptr<SnapshotLoop> snapshots) { co_await snapshots->run(); }

    SnapshotLimits limits_;
    MetadataLogOptions options_;
    test::VirtualLoop loop_;
    net::SimulatedWorkers workers_{loop_.timers, loop_.io.get_executor(), base::Random(1), std::chrono::milliseconds(1),
                                   std::chrono::milliseconds(3)};
    std::unique_ptr<log::LogDirectory> directory_;
    std::shared_ptr<log::GroupSync> io_;
    std::shared_ptr<MetadataLog> store_;
    ImagePtr image_ = MetadataImage::empty();
    std::shared_ptr<SnapshotLoop> snapshots_;
};

inline std::vector<std::string> names_in(log::Disk& disk, std::string_view suffix) {
    std::vector<std::string> names;
    for (const auto& entry : disk.list(MetadataBench::path).value()) {
        if (entry.name.ends_with(suffix)) names.push_back(entry.name);
    }
    return names;
}

}  // namespace ottla::broker
