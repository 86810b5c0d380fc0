// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/safe_text.hpp"

#include <gtest/gtest.h>

namespace ottla::tools {
namespace {

struct Case {
    std::string_view bytes;
    std::string_view json;
    std::string_view terminal;
};

TEST(SafeText, for_json_and_for_a_terminal) {
    using namespace std::string_view_literals;
    const Case cases[] = {
        {""sv, "", ""},
        {"plain \\ text"sv, "plain \\ text", "plain \\ text"},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"sv, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
         "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"cut \xe2\x82"sv, "cut \xef\xbf\xbd\xef\xbf\xbd", "cut \\xe2\\x82"},
        {"\xff|\xc0\x80|\xed\xa0\x80|"sv, "\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd|",
         "\\xff|\\xc0\\x80|\\xed\\xa0\\x80|"},
        {"\x1b[31m\n\r\t\0\x7f"sv, "\x1b[31m\n\r\t\0\x7f"sv, "\\x1b[31m\\n\\r\\t\\x00\\x7f"},
        // The control characters above ASCII, as characters and as bytes.
        {"\xc2\x9b\xc2\xa0\x9b"sv, "\xc2\x9b\xc2\xa0\xef\xbf\xbd", "\\xc2\\x9b\xc2\xa0\\x9b"},
    };
    for (const auto& c : cases) {
        EXPECT_EQ(utf8_of(c.bytes), c.json);
        EXPECT_EQ(printable(c.bytes), c.terminal);
        EXPECT_EQ(is_utf8(c.bytes), c.bytes == c.json);
        EXPECT_TRUE(is_utf8(c.json));
    }
}

}  // namespace
}  // namespace ottla::tools
