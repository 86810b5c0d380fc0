// SPDX-License-Identifier: Apache-2.0
// Sixteen payments at a time, those of one account in their order. Only what is done, with all before it, is committed;
// what can never be charged goes to the dead-letter topic: payments_parallel BROKERS GROUP TOPIC LEDGER DEAD_LETTERS
#include <cstdio>

#include <ottla/parallel_consumer.hpp>

#include "../support/stop.hpp"
#include "bank.hpp"

using namespace std::chrono_literals;
using ottla::Handled;

int main(int argc, char** argv) {
    if (argc != 6) {
        std::fprintf(stderr, "usage: payments_parallel BROKERS GROUP TOPIC LEDGER DEAD_LETTERS\n");
        return 2;
    }
    stop::on_signals();
    const payments::Bank bank(argv[4]);
    ottla::ParallelConsumerConfig config;
    config.brokers = argv[1];
    config.group_id = argv[2];
    config.topics = {argv[3]};
    config.dead_letter_topic = argv[5];
    config.max_concurrency = 16;
    config.commit_every = 10;  // so much may be charged again after a crash, and what runs
    config.config = {{"group.instance.id", "payments"}, {"auto.offset.reset", "earliest"}};
    auto payments = ottla::ParallelConsumer::create(std::move(config), [&bank](const ottla::Message& payment) {
                        try {
                            bank.charge(payment.value().text());
                            return Handled::done();
                        } catch (const payments::BadPayment& bad) {
                            return Handled::reject(bad.what());
                        }  // anything else that is thrown means: again, later
                    }).value();
    while (!stop::asked && !payments.failure()) stop::wait(100ms);
    const auto failure = payments.failure();
    const auto closed = payments.close(10s);
    std::printf("%s\n", to_string(payments.stats()).c_str());
    if (failure) std::fprintf(stderr, "%s\n", to_string(*failure).c_str());
    if (!closed) std::fprintf(stderr, "%s\n", to_string(closed.error()).c_str());
    return failure || !closed ? 1 : 0;
}
