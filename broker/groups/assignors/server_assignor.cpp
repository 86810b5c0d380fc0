// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/assignors/server_assignor.hpp"

#include <algorithm>

namespace ottla::broker::groups {
namespace {

constexpr ServerAssignor assignor_table[] = {
    {"uniform", &assign_uniform},
    {"range", &assign_range},
};

}  // namespace

bool AssignorGroup::is_homogeneous() const {
    return std::ranges::all_of(members, [this](const auto& one) {
        return one.topics == members.front().topics || *one.topics == *members.front().topics;
    });
}

std::span<const ServerAssignor> server_assignors() noexcept { return assignor_table; }

const ServerAssignor* find_server_assignor(std::string_view name) noexcept {
    const auto at = std::ranges::find(assignor_table, name, &ServerAssignor::name);
    return at == std::end(assignor_table) ? nullptr : at;
}

}  // namespace ottla::broker::groups
