// SPDX-License-Identifier: Apache-2.0
// The order service: takes orders, publishes them, and tells each customer once what became of his. It makes its
// customers up: order_service BROKERS DATABASE ORDERS PER_SECOND
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "../support/stop.hpp"
#include "order_book.hpp"
#include "service.hpp"
#include "topics.hpp"

using namespace std::chrono_literals;
using orders::OrderBook;

namespace {

// One order after the other, the same ones each time: an order that was placed before the service died is not placed
// again. What trouble an item makes, step_book.cpp says.
class Customers {
public:
    Customers(OrderBook& book, std::int64_t all, double per_second)
        : book_(book),
          all_(all),
          per_second_(per_second),
          before_(book.count()) {}

    void order() {
        const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began_;
        const auto due = std::min(all_, before_ + 1 + static_cast<std::int64_t>(passed.count() * per_second_));
        for (auto n = book_.count(); n < due; ++n) place(n);
    }

private:
    void place(std::int64_t n) {
        static constexpr const char* items[] = {"bicycle", "unicorn", "lamp", "palace", "twice", "anvil",
                                                "chair",   "lost",    "book", "late",   "tent"};
        char id[32];
        std::snprintf(id, sizeof id, "order-%06lld", static_cast<long long>(n));
        const std::string item = items[static_cast<std::size_t>(n) % std::size(items)];
        book_.place(id, item, item == "palace" ? 99'000'000 : 100 + n);
    }

    OrderBook& book_;
    const std::int64_t all_;
    const double per_second_;
    const std::int64_t before_;
    const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

// An event may be written a second time when we die between the two steps; who reads it minds the order's id.
void publish(OrderBook& book, ottla::Writer& writer) {
    const auto events = book.unpublished(200);
    if (events.empty()) return;
    std::vector<ottla::Record> records;
    for (const auto& event : events)
        records.push_back({.topic = orders::order_events, .key = event.order_id, .value = event.value});
    orders::write_all(writer, records);
    book.published_up_to(events.back().number);
}

// Without a group: where to read on stands in the database, beside what was read.
ottla::Consumer read_confirmations(OrderBook& book, const char* brokers) {
    auto consumer =
        ottla::Consumer::create({{"bootstrap.servers", brokers}, {"auto.offset.reset", "earliest"}}).value();
    const auto metadata = consumer.metadata(std::string(orders::order_confirmations), 30s).value();
    const auto& topic = metadata.topics.front();
    if (topic.error != ottla::ErrorCode::none) throw ottla::Exception(topic.error);
    std::vector<ottla::TopicPartition> partitions;
    for (const auto& partition : topic.partitions)
        partitions.emplace_back(std::string(orders::order_confirmations), partition.id, book.next_offset(partition.id));
    consumer.assign(std::move(partitions)).value();
    return consumer;
}

void serve(char** argv) {
    OrderBook book(argv[2]);
    Customers customers(book, std::atoll(argv[3]), std::atof(argv[4]));
    auto writer = orders::make_writer(argv[1]);
    auto confirmations = read_confirmations(book, argv[1]);
    while (!stop::asked) {
        customers.order();
        publish(book, writer);
        book.take_in(orders::read_some(confirmations, 20ms));
    }
    std::printf("%lld orders, %lld of them open\n", static_cast<long long>(book.count()),
                static_cast<long long>(book.open_count()));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fprintf(stderr, "usage: order_service BROKERS DATABASE ORDERS PER_SECOND\n");
        return 2;
    }
    stop::on_signals();
    try {
        serve(argv);
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "order service: %s\n", e.what());
        return 1;
    }
}
