// SPDX-License-Identifier: Apache-2.0
// ImageApplier: makes the broker look like an image: removes and opens logs on Workers, hands partitions to the shards
// that own them, gives every shard its image. Runs on shard 0, one image at a time. What is gone makes room first: a
// topic may have been deleted and made again, under its old name, since the image before.
#pragma once

#include <memory>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/random.hpp"
#include "base/workers.hpp"
#include "broker/log/log_directories.hpp"
#include "broker/server/directory_io.hpp"
#include "broker/server/directory_reports.hpp"
#include "broker/server/image_changes.hpp"
#include "broker/server/log_cleaner.hpp"
#include "broker/server/node.hpp"

namespace ottla::broker {

class ImageApplier {
public:
    // All must outlive the applier.
    ImageApplier(Node& node, log::LogDirectories& directories, base::Workers& workers, DirectoryIo& io,
                 DirectoryReports& reports, LogCleaner& cleaner, base::Random random);

    boost::asio::awaitable<void> apply(std::shared_ptr<const MetadataImage> next);

private:
    struct Opened;
    struct Aside;
    // The partitions are closed, nothing is at work in their directories any more, and those have other names. They
    // go when log.segment.delete.delay.ms has passed.
    boost::asio::awaitable<void> set_aside(std::vector<PartitionChange> removed);
    // Where the partition lies, or shall lie; null when that is not known, or offline.
    log::LogDirectory* place(const PartitionChange&) const;
    boost::asio::awaitable<std::vector<Opened>> open_logs(std::vector<PartitionChange> changes);
    // Opens or makes the log of one; on a worker, several at a time.
    void open_log(Opened& one);
    std::size_t threads() const;
    bool is_synced(const Opened& one) const;
    boost::asio::awaitable<std::vector<Opened>> synced(std::vector<Opened> all);
    boost::asio::awaitable<void> set_strays_aside(std::shared_ptr<const MetadataImage>);
    void report(const std::vector<Opened>& all);
    void perform_on(Shard& shard, std::vector<Opened>& all, const std::shared_ptr<const MetadataImage>& next,
                    bool topics_gone);

    Node& node_;
    log::LogDirectories& directories_;
    base::Workers& workers_;
    DirectoryIo& io_;
    DirectoryReports& reports_;
    LogCleaner& cleaner_;
    base::Random random_;
};

}  // namespace ottla::broker
