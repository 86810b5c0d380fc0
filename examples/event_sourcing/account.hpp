// SPDX-License-Identifier: Apache-2.0
// An account, and the events that have made it what it is. Pure: an account is nothing but its events, one after the
// other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace accounts {

// "1 opened", "2 deposited 100", "3 withdrew 30", "4 closed"
struct Event {
    enum class Kind : std::uint8_t { opened, deposited, withdrew, closed };

    // 1 is the account's first. Of several events with one number the first in the log counts: whoever wrote the
    // others did not know of it, and has to decide again.
    std::int64_t version = 0;
    Kind kind = Kind::opened;
    std::int64_t amount = 0;

    friend bool operator==(const Event&, const Event&) = default;
};
std::string to_string(const Event&);
std::optional<Event> parse_event(std::string_view);

struct Account {
    std::int64_t balance = 0;
    // Of its last event; 0: it has never been.
    std::int64_t version = 0;
    bool is_open = false;

    friend bool operator==(const Account&, const Account&) = default;
};
// "70 3 open": balance, version, and whether it is open.
std::string to_string(const Account&);
std::optional<Account> parse_account(std::string_view);

// False: it does not count, for there is one with its number; nothing changes. Throws std::runtime_error when events
// before it are missing: whatever is decided without them would be wrong.
bool apply(Account&, const Event&);

// What somebody wants: "open", "deposit 100", "withdraw 30", "close". The event that does it, or why not.
std::variant<Event, std::string> decide(const Account&, std::string_view command);

}  // namespace accounts
