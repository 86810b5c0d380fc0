// SPDX-License-Identifier: Apache-2.0
// ottla group members GROUP...: who is in a group, from where, and what each has.
#include <memory>

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <CLI/CLI.hpp>

#include "tools/ottla/group_common.hpp"
#include "tools/ottla/group_json.hpp"
#include "tools/ottla/output.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

namespace {

// Of a group whose coordinator assigns: what is still to change.
std::string target_text(const MemberDescription& member) {
    if (!member.target_assignment || *member.target_assignment == member.assignment) return "-";
    return partitions_text(*member.target_assignment);
}

int show_members(Session& session, const GroupOptions& options, Admin& admin) {
    bool failed = false;
    boost::json::array array;
    std::vector<std::vector<std::string>> rows;
    rows.push_back({"GROUP", "MEMBER", "CLIENT", "HOST", "INSTANCE", "EPOCH", "PARTITIONS", "ASSIGNMENT", "TARGET"});
    for (const auto& group : describe(admin, chosen_groups(admin, options, "group members"))) {
        failed |= complain_of_group("group members", group.group_id, group.error);
        boost::json::array members;
        for (const auto& member : group.members) {
            members.emplace_back(member_json(member));
            rows.push_back({group.group_id, member.member_id, member.client_id, member.host,
                            member.instance_id.value_or("-"), member.epoch < 0 ? "-" : std::to_string(member.epoch),
                            std::to_string(member.assignment.size()), partitions_text(member.assignment),
                            target_text(member)});
        }
        boost::json::object object;
        object["group"] = group.group_id;
        object["error"] = to_json(group.error);
        object["members"] = std::move(members);
        array.emplace_back(std::move(object));
    }
    return print_answer(session, options, array, rows, failed);
}

}  // namespace

Action declare_group_members(CLI::App& app) {
    auto options = std::make_shared<GroupOptions>();
    add_group_options(app, *options);
    add_all_groups_option(app, *options);
    add_watch_option(app, *options);
    return [options](Session& session) {
        Admin admin = open_admin(*options);
        return watch(session, *options, "group members", [&] { return show_members(session, *options, admin); });
    };
}

}  // namespace ottla::tools
