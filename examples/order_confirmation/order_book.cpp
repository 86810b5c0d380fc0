// SPDX-License-Identifier: Apache-2.0
#include "order_book.hpp"

#include <algorithm>

namespace orders {

namespace {

constexpr const char* schema = R"(
    CREATE TABLE IF NOT EXISTS orders(id TEXT PRIMARY KEY, item TEXT NOT NULL, cents INTEGER NOT NULL,
        state TEXT NOT NULL DEFAULT 'placed', why TEXT NOT NULL DEFAULT '');
    CREATE TABLE IF NOT EXISTS outbox(number INTEGER PRIMARY KEY AUTOINCREMENT, order_id TEXT NOT NULL, value TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS notifications(number INTEGER PRIMARY KEY AUTOINCREMENT, order_id TEXT NOT NULL, text TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS positions(partition INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL);
)";

}  // namespace

OrderBook::OrderBook(const std::string& path) : database_(path, schema) {}

std::int64_t OrderBook::count() { return database_.number("SELECT count(*) FROM orders"); }

std::int64_t OrderBook::open_count() { return database_.number("SELECT count(*) FROM orders WHERE state = 'placed'"); }

void OrderBook::place(const std::string& id, const std::string& item, std::int64_t cents) {
    sqlite::Transaction transaction(database_);
    if (database_.run("INSERT OR IGNORE INTO orders(id, item, cents) VALUES(?, ?, ?)", id, item, cents) > 0)
        database_.run("INSERT INTO outbox(order_id, value) VALUES(?, ?)", id, item + " " + std::to_string(cents));
    transaction.commit();
}

std::vector<Event> OrderBook::unpublished(int most) {
    std::vector<Event> events;
    auto rows = database_.query("SELECT number, order_id, value FROM outbox ORDER BY number LIMIT ?", most);
    while (rows.step()) events.push_back({rows.integer(0), rows.text(1), rows.text(2)});
    return events;
}

void OrderBook::published_up_to(std::int64_t number) { database_.run("DELETE FROM outbox WHERE number <= ?", number); }

void OrderBook::take_in(const ottla::MessageBatch& confirmations) {
    if (confirmations.empty()) return;
    sqlite::Transaction transaction(database_);
    for (const auto& confirmation : confirmations) decide(confirmation);
    database_.run("INSERT OR REPLACE INTO positions(partition, next_offset) VALUES(?, ?)", confirmations.partition(),
                  confirmations[confirmations.size() - 1].offset() + 1);
    transaction.commit();
}

// The first confirmation decides. Another of the same order says the same, and finds it decided.
void OrderBook::decide(const ottla::MessageView& confirmation) {
    const std::string id(confirmation.key().text());
    const auto text = confirmation.value().text();
    const auto end = std::min(text.find(": "), text.size());
    const auto state = text.substr(0, end);
    const auto why = text.substr(std::min(end + 2, text.size()));
    if (database_.run("UPDATE orders SET state = ?, why = ? WHERE id = ? AND state = 'placed'", state, why, id) > 0)
        database_.run("INSERT INTO notifications(order_id, text) VALUES(?, ?)", id, text);
}

std::int64_t OrderBook::next_offset(std::int32_t partition) {
    return database_.number("SELECT next_offset FROM positions WHERE partition = ?", partition);
}

}  // namespace orders
