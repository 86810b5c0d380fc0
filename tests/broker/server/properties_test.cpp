// SPDX-License-Identifier: Apache-2.0
#include "broker/server/properties.hpp"

#include <gtest/gtest.h>

namespace ottla::broker {
namespace {

TEST(Properties, reads_what_java_reads) {
    const auto all = parse_properties(
        "# a comment\n"
        "! another\n"
        "\n"
        "plain=value\n"
        "  spaced   =  value with blanks  \n"
        "colon: value\n"
        "blank value\n"
        "empty=\n"
        "continued=one,\\\n"
        "    two\n"
        "escaped\\ key=tab\\there\n"
        "unicode=caf\\u00e9\n"
        "path=C:\\\\logs\r\n"
        "plain=last wins\n");
    ASSERT_TRUE(all.has_value());
    EXPECT_EQ(*all, (Properties{{"plain", "last wins"},
                                {"spaced", "value with blanks"},
                                {"colon", "value"},
                                {"blank", "value"},
                                {"empty", ""},
                                {"continued", "one,two"},
                                {"escaped key", "tab\there"},
                                {"unicode", "caf\xc3\xa9"},
                                {"path", "C:\\logs"}}));
}

TEST(Properties, a_broken_escape_names_its_line) {
    const auto all = parse_properties("a=1\nb=\\u12\n");
    ASSERT_FALSE(all.has_value());
    EXPECT_EQ(all.error().code(), ErrorCode::invalid_config);
    EXPECT_NE(all.error().text().find("line 2"), std::string_view::npos);
}

TEST(Properties, an_override_needs_key_and_value) {
    EXPECT_EQ(*parse_override("a.b=c=d"), (std::pair<std::string, std::string>("a.b", "c=d")));
    EXPECT_FALSE(parse_override("a.b").has_value());
    EXPECT_FALSE(parse_override("=b").has_value());
}

}  // namespace
}  // namespace ottla::broker
