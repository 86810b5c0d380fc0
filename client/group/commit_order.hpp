// SPDX-License-Identifier: Apache-2.0
// CommitOrder: which of the commits that are under way began last, for each partition. One that is tried again must not
// put an older offset in the place of a newer one. Loop only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <ottla/topic_partition.hpp>

namespace ottla::client {

class CommitOrder {
public:
    using Ticket = std::uint64_t;

    Ticket begin(const std::vector<TopicPartition>& offsets) {
        ++tickets_;
        for (const auto& tp : offsets) latest_[{tp.topic, tp.partition}] = tickets_;
        return tickets_;
    }
    // No commit of the partition has begun since.
    bool is_latest(Ticket ticket, const TopicPartition& tp) const {
        const auto at = latest_.find({tp.topic, tp.partition});
        return at != latest_.end() && at->second == ticket;
    }
    void end(Ticket ticket) {
        std::erase_if(latest_, [ticket](const auto& entry) { return entry.second == ticket; });
    }

private:
    Ticket tickets_ = 0;
    std::map<std::pair<std::string, std::int32_t>, Ticket> latest_;
};

}  // namespace ottla::client
