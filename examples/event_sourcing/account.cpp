// SPDX-License-Identifier: Apache-2.0
#include "account.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <stdexcept>
#include <vector>

namespace accounts {
namespace {

constexpr std::array<std::string_view, 4> kinds = {"opened", "deposited", "withdrew", "closed"};

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    while (!text.empty()) {
        const auto space = text.find(' ');
        words.push_back(text.substr(0, space));
        text.remove_prefix(space == text.npos ? text.size() : space + 1);
    }
    return words;
}

std::optional<std::int64_t> number(std::string_view digits) {
    std::int64_t value = 0;
    const auto* end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, value);
    if (read.ec != std::errc() || read.ptr != end || value < 0) return std::nullopt;
    return value;
}

bool has_amount(Event::Kind kind) { return kind == Event::Kind::deposited || kind == Event::Kind::withdrew; }

}  // namespace

std::string to_string(const Event& event) {
    auto text = std::to_string(event.version) + " " + std::string(kinds.at(static_cast<std::size_t>(event.kind)));
    if (has_amount(event.kind)) text += " " + std::to_string(event.amount);
    return text;
}

std::optional<Event> parse_event(std::string_view text) {
    const auto words = words_of(text);
    if (words.size() < 2) return std::nullopt;
    const auto version = number(words[0]);
    for (std::size_t i = 0; version && i < kinds.size(); ++i) {
        if (words[1] != kinds[i]) continue;
        Event event{*version, static_cast<Event::Kind>(i), 0};
        if (words.size() != (has_amount(event.kind) ? 3U : 2U)) return std::nullopt;
        if (!has_amount(event.kind)) return event;
        const auto amount = number(words[2]);
        if (!amount) return std::nullopt;
        event.amount = *amount;
        return event;
    }
    return std::nullopt;
}

std::string to_string(const Account& account) {
    return std::to_string(account.balance) + " " + std::to_string(account.version) +
           (account.is_open ? " open" : " closed");
}

std::optional<Account> parse_account(std::string_view text) {
    const auto words = words_of(text);
    if (words.size() != 3 || (words[2] != "open" && words[2] != "closed")) return std::nullopt;
    const auto balance = number(words[0]), version = number(words[1]);
    if (!balance || !version) return std::nullopt;
    return Account{*balance, *version, words[2] == "open"};
}

bool apply(Account& account, const Event& event) {
    if (event.version <= account.version) return false;
    if (event.version > account.version + 1)
        throw std::runtime_error("event " + std::to_string(event.version) + " comes after event " +
                                 std::to_string(account.version) + ": those between are missing");
    account.version = event.version;
    switch (event.kind) {
        case Event::Kind::opened: account.is_open = true; break;
        case Event::Kind::deposited: account.balance += event.amount; break;
        case Event::Kind::withdrew: account.balance -= event.amount; break;
        case Event::Kind::closed: account.is_open = false; break;
    }
    return true;
}

std::variant<Event, std::string> decide(const Account& account, std::string_view command) {
    const auto words = words_of(command);
    const auto verb = words.empty() ? std::string_view() : words[0];
    const auto next = account.version + 1;
    if (verb == "open" && words.size() == 1)
        return account.version > 0 ? std::variant<Event, std::string>("it has been opened before")
                                   : Event{next, Event::Kind::opened, 0};
    const bool is_close = verb == "close" && words.size() == 1;
    const auto amount = words.size() == 2 ? number(words[1]) : std::nullopt;
    if (!is_close && !((verb == "deposit" || verb == "withdraw") && amount && *amount > 0))
        return "open, close, deposit N or withdraw N";
    if (!account.is_open) return "it is not open";
    if (is_close) {
        if (account.balance > 0) return "there is money on it";
        return Event{next, Event::Kind::closed, 0};
    }
    if (verb == "deposit") {
        if (*amount > std::numeric_limits<std::int64_t>::max() - account.balance) return "nobody has so much";
        return Event{next, Event::Kind::deposited, *amount};
    }
    if (*amount > account.balance) return "there are only " + std::to_string(account.balance);
    return Event{next, Event::Kind::withdrew, *amount};
}

}  // namespace accounts
