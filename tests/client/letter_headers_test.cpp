// SPDX-License-Identifier: Apache-2.0
// What letters say of where a record stood first, and what items from retry topics read of it.
#include "client/parallel/letter_headers.hpp"

#include <gtest/gtest.h>

#include "client/consumer/fetched_records.hpp"

namespace ottla::client {
namespace {

using Headers = std::vector<Header>;

Header header(std::string_view name, std::string_view value) { return Header{name, BytesView(value)}; }

std::string encoded(const Headers& headers) {
    std::string bytes;
    const auto text = [&](std::string_view s) {
        EXPECT_LT(s.size(), 8192U);
        const auto zigzag = s.size() * 2;
        if (zigzag < 128) {
            bytes += static_cast<char>(zigzag);
        } else {
            bytes += static_cast<char>(zigzag | 128);
            bytes += static_cast<char>(zigzag >> 7);
        }
        bytes += s;
    };
    for (const auto& h : headers) {
        text(h.name);
        text(h.value.text());
    }
    return bytes;
}

// A record of topic[1]@42 with these headers; `bytes` keeps them.
Message message(const char* topic, const Headers& headers, std::string& bytes) {
    bytes = encoded(headers);
    auto records = std::make_shared<FetchedRecords>();
    records->topic = std::make_shared<const std::string>(topic);
    records->partition = 1;
    MessageView::Parts parts;
    parts.offset = 42;
    parts.timestamp_ms = 1000;
    parts.headers = reinterpret_cast<const std::uint8_t*>(bytes.data());
    parts.headers_size = static_cast<std::uint32_t>(bytes.size());
    parts.header_count = static_cast<std::uint32_t>(headers.size());
    return {MessageView(parts), records};
}

std::string text_of(const LetterHeaders& letter) {
    std::string text;
    for (const auto& h : letter.headers()) text += (text.empty() ? "" : " ") + to_string(h);
    return text;
}

TEST(LetterHeaders, of_a_record_that_failed_for_the_first_time) {
    std::string bytes;
    const WorkItem item(message("orders", {header("source", "shop")}, bytes), 1);
    EXPECT_FALSE(item.is_from_retry_topic());
    EXPECT_EQ(item.origin_offset(), 42);
    const LetterHeaders letter(LetterKind::retry, item, "billing", "no answer");
    EXPECT_EQ(text_of(letter),
              "source=shop retry.topic=orders retry.partition=1 retry.offset=42 retry.timestamp=1000 "
              "retry.group=billing retry.attempts=1 retry.error=no answer");
}

TEST(LetterHeaders, the_origin_and_the_attempts_go_along_from_topic_to_topic) {
    std::string bytes;
    const WorkItem first(message("orders", {header("retry.topic", "of the user's own")}, bytes), 1);
    const LetterHeaders once(LetterKind::retry, first, "billing", "no answer");
    std::string more_bytes;
    const auto again = WorkItem::from_retry_topic(message("orders-retry", once.headers(), more_bytes), 1);
    EXPECT_TRUE(again.is_from_retry_topic());
    EXPECT_EQ(again.attempt(), 2);
    EXPECT_EQ(again.topic(), "orders-retry");
    EXPECT_EQ(again.origin_topic(), "orders");
    EXPECT_EQ(again.origin_partition(), 1);
    EXPECT_EQ(again.origin_offset(), 42);
    EXPECT_EQ(again.origin_timestamp_ms(), 1000);
    const LetterHeaders dead(LetterKind::dead, again, "billing", "still none");
    EXPECT_EQ(
        text_of(dead),
        "retry.topic=of the user's own dead-letter.topic=orders dead-letter.partition=1 dead-letter.offset=42 "
        "dead-letter.timestamp=1000 dead-letter.group=billing dead-letter.attempts=2 dead-letter.error=still none");
}

TEST(LetterHeaders, what_somebody_else_wrote_into_a_retry_topic_is_its_own_origin) {
    const Headers wrong[] = {
        {},
        {header("retry.topic", "orders")},
        {header("retry.topic", "orders"), header("retry.partition", "x"), header("retry.offset", "1")},
        {header("retry.topic", "orders"), header("retry.partition", "1"), header("retry.offset", "-1")},
        {header("retry.topic", ""), header("retry.partition", "1"), header("retry.offset", "1")},
        {header("retry.topic", "orders"), header("retry.partition", "1"),
         header("retry.offset", "99999999999999999999")},
    };
    for (const auto& headers : wrong) {
        std::string bytes;
        const auto item = WorkItem::from_retry_topic(message("r", headers, bytes), 1);
        EXPECT_EQ(item.origin_topic(), "r");
        EXPECT_EQ(item.origin_partition(), 1);
        EXPECT_EQ(item.origin_offset(), 42);
        EXPECT_EQ(item.attempt(), 1);
    }
    std::string bytes;
    for (const auto& [text, attempt] :
         {std::pair("-3", 2), std::pair("many", 2), std::pair("5", 7), std::pair("2147483647", 2147483647)}) {
        const auto item = WorkItem::from_retry_topic(message("r", {header("retry.attempts", text)}, bytes), 2);
        EXPECT_EQ(item.attempt(), attempt) << text;
    }
}

TEST(LetterHeaders, a_long_error_is_cut) {
    std::string bytes;
    const WorkItem item(message("orders", {}, bytes), 1);
    const LetterHeaders letter(LetterKind::dead, item, "g", std::string(5000, 'x'));
    EXPECT_EQ(letter.headers().back().value.size(), 1000U);
    // Not within a character; what is none is cut anywhere.
    const auto left = [&](std::size_t before, std::string_view rest) {
        const auto error = std::string(before, 'x') + std::string(rest) + std::string(5000, 'x');
        const LetterHeaders cut(LetterKind::dead, item, "g", error);
        return cut.headers().back().value.size();
    };
    EXPECT_EQ(left(998, "\xc3\xa4"), 1000U);
    EXPECT_EQ(left(999, "\xc3\xa4"), 999U);
    EXPECT_EQ(left(997, "\xf0\x9f\x98\x80"), 997U);
    EXPECT_EQ(left(996, "\xf0\x9f\x98\x80"), 1000U);
    EXPECT_EQ(left(995, std::string(20, '\x80')), 1000U);
    const LetterHeaders exact(LetterKind::dead, item, "g", std::string(998, 'x') + "\xc3\xa4");
    EXPECT_EQ(exact.headers().back().value.size(), 1000U);
}

TEST(LetterHeaders, a_copy_of_an_item_knows_the_same) {
    std::string bytes;
    const Headers headers = {header("retry.topic", "orders"), header("retry.partition", "3"),
                             header("retry.offset", "7"), header("retry.attempts", "4")};
    WorkItem copy;
    {
        std::string gone;
        copy = WorkItem::from_retry_topic(message("r", headers, gone), 1).copy();
        std::ranges::fill(gone, '?');
    }
    EXPECT_TRUE(copy.is_from_retry_topic());
    EXPECT_EQ(copy.attempt(), 5);
    EXPECT_EQ(copy.origin_topic(), "orders");
    EXPECT_EQ(copy.origin_offset(), 7);
}

}  // namespace
}  // namespace ottla::client
