// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <ottla/result.hpp>

namespace ottla {
namespace {

Result<int> half(int n) {
    if (n % 2) return Error::of(ErrorCode::invalid_argument, std::to_string(n) + " is odd");
    return n / 2;
}

TEST(Error, carries_kafkas_name_and_meaning) {
    const Error e = Error::of(ErrorCode::not_leader_or_follower);
    EXPECT_EQ(e.name(), "NOT_LEADER_OR_FOLLOWER");
    EXPECT_EQ(static_cast<int>(e.code()), 6);
    EXPECT_TRUE(e.is_retriable());
    EXPECT_TRUE(needs_metadata_refresh(e.code()));
    EXPECT_FALSE(e.is_fatal());
}

TEST(Error, keeps_its_flags_when_context_is_added) {
    const Error e = Error::of(ErrorCode::producer_fenced, "epoch 3 is old").as_fatal().with_context("producer 7");
    EXPECT_TRUE(e.is_fatal());
    EXPECT_EQ(to_string(e), "PRODUCER_FENCED: producer 7: epoch 3 is old");
}

TEST(Error, an_unknown_code_is_not_a_crash) {
    EXPECT_EQ(name(static_cast<ErrorCode>(9999)), "UNKNOWN_CODE");
    EXPECT_EQ(name(static_cast<ErrorCode>(-32768)), "UNKNOWN_CODE");
}

TEST(Error, every_name_parses_back) {
    for (int code = -256; code < 256; ++code) {
        const auto known = static_cast<ErrorCode>(code);
        if (name(known) == "UNKNOWN_CODE") continue;
        ErrorCode back{};
        ASSERT_TRUE(parse(name(known), back)) << name(known);
        EXPECT_EQ(back, known);
        EXPECT_FALSE(describe(known).empty());
    }
}

TEST(Result, holds_a_value_or_an_error) {
    EXPECT_EQ(half(4).value(), 2);
    EXPECT_EQ(half(3).error(), ErrorCode::invalid_argument);
    EXPECT_EQ(half(3).with_context("half").error().text(), "half: 3 is odd");
    EXPECT_THROW((void)half(3).value(), Exception);
    EXPECT_TRUE(ok().has_value());
}

}  // namespace
}  // namespace ottla
