// SPDX-License-Identifier: Apache-2.0
#include "broker/server/effective_config.hpp"

#include <gtest/gtest.h>

#include "broker/metadata/image_builder.hpp"

namespace ottla::broker {
namespace {

MetadataRecord config_record(ConfigResourceType type, std::string resource, std::string name, std::string value) {
    protocol::ConfigRecord record;
    record.resource_type = static_cast<std::int8_t>(type);
    record.resource_name = std::move(resource);
    record.name = std::move(name);
    record.value = std::move(value);
    return record;
}

std::shared_ptr<const MetadataImage> image_of(std::vector<MetadataRecord> records) {
    ImageBuilder builder(MetadataImage::empty());
    std::int64_t offset = 0;
    for (const auto& record : records) EXPECT_TRUE(builder.apply(record, offset++).has_value());
    return builder.build();
}

EffectiveConfig topic_value(const MetadataImage& image, const Properties& values, std::string_view name) {
    return effective_topic_config(*find_config_key(ConfigScope::topic, name), ConfigView{image, values, 1}, "orders");
}

TEST(EffectiveConfig, the_nearest_level_wins) {
    using enum ConfigResourceType;
    const Properties file{{"log.retention.ms", "4"}};
    std::vector<MetadataRecord> records;
    const auto now = [&] { return topic_value(*image_of(records), file, "retention.ms"); };

    EXPECT_EQ(topic_value(*image_of({}), {}, "retention.ms").value, "604800000");
    EXPECT_EQ(now().value, "4");
    EXPECT_EQ(now().source, ConfigSource::static_broker);
    records.push_back(config_record(broker, "", "log.retention.ms", "3"));
    EXPECT_EQ(now().source, ConfigSource::dynamic_default_broker);
    records.push_back(config_record(broker, "1", "log.retention.ms", "2"));
    EXPECT_EQ(now().source, ConfigSource::dynamic_broker);
    records.push_back(config_record(topic, "orders", "retention.ms", "1"));
    const auto all = now();
    EXPECT_EQ(all.value, "1");
    EXPECT_EQ(all.source, ConfigSource::dynamic_topic);
    ASSERT_EQ(all.synonyms.size(), 5U);
    EXPECT_EQ(all.synonyms[3].value, "4");
    EXPECT_EQ(all.synonyms[4].name, "log.retention.hours");
    EXPECT_EQ(all.synonyms[4].value, "168");
}

TEST(EffectiveConfig, hours_and_minutes_become_milliseconds) {
    EXPECT_EQ(topic_value(*image_of({}), {{"log.retention.hours", "2"}}, "retention.ms").value, "7200000");
    EXPECT_EQ(topic_value(*image_of({}), {{"log.retention.hours", "2"}, {"log.retention.minutes", "3"}}, "retention.ms")
                  .value,
              "180000");
    EXPECT_EQ(topic_value(*image_of({}), {{"log.retention.hours", "-1"}}, "retention.ms").value, "-1");
}

TEST(EffectiveConfig, a_topic_gets_typed_values) {
    using enum ConfigResourceType;
    const auto image = image_of({config_record(topic, "orders", "message.timestamp.type", "LogAppendTime"),
                                 config_record(topic, "orders", "cleanup.policy", "compact,delete"),
                                 config_record(topic, "orders", "internal.segment.bytes", "2000")});
    const Properties file{{"message.max.bytes", "5000"}};
    const auto config = topic_config(ConfigView{*image, file, 1}, "orders");
    EXPECT_TRUE(config.log_append_time);
    EXPECT_TRUE(config.is_compacted);
    EXPECT_EQ(config.segment_bytes, 2000);
    EXPECT_EQ(config.max_message_bytes, 5000);
    EXPECT_EQ(topic_config(ConfigView{*image, {}, 1}, "other"), TopicConfig{});
}

TEST(EffectiveConfig, a_topics_codec_comes_with_its_level) {
    using enum protocol::CompressionType;
    const auto read = [](Properties values) { return topic_config(ConfigView{*image_of({}), values, 1}, "orders"); };
    EXPECT_EQ(read({}).compression, std::nullopt);
    EXPECT_EQ(read({{"compression.type", "uncompressed"}}).compression, none);
    EXPECT_EQ(read({{"compression.type", "snappy"}}).compression, snappy);
    const auto level = [&](std::string codec, std::string value) {
        const auto config = read({{"compression.type", codec}, {"compression." + codec + ".level", value}});
        EXPECT_TRUE(is_valid_level(*config.compression, config.compression_level));
        return config.compression_level;
    };
    EXPECT_EQ(level("gzip", "-1"), protocol::default_compression_level);
    EXPECT_EQ(level("gzip", "9"), 9);
    EXPECT_EQ(level("zstd", "3"), 3);
    EXPECT_EQ(level("zstd", "-131072"), -131072);
    EXPECT_EQ(level("zstd", "-1"), -2);
    // Kafka's default level of lz4 is its fast mode.
    EXPECT_EQ(level("lz4", "9"), protocol::default_compression_level);
    EXPECT_EQ(level("lz4", "17"), 12);
}

TEST(EffectiveConfig, a_broker_key_shows_its_levels) {
    using enum ConfigResourceType;
    const auto image = image_of({config_record(broker, "", "message.max.bytes", "7")});
    const Properties file{{"message.max.bytes", "8"}};
    const auto& key = *find_config_key(ConfigScope::broker, "message.max.bytes");
    const auto own = effective_broker_config(key, ConfigView{*image, file, 1}, "1");
    EXPECT_EQ(own.value, "7");
    ASSERT_EQ(own.synonyms.size(), 3U);
    const auto shared = effective_broker_config(key, ConfigView{*image, file, 1}, "");
    EXPECT_EQ(shared.value, "7");
    EXPECT_EQ(shared.synonyms.size(), 1U);
}

}  // namespace
}  // namespace ottla::broker
