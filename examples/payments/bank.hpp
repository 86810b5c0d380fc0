// SPDX-License-Identifier: Apache-2.0
// A bank that takes its time. A payment is "ID CENTS MILLISECONDS"; what was charged stands in the ledger, a line for
// each time. A real bank takes the id as a key, and knows a payment that comes again.
#pragma once

#include <cstdio>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace payments {

// It will never work.
class BadPayment : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

class Bank {
public:
    explicit Bank(const char* ledger) : ledger_(::open(ledger, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644)) {
        if (ledger_ < 0) throw std::runtime_error(std::string(ledger) + " cannot be opened");
    }
    Bank(const Bank&) = delete;
    Bank& operator=(const Bank&) = delete;
    ~Bank() { ::close(ledger_); }

    // Blocks. Any thread.
    void charge(std::string_view payment) const {
        std::istringstream words{std::string(payment)};
        std::string id;
        long cents = 0;
        int milliseconds = 0;
        if (!(words >> id >> cents >> milliseconds) || cents <= 0 || milliseconds < 0)
            throw BadPayment("'" + std::string(payment) + "' is no payment");
        ::poll(nullptr, 0, milliseconds);
        if (::dprintf(ledger_, "%s\n", id.c_str()) < 0) throw std::runtime_error("the ledger cannot be written");
    }

private:
    int ledger_;
};

}  // namespace payments
