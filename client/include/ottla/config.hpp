// SPDX-License-Identifier: Apache-2.0
// Config: settings by librdkafka's property names. A name that does not exist, a value of the wrong type or out of
// range is refused with a sentence that names the nearest key or the range. Secrets are never printed.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ottla/result.hpp>

namespace ottla::inline v0 {

// Text, a number or a truth value. Text is read as the property's type; a number or truth value must be of it.
class ConfigValue {
public:
    enum class Kind : std::uint8_t { text, integer, real, boolean };

    ConfigValue(std::string text) : text_(std::move(text)) {}
    ConfigValue(std::string_view text) : text_(text) {}
    ConfigValue(const char* text) : text_(text) {}
    ConfigValue(bool value) : text_(value ? "true" : "false"), kind_(Kind::boolean) {}
    template <std::integral I>
        requires(!std::same_as<I, bool>)
    ConfigValue(I value) : text_(std::to_string(value)),
                           kind_(Kind::integer) {}
    template <std::floating_point F>
    ConfigValue(F value) : text_(std::to_string(value)),
                           kind_(Kind::real) {}

    const std::string& text() const noexcept { return text_; }
    Kind kind() const noexcept { return kind_; }

private:
    std::string text_;
    Kind kind_ = Kind::text;
};

class Config {
public:
    struct Entry {
        Entry(std::string_view entry_name, ConfigValue entry_value) : name(entry_name), value(std::move(entry_value)) {}
        std::string_view name;
        ConfigValue value;
    };

    Config() = default;
    // Nothing is checked yet: check(), or the client's create(), says what is wrong.
    Config(std::initializer_list<Entry> entries);

    // Checks name and value at once. A later value replaces an earlier one, also under another name of the property.
    Result<void> set(std::string_view name, ConfigValue value);
    // "name=value", as on a command line.
    Result<void> set(std::string_view assignment);
    // The value in effect: what was set, or the default. Nothing when the name is not known. Secrets are given.
    std::optional<std::string> get(std::string_view name) const;
    // Every name and value on its own. What values must be together is looked at by create().
    Result<void> check() const;
    // What was set, by canonical name.
    const std::map<std::string, ConfigValue, std::less<>>& entries() const noexcept { return entries_; }

private:
    std::map<std::string, ConfigValue, std::less<>> entries_;
};

// "name=value" lines in the order of the names, secrets as "[hidden]".
std::string to_string(const Config&);

// What there is to know about one property: for listings and help.
struct ConfigProperty {
    enum class State : std::uint8_t {
        implemented,  // does what it says
        accepted,     // known and checked; `note` says why it has no effect here
        refused,      // `note` says why, and what to use instead
    };

    std::string_view name;
    // "*" any client, "P" producer, "C" consumer.
    std::string_view clients;
    // "boolean", "integer", "real", "text", "list", "choice", "pointer"
    std::string_view type;
    // "0 .. 7", "none, gzip, …", or empty.
    std::string_view range;
    std::string_view default_value;
    // The canonical name when `name` is another one for it, else empty.
    std::string_view alias_of;
    State state;
    bool is_secret;
    std::string_view note;
};
std::string_view to_string(ConfigProperty::State) noexcept;
// "linger.ms (P, real 0 .. 900000, default 5): implemented, for queue.buffering.max.ms"
std::string to_string(const ConfigProperty&);
// Every name there is, in alphabetical order.
const std::vector<ConfigProperty>& config_properties();

}  // namespace ottla::inline v0
