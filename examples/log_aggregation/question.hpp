// SPDX-License-Identifier: Apache-2.0
// What somebody looks for, in the language of SQLite's FTS5. There a word of other signs than letters, digits and "_"
// has to be quoted, which nobody thinks of: web-3 becomes "web-3". What has quotes or brackets is left as it is.
#pragma once

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

namespace logs {

inline std::string quoted(std::string_view word) {
    const auto is_plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c >= 0x80; };
    std::string before, behind;
    for (const std::string_view column : {"host:", "tag:", "message:"}) {
        if (!word.starts_with(column)) continue;
        before = column;
        word.remove_prefix(column.size());
    }
    // The beginning of a word.
    if (word.size() > 1 && word.ends_with('*')) {
        behind = "*";
        word.remove_suffix(1);
    }
    const std::string quote = !word.empty() && std::ranges::all_of(word, is_plain) ? "" : "\"";
    return before + quote + std::string(word) + quote + behind;
}

inline std::string question(std::string_view words) {
    if (words.find_first_of("\"()") != words.npos) return std::string(words);
    std::string asked;
    while (!words.empty()) {
        const auto space = std::min(words.find(' '), words.size());
        if (space > 0) asked += (asked.empty() ? "" : " ") + quoted(words.substr(0, space));
        words.remove_prefix(std::min(space + 1, words.size()));
    }
    return asked;
}

}  // namespace logs
