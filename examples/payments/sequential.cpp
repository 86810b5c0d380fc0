// SPDX-License-Identifier: Apache-2.0
// One payment after the other, each committed when it is charged. Right, and slow: payments_sequential BROKERS GROUP
// TOPIC LEDGER
#include <cstdio>
#include <exception>

#include <ottla/consumer.hpp>

#include "../support/stop.hpp"
#include "bank.hpp"

using namespace std::chrono_literals;

namespace {

// The rest mends itself.
void tell(const ottla::Error& error) {
    if (error.is_fatal()) throw ottla::Exception(error);
    if (!error.is_timeout()) std::fprintf(stderr, "%s\n", to_string(error).c_str());
}

void serve(char** argv) {
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
        if (!payment) {
            tell(payment.error());
            continue;
        }
        try {
            bank.charge(payment->value().text());
        } catch (const payments::BadPayment& bad) {
            std::fprintf(stderr, "%s\n", bad.what());  // and nowhere else
        }
        if (const auto committed = consumer.commit(*payment, 10s); !committed) tell(committed.error());
    }
    consumer.close(10s).value();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fprintf(stderr, "usage: payments_sequential BROKERS GROUP TOPIC LEDGER\n");
        return 2;
    }
    stop::on_signals();
    try {
        serve(argv);
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "payments: %s\n", e.what());
        return 1;
    }
}
