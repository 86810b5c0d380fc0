// SPDX-License-Identifier: Apache-2.0
// OrderBook: the order service's database. What has to be published stands beside the order that it tells of, what the
// customer is told beside the state that it tells of, and how far order-confirmations is read beside what it has
// changed: each pair is one transaction.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ottla/consumer.hpp>

#include "../support/sqlite.hpp"

namespace orders {

struct Event {
    std::int64_t number;
    std::string order_id;
    std::string value;
};

class OrderBook {
public:
    explicit OrderBook(const std::string& path);

    std::int64_t count();
    // Still waiting for their confirmation.
    std::int64_t open_count();
    // An order that is there already stays as it is.
    void place(const std::string& id, const std::string& item, std::int64_t cents);

    // Events of orders that may not be published yet, oldest first.
    std::vector<Event> unpublished(int most);
    void published_up_to(std::int64_t number);

    // The state of the orders, a notification for each whose state has changed, and where to read on.
    void take_in(const ottla::MessageBatch& confirmations);
    std::int64_t next_offset(std::int32_t partition);

private:
    void decide(const ottla::MessageView& confirmation);

    sqlite::Database database_;
};

}  // namespace orders
