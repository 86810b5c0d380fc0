// SPDX-License-Identifier: Apache-2.0
#include "broker/metadata/records.hpp"

#include <gtest/gtest.h>

#include "broker/metadata/controller.hpp"

namespace ottla::broker {
namespace {

Bytes from_hex(std::string_view hex) {
    std::string out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    }
    return Bytes::from(std::move(out));
}

// Written by Apache Kafka 4.3.1 at the start of a new cluster.
TEST(MetadataRecords, the_first_records_are_kafkas_byte_for_byte) {
    const char* const kafkas[] = {
        "01170001001212426f6f747374726170207265636f726473",
        "010c00116d657461646174612e76657273696f6e001e00",
        "010c0021656c696769626c652e6c65616465722e7265706c696361732e76657273696f6e000100",
        "010c000e67726f75702e76657273696f6e000100",
        "010c000e73686172652e76657273696f6e000100",
        "010c001073747265616d732e76657273696f6e000100",
        "010c00147472616e73616374696f6e2e76657273696f6e000200",
        "010400040114"
        "6d696e2e696e73796e632e7265706c69636173"
        "023100",
        "01180000",
    };
    const auto ours = Controller::bootstrap_records();
    ASSERT_EQ(ours.size(), std::size(kafkas));
    for (std::size_t i = 0; i < ours.size(); ++i) {
        const auto bytes = encode_record(ours[i]);
        ASSERT_TRUE(bytes.has_value()) << i;
        EXPECT_EQ(*bytes, from_hex(kafkas[i])) << i;
        const auto back = decode_record(*bytes);
        ASSERT_TRUE(back.has_value()) << i;
        EXPECT_EQ(*back, ours[i]) << i;
    }
}

TEST(MetadataRecords, a_registration_change_takes_the_lowest_version_that_holds_it) {
    protocol::BrokerRegistrationChangeRecord record;
    const auto version_of = [&] { return encode_record(record)->span()[2]; };
    record.fenced = -1;
    EXPECT_EQ(version_of(), 0);
    record.in_controlled_shutdown = 1;
    EXPECT_EQ(version_of(), 1);
    record.log_dirs.emplace_back();
    EXPECT_EQ(version_of(), 2);
    record.cordoned_log_dirs.emplace();
    EXPECT_EQ(version_of(), 3);
}

TEST(MetadataRecords, what_is_not_known_is_an_error) {
    EXPECT_FALSE(decode_record(from_hex("")).has_value());
    EXPECT_FALSE(decode_record(from_hex("020c00")).has_value());        // frame
    EXPECT_FALSE(decode_record(from_hex("01630000")).has_value());      // record 99
    EXPECT_FALSE(decode_record(from_hex("01180900")).has_value());      // version 9
    EXPECT_FALSE(decode_record(from_hex("010c00116d65")).has_value());  // cut off
    EXPECT_FALSE(decode_record(from_hex("0118000000")).has_value());    // more behind it
}

}  // namespace
}  // namespace ottla::broker
