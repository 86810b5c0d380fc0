// SPDX-License-Identifier: Apache-2.0
// Groups deleted, and members that are made to leave them.
#include <algorithm>

#include <fmt/format.h>
#include <ottla/protocol/messages/delete_groups_request.hpp>
#include <ottla/protocol/messages/delete_groups_response.hpp>
#include <ottla/protocol/messages/leave_group_request.hpp>
#include <ottla/protocol/messages/leave_group_response.hpp>

#include "client/admin/ask_coordinators.hpp"

namespace ottla::client {
namespace {

struct DeleteGroupsCall {
    using Question = GroupResult;
    using Request = protocol::DeleteGroupsRequest;
    static constexpr protocol::VersionRange all_versions{0, 2};
    static_assert(Request::versions.contains(all_versions));
    static constexpr std::string_view about = "deleting";

    protocol::VersionRange versions() const { return all_versions; }
    static std::size_t groups_max(std::int16_t) { return many_groups; }
    Request request(const std::vector<const Question*>& asked, std::int16_t) const {
        Request request;
        for (const auto* group : asked) request.groups_names.push_back(group->group_id);
        return request;
    }
    Error take(Question& to, const Request::Response& answer, std::int16_t) const {
        const auto* from = group_in(answer.results, to.group_id);
        return from ? Error::of(static_cast<ErrorCode>(from->error_code)) : left_out_of_answer();
    }
};

// Who leaves, then how that went for each.
struct Leaving {
    std::string group_id;
    Error error;
    std::vector<RemovedMember> members;
    std::string reason;
};

struct LeaveGroupCall {
    using Question = Leaving;
    using Request = protocol::LeaveGroupRequest;
    // Before it, a member leaves for itself alone.
    static constexpr protocol::VersionRange all_versions{3, 5};
    static_assert(Request::versions.contains(all_versions));
    static constexpr std::string_view about = "removing members of";

    protocol::VersionRange versions() const { return all_versions; }
    static std::size_t groups_max(std::int16_t) { return 1; }
    Request request(const std::vector<const Question*>& asked, std::int16_t) const {
        const Question& group = *asked.front();
        Request request;
        request.group_id = group.group_id;
        for (const auto& member : group.members) {
            auto& to = request.members.emplace_back();
            to.member_id = member.member_id;
            to.group_instance_id = member.instance_id;
            to.reason = group.reason;
        }
        return request;
    }
    Error take(Question& to, const Request::Response& answer, std::int16_t) const {
        if (answer.error_code != 0) return Error::of(static_cast<ErrorCode>(answer.error_code));
        for (auto& member : to.members) {
            const auto same = [&](const auto& m) {
                return member.instance_id ? m.group_instance_id == member.instance_id : m.member_id == member.member_id;
            };
            const auto from = std::ranges::find_if(answer.members, same);
            const auto about_it =
                fmt::format("member '{}' of group '{}'", member.instance_id.value_or(member.member_id), to.group_id);
            if (from == answer.members.end())
                member.error = left_out_of_answer().with_context(about_it);
            else
                member.error = item_error(from->error_code, {}, about_it);
        }
        return {};
    }
};

// Of those in the group now.
awaitable<Result<std::vector<RemovedMember>>> all_members(AdminPtr admin, std::string group, AdminOptions options) {
    std::vector<std::string> groups;
    groups.push_back(std::move(group));
    const auto described = co_await describe_groups(admin, std::move(groups), options);
    if (!described) co_return described.error();
    const GroupDescription& found = described->front();
    if (found.error.code() != ErrorCode::none) co_return found.error;
    std::vector<RemovedMember> members;
    for (const auto& member : found.members) {
        auto& one = members.emplace_back();
        one.instance_id = member.instance_id;
        // A static member is known by its name alone, also when another process has it by now.
        if (!member.instance_id) one.member_id = member.member_id;
    }
    co_return members;
}

}  // namespace

awaitable<Result<std::vector<GroupResult>>> delete_groups(AdminPtr admin, std::vector<std::string> groups,
                                                          AdminOptions options) {
    if (admin->is_closed()) co_return admin->closed_error("delete_groups");
    std::vector<GroupResult> questions(groups.size());
    for (std::size_t i = 0; i < groups.size(); ++i) questions[i].group_id = std::move(groups[i]);
    auto coordinators = std::make_shared<GroupCoordinators>(admin->cluster());
    DeleteGroupsCall call;
    co_return co_await ask_coordinators(admin, std::move(coordinators), std::move(questions), call,
                                        admin->runtime().deadline(options.timeout));
}

awaitable<Result<std::vector<RemovedMember>>> remove_group_members(AdminPtr admin, MembersToRemove asked,
                                                                   AdminOptions options) {
    if (admin->is_closed()) co_return admin->closed_error("remove_group_members");
    const auto deadline = admin->runtime().deadline(options.timeout);
    std::vector<Leaving> questions(1);
    Leaving& leaving = questions.front();
    leaving.group_id = asked.group_id;
    leaving.reason = asked.reason.empty() ? "removed by an administrator" : asked.reason;
    for (auto& id : asked.instance_ids) leaving.members.emplace_back().instance_id = std::move(id);
    for (auto& id : asked.member_ids) leaving.members.emplace_back().member_id = std::move(id);
    if (leaving.members.empty()) {
        auto all = co_await all_members(admin, asked.group_id, options);
        if (!all || all->empty()) co_return all;
        leaving.members = std::move(*all);
    }
    auto coordinators = std::make_shared<GroupCoordinators>(admin->cluster());
    LeaveGroupCall call;
    auto left = co_await ask_coordinators(admin, std::move(coordinators), std::move(questions), call, deadline);
    if (!left) co_return left.error();
    if (left->front().error.code() != ErrorCode::none) co_return left->front().error;
    co_return std::move(left->front().members);
}

}  // namespace ottla::client
