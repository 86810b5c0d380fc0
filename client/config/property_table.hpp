// SPDX-License-Identifier: Apache-2.0
// The table of properties (properties.inc) and how values are read by it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <ottla/config.hpp>

namespace ottla::client {

enum class PropertyType : std::uint8_t { boolean, integer, real, text, list, choice, pointer };

struct Property {
    std::string_view name;
    std::string_view clients;
    PropertyType type;
    std::int64_t least;
    std::int64_t greatest;
    std::string_view choices;  // "a, b, c"; of a list: what its items may be; empty: anything
    std::string_view default_value;
    std::string_view alias_of;
    ConfigProperty::State state;
    bool is_secret;
    std::string_view note;
};

// Null when there is no such name.
const Property* find_property(std::string_view name) noexcept;
// The property that `name` is another name of, or `name` itself.
const Property& canonical(const Property&) noexcept;
// The name with the fewest letters to change; nothing when none is near.
std::string_view nearest_property(std::string_view name);
std::string range_of(const Property&);

// invalid_argument with the property, the value (never a secret one) and what it may be; or why it is refused.
Result<void> check_value(const Property&, const ConfigValue&);
// The value in its one form: "yes" → "true", "latest" stays.
std::optional<bool> read_boolean(std::string_view) noexcept;
std::optional<std::int64_t> read_integer(std::string_view) noexcept;
std::optional<double> read_real(std::string_view) noexcept;

}  // namespace ottla::client
