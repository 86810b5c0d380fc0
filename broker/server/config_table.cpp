// SPDX-License-Identifier: Apache-2.0
#include "broker/server/config_table.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include <fmt/format.h>

namespace ottla::broker {
namespace {

constexpr auto topic = ConfigScope::topic;
constexpr auto broker = ConfigScope::broker;
constexpr auto group = ConfigScope::group;
constexpr auto boolean = ConfigType::boolean;
constexpr auto int16 = ConfigType::int16;
constexpr auto int32 = ConfigType::int32;
constexpr auto int64 = ConfigType::int64;
constexpr auto floating = ConfigType::floating;
constexpr auto text = ConfigType::text;
constexpr auto list = ConfigType::list;
constexpr auto class_name = ConfigType::class_name;
constexpr auto password = ConfigType::password;
constexpr auto read_only = ConfigUpdate::read_only;
constexpr auto per_broker = ConfigUpdate::per_broker;
constexpr auto cluster = ConfigUpdate::cluster;
constexpr auto implemented = ConfigState::implemented;
constexpr auto accepted = ConfigState::accepted;
constexpr std::uint8_t internal_key = ConfigKey::internal_key;
constexpr std::uint8_t dynamic_only = ConfigKey::dynamic_only;

constexpr ConfigKey keys[] = {
#define OTTLA_CONFIG_KEY(scope, name, type, default_value, update, valid, synonyms, state, flags) \
    {scope, name, type, default_value, update, valid, synonyms, state, flags},
#include "broker/server/config_keys.inc"
#undef OTTLA_CONFIG_KEY
};
constexpr std::size_t count_of(ConfigScope scope) {
    return static_cast<std::size_t>(
        std::count_if(std::begin(keys), std::end(keys), [scope](auto& k) { return k.scope == scope; }));
}
constexpr std::size_t topic_keys = count_of(topic);
constexpr std::size_t broker_keys = count_of(broker);

const char* name_of_scope(ConfigScope scope) {
    switch (scope) {
        case topic: return "topic";
        case broker: return "broker";
        case group: break;
    }
    return "group";
}

std::string_view trimmed(std::string_view s) {
    const auto from = s.find_first_not_of(" \t");
    return from == s.npos ? std::string_view{} : s.substr(from, s.find_last_not_of(" \t") - from + 1);
}

template <class Number>
std::optional<Number> parse_number(std::string_view s) {
    Number n{};
    const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), n);
    if (error != std::errc{} || end != s.data() + s.size()) return std::nullopt;
    return n;
}

bool same_ignoring_case(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return (x | 32) == (y | 32); });
}

Error bad_value(const ConfigKey& key, std::string_view value, std::string_view wanted) {
    const auto shown = key.is_sensitive() ? std::string_view("[hidden]") : value;
    return Error::of(ErrorCode::invalid_config,
                     fmt::format("Invalid value {} for configuration {}: {}", shown, key.name, wanted));
}

// "[1,...,9] or -1", "[0,...]": bounds on a number. True when `n` is inside.
bool in_range(std::string_view valid, double n) {
    const auto close = valid.find(']');
    const auto range = valid.substr(1, close - 1);
    const auto dots = range.find(",...");
    const auto low = parse_number<double>(range.substr(0, dots));
    const auto rest = range.substr(dots + 4);
    const auto high = rest.empty() ? std::nullopt : parse_number<double>(rest.substr(1));
    const bool inside = (!low || n >= *low) && (!high || n <= *high);
    const auto also = valid.find(" or ");
    return inside || (also != valid.npos && parse_number<double>(valid.substr(also + 4)) == n);
}

// "[a, b]; no duplicates": the names inside; nothing when the wording names none.
std::vector<std::string> allowed_names(std::string_view valid) {
    const auto open = valid.find('[');
    const auto close = valid.find(']');
    if (open == valid.npos || close == valid.npos || valid.find("...") != valid.npos) return {};
    return split_list(valid.substr(open + 1, close - open - 1));
}

bool is_allowed(const std::vector<std::string>& names, std::string_view value, bool ignore_case) {
    return names.empty() || std::any_of(names.begin(), names.end(), [&](const std::string& name) {
               return name == value || (ignore_case && same_ignoring_case(name, value));
           });
}

