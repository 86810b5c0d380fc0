// SPDX-License-Identifier: Apache-2.0
// The inventory, payment or shipping service: does its step for each order, answers, and undoes it for orders that are
// rejected: step_service BROKERS DATABASE STEP
#include <algorithm>
#include <cstdio>
#include <exception>

#include "../support/stop.hpp"
#include "service.hpp"
#include "step_book.hpp"
#include "topics.hpp"

using namespace std::chrono_literals;

namespace {

// First the effect, which does not mind being asked for twice; then the answer, acknowledged; then the offset. Whoever
// dies in between begins with the same records again.
void serve(const std::string& brokers, const std::string& database, const orders::Step& step) {
    orders::StepBook book(database, std::string(step.name));
    auto writer = orders::make_writer(brokers);
    auto consumer = orders::make_member(brokers, std::string(step.name), std::string(step.name));
    consumer.subscribe({std::string(orders::order_events), std::string(orders::order_confirmations)}).value();
    while (!stop::asked) {
        const auto batch = orders::read_some(consumer, 100ms);
        if (batch.empty()) continue;
        const auto answers = book.take_in(batch.topic(), batch);
        std::vector<ottla::Record> records;
        for (const auto& answer : answers)
            records.push_back({.topic = step.topic, .key = answer.order_id, .value = answer.value});
        orders::write_all(writer, records);
        if (const auto committed = consumer.commit(10s);
            !committed)  // they come again, or the next commit takes them along
            std::fprintf(stderr, "%s\n", to_string(committed.error()).c_str());
    }
    consumer.close(10s).value();
}

}  // namespace

int main(int argc, char** argv) {
    const auto step = argc == 4 ? std::ranges::find(orders::steps, std::string_view(argv[3]), &orders::Step::name)
                                : orders::steps.end();
    if (step == orders::steps.end()) {
        std::fprintf(stderr, "usage: step_service BROKERS DATABASE inventory|payment|shipping\n");
        return 2;
    }
    stop::on_signals();
    try {
        serve(argv[1], argv[2], *step);
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s: %s\n", argv[3], e.what());
        return 1;
    }
}
