// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "net/endpoint.hpp"

namespace ottla::net {
namespace {

TEST(Endpoint, reads_what_users_write) {
    const struct {
        const char* text;
        const char* host;
        int port;
        const char* back;
    } table[] = {
        {"localhost", "localhost", 9092, "localhost:9092"},
        {"kafka-1.example.com:19092", "kafka-1.example.com", 19092, "kafka-1.example.com:19092"},
        {" 10.0.0.1:1 ", "10.0.0.1", 1, "10.0.0.1:1"},
        {"[::1]:9093", "::1", 9093, "[::1]:9093"},
        {"[2001:db8::7]", "2001:db8::7", 9092, "[2001:db8::7]:9092"},
        {"PLAINTEXT://broker:0", "broker", 0, "broker:0"},
    };
    for (const auto& row : table) {
        const auto endpoint = Endpoint::parse(row.text);
        ASSERT_TRUE(endpoint) << row.text;
        EXPECT_EQ(endpoint->host, row.host) << row.text;
        EXPECT_EQ(endpoint->port, row.port) << row.text;
        EXPECT_EQ(to_string(*endpoint), row.back);
    }
}

TEST(Endpoint, refuses_what_is_none_and_quotes_it) {
    for (const char* text : {"", ":9092", "host:", "host:x", "host:65536", "host:-1", "::1:9092", "[::1", "[::1]9092",
                             "a b:1", "user@host:1", "host:9092/path", "host:9092 x"}) {
        const auto endpoint = Endpoint::parse(text);
        ASSERT_FALSE(endpoint) << text;
        EXPECT_EQ(endpoint.error(), ErrorCode::invalid_argument);
        EXPECT_NE(endpoint.error().text().find(text), std::string_view::npos) << endpoint.error().text();
    }
}

TEST(Endpoint, reads_lists) {
    const auto list = Endpoint::parse_list(" a:1, b:2 ,,a:1,[::1]:3,");
    ASSERT_TRUE(list);
    EXPECT_EQ(*list, (std::vector<Endpoint>{{"a", 1}, {"b", 2}, {"::1", 3}}));
    EXPECT_FALSE(Endpoint::parse_list(""));
    EXPECT_FALSE(Endpoint::parse_list(" , "));
    EXPECT_FALSE(Endpoint::parse_list("a:1,b:c"));
}

}  // namespace
}  // namespace ottla::net
