// SPDX-License-Identifier: Apache-2.0
// A line as rsyslog writes it, and what is none.
#include "examples/log_aggregation/log_line.hpp"
#include "examples/log_aggregation/question.hpp"

#include <string>

#include <gtest/gtest.h>

namespace logs {
namespace {

TEST(LogLine, has_five_fields) {
    const auto line = parse("web-1\t3\t1795395723\tnginx[7]:\t GET /x#011y\tand more");
    ASSERT_TRUE(line);
    EXPECT_EQ(line->host, "web-1");
    EXPECT_EQ(severities.at(static_cast<std::size_t>(line->severity)), "error");
    EXPECT_EQ(line->at, 1795395723);
    EXPECT_EQ(line->tag, "nginx[7]:");
    EXPECT_EQ(line->message, "GET /x#011y\tand more");
}

TEST(LogLine, may_have_an_empty_tag_and_message) {
    const auto line = parse("h\t0\t0\t\t");
    ASSERT_TRUE(line);
    EXPECT_EQ(line->message, "");
}

TEST(LogLine, else_it_is_none) {
    for (const char* text :
         {"", "hello", "h\t3\t1\ttag", "\t3\t1\ttag\tm", "h\t8\t1\ttag\tm", "h\t-1\t1\ttag\tm", "h\t3x\t1\ttag\tm",
          "h\t\t1\ttag\tm", "h\t3\t99999999999999999999\ttag\tm", "h\t3\tnow\ttag\tm"})
        EXPECT_FALSE(parse(text)) << text;
    EXPECT_FALSE(parse(std::string_view()));
}

TEST(Question, words_that_fts5_would_misread_are_quoted) {
    EXPECT_EQ(question("disk AND full"), "disk AND full");
    EXPECT_EQ(question("web-3"), "\"web-3\"");
    EXPECT_EQ(question("host:web-3  NOT 10.0.0.1 time*"), "host:\"web-3\" NOT \"10.0.0.1\" time*");
    EXPECT_EQ(question("time-out* * 12:30"), "\"time-out\"* \"*\" \"12:30\"");
    EXPECT_EQ(question("(\"is full\" OR late)"), "(\"is full\" OR late)");
}

}  // namespace
}  // namespace logs
