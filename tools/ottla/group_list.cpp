// SPDX-License-Identifier: Apache-2.0
// ottla group list [--state STATE] [--type TYPE]
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

struct GroupListOptions : GroupOptions {
    std::vector<std::string> states;
    std::vector<std::string> types;

    GroupFilter filter() const {
        GroupFilter chosen;
        const auto add = [](auto parsed, auto& to) {
            if (parsed.has_error()) throw UsageError(std::string(parsed.error().text()));
            to.push_back(*parsed);
        };
        for (const auto& text : states) add(parse_group_state(text), chosen.states);
        for (const auto& text : types) add(parse_group_type(text), chosen.types);
        return chosen;
    }
};

int list_the_groups(Session& session, const GroupListOptions& options, Admin& admin, const GroupFilter& filter) {
    const auto list = expect(admin.list_groups(filter, within_time()), "asking for the groups");
    for (const Error& error : list.errors)
        std::fputs(fmt::format("ottla group list: {}\n", to_string(error)).c_str(), stderr);
    boost::json::array array;
    std::vector<std::vector<std::string>> rows;
    rows.push_back({"GROUP", "TYPE", "STATE", "PROTOCOL"});
    for (const auto& group : list.groups) {
        rows.push_back({group.group_id, std::string(to_string(group.type)), std::string(to_string(group.state)),
                        group.protocol_type.empty() ? "-" : group.protocol_type});
        boost::json::object object;
        object["group"] = group.group_id;
        object["type"] = to_string(group.type);
        object["state"] = to_string(group.state);
        object["protocol_type"] = group.protocol_type;
        array.emplace_back(std::move(object));
    }
    return print_answer(session, options, array, rows, !list.errors.empty());
}

}  // namespace

Action declare_group_list(CLI::App& app) {
    auto options = std::make_shared<GroupListOptions>();
    add_topic_options(app, *options, false);
    app.add_option("--state", options->states, "Only those in this state, as Stable or Empty; commas may part several")
        ->delimiter(',')
        ->type_name("STATE");
    app.add_option("--type", options->types, "Only those of this type: classic, consumer, share, streams")
        ->delimiter(',')
        ->type_name("TYPE");
    add_watch_option(app, *options);
    return [options](Session& session) {
        const GroupFilter filter = options->filter();
        Admin admin = open_admin(*options);
        return watch(session, *options, "group list",
                     [&] { return list_the_groups(session, *options, admin, filter); });
    };
}

}  // namespace ottla::tools
