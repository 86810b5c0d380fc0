// SPDX-License-Identifier: Apache-2.0
// A shop that knows nothing of Kafka: each order goes into its database together with what the world should hear of it,
// in one transaction: outbox_shop DATABASE ORDERS
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "../support/stop.hpp"
#include "outbox_table.hpp"

namespace {

void order(sqlite::Database& database, std::int64_t number) {
    const std::string customer = "customer-" + std::to_string(number % 50);
    const std::string text = "order " + std::to_string(number);
    sqlite::Transaction transaction(database);
    database.run("INSERT INTO orders(number, customer) VALUES(?, ?)", number, customer);
    database.run("INSERT INTO outbox(key, value) VALUES(?, ?)", customer, text);
    transaction.commit();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: outbox_shop DATABASE ORDERS\n");
        return 2;
    }
    stop::on_signals();
    try {
        sqlite::Database database(argv[1], outbox::schema);
        database.run_all("CREATE TABLE IF NOT EXISTS orders(number INTEGER PRIMARY KEY, customer TEXT NOT NULL)");
        const std::int64_t all = std::atoll(argv[2]);
        for (auto n = database.number("SELECT count(*) FROM orders"); n < all && !stop::asked; ++n) order(database, n);
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "shop: %s\n", e.what());
        return 1;
    }
}
