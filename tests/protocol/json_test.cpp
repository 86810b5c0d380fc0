// SPDX-License-Identifier: Apache-2.0
#include <ottla/protocol/json.hpp>

#include <sstream>

#include <gtest/gtest.h>
#include <boost/json/parse.hpp>
#include <ottla/protocol/messages.hpp>

#include "protocol/wire/wire.hpp"

namespace ottla::protocol {
namespace {

TEST(Json, prints_numbers_and_text_as_jackson_does) {
    const std::pair<double, const char*> doubles[] = {
        {0.0, "0.0"},         {-0.0, "-0.0"},           {1.0, "1.0"},   {0.001, "0.001"},
        {0.00099, "9.9E-4"},  {9999999.0, "9999999.0"}, {1e7, "1.0E7"}, {1.5e300, "1.5E300"},
        {-2.5e-7, "-2.5E-7"}, {123.456, "123.456"}};
    for (const auto& [value, text] : doubles) EXPECT_EQ(to_text(value), text);
    EXPECT_EQ(to_text(boost::json::value(std::numeric_limits<double>::quiet_NaN())), "\"NaN\"");
    EXPECT_EQ(to_text(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
    EXPECT_EQ(to_text(boost::json::value("a\"\\/\b\f\n\r\t\v\x1f\x7f\xc3\xa9")),
              "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u000B\\u001F\x7f\xc3\xa9\"");
    EXPECT_EQ(to_text(boost::json::value("\xff\xc3(\xed\xa0\x80")),
              "\"\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    EXPECT_EQ(to_text(boost::json::parse("{\"a\":[],\"b\":{},\"c\":[1,null,true]}")),
              "{\"a\":[],\"b\":{},\"c\":[1,null,true]}");
}

TEST(Json, tells_which_field_is_wrong) {
    const std::pair<const char*, const char*> wrong[] = {
        {R"({"key":"a"})", "FindCoordinatorRequest v1: field 'keyType' is missing"},
        {R"({"key":"a","keyType":128})",
         "FindCoordinatorRequest v1: field 'keyType' is not a whole number from -128 to 127"},
        {R"({"key":null,"keyType":1})", "FindCoordinatorRequest v1: field 'key' is not a string"},
        {R"({"key":"a","keyType":1,"coordinatorKeys":[]})",
         "FindCoordinatorRequest v1: field 'coordinatorKeys' is not in this version"},
        {R"({"key":"a","keyType":1,"kay":1})", "FindCoordinatorRequest v1: field 'kay' is not known"},
        {"[]", "FindCoordinatorRequest v1: is not an object"}};
    for (const auto& [json, text] : wrong) {
        FindCoordinatorRequest request;
        const auto read = from_json(boost::json::parse(json), request, 1);
        ASSERT_FALSE(read) << json;
        EXPECT_EQ(read.error().code(), ErrorCode::invalid_argument);
        EXPECT_EQ(read.error().text(), text);
    }
    MetadataRequest nested;
    const auto read = from_json(boost::json::parse(R"({"topics":[{"name":7}]})"), nested, 0);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().text(), "MetadataRequest v0: field 'topics.name' is not a string");
}

TEST(Wire, decodes_and_encodes_by_name) {
    std::istringstream hex("00 12 0003 00000001 0001 63 00\n");
    std::ostringstream json, bytes, err;
    EXPECT_EQ(wire_decode({"RequestHeader", 2, true}, hex, json, err), 0) << err.str();
    EXPECT_EQ(json.str(), "{\"requestApiKey\":18,\"requestApiVersion\":3,\"correlationId\":1,\"clientId\":\"c\"}\n");
    std::istringstream in(json.str());
    EXPECT_EQ(wire_encode({"RequestHeader", 2, true}, in, bytes, err), 0) << err.str();
    EXPECT_EQ(bytes.str(),
              "0012000300000001000163"
              "00\n");
}

TEST(Wire, says_what_is_wrong_and_exits_with_1) {
    const std::pair<WireMessage, const char*> wrong[] = {
        {{"NoSuchRequest", 0, true}, "wire: there is no message 'NoSuchRequest'\n"},
        {{"MetadataRequest", 99, true}, "wire: MetadataRequest has no version 99, only 0 to 13\n"},
        {{"MetadataRequest", 0, true}, "wire: the input is not hexadecimal\n"},
        {{"MetadataRequest", 0, false}, "wire: MetadataRequest v0, byte 0 of 2: the bytes end too early\n"}};
    for (const auto& [message, text] : wrong) {
        std::istringstream in("zz");
        std::ostringstream out, err;
        EXPECT_EQ(wire_decode(message, in, out, err), 1);
        EXPECT_EQ(err.str(), text);
        EXPECT_TRUE(out.str().empty());
    }
}

TEST(Wire, goes_on_after_a_bad_line) {
    std::istringstream in(
        "MetadataRequest\t0\t00000000\n"
        "MetadataRequest\t0\t0000\n"
        "MetadataRequest\tx\t00\n"
        "Nobody\t0\t00\n"
        "no tabs\n"
        "MetadataRequest\t0\t0g\n"
        "\n"
        "MetadataRequest\t0\t0000000000\n"
        "HeartbeatResponse\t0\t0010\n");
    std::ostringstream out;
    EXPECT_EQ(wire_lines(in, out), 0);
    EXPECT_EQ(out.str(),
              "MetadataRequest\t0\t{\"topics\":[]}\t00000000\n"
              "ERROR\tMetadataRequest v0, byte 0 of 2: the bytes end too early\n"
              "ERROR\tthe version is not a number\n"
              "ERROR\tthere is no message 'Nobody'\n"
              "ERROR\tthe line is not NAME, VERSION and HEX with tabs between\n"
              "ERROR\tthe bytes are not hexadecimal\n"
              "ERROR\tMetadataRequest, byte 4 of 5: bytes are left over\n"
              "HeartbeatResponse\t0\t{\"errorCode\":16}\t0010\n");
}

TEST(Wire, lists_every_message) {
    std::ostringstream out;
    EXPECT_EQ(wire_list(out), 0);
    EXPECT_NE(out.str().find("MetadataRequest\trequest\t3\t0-13\n"), std::string::npos);
    EXPECT_NE(out.str().find("QuorumStateData\tdata\t-\t0-1\n"), std::string::npos);
}

}  // namespace
}  // namespace ottla::protocol
