// SPDX-License-Identifier: Apache-2.0
// What the verbs about topics share: -o text|json, one JSON shape for answers and errors, aligned columns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include <ottla/admin.hpp>

#include "tools/ottla/connection.hpp"

namespace ottla::tools {

struct Session;

struct TopicOptions {
    Connection connection;
    std::string output = "text";
    std::vector<std::string> topics;

    bool json() const { return output == "json"; }
};

// -b, -X, -o and, where wanted, the names.
void add_topic_options(CLI::App&, TopicOptions&, bool names);

Admin open_admin(const TopicOptions&);
AdminOptions within_time();

// null, or {"code": "TOPIC_ALREADY_EXISTS", "message": "…"}
boost::json::value to_json(const Error&);
boost::json::value to_json(const Uuid&);
void print_json(Session&, const boost::json::value&);

// Says on standard error what went wrong with `topic`; true when something did.
bool complain(std::string_view verb, std::string_view topic, const Error&);

// Prints the outcome per topic, in the order asked: `done` is the word for success ("created"). The exit code.
int print_results(Session&, const TopicOptions&, std::string_view verb, std::string_view done,
                  const std::vector<TopicResult>&);

// Columns padded to their widest cell, two blanks between, nothing behind the last.
std::string columns(const std::vector<std::vector<std::string>>& rows);

// The answer of a verb: `array`, or, where people read it, the rows below the first, if there are any. The exit code.
int print_answer(Session&, const TopicOptions&, const boost::json::array& array,
                 const std::vector<std::vector<std::string>>& rows, bool failed);

}  // namespace ottla::tools
