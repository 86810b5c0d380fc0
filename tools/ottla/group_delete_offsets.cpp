// SPDX-License-Identifier: Apache-2.0
// ottla group delete-offsets GROUP --topic TOPIC[:0,1]...: what the group has committed there is forgotten.
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

struct DeleteOffsetsOptions : GroupOptions {
    bool all_topics = false;
};

std::vector<TopicPartition> committed_in(Admin& admin, const std::string& group,
                                         const std::vector<TopicScope>& scopes) {
    auto offsets = expect(admin.list_group_offsets({{group}}, within_time()), "asking for the offsets");
    if (offsets.front().error.code() != ErrorCode::none) throw Exception(offsets.front().error);
    auto chosen = std::move(offsets.front().partitions);
    std::erase_if(chosen, [&](const auto& tp) { return !in_scope(scopes, tp.topic, tp.partition); });
    if (chosen.empty())
        throw Exception(
            Error::of(ErrorCode::no_offset,
                      fmt::format("group '{}' has nothing committed there; 'ottla group offsets {}' shows what it has",
                                  group, group)));
    return chosen;
}

int delete_the_offsets(Session& session, const DeleteOffsetsOptions& options) {
    const auto scopes = options.scopes();
    if (options.all_topics == !scopes.empty()) throw UsageError("name topics with --topic, or ask for --all-topics");
    const std::string& group = options.groups.front();
    Admin admin = open_admin(options);
    const auto described = describe(admin, {group});
    if (described.front().error.code() != ErrorCode::none) throw Exception(described.front().error);
    auto chosen = committed_in(admin, group, scopes);
    auto deleted = expect(admin.delete_group_offsets({{group, std::move(chosen)}}, within_time()), "deleting offsets");
    if (deleted.front().error.code() != ErrorCode::none) throw Exception(deleted.front().error);
    bool failed = false;
    boost::json::array array;
    for (const auto& tp : deleted.front().partitions) {
        const bool bad = complain_of_group("group delete-offsets", group, tp.error);
        failed |= bad;
        if (!bad && !options.json()) session.out.print(fmt::format("deleted {}:{}\n", tp.topic, tp.partition));
        boost::json::object object;
        object["topic"] = tp.topic;
        object["partition"] = tp.partition;
        object["error"] = to_json(tp.error);
        array.emplace_back(std::move(object));
    }
    if (options.json()) print_json(session, array);
    return failed ? exit_failure : exit_ok;
}

}  // namespace

Action declare_group_delete_offsets(CLI::App& app) {
    auto options = std::make_shared<DeleteOffsetsOptions>();
    add_group_option(app, *options);
    add_topic_scope_option(app, *options, "Of this topic, or some partitions of it; may be repeated");
    app.add_flag("--all-topics", options->all_topics, "Of all that the group has committed");
    return [options](Session& session) { return delete_the_offsets(session, *options); };
}

}  // namespace ottla::tools
