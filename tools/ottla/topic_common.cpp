// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/topic_common.hpp"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <CLI/CLI.hpp>

#include "tools/ottla/output.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

void add_topic_options(CLI::App& app, TopicOptions& to, bool names) {
    add_connection(app, to.connection);
    app.add_option("-o,--output", to.output, "How to print: text or json")
        ->check(CLI::IsMember({"text", "json"}))
        ->capture_default_str();
    if (names) app.add_option("topics", to.topics, "The topics")->required()->type_name("TOPIC");
}

Admin open_admin(const TopicOptions& options) {
    auto admin = Admin::create(to_config(options.connection));
    if (admin.has_error()) throw UsageError(std::string(admin.error().text()));
    return std::move(*admin);
}

AdminOptions within_time() {
    AdminOptions options;
    options.timeout = answer_within;
    options.operation_timeout = answer_within;
    return options;
}

boost::json::value to_json(const Error& error) {
    if (error.code() == ErrorCode::none) return nullptr;
    boost::json::object object;
    object["code"] = boost::json::string_view(error.name().data(), error.name().size());
    object["message"] = boost::json::string_view(error.text().data(), error.text().size());
    return object;
}

boost::json::value to_json(const Uuid& id) {
    if (id.is_zero()) return nullptr;
    return boost::json::value(to_string(id));
}

void print_json(Session& session, const boost::json::value& value) {
    session.out.print(boost::json::serialize(value));
    session.out.print("\n");
}

bool complain(std::string_view verb, std::string_view topic, const Error& error) {
    if (error.code() == ErrorCode::none) return false;
    // Most errors of the library name what they are about.
    std::string about = fmt::format("topic '{}'", topic);
    about = error.text().find(about) == std::string_view::npos ? about + ": " : std::string();
    std::fputs(fmt::format("ottla {}: {}{}\n", verb, about, to_string(error)).c_str(), stderr);
    return true;
}

int print_results(Session& session, const TopicOptions& options, std::string_view verb, std::string_view done,
                  const std::vector<TopicResult>& results) {
    bool failed = false;
    boost::json::array array;
    for (const TopicResult& result : results) {
        const bool bad = complain(verb, result.name, result.error);
        failed |= bad;
        if (options.json()) {
            boost::json::object object;
            object["name"] = result.name;
            object["id"] = to_json(result.id);
            object["error"] = to_json(result.error);
            array.emplace_back(std::move(object));
        } else if (!bad) {
            session.out.print(fmt::format("{} {}\n", done, result.name));
        }
    }
    if (options.json()) print_json(session, array);
    return failed ? exit_failure : exit_ok;
}

std::string columns(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    std::string text;
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i)
            text += i + 1 == row.size() ? row[i] : fmt::format("{:<{}}  ", row[i], widths[i]);
        text += '\n';
    }
    return text;
}

int print_answer(Session& session, const TopicOptions& options, const boost::json::array& array,
                 const std::vector<std::vector<std::string>>& rows, bool failed) {
    if (options.json())
        print_json(session, array);
    else if (rows.size() > 1)
        session.out.print(columns(rows));
    return failed ? exit_failure : exit_ok;
}

}  // namespace ottla::tools