Result<void> check_number(const ConfigKey& key, std::string_view value) {
    std::optional<double> n;
    if (key.type == floating) {
        n = parse_number<double>(value);
        if (!n) return bad_value(key, value, "not a number");
    } else {
        const auto whole = parse_number<std::int64_t>(value);
        const std::int64_t limit = key.type == int16 ? INT16_MAX : key.type == int32 ? INT32_MAX : INT64_MAX;
        if (!whole || *whole > limit || *whole < -limit - 1) {
            return bad_value(key, value,
                             fmt::format("not a number of {} bits", key.type == int16   ? 16
                                                                    : key.type == int32 ? 32
                                                                                        : 64));
        }
        n = static_cast<double>(*whole);
    }
    if (key.valid.find(",...") != key.valid.npos && !in_range(key.valid, *n)) {
        return bad_value(key, value, fmt::format("must be in {}", key.valid));
    }
    return ok();
}

Result<void> check_list(const ConfigKey& key, std::string_view value) {
    auto items = split_list(value);
    const auto names = allowed_names(key.valid);
    for (const auto& item : items) {
        if (!is_allowed(names, item, false)) return bad_value(key, value, fmt::format("must be of {}", key.valid));
    }
    if (items.empty() && key.valid.find("not empty") != key.valid.npos)
        return bad_value(key, value, "must not be empty");
    std::sort(items.begin(), items.end());
    if (key.valid.find("no duplicates") != key.valid.npos &&
        std::adjacent_find(items.begin(), items.end()) != items.end()) {
        return bad_value(key, value, "must have no duplicates");
    }
    return ok();
}

// Levenshtein's distance, for names of some tens of characters.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

}  // namespace

std::int8_t ConfigKey::wire_type() const noexcept {
    switch (type) {
        case ConfigType::boolean: return 1;
        case ConfigType::text: return 2;
        case ConfigType::int32: return 3;
        case ConfigType::int16: return 4;
        case ConfigType::int64: return 5;
        case ConfigType::floating: return 6;
        case ConfigType::list: return 7;
        case ConfigType::class_name: return 8;
        case ConfigType::password: return 9;
    }
    return 0;
}

std::span<const ConfigKey> config_keys(ConfigScope scope) noexcept {
    const std::span<const ConfigKey> all(keys);
    if (scope == topic) return all.first(topic_keys);
    return scope == broker ? all.subspan(topic_keys, broker_keys) : all.subspan(topic_keys + broker_keys);
}

const ConfigKey* find_config_key(ConfigScope scope, std::string_view name) noexcept {
    const auto all = config_keys(scope);
    const auto at = std::lower_bound(all.begin(), all.end(), name, [](auto& key, auto n) { return key.name < n; });
    return at != all.end() && at->name == name ? &*at : nullptr;
}

Result<void> check_config_value(const ConfigKey& key, std::string_view value) {
    switch (key.type) {
        case ConfigType::boolean:
            if (value != "true" && value != "false") return bad_value(key, value, "must be true or false");
            return ok();
        case ConfigType::int16:
        case ConfigType::int32:
        case ConfigType::int64:
        case ConfigType::floating: return check_number(key, value);
        case ConfigType::list: return check_list(key, value);
        case ConfigType::text:
            if (!is_allowed(allowed_names(key.valid), value, key.valid.starts_with("(case insensitive)"))) {
                return bad_value(key, value, fmt::format("must be one of {}", key.valid));
            }
            if (value.empty() && key.valid == "non-empty string") return bad_value(key, value, "must not be empty");
            return ok();
        case ConfigType::class_name:
        case ConfigType::password: return ok();
    }
    return ok();
}

Error unknown_config_key(ConfigScope scope, std::string_view name) {
    const auto all = config_keys(scope);
    const auto nearest = std::min_element(all.begin(), all.end(), [&](const ConfigKey& a, const ConfigKey& b) {
        return distance(a.name, name) < distance(b.name, name);
    });
    return Error::of(ErrorCode::invalid_config, fmt::format("unknown {} config '{}'; did you mean '{}'?",
                                                            name_of_scope(scope), name, nearest->name));
}

std::vector<std::string> split_list(std::string_view value) {
    std::vector<std::string> items;
    while (!value.empty()) {
        const auto comma = value.find(',');
        const auto item = trimmed(value.substr(0, comma));
        if (!item.empty()) items.emplace_back(item);
        value = comma == value.npos ? std::string_view{} : value.substr(comma + 1);
    }
    return items;
}

}  // namespace ottla::broker
