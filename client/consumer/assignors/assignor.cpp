// SPDX-License-Identifier: Apache-2.0
#include "client/consumer/assignors/assignor.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>

namespace ottla::client {
namespace {

constexpr Assignor assignors[] = {
    {"range", false, Assignor::UserData::none, assign_ranges},
    {"roundrobin", false, Assignor::UserData::none, assign_round_robin},
    {"sticky", false, Assignor::UserData::held, assign_sticky},
    {"cooperative-sticky", true, Assignor::UserData::generation, assign_cooperative_sticky},
};

}  // namespace

const Assignor* find_assignor(std::string_view name) noexcept {
    const auto* at = std::ranges::find(assignors, name, &Assignor::name);
    return at == std::end(assignors) ? nullptr : at;
}

std::span<const Assignor> all_assignors() noexcept { return assignors; }

std::vector<const GroupMember*> in_order(const std::vector<GroupMember>& members) {
    std::vector<const GroupMember*> sorted;
    for (const auto& m : members) sorted.push_back(&m);
    const auto key = [](const GroupMember* m) {
        return std::tuple<bool, std::string_view, std::string_view>(
            !m->instance_id, m->instance_id ? *m->instance_id : std::string_view(), m->id);
    };
    std::ranges::sort(sorted, {}, key);
    return sorted;
}

bool subscribes(const GroupMember& member, std::string_view topic) {
    return std::binary_search(member.topics.begin(), member.topics.end(), topic, std::less<>());
}

PartitionMap without(const PartitionMap& from, const PartitionMap& taken) {
    PartitionMap left;
    for (const auto& [topic, numbers] : from) {
        const auto at = taken.find(topic);
        std::vector<std::int32_t> kept;
        if (at == taken.end())
            kept = numbers;
        else
            std::ranges::set_difference(numbers, at->second, std::back_inserter(kept));
        if (!kept.empty()) left.emplace(topic, std::move(kept));
    }
    return left;
}

void merge(PartitionMap& to, const PartitionMap& added) {
    for (const auto& [topic, numbers] : added) {
        std::vector<std::int32_t> both;
        std::ranges::set_union(to[topic], numbers, std::back_inserter(both));
        to[topic] = std::move(both);
    }
}

}  // namespace ottla::client
