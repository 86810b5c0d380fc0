// SPDX-License-Identifier: Apache-2.0
// HOW NOT TO DO IT. Payments are handed to a pool of threads, and each worker commits the one that it has charged. A
// commit says that all before it is done, and others may not be: after a crash nobody charges those:
// payments_naive BROKERS GROUP TOPIC LEDGER
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <ottla/consumer.hpp>

#include "../support/stop.hpp"
#include "bank.hpp"

using namespace std::chrono_literals;

namespace {

class Queue {
public:
    void push(ottla::Message message) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return waiting_.size() < 100; });
        waiting_.push_back(std::move(message));
        changed_.notify_all();
    }
    // Nothing: there will be no more.
    std::optional<ottla::Message> pop() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !waiting_.empty() || is_closed_; });
        if (waiting_.empty()) return std::nullopt;
        auto message = std::move(waiting_.front());
        waiting_.pop_front();
        changed_.notify_all();
        return message;
    }
    void close() {
        const std::lock_guard lock(mutex_);
        is_closed_ = true;
        changed_.notify_all();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<ottla::Message> waiting_;
    bool is_closed_ = false;
};

void work(const payments::Bank& bank, Queue& queue, ottla::Consumer& consumer) {
    while (const auto payment = queue.pop()) {
        try {
            bank.charge(payment->value().text());
        } catch (const payments::BadPayment& bad) {
            std::fprintf(stderr, "%s\n", bad.what());  // and nowhere else
        }
        // Here it is: this one is done, and so is "everything before it".
        if (const auto committed = consumer.commit(*payment, 10s); !committed)
            std::fprintf(stderr, "%s\n", to_string(committed.error()).c_str());
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fprintf(stderr, "usage: payments_naive BROKERS GROUP TOPIC LEDGER\n");
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
    Queue queue;
    std::vector<std::jthread> workers;
    for (int i = 0; i < 16; ++i) workers.emplace_back(work, std::cref(bank), std::ref(queue), std::ref(consumer));
    std::optional<ottla::Error> failure;
    while (!stop::asked && !failure) {
        auto payment = consumer.read_message(100ms);
        if (payment)
            queue.push(std::move(*payment));
        else if (payment.error().is_fatal())
            failure = payment.error();
        else if (!payment.error().is_timeout())
            std::fprintf(stderr, "%s\n", to_string(payment.error()).c_str());
    }
    queue.close();
    workers.clear();
    const auto closed = consumer.close(10s);
    if (!failure && !closed) failure = closed.error();
    if (failure) std::fprintf(stderr, "%s\n", to_string(*failure).c_str());
    return failure ? 1 : 0;
}
