// SPDX-License-Identifier: Apache-2.0
// The range assignor: of each topic the first members get one partition more, and every member's lie side by side.
// Static members come first, by their instances, so that a process that comes back has the same.
#include <algorithm>

#include "broker/groups/assignors/server_assignor.hpp"

namespace ottla::broker::groups {
namespace {

std::vector<std::size_t> in_range_order(const AssignorGroup& group) {
    std::vector<std::size_t> order(group.members.size());
    for (std::size_t m = 0; m < order.size(); ++m) order[m] = m;
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
        const auto& first = group.members[a];
        const auto& second = group.members[b];
        if (first.instance_id && second.instance_id) return *first.instance_id < *second.instance_id;
        if (first.instance_id || second.instance_id) return first.instance_id.has_value();
        return first.id < second.id;
    });
    return order;
}

}  // namespace

Assigned assign_range(const AssignorGroup& group) {
    Assigned assigned(group.members.size());
    const auto order = in_range_order(group);
    for (const auto& [topic, count] : group.partitions) {
        std::vector<std::size_t> readers;
        for (const auto m : order) {
            if (std::ranges::binary_search(*group.members[m].topics, topic)) readers.push_back(m);
        }
        if (readers.empty()) continue;
        const auto share = static_cast<std::size_t>(count) / readers.size();
        const auto larger = static_cast<std::size_t>(count) % readers.size();
        std::int32_t next = 0;
        for (std::size_t i = 0; i < readers.size(); ++i) {
            const std::size_t quota = share + (i < larger ? 1 : 0);
            for (std::size_t n = 0; n < quota; ++n) assigned[readers[i]][topic].insert(next++);
        }
    }
    return assigned;
}

}  // namespace ottla::broker::groups
