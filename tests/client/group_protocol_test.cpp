// SPDX-License-Identifier: Apache-2.0
// The bytes of group members, against those that Apache Kafka 4.3.1 writes.
#include <gtest/gtest.h>

#include "client/consumer/assignors/group_protocol.hpp"

namespace ottla::client {
namespace {

std::string hex(const Bytes& bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (const auto b : bytes.span()) (out += digits[b >> 4]) += digits[b & 15];
    return out;
}
Bytes unhex(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        out += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
    return Bytes::copy_of(out);
}
const Assignor& named(std::string_view name) { return *find_assignor(name); }

constexpr std::string_view full =
    "000300000002000161000162000000040000000700000002000161000000020000000000000003000162000000010000000100000007000272"
    "31";
constexpr std::string_view held_bytes = "00000002000161000000020000000000000002000162000000010000000100000005";

TEST(GroupProtocol, a_subscription_is_written_as_java_writes_it) {
    GroupMember m;
    m.topics = {"a", "b"};
    m.owned = {{"a", {0, 3}}, {"b", {1}}};
    m.generation = 7;
    m.rack = "r1";
    EXPECT_EQ(hex(write_subscription(named("cooperative-sticky"), m, {}).value()), full);
    GroupMember plain;
    plain.topics = {"a", "b"};
    EXPECT_EQ(hex(write_subscription(named("range"), plain, {}).value()),
              "000300000002000161000162ffffffff00000000ffffffffffff");
}

TEST(GroupProtocol, the_sticky_assignor_sends_along_what_was_held) {
    GroupMember m;
    m.topics = {"a"};
    m.generation = 5;
    const auto bytes = write_subscription(named("sticky"), m, {{"a", {0, 2}}, {"b", {1}}}).value();
    EXPECT_NE(hex(bytes).find(held_bytes), std::string::npos) << hex(bytes);
    const auto read = read_subscription(named("sticky"), bytes).value();
    EXPECT_EQ(read.owned, (PartitionMap{{"a", {0, 2}}, {"b", {1}}}));
    EXPECT_EQ(read.generation, 5);
}

TEST(GroupProtocol, a_subscription_of_any_version_is_read) {
    const auto read = read_subscription(named("cooperative-sticky"), unhex(full)).value();
    EXPECT_EQ(read.topics, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(read.owned, (PartitionMap{{"a", {0, 3}}, {"b", {1}}}));
    EXPECT_EQ(read.generation, 7);
    EXPECT_EQ(read.rack, "r1");
    const auto v0 = read_subscription(named("range"), unhex("000000000001000161ffffffff")).value();
    EXPECT_EQ(v0.topics, std::vector<std::string>{"a"});
    // Version 1 has no field for the generation: user data carries it.
    const auto v1 = read_subscription(named("cooperative-sticky"),
                                      unhex("0001000000010001610000000400000009000000010001610000000100000002"));
    EXPECT_EQ(v1->generation, 9);
    EXPECT_EQ(v1->owned, (PartitionMap{{"a", {2}}}));
    auto later = std::string(full) + "1234";
    later[3] = '9';
    EXPECT_TRUE(read_subscription(named("range"), unhex(later))) << "a later version with a field more";
}

TEST(GroupProtocol, librdkafka_sends_what_was_held_also_to_the_cooperative_assignor) {
    // Version 1, without owned partitions, and its user data: topics and a generation.
    const auto bytes = unhex("00010000000100016100000022" + std::string(held_bytes) + "00000000");
    const auto read = read_subscription(named("cooperative-sticky"), bytes).value();
    EXPECT_EQ(read.generation, 5);
    EXPECT_EQ(read.owned, (PartitionMap{{"a", {0, 2}}, {"b", {1}}}));
}

TEST(GroupProtocol, an_assignment_is_written_and_read_as_java_does) {
    const PartitionMap partitions{{"a", {0, 2}}, {"b", {1}}};
    const std::string bytes = "0003000000020001610000000200000000000000020001620000000100000001ffffffff";
    EXPECT_EQ(hex(write_assignment(partitions).value()), bytes);
    EXPECT_EQ(read_assignment(unhex(bytes)).value(), partitions);
    EXPECT_EQ(hex(write_assignment({}).value()), "000300000000ffffffff");
    EXPECT_TRUE(read_assignment({}).value().empty());
}

TEST(GroupProtocol, what_is_broken_is_refused_and_never_believed) {
    for (std::size_t length = 2; length < full.size(); length += 2) {
        const auto cut = unhex(full.substr(0, length));
        EXPECT_FALSE(read_subscription(named("range"), cut)) << cut.size();
    }
    EXPECT_EQ(read_assignment(unhex("00030000000100016100000001ffffffffffffffff")).error(), ErrorCode::bad_message)
        << "a negative partition";
    EXPECT_FALSE(read_assignment(unhex("00037fffffff"))) << "more topics than bytes";
    EXPECT_FALSE(read_assignment(unhex("ffff00000000ffffffff"))) << "a negative version";
    // A partition named twice is one; user data that means nothing is none.
    EXPECT_EQ(read_assignment(unhex("000300000001000161000000020000000100000001ffffffff")).value(),
              (PartitionMap{{"a", {1}}}));
    const auto odd = read_subscription(named("sticky"), unhex("000000000001000161000000057fffffff00"));
    EXPECT_TRUE(odd) << to_string(odd.error());
    EXPECT_TRUE(odd->owned.empty());
}

}  // namespace
}  // namespace ottla::client
