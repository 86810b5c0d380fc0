// SPDX-License-Identifier: Apache-2.0
// Records of the consumer protocol against what a live Apache Kafka 4.3.1 wrote (tests/golden/groups).
#include "broker/groups/consumer_records.hpp"

#include <gtest/gtest.h>

#include "broker/groups/topic_hash.hpp"
#include "protocol/wire/hex.hpp"
#include "tests/broker/groups/consumer_script.hpp"

namespace ottla::broker::groups {
namespace {

using protocol::parse_hex;

const std::string key_of_member =
    "000a672d636f6e73756d6572001659"
    "4d684a46503172526b6d6d61614554687069"
    "4b4c41";

GroupRecord decoded(const std::string& key, const std::string& value) {
    const auto k = parse_hex(key).value(), v = parse_hex(value).value();
    auto record = decode_group_record(k.span(), v.span());
    EXPECT_TRUE(record) << record.error().text();
    return *record;
}
void expect_bytes(const GroupRecord& record, const std::string& key, const std::string& value) {
    const auto encoded = encode(record);
    ASSERT_TRUE(encoded);
    EXPECT_EQ(encoded->key, parse_hex(key).value());
    EXPECT_EQ(encoded->value, parse_hex(value).value());
}

TEST(ConsumerRecords, a_member_is_written_byte_for_byte_as_kafka_does) {
    const std::string key = "0005" + key_of_member;
    const std::string value = "00000000046369640b2f3132372e302e302e31020474786e01000493e00001000100";
    const auto record = std::get<ConsumerMemberRecord>(decoded(key, value));
    ConsumerMember member;
    member.id = record.key.member_id;
    member.profile = profile_of(*record.value);
    EXPECT_EQ(member.id, "YMhJFP1rRkmmaaEThpiKLA");
    EXPECT_EQ(member.profile.client_host, "/127.0.0.1");
    EXPECT_EQ(member.profile.topics, std::vector<std::string>{"txn"});
    EXPECT_EQ(member.profile.rebalance_timeout_ms, 300'000);
    EXPECT_FALSE(member.profile.classic);
    expect_bytes(member_record(record.key.group_id, member), key, value);
}

TEST(ConsumerRecords, where_a_member_stands_is_written_byte_for_byte_as_kafka_does) {
    const std::string key = "0008" + key_of_member;
    for (const std::string value :
         {"000000000002000000000002862c510c6f2d4cec84559083ed83770c020000000001000502000000020100",
          "0000fffffffe000000010002862c510c6f2d4cec84559083ed83770c020000000001000502000000000100"}) {
        const auto record = std::get<MemberPositionRecord>(decoded(key, value));
        ConsumerMember member;
        member.id = record.key.member_id;
        member.position = position_of(*record.value);
        EXPECT_EQ(size_of({{member.position.assigned.begin()->first, {0}}}), 1U);
        expect_bytes(position_record(record.key.group_id, member), key, value);
    }
}

TEST(ConsumerRecords, targets_and_epochs_are_written_byte_for_byte_as_kafka_does) {
    const std::string group = "000a672d636f6e73756d6572";
    const auto target =
        std::get<TargetRecord>(decoded("0007" + key_of_member, "000002862c510c6f2d4cec84559083ed83770c02000000000000"));
    expect_bytes(target_record("g-consumer", target.key.member_id, target_of(*target.value)), "0007" + key_of_member,
                 "000002862c510c6f2d4cec84559083ed83770c02000000000000");
    expect_bytes(target_epoch_record("g-consumer", 2, 0x1a1fd28e0de), "0006" + group,
                 "000000000002010008000001a1fd28e0de");
    expect_bytes(group_epoch_record("g-consumer", 2, 0x363e47faec4fe13d), "0003" + group,
                 "000000000002010008363e47faec4fe13d");
    expect_bytes(group_epoch_record("g-consumer", 3, 0), "0003" + group, "00000000000300");
}

// Brokers before 4.3.
TEST(ConsumerRecords, a_position_without_epochs_of_partitions_has_the_members) {
    const auto record = std::get<MemberPositionRecord>(
        decoded("0008" + key_of_member, "000000000007000000060002862c510c6f2d4cec84559083ed83770c0200000000000100"));
    EXPECT_EQ(position_of(*record.value).assigned.begin()->second.at(0), 7);
}

// The number that a live 4.3.1 wrote for its topic `txn`.
TEST(ConsumerRecords, topics_are_hashed_as_kafka_does) {
    ConsumerScript s;
    protocol::TopicRecord topic;
    topic.name = "txn";
    topic.topic_id = Uuid::parse("hixRDG8tTOyEVZCD7YN3DA").value();
    s.change_metadata(topic);
    s.add_partitions(topic.topic_id, 0, 1);
    EXPECT_EQ(topics_hash({"txn"}, s.image()), 0x363e47faec4fe13d);
    EXPECT_EQ(topics_hash({"txn", "none"}, s.image()), 0x363e47faec4fe13d);
    EXPECT_EQ(topics_hash({}, s.image()), 0);
    s.add_partitions(topic.topic_id, 1, 2);
    EXPECT_NE(topics_hash({"txn"}, s.image()), 0x363e47faec4fe13d);
}

}  // namespace
}  // namespace ottla::broker::groups
