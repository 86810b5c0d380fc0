// SPDX-License-Identifier: Apache-2.0
// ottla group offsets GROUP...: what is committed, with its metadata, and how far that is behind; or as CSV for a
// reset.
#include <memory>

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <CLI/CLI.hpp>

#include "tools/ottla/group_common.hpp"
#include "tools/ottla/group_lag.hpp"
#include "tools/ottla/offsets_csv.hpp"
#include "tools/ottla/output.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

namespace {

struct GroupOffsetsOptions : GroupOptions {
    bool no_times = false;
    bool as_csv = false;
};

int show_offsets(Session& session, const GroupOffsetsOptions& options, Admin& admin,
                 const std::vector<TopicScope>& scopes) {
    bool failed = false;
    boost::json::array array;
    std::vector<std::vector<std::string>> rows;
    rows.push_back({"GROUP", "TOPIC", "PARTITION", "COMMITTED", "START", "END", "LAG", "BEHIND", "METADATA"});
    const auto groups = describe(admin, chosen_groups(admin, options, "group offsets"));
    for (const auto& group : groups) {
        const bool bad = complain_of_group("group offsets", group.group_id, group.error);
        failed |= bad;
        // Of those that members have without a commit, nothing.
        auto lags = bad ? std::vector<PartitionLag>()
                        : lag_of(session, admin, options, group, scopes, !options.no_times && !options.as_csv);
        std::erase_if(lags, [](const auto& lag) {
            return !lag.committed.offset.is_absolute() && lag.committed.error.code() == ErrorCode::none;
        });
        std::vector<TopicPartition> committed;
        for (const auto& lag : lags) {
            const auto& tp = lag.committed;
            failed |= complain_of_group("group offsets", group.group_id, tp.error);
            if (tp.offset.is_absolute()) committed.push_back(tp);
            rows.push_back({group.group_id, tp.topic, std::to_string(tp.partition), offset_or_dash(tp.offset),
                            number_or_dash(lag.start), number_or_dash(lag.end), number_or_dash(lag.records()),
                            behind_text(lag), tp.metadata.empty() ? "-" : tp.metadata});
        }
        if (options.as_csv) session.out.print(offsets_csv(groups.size() > 1 ? group.group_id : "", committed));
        boost::json::object object;
        object["group"] = group.group_id;
        object["error"] = to_json(group.error);
        object["lag"] = natural_or_null(total_lag(lags).value_or(-1));
        object["partitions"] = lags_json(lags);
        array.emplace_back(std::move(object));
    }
    if (options.as_csv) return failed ? exit_failure : exit_ok;
    return print_answer(session, options, array, rows, failed);
}

}  // namespace

Action declare_group_offsets(CLI::App& app) {
    auto options = std::make_shared<GroupOffsetsOptions>();
    add_group_options(app, *options);
    add_all_groups_option(app, *options);
    add_topic_scope_option(app, *options, "Only these topics, or partitions of them; may be repeated");
    app.add_flag("--no-times", options->no_times, "Do not read records to see how old the next one is");
    app.add_flag("--export", options->as_csv,
                 "As topic,partition,offset, a line each: what 'group reset --from-file' takes; of several groups, the "
                 "group before the topic");
    add_watch_option(app, *options);
    return [options](Session& session) {
        const auto scopes = options->scopes();
        Admin admin = open_admin(*options);
        return watch(session, *options, "group offsets",
                     [&] { return show_offsets(session, *options, admin, scopes); });
    };
}

}  // namespace ottla::tools
