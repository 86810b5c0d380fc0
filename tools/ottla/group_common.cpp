// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/group_common.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>

#include <poll.h>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/json/array.hpp>
#include <CLI/CLI.hpp>

#include "tools/ottla/numbers.hpp"
#include "tools/ottla/output.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

std::vector<TopicScope> GroupOptions::scopes() const {
    std::vector<TopicScope> all;
    for (const auto& text : topics) {
        auto scope = parse_topic_scope(text);
        if (scope.has_error()) throw UsageError("--topic: " + std::string(scope.error().text()));
        all.push_back(std::move(*scope));
    }
    return all;
}

void add_group_options(CLI::App& app, GroupOptions& to) {
    add_topic_options(app, to, false);
    app.add_option("groups", to.groups, "The groups")->type_name("GROUP");
}

void add_group_option(CLI::App& app, GroupOptions& to) {
    add_topic_options(app, to, false);
    app.add_option("group", to.groups, "The group")->required()->expected(1)->type_name("GROUP");
}

void add_all_groups_option(CLI::App& app, GroupOptions& to) {
    app.add_flag("-a,--all", to.all_groups, "All groups that there are");
}

void add_topic_scope_option(CLI::App& app, GroupOptions& to, const std::string& about) {
    app.add_option("-t,--topic", to.topics, about)->type_name("TOPIC[:0,1]")->allow_extra_args(false);
}

void add_watch_option(CLI::App& app, GroupOptions& to) {
    app.add_option("-w,--watch", to.watch_seconds, "Again and again, every 2 seconds or as many as are given")
        ->expected(0, 1)
        ->default_str("2")
        ->type_name("[SECONDS]")
        ->check(whole_number(1, 86'400));
}

bool complain_of_group(std::string_view verb, std::string_view group, const Error& error) {
    if (error.code() == ErrorCode::none) return false;
    // Most errors of the library name what they are about.
    std::string about = fmt::format("group '{}'", group);
    about = error.text().find(about) == std::string_view::npos ? about + ": " : std::string();
    std::fputs(fmt::format("ottla {}: {}{}\n", verb, about, to_string(error)).c_str(), stderr);
    return true;
}

std::vector<std::string> chosen_groups(Admin& admin, const GroupOptions& options, std::string_view verb) {
    if (options.all_groups == !options.groups.empty()) throw UsageError("name groups, or ask for --all of them");
    if (!options.all_groups) return options.groups;
    const auto list = expect(admin.list_groups({}, within_time()), "asking for the groups");
    for (const Error& error : list.errors)
        std::fputs(fmt::format("ottla {}: {}\n", verb, to_string(error)).c_str(), stderr);
    std::vector<std::string> names;
    for (const auto& group : list.groups)
        if (group.type != GroupType::share && group.type != GroupType::streams) names.push_back(group.group_id);
    return names;
}

namespace {

// A group that is neither classic nor of consumers is there, but not to those who ask for such.
Error why_not_there(Admin& admin, const std::string& group) {
    const auto list = admin.list_groups({}, within_time());
    if (list.has_value())
        for (const auto& one : list->groups)
            if (one.group_id == group && (one.type == GroupType::share || one.type == GroupType::streams))
                return Error::of(ErrorCode::group_id_not_found,
                                 fmt::format("group '{}' is of type {}, and has neither members nor offsets that could "
                                             "be shown or changed here",
                                             group, to_string(one.type)));
    return Error::of(ErrorCode::group_id_not_found,
                     fmt::format("there is no group '{}'; 'ottla group list' shows what there is", group));
}

std::map<std::string, std::vector<std::int32_t>> numbers_by_topic(const std::vector<TopicPartition>& partitions) {
    std::map<std::string, std::vector<std::int32_t>> topics;
    for (const auto& tp : partitions) topics[tp.topic].push_back(tp.partition);
    return topics;
}

// False: the user, or the reader of our output, has had enough.
bool wait_for_next_time(Session& session, int seconds) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (!session.stop && !session.out.closed()) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        if (left.count() <= 0) return true;
        // A signal ends it early.
        (void)::poll(nullptr, 0, static_cast<int>(std::min<std::int64_t>(left.count(), 100)));
    }
    return false;
}

}  // namespace

std::vector<GroupDescription> describe(Admin& admin, std::vector<std::string> groups) {
    auto described = expect(admin.describe_groups(std::move(groups), within_time()), "asking for the groups");
    for (auto& group : described)
        if (group.error == ErrorCode::group_id_not_found) group.error = why_not_there(admin, group.group_id);
    return described;
}

std::string partitions_text(const std::vector<TopicPartition>& partitions) {
    std::string text;
    for (const auto& [topic, numbers] : numbers_by_topic(partitions))
        text += fmt::format("{}{}:{}", text.empty() ? "" : " ", topic, fmt::join(numbers, ","));
    return text.empty() ? "-" : text;
}

boost::json::array partitions_json(const std::vector<TopicPartition>& partitions) {
    boost::json::array array;
    for (const auto& [topic, numbers] : numbers_by_topic(partitions)) {
        boost::json::object object;
        object["topic"] = topic;
        object["partitions"] = boost::json::array(numbers.begin(), numbers.end());
        array.emplace_back(std::move(object));
    }
    return array;
}

boost::json::value natural_or_null(std::int64_t number) {
    if (number < 0) return nullptr;
    return number;
}

int watch(Session& session, const GroupOptions& options, std::string_view verb, const std::function<int()>& once) {
    if (options.watch_seconds == 0) return once();
    int code = exit_ok;
    for (bool first = true;; first = false) {
        if (session.stdout_is_terminal)
            session.out.print("\x1b[H\x1b[2J");
        else if (!first && !options.json())
            session.out.print("\n");
        try {
            code = once();
        } catch (const Exception& e) {
            if (first) throw;
            code = exit_failure;
            std::fputs(fmt::format("ottla {}: {}\n", verb, e.what()).c_str(), stderr);
        }
        session.out.flush();
        if (!wait_for_next_time(session, options.watch_seconds)) return code;
    }
}

}  // namespace ottla::tools
