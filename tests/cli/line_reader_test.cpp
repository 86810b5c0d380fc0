// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/line_reader.hpp"

#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tools/ottla/output.hpp"

namespace ottla::tools {
namespace {

// What LineReader makes of this input, read from a pipe.
std::vector<std::string> lines_of(const std::string& text) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    std::thread writer([&] {
        Output out(ends[1]);
        out.print(text);
        out.flush();
        close(ends[1]);
    });
    std::vector<std::string> lines;
    LineReader reader(ends[0]);
    while (const auto line = reader.next()) lines.emplace_back(*line);
    writer.join();
    close(ends[0]);
    EXPECT_EQ(reader.error(), 0);
    return lines;
}

TEST(LineReader, cuts_at_line_ends_and_counts_a_last_line_without_one) {
    using Lines = std::vector<std::string>;
    EXPECT_EQ(lines_of(""), Lines{});
    EXPECT_EQ(lines_of("a"), Lines{"a"});
    EXPECT_EQ(lines_of("a\nb\n"), (Lines{"a", "b"}));
    EXPECT_EQ(lines_of("\n\nc"), (Lines{"", "", "c"}));
}

TEST(LineReader, a_line_may_be_longer_than_what_one_read_brings) {
    const std::string longest(3'000'000, 'x');
    EXPECT_EQ(lines_of("a\n" + longest + "\nb\n"), (std::vector<std::string>{"a", longest, "b"}));
}

TEST(LineReader, says_what_went_wrong) {
    LineReader reader(-1);
    EXPECT_FALSE(reader.next());
    EXPECT_EQ(reader.error(), EBADF);
}

}  // namespace
}  // namespace ottla::tools
