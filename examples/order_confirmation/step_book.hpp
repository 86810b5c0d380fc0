// SPDX-License-Identifier: Apache-2.0
// StepBook: the database of inventory, payment or shipping. An order is dealt with once, however often its event comes:
// the answer is kept with what it took, and given again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ottla/message.hpp>

#include "../support/sqlite.hpp"

namespace orders {

struct Answer {
    std::string order_id;
    std::string value;
};

class StepBook {
public:
    // `step`: "inventory", "payment" or "shipping".
    StepBook(const std::string& path, std::string step);

    // Does what the records ask for, in one transaction; what is to be published now, though it may have been before.
    // `topic`: order-events or order-confirmations.
    std::vector<Answer> take_in(std::string_view topic, const ottla::MessageBatch&);

private:
    void on_order(const std::string& id, std::string_view value, std::vector<Answer>&);
    void on_confirmation(const std::string& id, std::string_view value, std::vector<Answer>&);
    // Nothing: it can be done.
    std::optional<std::string> refusal(std::string_view item, std::int64_t cents) const;
    void say(const std::string& id, const std::string& item, const std::string& answer, std::vector<Answer>&) const;

    std::string step_;
    sqlite::Database database_;
};

}  // namespace orders
