// SPDX-License-Identifier: Apache-2.0
// Which letters of a dead-letter topic have gone back already. A group's committed offsets say so, as those of a
// ParallelConsumer would: per partition the lowest letter that has not gone back, and in the metadata the map of those
// behind it that have. So letters may go back in any choice, one after the other, and none twice.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <ottla/consumer.hpp>

#include "client/parallel/partition_progress.hpp"

namespace ottla::tools {

class RedriveProgress {
public:
    // What `consumer`, which has the group's id, has committed. Throws ottla::Exception also for metadata of somebody
    // else: what has gone back is then not known.
    RedriveProgress(Consumer& consumer, const std::string& topic, const std::vector<std::int32_t>& partitions);

    // Where to begin in a partition; nothing is committed: at its begin.
    std::int64_t begin_of(std::int32_t partition) const;
    // To be asked of every letter from there on, in order; those in between are not there any more.
    bool has_gone_back(std::int32_t partition, std::int64_t offset);
    // Those that are looked at, and have not gone back, stay behind until this says that they have.
    void goes_back(std::int32_t partition, std::int64_t offset);

    // Throws when the coordinator refuses, or where the map has outgrown what may be committed.
    void commit(Consumer& consumer);

private:
    struct Partition {
        client::PartitionProgress progress;
        std::map<std::int64_t, client::PartitionProgress::Place> open;  // looked at, and not gone back
        bool is_changed = false;
    };
    std::string topic_;
    std::map<std::int32_t, Partition> partitions_;
};

}  // namespace ottla::tools
