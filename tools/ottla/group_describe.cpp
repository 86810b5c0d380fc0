// SPDX-License-Identifier: Apache-2.0
// ottla group describe GROUP...: its state, and per partition what is committed, how far that is behind, and who reads
// it.
#include <memory>

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <CLI/CLI.hpp>

#include "tools/ottla/group_common.hpp"
#include "tools/ottla/group_json.hpp"
#include "tools/ottla/group_lag.hpp"
#include "tools/ottla/output.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

namespace {

struct GroupDescribeOptions : GroupOptions {
    bool no_times = false;
};

// "orders  Classic  Stable  range  2 members  coordinator 1 at host:9092  lag 12"
std::string title_of(const GroupDescription& group, const std::vector<PartitionLag>& lags) {
    std::string text = fmt::format("{}  {}  {}", group.group_id, to_string(group.type), to_string(group.state));
    if (!group.assignor.empty()) text += "  " + group.assignor;
    if (group.epoch >= 0) text += fmt::format("  epoch {}", group.epoch);
    text += fmt::format("  {} members  coordinator {} at {}:{}  lag {}\n", group.members.size(), group.coordinator.id,
                        group.coordinator.host, group.coordinator.port, number_or_dash(total_lag(lags)));
    return text;
}

std::string description_text(const GroupDescription& group, const std::vector<PartitionLag>& lags) {
    std::vector<std::vector<std::string>> rows;
    rows.push_back({"TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "BEHIND", "CLIENT", "HOST"});
    for (const auto& lag : lags)
        rows.push_back({lag.committed.topic, std::to_string(lag.committed.partition),
                        offset_or_dash(lag.committed.offset), number_or_dash(lag.end), number_or_dash(lag.records()),
                        behind_text(lag), lag.owner ? lag.owner->client_id : "-", lag.owner ? lag.owner->host : "-"});
    return title_of(group, lags) + (rows.size() > 1 ? columns(rows) : "");
}

int describe_groups(Session& session, const GroupDescribeOptions& options, Admin& admin,
                    const std::vector<TopicScope>& scopes) {
    bool failed = false;
    std::string between;
    boost::json::array array;
    for (const auto& group : describe(admin, chosen_groups(admin, options, "group describe"))) {
        const bool bad = complain_of_group("group describe", group.group_id, group.error);
        failed |= bad;
        const auto lags =
            bad ? std::vector<PartitionLag>() : lag_of(session, admin, options, group, scopes, !options.no_times);
        for (const auto& lag : lags) failed |= complain_of_group("group describe", group.group_id, lag.committed.error);
        if (options.json()) {
            auto object = group_json(group);
            object["lag"] = natural_or_null(total_lag(lags).value_or(-1));
            object["partitions"] = lags_json(lags);
            array.emplace_back(std::move(object));
        } else if (!bad) {
            session.out.print(between + description_text(group, lags));
            between = "\n";
        }
    }
    if (options.json()) print_json(session, array);
    return failed ? exit_failure : exit_ok;
}

}  // namespace

Action declare_group_describe(CLI::App& app) {
    auto options = std::make_shared<GroupDescribeOptions>();
    add_group_options(app, *options);
    add_all_groups_option(app, *options);
    add_topic_scope_option(app, *options, "Only these topics, or partitions of them; may be repeated");
    app.add_flag("--no-times", options->no_times, "Do not read records to see how old the next one is");
    add_watch_option(app, *options);
    return [options](Session& session) {
        const auto scopes = options->scopes();
        Admin admin = open_admin(*options);
        return watch(session, *options, "group describe",
                     [&] { return describe_groups(session, *options, admin, scopes); });
    };
}

}  // namespace ottla::tools
