// SPDX-License-Identifier: Apache-2.0
// ottla dlq list TOPIC: how many dead letters there are of each origin and error. ottla dlq show TOPIC: the letters.
#include <map>
#include <memory>
#include <tuple>

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <CLI/CLI.hpp>

#include "tools/ottla/dead_letter.hpp"
#include "tools/ottla/iso_time.hpp"
#include "tools/ottla/numbers.hpp"
#include "tools/ottla/output.hpp"
#include "tools/ottla/record_json.hpp"
#include "tools/ottla/record_range.hpp"
#include "tools/ottla/safe_text.hpp"
#include "tools/ottla/topic_common.hpp"

namespace ottla::tools {
namespace {

struct DlqOptions : TopicOptions {
    std::string topic;
    RangeOptions range;
    DeadLetterFilter filter;
    std::optional<std::uint64_t> count;
};

// Errors that name each record would need a row each.
constexpr std::size_t rows_max = 1000;
constexpr std::string_view other_errors = "(other errors)";

struct Row {
    std::uint64_t letters = 0;
    std::string first;  // "0@17"
    std::string last;
    std::int64_t oldest_ms = -1;
    std::int64_t newest_ms = -1;
};
// Origin, group, error.
using Rows = std::map<std::tuple<std::string, std::string, std::string>, Row>;

std::string time_or_dash(std::int64_t ms) { return ms < 0 ? "-" : datetime_text(ms); }

void count_letter(Rows& rows, const Message& m, const DeadLetter& letter) {
    std::tuple key{std::string(letter.topic), std::string(letter.group), std::string(letter.error)};
    if (rows.size() >= rows_max && !rows.contains(key)) std::get<2>(key) = other_errors;
    Row& row = rows[key];
    const auto place = fmt::format("{}@{}", m.partition(), m.offset());
    if (row.letters++ == 0) {
        row.first = place;
        row.oldest_ms = row.newest_ms = m.timestamp_ms();
    }
    row.last = place;
    row.oldest_ms = std::min(row.oldest_ms, m.timestamp_ms());
    row.newest_ms = std::max(row.newest_ms, m.timestamp_ms());
}

int dlq_list(Session& session, const DlqOptions& options) {
    RecordRange range(options.connection, options.topic, options.range);
    auto consumer = open_reader(options.connection);
    Rows found;
    const bool is_whole = range.read(session, consumer, [&](const Message& m) {
        const auto letter = dead_letter_of(m);
        if (options.filter.takes(letter, m.key())) count_letter(found, m, letter);
        return true;
    });
    boost::json::array array;
    std::vector<std::vector<std::string>> rows = {
        {"ORIGIN", "GROUP", "LETTERS", "FIRST", "LAST", "OLDEST", "NEWEST", "ERROR"}};
    for (const auto& [key, row] : found) {
        const auto& [origin, group, error] = key;
        boost::json::object object;
        object["origin"] = utf8_of(origin);
        object["group"] = utf8_of(group);
        object["error"] = utf8_of(error);
        object["letters"] = row.letters;
        object["first"] = row.first;
        object["last"] = row.last;
        object["oldest"] = row.oldest_ms;
        object["newest"] = row.newest_ms;
        array.emplace_back(std::move(object));
        rows.push_back({origin.empty() ? "-" : printable(origin), group.empty() ? "-" : printable(group),
                        std::to_string(row.letters), row.first, row.last, time_or_dash(row.oldest_ms),
                        time_or_dash(row.newest_ms), printable(error)});
    }
    (void)consumer.close(std::chrono::seconds(1)).has_value();
    return print_answer(session, options, array, rows, !is_whole);
}

void print_letter(const Message& m, std::string& to) {
    const auto letter = dead_letter_of(m);
    fmt::format_to(std::back_inserter(to), "{}[{}]@{} ", m.topic(), m.partition(), m.offset());
    if (letter.topic.empty())
        to += "says not where it comes from";
    else
        fmt::format_to(std::back_inserter(to), "of {}[{}]@{}", printable(letter.topic), letter.partition,
                       letter.offset);
    fmt::format_to(
        std::back_inserter(to), ", group {}, {} attempts, written {}, redriven {} times: {}\n  key={} value={}",
        letter.group.empty() ? "-" : printable(letter.group), letter.attempts, time_or_dash(m.timestamp_ms()),
        letter.redriven, printable(letter.error), m.key().is_null() ? "null" : printable(m.key().text()),
        m.value().is_null() ? "null" : printable(m.value().text()));
    for (const auto& header : m.headers())
        if (!header.name.starts_with("dead-letter.")) to += " " + printable(to_string(header));
    to += '\n';
}

int dlq_show(Session& session, const DlqOptions& options) {
    RecordRange range(options.connection, options.topic, options.range);
    auto consumer = open_reader(options.connection);
    auto left = options.count.value_or(std::numeric_limits<std::uint64_t>::max());
    (void)range.read(session, consumer, [&](const Message& m) {
        if (left == 0 || session.out.closed()) return false;
        if (!options.filter.takes(dead_letter_of(m), m.key())) return true;
        if (options.json())
            append_json_line(m, session.out.buffer());
        else
            print_letter(m, session.out.buffer());
        session.out.settle();
        return --left > 0;
    });
    (void)consumer.close(std::chrono::seconds(1)).has_value();
    return exit_ok;
}

std::shared_ptr<DlqOptions> declare(CLI::App& app) {
    auto options = std::make_shared<DlqOptions>();
    add_topic_options(app, *options, false);
    app.add_option("topic", options->topic, "The topic of dead letters")->required()->type_name("TOPIC");
    add_range_options(app, options->range);
    add_filter_options(app, options->filter);
    return options;
}

}  // namespace

Action declare_dlq_list(CLI::App& app) {
    const auto options = declare(app);
    return [options](Session& session) { return dlq_list(session, *options); };
}

Action declare_dlq_show(CLI::App& app) {
    const auto options = declare(app);
    app.add_option("-n,--count", options->count, "End after that many letters")->check(whole_number(0));
    return [options](Session& session) { return dlq_show(session, *options); };
}

}  // namespace ottla::tools
