// SPDX-License-Identifier: Apache-2.0
// What the verbs about groups share: options, groups looked up with errors that say what to do, --watch.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "tools/ottla/topic_common.hpp"
#include "tools/ottla/topic_scope.hpp"

namespace ottla::tools {

struct GroupOptions : TopicOptions {
    std::vector<std::string> groups;
    bool all_groups = false;
    int watch_seconds = 0;  // 0: once
    // Those of --topic; none: everything.
    std::vector<TopicScope> scopes() const;
};

// -b, -X, -o, and the names of groups.
void add_group_options(CLI::App&, GroupOptions&);
// The same for one group.
void add_group_option(CLI::App&, GroupOptions&);
// --all, in place of names.
void add_all_groups_option(CLI::App&, GroupOptions&);
// --topic TOPIC[:0,1], which may be repeated.
void add_topic_scope_option(CLI::App&, GroupOptions&, const std::string& about);
// --watch [SECONDS]
void add_watch_option(CLI::App&, GroupOptions&);

// Says on standard error what went wrong with `group`; true when something did.
bool complain_of_group(std::string_view verb, std::string_view group, const Error&);

// The groups named; with --all, those that there are. Throws UsageError when it is neither or both.
std::vector<std::string> chosen_groups(Admin&, const GroupOptions&, std::string_view verb);

// Each described, in order; the error of one that can't be says why, and what to do.
std::vector<GroupDescription> describe(Admin&, std::vector<std::string> groups);

// "orders:0,1 payments:3"
std::string partitions_text(const std::vector<TopicPartition>&);
// [{"topic": "orders", "partitions": [0, 1]}]
boost::json::array partitions_json(const std::vector<TopicPartition>&);
// Null for what is below 0.
boost::json::value natural_or_null(std::int64_t);

// Once, or with --watch again and again until the user ends it: on a terminal each time on a clean screen. What fails
// later than the first time is said, and tried again.
int watch(Session&, const GroupOptions&, std::string_view verb, const std::function<int()>& once);

}  // namespace ottla::tools
