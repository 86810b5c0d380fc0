// SPDX-License-Identifier: Apache-2.0
// ottla group delete GROUP...
#include <memory>

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <CLI/CLI.hpp>

#include "tools/ottla/group_common.hpp"
#include "tools/ottla/output.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

namespace {

int delete_the_groups(Session& session, const GroupOptions& options) {
    if (options.groups.empty()) throw UsageError("name the groups to delete");
    Admin admin = open_admin(options);
    const auto results = expect(admin.delete_groups(options.groups, within_time()), "deleting");
    bool failed = false;
    boost::json::array array;
    for (const GroupResult& result : results) {
        const bool bad = complain_of_group("group delete", result.group_id, result.error);
        failed |= bad;
        if (!bad && !options.json()) session.out.print(fmt::format("deleted {}\n", result.group_id));
        boost::json::object object;
        object["group"] = result.group_id;
        object["error"] = to_json(result.error);
        array.emplace_back(std::move(object));
    }
    if (options.json()) print_json(session, array);
    return failed ? exit_failure : exit_ok;
}

}  // namespace

Action declare_group_delete(CLI::App& app) {
    auto options = std::make_shared<GroupOptions>();
    add_group_options(app, *options);
    return [options](Session& session) { return delete_the_groups(session, *options); };
}

}  // namespace ottla::tools
