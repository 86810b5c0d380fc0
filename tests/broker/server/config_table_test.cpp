// SPDX-License-Identifier: Apache-2.0
#include "broker/server/config_table.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace ottla::broker {
namespace {

bool takes(ConfigScope scope, std::string_view name, std::string_view value) {
    const auto* key = find_config_key(scope, name);
    return key && check_config_value(*key, value).has_value();
}

TEST(ConfigTable, is_sorted_and_its_defaults_pass_their_own_checks) {
    for (const auto scope : {ConfigScope::topic, ConfigScope::broker, ConfigScope::group}) {
        const auto keys = config_keys(scope);
        EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end(), [](auto& a, auto& b) { return a.name < b.name; }));
        for (const auto& key : keys) {
            EXPECT_EQ(find_config_key(scope, key.name), &key);
            if (key.default_value && key.type != ConfigType::class_name) {
                const auto right = check_config_value(key, key.default_value);
                EXPECT_TRUE(right.has_value()) << key.name << ": " << right.error().text();
            }
        }
    }
    EXPECT_EQ(config_keys(ConfigScope::topic).size(), 34U);
}

TEST(ConfigTable, every_broker_key_behind_a_topic_or_group_key_exists) {
    for (const auto scope : {ConfigScope::topic, ConfigScope::group}) {
        for (const auto& key : config_keys(scope)) {
            std::string names(key.synonyms);
            std::replace(names.begin(), names.end(), ' ', ',');
            for (const auto& name : split_list(names))
                EXPECT_NE(find_config_key(ConfigScope::broker, name), nullptr) << name;
        }
    }
}

TEST(ConfigTable, values_are_held_to_type_and_range) {
    using enum ConfigScope;
    EXPECT_TRUE(takes(topic, "cleanup.policy", "compact,delete"));
    EXPECT_FALSE(takes(topic, "cleanup.policy", "compact,compact"));
    EXPECT_FALSE(takes(topic, "cleanup.policy", "shrink"));
    EXPECT_TRUE(takes(topic, "retention.ms", "-1"));
    EXPECT_FALSE(takes(topic, "retention.ms", "-2"));
    EXPECT_FALSE(takes(topic, "retention.ms", "1h"));
    EXPECT_FALSE(takes(topic, "segment.bytes", "1000"));
    EXPECT_FALSE(takes(topic, "segment.bytes", "3000000000"));
    EXPECT_TRUE(takes(topic, "internal.segment.bytes", "2000"));
    EXPECT_FALSE(takes(topic, "internal.segment.bytes", "0"));
    EXPECT_FALSE(takes(topic, "compression.zstd.level", "23"));
    EXPECT_FALSE(takes(topic, "message.timestamp.before.max.ms", "-1"));
    EXPECT_TRUE(takes(topic, "compression.gzip.level", "-1"));
    EXPECT_FALSE(takes(topic, "compression.gzip.level", "0"));
    EXPECT_TRUE(takes(topic, "min.cleanable.dirty.ratio", "0.25"));
    EXPECT_FALSE(takes(topic, "min.cleanable.dirty.ratio", "1.5"));
    EXPECT_FALSE(takes(topic, "compression.type", "brotli"));
    EXPECT_FALSE(takes(topic, "preallocate", "yes"));
    EXPECT_FALSE(takes(broker, "process.roles", ""));
    EXPECT_TRUE(takes(broker, "group.consumer.migration.policy", "Bidirectional"));
    EXPECT_TRUE(takes(broker, "log.flush.policy", "os"));
    EXPECT_FALSE(takes(broker, "log.flush.policy", "never"));
}

TEST(ConfigTable, an_error_names_the_range) {
    const auto refused = [](std::string_view name, std::string_view value) {
        return std::string(check_config_value(*find_config_key(ConfigScope::topic, name), value).error().text());
    };
    EXPECT_EQ(refused("segment.bytes", "1048575"),
              "Invalid value 1048575 for configuration segment.bytes: must be in [1048576,...]");
    EXPECT_EQ(refused("compression.lz4.level", "0"),
              "Invalid value 0 for configuration compression.lz4.level: must be in [1,...,17]");
    EXPECT_EQ(refused("segment.ms", "1h"), "Invalid value 1h for configuration segment.ms: not a number of 64 bits");
}

TEST(ConfigTable, an_unknown_name_comes_with_the_nearest) {
    const auto error = unknown_config_key(ConfigScope::broker, "log.dri");
    EXPECT_EQ(error.code(), ErrorCode::invalid_config);
    EXPECT_EQ(error.text(), "unknown broker config 'log.dri'; did you mean 'log.dir'?");
}

TEST(ConfigTable, a_secret_is_not_repeated_in_an_error) {
    ConfigKey key = *find_config_key(ConfigScope::broker, "num.partitions");
    key.type = ConfigType::password;
    EXPECT_TRUE(check_config_value(key, "hunter2").has_value());
    EXPECT_TRUE(key.is_sensitive());
}

}  // namespace
}  // namespace ottla::broker
