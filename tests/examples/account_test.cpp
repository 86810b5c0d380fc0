// SPDX-License-Identifier: Apache-2.0
// What an account decides, and what becomes of it by its events.
#include "examples/event_sourcing/account.hpp"

#include <stdexcept>

#include <gtest/gtest.h>

namespace accounts {
namespace {

// "2 deposited 100", or why not.
std::string decided(const Account& account, std::string_view command) {
    const auto result = decide(account, command);
    const auto* event = std::get_if<Event>(&result);
    return event ? to_string(*event) : std::get<std::string>(result);
}

TEST(Account, decides_by_what_it_is) {
    const Account never, open{70, 3, true}, empty{0, 4, true}, closed{0, 5, false};
    EXPECT_EQ(decided(never, "open"), "1 opened");
    EXPECT_EQ(decided(never, "deposit 5"), "it is not open");
    EXPECT_EQ(decided(open, "open"), "it has been opened before");
    EXPECT_EQ(decided(open, "deposit 30"), "4 deposited 30");
    EXPECT_EQ(decided(open, "withdraw 70"), "4 withdrew 70");
    EXPECT_EQ(decided(open, "withdraw 71"), "there are only 70");
    EXPECT_EQ(decided(open, "deposit 9223372036854775807"), "nobody has so much");
    EXPECT_EQ(decided(open, "close"), "there is money on it");
    EXPECT_EQ(decided(empty, "close"), "5 closed");
    EXPECT_EQ(decided(closed, "deposit 1"), "it is not open");
    EXPECT_EQ(decided(closed, "open"), "it has been opened before");
}

TEST(Account, refuses_what_is_no_command) {
    for (const char* text : {"", "deposit", "deposit x", "deposit 0", "deposit -5", "deposit 1 2",
                             "withdraw 99999999999999999999", "open 5", "close now", "steal 5"})
        EXPECT_EQ(decided(Account{70, 3, true}, text), "open, close, deposit N or withdraw N") << text;
}

TEST(Account, is_its_events) {
    Account account;
    for (const char* text : {"1 opened", "2 deposited 100", "3 withdrew 30"})
        EXPECT_TRUE(apply(account, parse_event(text).value()));
    EXPECT_EQ(to_string(account), "70 3 open");
    EXPECT_EQ(parse_account("70 3 open"), account);
    EXPECT_FALSE(apply(account, parse_event("3 withdrew 70").value())) << "another was first";
    EXPECT_THROW(apply(account, parse_event("5 closed").value()), std::runtime_error) << "one is missing";
    EXPECT_EQ(to_string(account), "70 3 open");
}

TEST(Account, texts_that_are_none) {
    for (const char* text : {"", "1", "x opened", "1 opened 5", "1 deposited", "1 deposited x", "1 deposited 1 1",
                             "1 stolen 5", "-1 opened"})
        EXPECT_FALSE(parse_event(text)) << text;
    for (const char* text : {"", "70", "70 3", "70 3 ajar", "x 3 open", "70 -3 open", "70 3 open x"})
        EXPECT_FALSE(parse_account(text)) << text;
}

}  // namespace
}  // namespace accounts
