// SPDX-License-Identifier: Apache-2.0
// ottla group reset GROUP: sets committed offsets, for a group that nobody is in. Shows what it would do, and does it
// with --yes.
#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <memory>

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <CLI/CLI.hpp>

#include "tools/ottla/group_common.hpp"
#include "tools/ottla/group_lag.hpp"
#include "tools/ottla/iso_time.hpp"
#include "tools/ottla/numbers.hpp"
#include "tools/ottla/offsets_csv.hpp"
#include "tools/ottla/output.hpp"
#include "tools/ottla/reset_facts.hpp"
#include "tools/ottla/reset_plan.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

namespace {

struct ResetOptions : GroupOptions {
    bool all_topics = false;
    bool earliest = false;
    bool latest = false;
    bool current = false;
    std::optional<std::int64_t> offset;
    std::optional<std::int64_t> shift;
    std::string datetime;
    std::string duration;
    std::string file;
    bool yes = false;
    bool as_csv = false;
};

std::int64_t now_ms() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::int64_t milliseconds_or_usage(Result<std::int64_t> parsed, const char* option) {
    if (parsed.has_error()) throw UsageError(fmt::format("{}: {}", option, parsed.error().text()));
    return *parsed;
}

// Where to; nothing: what the file says.
std::optional<ResetTarget> target_of(const ResetOptions& options) {
    using Kind = ResetTarget::Kind;
    std::vector<ResetTarget> chosen;
    if (options.earliest) chosen.push_back({Kind::earliest});
    if (options.latest) chosen.push_back({Kind::latest});
    if (options.current) chosen.push_back({Kind::current});
    if (options.offset) chosen.push_back({Kind::offset, *options.offset});
    if (options.shift) chosen.push_back({Kind::shift, *options.shift});
    if (!options.datetime.empty())
        chosen.push_back({Kind::time, milliseconds_or_usage(parse_datetime_ms(options.datetime), "--to-datetime")});
    if (!options.duration.empty())
        chosen.push_back(
            {Kind::time, now_ms() - milliseconds_or_usage(parse_duration_ms(options.duration), "--by-duration")});
    if (chosen.size() + (options.file.empty() ? 0U : 1U) != 1)
        throw UsageError(
            "say where to, once: --to-earliest, --to-latest, --to-current, --to-offset N, --to-datetime TIME, "
            "--by-duration PT…, --shift-by N or --from-file FILE");
    if (chosen.empty()) return {};
    return chosen.front();
}

std::vector<TopicPartition> places_in_file(const std::string& path, const std::string& group) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw UsageError(fmt::format("--from-file {}: it can't be read", path));
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    auto places = read_offsets_csv(text, group);
    if (places.has_error()) throw UsageError(fmt::format("--from-file {}: {}", path, places.error().text()));
    return std::move(*places);
}

// Throws when its offsets are not to be set from here.
void check_resettable(const GroupDescription& group, bool may_be_new) {
    if (group.error == ErrorCode::group_id_not_found && may_be_new &&
        group.error.text().starts_with("there is no group"))
        return;
    if (group.error.code() != ErrorCode::none) throw Exception(group.error);
    if (!group.protocol_type.empty() && group.protocol_type != "consumer")
        throw Exception(Error::of(ErrorCode::inconsistent_group_protocol,
                                  fmt::format("group '{}' is one of '{}', not of consumers: its offsets mean nothing",
                                              group.group_id, group.protocol_type)));
}

std::string has_members(const GroupDescription& group) {
    std::string clients;
    for (const auto& member : group.members)
        clients += fmt::format("{}{} at {}", clients.empty() ? "" : ", ", member.client_id, member.host);
    return fmt::format("group '{}' has {} members ({}), and then only they can commit: stop them first", group.group_id,
                       group.members.size(), clients);
}

