// SPDX-License-Identifier: Apache-2.0
// One payment after the other, each committed when it is charged. Right, and slow: payments_sequential BROKERS GROUP
// TOPIC LEDGER
#include <cstdio>

#include <ottla/consumer.hpp>

#include "../support/stop.hpp"
#include "bank.hpp"

using namespace std::chrono_literals;

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fprintf(stderr, "usage: payments_sequential BROKERS GROUP TOPIC LEDGER\n");
        return 2;
    }
    stop::on_signals();
    const payments::Bank bank(argv[4]);
    auto consumer = ottla::Consumer::create({{"bootstrap.servers", argv[1]},
                                             {"group.id", argv[2]},
                                             {"group.instance.id", "payments"},
                                             {"auto.offset.reset", "earliest"},
                                             {"enable.auto.commit", false}})
                        .value();
    consumer.subscribe({argv[3]}).value();
    while (!stop::asked) {
        const auto payment = consumer.read_message(100ms);
        if (!payment) continue;
        try {
            bank.charge(payment->value().text());
        } catch (const payments::BadPayment& bad) {
            std::fprintf(stderr, "%s\n", bad.what());  // and nowhere else
        }
        if (const auto committed = consumer.commit(*payment, 10s); !committed)
            std::fprintf(stderr, "%s\n", to_string(committed.error()).c_str());
    }
    consumer.close(10s).value();
}
