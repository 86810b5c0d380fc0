// SPDX-License-Identifier: Apache-2.0
// The table of config keys: Kafka's names, types, defaults and ranges for brokers, topics and groups, in one explicit
// list (config_keys.inc). It decides whether a name is known and whether a value is right; it keeps no values.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ottla/result.hpp>

namespace ottla::broker {

enum class ConfigScope : std::uint8_t { topic, broker, group };
enum class ConfigType : std::uint8_t { boolean, int16, int32, int64, floating, text, list, class_name, password };
// Who may change a key while the broker runs: nobody, each broker for itself, or the cluster as a whole.
enum class ConfigUpdate : std::uint8_t { read_only, per_broker, cluster };
enum class ConfigState : std::uint8_t { implemented, accepted };

struct ConfigKey {
    enum Flag : std::uint8_t { internal_key = 1, dynamic_only = 2 };

    ConfigScope scope;
    std::string_view name;
    ConfigType type;
    const char* default_value;  // null: there is none, or it is computed
    ConfigUpdate update;
    std::string_view valid;  // Kafka's wording: "[1,...]", "[compact, delete]; no duplicates"
    std::string_view
        synonyms;  // of a topic or group key: the broker keys that stand behind it, the first that is set wins
    ConfigState state;
    std::uint8_t flags;

    bool is_internal() const noexcept { return (flags & internal_key) != 0; }
    bool is_sensitive() const noexcept { return type == ConfigType::password; }
    // Kafka's number of the type in DescribeConfigs.
    std::int8_t wire_type() const noexcept;
};

// All keys of the scope, by name.
std::span<const ConfigKey> config_keys(ConfigScope) noexcept;
// Null when the name is not known.
const ConfigKey* find_config_key(ConfigScope, std::string_view name) noexcept;

// INVALID_CONFIG naming key, value and what would be right.
Result<void> check_config_value(const ConfigKey&, std::string_view value);

// INVALID_CONFIG: "unknown key 'log.dri'; did you mean 'log.dir'?"
Error unknown_config_key(ConfigScope, std::string_view name);

// "a, b,c" → a b c; spaces around are dropped, empty items too.
std::vector<std::string> split_list(std::string_view value);

}  // namespace ottla::broker