int print_plan(Session& session, const ResetOptions& options, const std::vector<ResetPlace>& plan, bool done) {
    bool failed = false;
    boost::json::array array;
    std::vector<std::vector<std::string>> rows;
    std::vector<TopicPartition> csv;
    rows.push_back({"TOPIC", "PARTITION", "FROM", "TO", "RECORDS TO READ"});
    for (const auto& place : plan) {
        failed |= complain_of_group("group reset", options.groups.front(), place.error);
        if (!place.step.note.empty() && place.step.offset)
            std::fputs(
                fmt::format("ottla group reset: {}[{}]: {}\n", place.topic, place.partition, place.step.note).c_str(),
                stderr);
        boost::json::object object;
        object["topic"] = place.topic;
        object["partition"] = place.partition;
        object["from"] = natural_or_null(place.facts.committed.value_or(-1));
        object["to"] = natural_or_null(place.step.offset.value_or(-1));
        object["end_offset"] = natural_or_null(place.facts.end);
        object["done"] = done && place.error.code() == ErrorCode::none;
        object["error"] = to_json(place.error);
        array.emplace_back(std::move(object));
        if (place.error.code() != ErrorCode::none || !place.step.offset) continue;
        csv.emplace_back(place.topic, place.partition, *place.step.offset);
        rows.push_back({place.topic, std::to_string(place.partition), number_or_dash(place.facts.committed),
                        std::to_string(*place.step.offset), std::to_string(place.facts.end - *place.step.offset)});
    }
    if (!options.as_csv) return print_answer(session, options, array, rows, failed);
    session.out.print(offsets_csv("", csv));
    return failed ? exit_failure : exit_ok;
}

void carry_out(Admin& admin, const std::string& group, std::vector<ResetPlace>& plan) {
    GroupOffsets wanted(group);
    for (const auto& place : plan) wanted.partitions.emplace_back(place.topic, place.partition, *place.step.offset);
    const auto set = expect(admin.alter_group_offsets({std::move(wanted)}, within_time()), "setting the offsets");
    if (set.front().error.code() != ErrorCode::none) throw Exception(set.front().error);
    for (std::size_t i = 0; i < plan.size(); ++i) plan[i].error = set.front().partitions[i].error;
}

int reset(Session& session, const ResetOptions& options) {
    const auto target = target_of(options);
    const auto scopes = options.scopes();
    const std::string& group_id = options.groups.front();
    if (target && options.all_topics == !scopes.empty())
        throw UsageError("name topics with --topic, or ask for --all-topics");
    const auto from_file = target ? std::vector<TopicPartition>() : places_in_file(options.file, group_id);
    if (!target && (options.all_topics || !scopes.empty()))
        throw UsageError("--from-file names the topics: leave out --topic and --all-topics");
    if (options.yes && options.as_csv) throw UsageError("--export changes nothing: leave out --yes");

    Admin admin = open_admin(options);
    const GroupDescription group = describe(admin, {group_id}).front();
    check_resettable(group, !options.all_topics);
    if (options.yes && !group.members.empty())
        throw Exception(Error::of(ErrorCode::non_empty_group, has_members(group)));
    auto plan = target ? planned(admin, group_id, scopes, *target) : planned(admin, group_id, from_file);
    const bool possible = std::ranges::all_of(plan, [](const auto& p) { return p.error.code() == ErrorCode::none; });
    if (options.yes && possible) carry_out(admin, group_id, plan);
    const int code = print_plan(session, options, plan, options.yes && possible);
    if (options.as_csv) return code;
    if (!possible)
        std::fputs("ottla group reset: nothing was changed\n", stderr);
    else if (!options.yes)
        std::fputs(
            fmt::format("nothing was changed yet; {}\n", group.members.empty() ? "--yes does it" : has_members(group))
                .c_str(),
            stderr);
    return code;
}

}  // namespace

Action declare_group_reset(CLI::App& app) {
    auto options = std::make_shared<ResetOptions>();
    add_group_option(app, *options);
    add_topic_scope_option(app, *options, "For this topic, or some partitions of it; may be repeated");
    app.add_flag("--all-topics", options->all_topics, "For all that the group has committed");
    app.add_flag("--to-earliest", options->earliest, "To where each partition begins");
    app.add_flag("--to-latest", options->latest, "To where each partition ends");
    app.add_flag("--to-current", options->current, "To where the group is: with --export, to change it by hand");
    app.add_option("--to-offset", options->offset, "To this offset")->check(whole_number(0))->type_name("N");
    app.add_option("--to-datetime", options->datetime, "To the first record from this time on, 2026-11-22T18:05:00Z")
        ->type_name("TIME");
    app.add_option("--by-duration", options->duration, "To the first record that is no older than this, P1DT2H30M")
        ->type_name("DURATION");
    app.add_option("--shift-by", options->shift, "By so many records, forward or (-N) back")
        ->check(whole_number(std::numeric_limits<std::int64_t>::min()))
        ->type_name("N");
    app.add_option("--from-file", options->file, "To the offsets in this file: topic,partition,offset, a line each")
        ->type_name("FILE");
    app.add_flag("--export", options->as_csv, "Print the new offsets as such a file, and change nothing");
    app.add_flag("-y,--yes", options->yes, "Do it; without it, what would be done is shown");
    return [options](Session& session) { return reset(session, *options); };
}

}  // namespace ottla::tools
