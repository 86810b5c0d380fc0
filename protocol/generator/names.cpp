// SPDX-License-Identifier: Apache-2.0
#include "protocol/generator/names.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace ottla::generator {
namespace {

constexpr std::array<std::string_view, 58> taken = {
    "and",      "api_key",   "auto",    "bool",   "break",    "case",   "catch",    "char",      "class",  "const",
    "continue", "default",   "delete",  "do",     "double",   "else",   "enum",     "explicit",  "export", "extern",
    "false",    "float",     "for",     "friend", "goto",     "if",     "inline",   "int",       "long",   "mutable",
    "name_",    "namespace", "new",     "not",    "operator", "or",     "private",  "protected", "public", "register",
    "return",   "short",     "signed",  "sizeof", "static",   "struct", "switch",   "template",  "this",   "throw",
    "true",     "try",       "typedef", "union",  "unsigned", "using",  "versions", "void"};

bool upper(char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; }
bool lower(char c) { return std::islower(static_cast<unsigned char>(c)) != 0; }
char to_lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

}  // namespace

std::string snake_case(std::string_view name) {
    std::string text(name);
    for (std::size_t at; (at = text.find("KRaft")) != text.npos;) text.replace(at, 5, "Kraft");
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool starts_word =
            upper(c) && i > 0 && (!upper(text[i - 1]) || (i + 1 < text.size() && lower(text[i + 1])));
        if (starts_word && out.back() != '_') out += '_';
        out += to_lower(c);
    }
    return out;
}

std::string member_name(std::string_view name) {
    std::string out = snake_case(name);
    if (std::find(taken.begin(), taken.end(), out) != taken.end()) out += '_';
    return out;
}

std::string camel_case(std::string_view name) {
    std::string out(name);
    if (!out.empty()) out[0] = to_lower(out[0]);
    return out;
}

}  // namespace ottla::generator
