// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/group_records.hpp"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "protocol/wire/hex.hpp"

namespace ottla::broker::groups {
namespace {

using protocol::parse_hex;

Bytes golden_message(const std::string& name) {
    std::ifstream in(std::string(OTTLA_SOURCE_DIR) + "/tests/golden/messages/" + name, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    EXPECT_TRUE(in) << name;
    return Bytes::from(text.str());
}

TEST(GroupRecords, reads_what_kafka_wrote) {
    const auto offset =
        decode_group_record(golden_message("offset-key-v1.bin").span(), golden_message("offset-value-v3.bin").span());
    ASSERT_TRUE(offset) << offset.error().text();
    const auto& commit = std::get<OffsetRecord>(*offset);
    EXPECT_EQ(commit.key.group, "g");
    EXPECT_EQ(commit.key.topic, "t");
    EXPECT_EQ(commit.value->offset, 7);
    EXPECT_EQ(commit.value->leader_epoch, 5);
    EXPECT_EQ(commit.value->metadata, "m");

    const auto group =
        decode_group_record(golden_message("group-key-v2.bin").span(), golden_message("group-value-v3.bin").span());
    ASSERT_TRUE(group) << group.error().text();
    const auto& metadata = std::get<ClassicGroupRecord>(*group);
    EXPECT_EQ(metadata.key.group, "g");
    EXPECT_EQ(metadata.value->generation, 1);
    EXPECT_EQ(metadata.value->leader, "m1");
    ASSERT_EQ(metadata.value->members.size(), 1U);
    EXPECT_EQ(metadata.value->members[0].client_host, "/127.0.0.1");
}

TEST(GroupRecords, writes_a_classic_group_byte_for_byte_as_kafka_does) {
    const Bytes key = golden_message("group-key-v2.bin"), value = golden_message("group-value-v3.bin");
    const auto encoded = encode(*decode_group_record(key.span(), value.span()));
    ASSERT_TRUE(encoded);
    EXPECT_EQ(encoded->key, key);
    EXPECT_EQ(encoded->value, value);
}

// What a live 4.3.1 wrote.
TEST(GroupRecords, writes_an_offset_byte_for_byte_as_kafka_does) {
    const auto key = parse_hex("00010009672d636c6173736963000374786e00000000").value();
    const auto value =
        parse_hex("0004000000000000000200000000026d000001a1fd28d604010010862c510c6f2d4cec84559083ed83770c").value();
    const auto record = decode_group_record(key.span(), value.span());
    ASSERT_TRUE(record) << record.error().text();
    const auto encoded = encode(*record);
    ASSERT_TRUE(encoded);
    EXPECT_EQ(encoded->key, key);
    EXPECT_EQ(encoded->value, value);
    EXPECT_EQ(std::get<OffsetRecord>(*record).key.group, "g-classic");
}

TEST(GroupRecords, an_offset_with_its_own_end_of_life_is_of_version_1) {
    auto record = offset_tombstone("g", "t", 2);
    record.value.emplace().offset = 9;
    record.value->expire_timestamp = 1234;
    const auto encoded = encode(record);
    ASSERT_TRUE(encoded);
    EXPECT_EQ((*encoded->value)[1], 1);
    const auto back = decode_group_record(encoded->key.span(), encoded->value->span());
    ASSERT_TRUE(back);
    EXPECT_EQ(std::get<OffsetRecord>(*back), record);
}

TEST(GroupRecords, a_key_without_a_value_deletes) {
    const auto encoded = encode(classic_group_tombstone("g"));
    ASSERT_TRUE(encoded);
    EXPECT_FALSE(encoded->value);
    const auto back = decode_group_record(encoded->key.span(), std::nullopt);
    ASSERT_TRUE(back);
    EXPECT_FALSE(std::get<ClassicGroupRecord>(*back).value);
}

TEST(GroupRecords, the_oldest_offsets_are_read) {
    const auto key = parse_hex(
                         "0000000167000174"
                         "00000005")
                         .value();
    const auto value = parse_hex(
                           "0000"
                           "000000000000002a"
                           "0001"
                           "78"
                           "0000000000000001")
                           .value();
    const auto record = decode_group_record(key.span(), value.span());
    ASSERT_TRUE(record) << record.error().text();
    EXPECT_EQ(std::get<OffsetRecord>(*record).value->offset, 42);
    EXPECT_EQ(std::get<OffsetRecord>(*record).key.partition, 5);
}

TEST(GroupRecords, what_is_not_known_or_cut_off_is_told) {
    const auto refused = [](const char* key, const char* value) {
        const auto k = parse_hex(key).value(), v = parse_hex(value).value();
        return decode_group_record(k.span(), v.span()).error().code();
    };
    EXPECT_EQ(decode_group_record(std::nullopt, std::nullopt).error(), ErrorCode::bad_message);
    EXPECT_EQ(refused("00", "0000"), ErrorCode::bad_message);
    EXPECT_EQ(refused("0063000167", "0000"), ErrorCode::unsupported_version);
    EXPECT_EQ(refused("0002000167", "0009"), ErrorCode::unsupported_version);
    EXPECT_EQ(refused("0002000167", "00"), ErrorCode::bad_message);
    EXPECT_EQ(refused("0002000967", "0003"), ErrorCode::bad_message);
    EXPECT_EQ(refused("0002000167", "0003ffff"), ErrorCode::bad_message);
}

TEST(GroupRecords, a_name_that_is_too_long_is_refused) {
    EXPECT_FALSE(encode(classic_group_tombstone(std::string(40'000, 'g'))));
}

}  // namespace
}  // namespace ottla::broker::groups
