// SPDX-License-Identifier: Apache-2.0
#include "protocol/generator/json_text.hpp"

#include <algorithm>

#include <boost/json/stream_parser.hpp>

#include "protocol/generator/spec.hpp"

namespace ottla::generator {

namespace {

// The text with blanks for its comments, so that lines and places stay. Boost.JSON itself does not find the end of a
// block comment that closes with an even number of stars.
std::string without_comments(std::string_view text) {
    std::string left(text);
    const auto blank = [&](std::size_t from, std::size_t to) {
        for (; from < to; ++from)
            if (left[from] != '\n' && left[from] != '\r') left[from] = ' ';
    };
    for (std::size_t at = 0; at < text.size();) {
        const std::string_view rest = text.substr(at);
        if (rest.starts_with("//")) {
            const std::size_t end = std::min(text.find('\n', at), text.size());
            blank(at, end);
            at = end;
        } else if (rest.starts_with("/*")) {
            const std::size_t stop = text.find("*/", at + 2);
            // One that is not closed stays, for the parser to complain of.
            if (stop == std::string_view::npos) break;
            blank(at, stop + 2);
            at = stop + 2;
        } else if (rest.front() == '"') {
            for (++at; at < text.size() && text[at] != '"'; ++at)
                if (text[at] == '\\') ++at;
            ++at;
        } else {
            ++at;
        }
    }
    return left;
}

}  // namespace

boost::json::value parse_json(const std::string& file, std::string_view spec) {
    const std::string text = without_comments(spec);
    boost::json::parse_options options;
    options.allow_trailing_commas = true;
    boost::json::stream_parser parser(boost::json::storage_ptr{}, options);
    boost::system::error_code error;
    std::size_t read = parser.write_some(text.data(), text.size(), error);
    if (!error && parser.done()) {
        // What follows the object may be white space only.
        while (read < text.size() && std::string_view(" \t\r\n").find(text[read]) != std::string_view::npos) ++read;
        if (read < text.size()) error = boost::json::error::extra_data;
    } else if (!error) {
        parser.finish(error);
    }
    if (error) {
        const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(read), '\n');
        throw SpecError(file + ": line " + std::to_string(line) + ": not JSON: " + error.message());
    }
    return parser.release();
}

}  // namespace ottla::generator
