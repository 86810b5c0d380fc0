// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/dead_letter.hpp"

#include <algorithm>
#include <charconv>

#include <CLI/CLI.hpp>

namespace ottla::tools {
namespace {

constexpr std::string_view prefix = "dead-letter.";
constexpr std::string_view redriven_name = "dead-letter.redriven";

std::int64_t number_or(BytesView header, std::int64_t otherwise) {
    const auto text = header.text();
    std::int64_t number = 0;
    const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_number = !text.empty() && error == std::errc() && stopped == text.data() + text.size();
    return is_number && number >= 0 ? number : otherwise;
}

}  // namespace

DeadLetter dead_letter_of(const MessageView& m) {
    DeadLetter letter;
    letter.topic = m.header("dead-letter.topic").text();
    letter.partition =
        static_cast<std::int32_t>(std::min<std::int64_t>(number_or(m.header("dead-letter.partition"), -1), 0x7fffffff));
    letter.offset = number_or(m.header("dead-letter.offset"), -1);
    letter.timestamp_ms = number_or(m.header("dead-letter.timestamp"), -1);
    letter.group = m.header("dead-letter.group").text();
    letter.attempts = number_or(m.header("dead-letter.attempts"), -1);
    letter.error = m.header("dead-letter.error").text();
    letter.redriven = std::min<std::int64_t>(number_or(m.header(redriven_name), 0), 1'000'000'000);
    return letter;
}

bool DeadLetterFilter::takes(const DeadLetter& letter, BytesView of_key) const {
    if (!origins.empty() && std::ranges::find(origins, letter.topic) == origins.end()) return false;
    if (letter.error.find(error) == std::string_view::npos) return false;
    return !key || (!of_key.is_null() && of_key.text() == *key);
}

void add_filter_options(CLI::App& app, DeadLetterFilter& to) {
    app.add_option("--origin", to.origins, "Only letters whose record stood in this topic; may be repeated")
        ->type_name("TOPIC")
        ->allow_extra_args(false);
    app.add_option("--error", to.error, "Only letters with this in the text of their error")->type_name("TEXT");
    app.add_option("--key", to.key, "Only letters with this key")->type_name("KEY");
}

std::vector<Header> redriven_headers(const MessageView& m, std::string& count) {
    auto headers = m.headers();
    std::erase_if(headers, [](const Header& h) { return h.name.starts_with(prefix); });
    count = std::to_string(dead_letter_of(m).redriven + 1);
    Header redriven;
    redriven.name = redriven_name;
    redriven.value = count;
    headers.push_back(redriven);
    return headers;
}

}  // namespace ottla::tools
