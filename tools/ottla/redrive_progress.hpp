// SPDX-License-Identifier: Apache-2.0
// Which letters of a dead-letter topic have gone back already. A group's committed offsets say so, as those of a
// ParallelConsumer would: per partition the lowest letter that has not gone back, and in the metadata the map of those
// behind it that have. So letters may go back in any choice, one after the other, and none twice.
#pragma once

#include <map>
#include <span>
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
    // One behind the last that is known to have gone back; nothing is committed: below 0.
    std::int64_t end_of(std::int32_t partition) const { return partitions_.at(partition).progress.beyond().end(); }
    // The group has committed nothing: that no letter has gone back, or that it was forgotten.
    bool knows_nothing() const noexcept { return knows_nothing_; }

    struct Letter {
        std::int32_t partition = -1;
        client::PartitionProgress::Place place = 0;
    };
    // To be asked of every letter from there on, in order; those in between are not there any more.
    bool has_gone_back(std::int32_t partition, std::int64_t offset);
    // One that has not stays behind, until goes_back() says that it has. To be called of each of them before a commit,
    // also of those that are not to go.
    Letter stays(std::int32_t partition, std::int64_t offset);
    void goes_back(const Letter&);

    // Of what is to be written: throws while it is not, where the map of the letters that have gone back would then be
    // too large to be committed.
    void check_room_for(std::span<const Letter>) const;
    // Also where nothing has changed, of these letters' partitions: throws when the coordinator refuses commits.
    void prove_commit(Consumer& consumer, std::span<const Letter>);
    // Throws when the coordinator refuses, or where the map has outgrown what may be committed.
    void commit(Consumer& consumer);

private:
    struct Partition {
        client::PartitionProgress progress;
        bool is_changed = false;  // since the last commit
    };
    Error too_scattered(std::int32_t partition) const;

    std::string topic_;
    std::map<std::int32_t, Partition> partitions_;
    bool knows_nothing_ = true;
};

}  // namespace ottla::tools
