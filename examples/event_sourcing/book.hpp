// SPDX-License-Identifier: Apache-2.0
// Book: the accounts, as the events say that were entered so far.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <ottla/message.hpp>

#include "account.hpp"

namespace accounts {

class Book {
public:
    // The account of an event, or where a replay begins.
    void put(const std::string& name, const Account& account) { accounts_[name] = account; }
    // False: it does not count. Somebody was first with its number, it is in already, or it is no event.
    bool enter(const ottla::MessageView& record) {
        const auto event = parse_event(record.value().text());
        return event && apply(accounts_[std::string(record.key().text())], *event);
    }
    Account at(const std::string& name) const {
        const auto found = accounts_.find(name);
        return found == accounts_.end() ? Account() : found->second;
    }
    const std::map<std::string, Account>& all() const noexcept { return accounts_; }

private:
    std::map<std::string, Account> accounts_;
};

}  // namespace accounts
