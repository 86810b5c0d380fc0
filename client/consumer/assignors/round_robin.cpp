// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "client/consumer/assignors/assignor.hpp"

namespace ottla::client {

GroupAssignment assign_round_robin(const std::vector<GroupMember>& members, const GroupTopics& topics) {
    GroupAssignment assignment;
    for (const auto& m : members) assignment[m.id];
    const auto sorted = in_order(members);
    std::size_t turn = 0;
    for (const auto& [topic, racks] : topics) {
        if (std::ranges::none_of(sorted, [&](const auto* m) { return subscribes(*m, topic); })) continue;
        for (std::size_t p = 0; p < racks.size(); ++p) {
            while (!subscribes(*sorted[turn % sorted.size()], topic)) ++turn;
            const auto& id = sorted[turn++ % sorted.size()]->id;
            assignment[id][topic].push_back(static_cast<std::int32_t>(p));
        }
    }
    return assignment;
}

}  // namespace ottla::client
