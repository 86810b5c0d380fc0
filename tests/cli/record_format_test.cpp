// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/record_format.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/consumer/fetched_records.hpp"
#include "tools/ottla/record_json.hpp"

namespace ottla::tools {
namespace {

// The record orders[3]@42 with leader epoch 7 of 2023-11-14 22:13:20 UTC and the headers a=1, b=null.
Message message(BytesView key, BytesView value) {
    static constexpr std::uint8_t headers[] = {2, 'a', 2, '1', 2, 'b', 1};
    auto pin = std::make_shared<FetchedRecords>();
    pin->topic = std::make_shared<const std::string>("orders");
    pin->partition = 3;
    MessageView::Parts parts;
    parts.offset = 42;
    parts.timestamp_ms = 1'700'000'000'123;
    parts.key = key;
    parts.value = value;
    parts.headers = headers;
    parts.headers_size = sizeof headers;
    parts.header_count = 2;
    parts.leader_epoch = 7;
    return Message(MessageView(parts), std::move(pin));
}

std::string format(std::string_view how, const Message& what) {
    std::string text;
    RecordFormat::parse(how).value().append(what, text);
    return text;
}

TEST(RecordFormat, prints_what_each_letter_stands_for) {
    const Message m = message("key", "value");
    const std::pair<const char*, const char*> table[] = {
        {"%t[%p]@%o", "orders[3]@42"},
        {"%k=%v\\n", "key=value\n"},
        {"%T %K %V %H", "6 3 5 2"},
        {"%d", "1700000000123"},
        {"%d{strftime[%F %H:%M:%S]}", "2023-11-14 22:13:20"},
        {"%e %i", "7 1"},
        {"%h", "a=1,b="},
        {"%h{<%k:%v:%V>}", "<a:1:1><b::-1>"},
        {"%k{hex} %v{base64}", "6b6579 dmFsdWU="},
        {"100%% \\t\\\\\\x41", "100% \t\\A"},
        {"", ""},
    };
    for (const auto& [how, expected] : table) EXPECT_EQ(format(how, m), expected) << how;
}

TEST(RecordFormat, tells_null_from_empty_by_its_length) {
    EXPECT_EQ(format("%k|%K|%v|%V", message(nullptr, "")), "|-1||0");
}

TEST(RecordFormat, counts_the_records) {
    auto f = RecordFormat::parse("%i ").value();
    std::string text;
    for (int i = 0; i < 3; ++i) f.append(message(nullptr, nullptr), text);
    EXPECT_EQ(text, "1 2 3 ");
}

TEST(RecordFormat, refuses_what_means_nothing_and_says_where) {
    for (const char* wrong : {"%", "\\", "%q", "\\q", "\\x4", "%v{hex", "%v{strange}", "%o{hex}", "%h{%o}", "%d{%F}"}) {
        const auto parsed = RecordFormat::parse(wrong);
        ASSERT_TRUE(parsed.has_error()) << wrong;
        EXPECT_EQ(parsed.error(), ErrorCode::invalid_argument);
        EXPECT_THAT(std::string(parsed.error().text()), testing::HasSubstr("at character")) << wrong;
    }
}

TEST(RecordJson, is_one_object_a_line) {
    std::string text;
    append_json_line(message("k\"1", nullptr), text);
    EXPECT_EQ(text,
              R"({"topic":"orders","partition":3,"offset":42,"timestamp":1700000000123,"key":"k\"1","value":null,)"
              R"("headers":[{"key":"a","value":"1"},{"key":"b","value":null}]})"
              "\n");
}

TEST(RecordJson, bytes_that_are_not_utf8_go_as_base64) {
    for (const char* bytes : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
        std::string text;
        append_json_line(message(nullptr, BytesView(bytes)), text);
        EXPECT_THAT(text, testing::HasSubstr("\"value_base64\":\""));
    }
    std::string text;
    append_json_line(message(nullptr, "€ \xf0\x9f\x90\x99"), text);
    EXPECT_THAT(text, testing::HasSubstr("\"value\":\"€ \xf0\x9f\x90\x99\""));
}

}  // namespace
}  // namespace ottla::tools
