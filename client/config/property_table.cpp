// SPDX-License-Identifier: Apache-2.0
#include "client/config/property_table.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include <fmt/format.h>

#include "client/config/iso_duration.hpp"

namespace ottla::client {
namespace {

using enum PropertyType;
using enum ConfigProperty::State;
constexpr bool yes = true;
constexpr bool no = false;

constexpr Property properties[] = {
#define OTTLA_PROPERTY(NAME, CLIENTS, TYPE, LEAST, GREATEST, CHOICES, DEFAULT, ALIAS, STATE, SECRET, NOTE) \
    {NAME, CLIENTS, TYPE, LEAST, GREATEST, CHOICES, DEFAULT, ALIAS, STATE, SECRET, NOTE},
#include "client/config/properties.inc"
#undef OTTLA_PROPERTY
};
static_assert(std::ranges::is_sorted(properties, {}, &Property::name));

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

std::string_view trimmed(std::string_view s) {
    while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
    while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
    return s;
}

// Calls `each` with the items between commas; stops at false.
template <class Each>
bool each_item(std::string_view list, Each each) {
    while (!list.empty()) {
        const auto comma = list.find(',');
        const auto item = trimmed(list.substr(0, comma));
        if (!item.empty() && !each(item)) return false;
        if (comma == std::string_view::npos) break;
        list.remove_prefix(comma + 1);
    }
    return true;
}

// "by_duration:P…" stands for that word and a duration.
bool is_choice(std::string_view choices, std::string_view value) {
    const std::string wanted = lower(value);
    return !each_item(choices, [&](std::string_view item) {
        const auto colon = item.find(':');
        if (colon == std::string_view::npos) return lower(item) != wanted;
        return !wanted.starts_with(item.substr(0, colon + 1)) || !parse_iso_duration(wanted.substr(colon + 1));
    });
}

// Letters to insert, remove, replace or swap to make one of the other.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), row(b.size() + 1), next(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        next[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            next[j] = std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                next[j] = std::min(next[j], before[j - 2] + 1);
        }
        before.swap(row);
        row.swap(next);
    }
    return row[b.size()];
}

// "fetch.max.wait.ms" → "fetch.max.ms.wait": names whose words stand in another order become alike.
std::string sorted_words(std::string_view name) {
    std::vector<std::string_view> words;
    for (std::size_t at = 0; at <= name.size();) {
        const auto dot = std::min(name.find('.', at), name.size());
        words.push_back(name.substr(at, dot - at));
        at = dot + 1;
    }
    std::ranges::sort(words);
    return fmt::format("{}", fmt::join(words, "."));
}

template <class Number>
std::optional<Number> read_number(std::string_view text) noexcept {
    text = trimmed(text);
    if (!text.empty() && text.front() == '+') text.remove_prefix(1);
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return value;
}

bool value_fits(const Property& p, const ConfigValue& value) {
    using Kind = ConfigValue::Kind;
    const std::string& written = value.text();
    switch (p.type) {
        case boolean:
            return (value.kind() == Kind::boolean || value.kind() == Kind::text) && read_boolean(written).has_value();
        case integer: {
            if (value.kind() == Kind::boolean || value.kind() == Kind::real) return false;
            const auto number = read_integer(written);
            return number && *number >= p.least && *number <= p.greatest;
        }
        case real: {
            if (value.kind() == Kind::boolean) return false;
            const auto number = read_real(written);
            return number && *number >= static_cast<double>(p.least) && *number <= static_cast<double>(p.greatest);
        }
        case choice:
            if (value.kind() == Kind::boolean || value.kind() == Kind::real) return false;
            return is_choice(p.choices, trimmed(written));
        case list:
            if (value.kind() != Kind::text) return false;
            return p.choices.empty() ||
                   each_item(written, [&](std::string_view item) { return is_choice(p.choices, item); });
        case text: return value.kind() == Kind::text || value.kind() == Kind::integer;
        case pointer: return true;
    }
    return false;
}

}  // namespace

const Property* find_property(std::string_view name) noexcept {
    const auto at = std::ranges::lower_bound(properties, name, {}, &Property::name);
    return at != std::end(properties) && at->name == name ? at : nullptr;
}

const Property& canonical(const Property& p) noexcept {
    const Property* other = p.alias_of.empty() ? nullptr : find_property(p.alias_of);
    return other ? *other : p;
}

std::string_view nearest_property(std::string_view name) {
    const std::string wanted = lower(name);
    std::size_t best = std::max<std::size_t>(3, wanted.size() / 3) + 1;
    std::string_view found;
    for (const Property& p : properties) {
        const auto d = std::min(distance(wanted, p.name), 1 + distance(sorted_words(wanted), sorted_words(p.name)));
        if (d < best) {
            best = d;
            found = p.name;
        }
    }
    return found;
}

std::string range_of(const Property& p) {
    switch (p.type) {
        case boolean: return "true, false";
        case integer:
        case real: return fmt::format("{} .. {}", p.least, p.greatest);
        default: return std::string(p.choices);
    }
}

Result<void> check_value(const Property& p, const ConfigValue& value) {
    if (p.state == refused) {
        // The default changes nothing: settings are often written out in full.
        if (p.type != pointer && value.text() == p.default_value) return ok();
        return Error::of(ErrorCode::invalid_argument, fmt::format("setting {}: {}", p.name, p.note));
    }
    if (value_fits(p, value)) return ok();
    static constexpr std::array<std::string_view, 7> kinds = {
        "a truth value", "a whole number", "a number", "text", "a list separated by commas", "a word", "a pointer"};
    std::string range = range_of(p);
    if (!range.empty()) range = (p.type == integer || p.type == real ? " within " : ", of: ") + range;
    return Error::of(ErrorCode::invalid_argument,
                     fmt::format("setting {}: '{}' is not {}{}{}{}", p.name, p.is_secret ? "[hidden]" : value.text(),
                                 kinds[static_cast<std::size_t>(p.type)], range, p.note.empty() ? "" : "; ", p.note));
}

std::optional<bool> read_boolean(std::string_view text) noexcept {
    text = trimmed(text);
    if (text.size() > 5) return std::nullopt;
    const std::string word = lower(text);
    if (word == "true" || word == "1" || word == "yes" || word == "on" || word == "t") return true;
    if (word == "false" || word == "0" || word == "no" || word == "off" || word == "f") return false;
    return std::nullopt;
}

std::optional<std::int64_t> read_integer(std::string_view text) noexcept { return read_number<std::int64_t>(text); }

std::optional<double> read_real(std::string_view text) noexcept { return read_number<double>(text); }

}  // namespace ottla::client

namespace ottla::inline v0 {

const std::vector<ConfigProperty>& config_properties() {
    static constexpr std::array<std::string_view, 7> types = {"boolean", "integer", "real",   "text",
                                                              "list",    "choice",  "pointer"};
    static const std::vector<std::string> ranges = [] {
        std::vector<std::string> all;
        for (const auto& p : client::properties) all.push_back(client::range_of(p));
        return all;
    }();
    static const std::vector<ConfigProperty> all = [] {
        std::vector<ConfigProperty> rows;
        for (const auto& p : client::properties)
            rows.push_back({p.name, p.clients, types[static_cast<std::size_t>(p.type)], ranges[rows.size()],
                            p.default_value, p.alias_of, p.state, p.is_secret, p.note});
        return rows;
    }();
    return all;
}

}  // namespace ottla::inline v0
