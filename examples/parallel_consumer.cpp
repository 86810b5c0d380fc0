// SPDX-License-Identifier: Apache-2.0
// Charges payments, many at a time, those of one account in order. What cannot be charged now is tried again; what
// never can be goes to a topic of its own: parallel_consumer BROKERS GROUP TOPIC DEAD_LETTER_TOPIC COUNT
#include <cstdio>
#include <cstdlib>
#include <semaphore>

#include <ottla/parallel_consumer.hpp>

using namespace std::chrono_literals;
using ottla::Handled;

namespace {

// Called by many threads at a time.
Handled charge(const ottla::WorkItem& payment) {
    const auto amount = std::atol(std::string(payment.value().text()).c_str());
    if (amount <= 0) return Handled::reject("the amount is no number above 0");
    if (amount % 3 == 0 && payment.attempt() == 1) return Handled::retry("the bank is busy");
    std::printf("%s\n", to_string(payment).c_str());
    return Handled::done();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 6) {
        std::fprintf(stderr, "usage: parallel_consumer BROKERS GROUP TOPIC DEAD_LETTER_TOPIC COUNT\n");
        return 2;
    }
    ottla::ParallelConsumerConfig config;
    config.brokers = argv[1];
    config.group_id = argv[2];
    config.topics = {argv[3]};
    config.dead_letter_topic = argv[4];
    config.max_attempts = 5;
    config.retry_delay = 10ms;
    config.config = {{"auto.offset.reset", "earliest"}};

    std::counting_semaphore<> charged(0);
    auto payments = ottla::ParallelConsumer::create(std::move(config), [&charged](const ottla::WorkItem& payment) {
        const auto handled = charge(payment);
        if (handled.what() != Handled::What::retry) charged.release();
        return handled;
    });
    if (!payments) {
        std::fprintf(stderr, "%s\n", to_string(payments.error()).c_str());
        return 1;
    }
    for (long left = std::atol(argv[5]); left > 0; --left) charged.acquire();
    const auto closed = payments->close(10s);  // commits, and leaves the group
    std::printf("%s\n", to_string(payments->stats()).c_str());
    return closed ? 0 : 1;
}
