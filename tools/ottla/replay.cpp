// SPDX-License-Identifier: Apache-2.0
// ottla replay: copies a range of a topic's records to a topic or a file, or a file's to a topic. Goes on where it was
// stopped: of topics by a group's offsets, of files by FILE.progress.
#include "tools/ottla/replay.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "tools/ottla/output.hpp"
#include "tools/ottla/safe_text.hpp"

namespace ottla::tools {
namespace {

bool has_part(BytesView bytes, const std::string& part) {
    return part.empty() || bytes.text().find(part) != std::string_view::npos;
}

}  // namespace

bool takes(const ReplayOptions& options, BytesView key, BytesView value, std::span<const Header> headers) {
    if (!has_part(key, options.key_part) || !has_part(value, options.value_part)) return false;
    return options.header_part.empty() || std::ranges::any_of(headers, [&](const Header& h) {
               return fmt::format("{}={}", h.name, h.value.text()).find(options.header_part) != std::string::npos;
           });
}

// What all directions say at the end.
int report_replay(Session& session, std::int64_t looked_at, std::int64_t written, bool is_whole) {
    session.out.print(fmt::format("{} records looked at, {} copied\n", looked_at, written));
    if (is_whole) return exit_ok;
    std::fputs("ottla replay: it was stopped; the same command goes on from here\n", stderr);
    return exit_failure;
}

void throw_refused(const ReplayOptions& options, const Error& error, std::string_view place) {
    const bool goes_on = !options.from_file.empty() || !options.group.empty();
    throw Exception(error.with_context(fmt::format(
        "{} was refused{}", place, goes_on ? "; the same command goes on from there when this is mended" : "")));
}

std::string choice_of(const ReplayOptions& options) {
    const auto& range = options.range;
    const auto number = [](const std::optional<std::int64_t>& n) { return n ? std::to_string(*n) : std::string(); };
    return utf8_of(fmt::format("partitions={} offsets={}..{} times={}..{} key={} value={} header={}",
                               fmt::join(range.partitions, ","), number(range.from_offset), number(range.to_offset),
                               range.since, range.until, options.key_part, options.value_part, options.header_part));
}

void go_on_at(RecordRange& range, std::int32_t partition, std::int64_t offset, std::string_view progress) {
    for (const auto& r : range.partitions()) {
        if (r.partition != partition) continue;
        if (offset < r.log_begin)
            std::fputs(fmt::format("ottla replay: {}[{}]: {} says {}, the log begins at {}: what was in between is not "
                                   "there any more\n",
                                   range.topic(), partition, progress, offset, r.log_begin)
                           .c_str(),
                       stderr);
        if (offset > r.log_end)
            throw Exception(Error::of(
                ErrorCode::offset_out_of_range,
                fmt::format("{}[{}]: {} says {}, but the log ends at {}: the topic is another than it was; begin anew, "
                            "with other progress",
                            range.topic(), partition, progress, offset, r.log_end)));
    }
    range.begin_at(partition, offset);
}

namespace {

int replay(Session& session, const ReplayOptions& options) {
    if (options.from.empty() == options.from_file.empty())
        throw UsageError("say where from, once: --from or --from-file");
    if (options.to.empty() == options.to_file.empty()) throw UsageError("say where to, once: --to or --to-file");
    if (!options.from_file.empty() && !options.to_file.empty()) throw UsageError("from a file to a file: that is cp");
    if (!options.from_file.empty() && !options.range.is_whole())
        throw UsageError("--from-file is read as a whole: leave out partitions, offsets and times");
    if (!options.group.empty() && (options.from.empty() || options.to.empty()))
        throw UsageError("--group is for a replay from topic to topic: with a file, the progress lies beside it");
    if (!options.from.empty() && options.from == options.to)
        throw UsageError("from a topic to itself: its end would stay as far away");
    if (!options.from_file.empty()) return replay_file_to_topic(session, options);
    if (!options.to_file.empty()) return replay_topic_to_file(session, options);
    return replay_topic_to_topic(session, options);
}

}  // namespace

Action declare_replay(CLI::App& app) {
    auto options = std::make_shared<ReplayOptions>();
    add_connection(app, options->connection);
    app.add_option("--from", options->from, "Copy records of this topic")->type_name("TOPIC");
    app.add_option("--from-file", options->from_file, "Copy the records in this file")->type_name("FILE");
    app.add_option("--to", options->to, "To this topic")->type_name("TOPIC");
    app.add_option("--to-file", options->to_file, "To this file")->type_name("FILE");
    add_range_options(app, options->range);
    app.add_option("--key", options->key_part, "Only records with this in their key")->type_name("TEXT");
    app.add_option("--value", options->value_part, "Only records with this in their value")->type_name("TEXT");
    app.add_option("--header", options->header_part, "Only records with this in some header, NAME=VALUE")
        ->type_name("TEXT");
    add_rate_option(app, options->rate);
    app.add_option(
           "--group", options->group,
           "Keep in this group's offsets how far it came, and go on from there; from topic to topic. They expire: on "
           "Kafka 7 days after the last commit, by offsets.retention.minutes; all is copied again then")
        ->type_name("GROUP");
    app.add_flag("--keep-partitions", options->keeps_partitions,
                 "Each record to the partition of the same number, instead of one by its key");
    app.add_flag("--new-times", options->has_new_times, "With the time of the copy, instead of each record's own");
    return [options](Session& session) { return replay(session, *options); };
}

}  // namespace ottla::tools
