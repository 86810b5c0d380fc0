// SPDX-License-Identifier: Apache-2.0
// Book: the accounts, as the events say that were entered so far.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>

#include <ottla/message.hpp>

#include "account.hpp"

namespace accounts {

class Book {
public:
    // Where a replay begins; who knows more of the account keeps it.
    void put(const std::string& name, const Account& account) {
        auto& known = accounts_[name];
        if (account.version >= known.version) known = account;
    }
    // False: it does not count. Somebody was first with its number, it is in already, or it is no event.
    // Throws when events before it are missing.
    bool enter(const ottla::MessageView& record) {
        const auto event = parse_event(record.value().text());
        const std::string name(record.key().text());
        try {
            return event && apply(accounts_[name], *event);
        } catch (const std::runtime_error& e) {
            throw std::runtime_error(name + ", offset " + std::to_string(record.offset()) + ": " + e.what() +
                                     "; was the closing or snapshot made too early, or were events deleted?");
        }
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
