// SPDX-License-Identifier: Apache-2.0
#include "protocol/generator/json_text.hpp"

#include <boost/json/stream_parser.hpp>

#include "protocol/generator/spec.hpp"

namespace ottla::generator {

boost::json::value parse_json(const std::string& file, std::string_view text) {
    boost::json::parse_options options;
    options.allow_comments = true;
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
