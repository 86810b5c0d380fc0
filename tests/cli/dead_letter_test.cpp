// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/dead_letter.hpp"

#include <gtest/gtest.h>

namespace ottla::tools {
namespace {

// A view whose headers are these; `bytes` keeps them.
MessageView with_headers(const std::vector<std::pair<std::string, std::string>>& headers, std::string& bytes) {
    bytes.clear();
    for (const auto& [name, value] : headers) {
        EXPECT_TRUE(name.size() < 64 && value.size() < 64);
        bytes += static_cast<char>(name.size() * 2);
        bytes += name;
        bytes += static_cast<char>(value.size() * 2);
        bytes += value;
    }
    MessageView::Parts parts;
    parts.headers = reinterpret_cast<const std::uint8_t*>(bytes.data());
    parts.headers_size = static_cast<std::uint32_t>(bytes.size());
    parts.header_count = static_cast<std::uint32_t>(headers.size());
    return MessageView(parts);
}

TEST(DeadLetter, tells_its_origin) {
    std::string bytes;
    const auto letter = dead_letter_of(with_headers({{"dead-letter.topic", "orders"},
                                                     {"dead-letter.partition", "3"},
                                                     {"dead-letter.offset", "17"},
                                                     {"dead-letter.timestamp", "1000"},
                                                     {"dead-letter.group", "billing"},
                                                     {"dead-letter.attempts", "4"},
                                                     {"dead-letter.error", "no such account"}},
                                                    bytes));
    EXPECT_EQ(letter.topic, "orders");
    EXPECT_EQ(letter.partition, 3);
    EXPECT_EQ(letter.offset, 17);
    EXPECT_EQ(letter.timestamp_ms, 1000);
    EXPECT_EQ(letter.group, "billing");
    EXPECT_EQ(letter.attempts, 4);
    EXPECT_EQ(letter.error, "no such account");
    EXPECT_EQ(letter.redriven, 0);
}

TEST(DeadLetter, takes_anything_for_headers) {
    std::string bytes;
    EXPECT_EQ(dead_letter_of(with_headers({}, bytes)).topic, "");
    for (const char* wrong : {"", "-5", "x", "1x", "99999999999999999999"}) {
        const auto letter =
            dead_letter_of(with_headers({{"dead-letter.partition", wrong}, {"dead-letter.redriven", wrong}}, bytes));
        EXPECT_EQ(letter.partition, -1) << wrong;
        EXPECT_EQ(letter.redriven, 0) << wrong;
    }
    EXPECT_EQ(dead_letter_of(with_headers({{"dead-letter.partition", "4294967296"}}, bytes)).partition, 0x7fffffff);
}

TEST(DeadLetter, is_chosen_by_origin_error_and_key) {
    std::string bytes;
    const auto letter = dead_letter_of(
        with_headers({{"dead-letter.topic", "orders"}, {"dead-letter.error", "no such account"}}, bytes));
    EXPECT_TRUE(DeadLetterFilter().takes(letter, nullptr));
    EXPECT_TRUE((DeadLetterFilter{{"refunds", "orders"}, "such", "k"}).takes(letter, "k"));
    EXPECT_FALSE((DeadLetterFilter{{"refunds"}, "", {}}).takes(letter, "k"));
    EXPECT_FALSE((DeadLetterFilter{{}, "timed out", {}}).takes(letter, "k"));
    EXPECT_FALSE((DeadLetterFilter{{}, "", "other"}).takes(letter, "k"));
    EXPECT_TRUE((DeadLetterFilter{{}, "", ""}).takes(letter, ""));
    EXPECT_FALSE((DeadLetterFilter{{}, "", ""}).takes(letter, nullptr)) << "null is no key";
}

TEST(DeadLetter, goes_back_with_its_own_headers_and_a_count) {
    std::string bytes;
    std::string count;
    const auto text_of = [](const std::vector<Header>& headers) {
        std::string text;
        for (const auto& h : headers) text += to_string(h) + " ";
        return text;
    };
    const auto first = with_headers(
        {{"a", "1"}, {"dead-letter.topic", "orders"}, {"a", "2"}, {"dead-letter.error", "e"}, {"retry.topic", "r"}},
        bytes);
    EXPECT_EQ(text_of(redriven_headers(first, count)), "a=1 a=2 retry.topic=r dead-letter.redriven=1 ");
    const auto again = with_headers({{"dead-letter.redriven", "9"}, {"dead-letter.topic", "orders"}}, bytes);
    EXPECT_EQ(text_of(redriven_headers(again, count)), "dead-letter.redriven=10 ");
}

}  // namespace
}  // namespace ottla::tools
