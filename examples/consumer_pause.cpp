// SPDX-License-Identifier: Apache-2.0
// Back-pressure: a slow worker with a short queue. When the queue is full, the partitions are paused; the polls go on,
// so that the group keeps the member. A message may be committed once the worker has done it, and no sooner: with
// enable.auto.offset.store=false a poll does not count what waits in the queue as done. The worker adds numbers up;
// what is none stops it, and comes again at the next start: consumer_pause BROKERS GROUP TOPIC COUNT
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include <ottla/consumer.hpp>

using namespace std::chrono_literals;

namespace {

class Worker {
public:
    explicit Worker(ottla::Consumer& consumer) : consumer_(consumer) {}

    // Detached from the response that it came in, which the queue would hold else.
    void put(const ottla::Message& message) {
        const std::lock_guard lock(mutex_);
        queue_.push_back(message.copy());
        came_.notify_one();
    }
    std::size_t waiting() {
        const std::lock_guard lock(mutex_);
        return queue_.size();
    }
    bool has_failed() const { return has_failed_; }
    // Until it has done so many, or fails.
    void run(long count) {
        for (; count > 0 && !has_failed_; --count) {
            std::unique_lock lock(mutex_);
            came_.wait(lock, [this] { return !queue_.empty(); });
            const ottla::Message message = std::move(queue_.front());
            queue_.pop_front();
            lock.unlock();
            if (!work(std::string(message.value().text()))) {
                has_failed_ = true;
            } else if (const auto stored = consumer_.store(message); !stored) {
                // The partition has gone meanwhile: whoever has it now does this again.
                std::fprintf(stderr, "%s\n", to_string(stored.error()).c_str());
            }
        }
    }

private:
    bool work(const std::string& number) {
        char* end = nullptr;
        const long value = std::strtol(number.c_str(), &end, 10);
        if (number.empty() || *end != '\0') return false;
        sum_ += value;
        std::printf("%s makes %ld\n", number.c_str(), sum_);
        return true;
    }

    ottla::Consumer& consumer_;
    long sum_ = 0;
    std::atomic<bool> has_failed_{false};
    std::mutex mutex_;
    std::condition_variable came_;
    std::deque<ottla::Message> queue_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5) {
        std::fprintf(stderr, "usage: consumer_pause BROKERS GROUP TOPIC COUNT\n");
        return 2;
    }
    constexpr std::size_t high = 10, low = 2;
    const long count = std::atol(argv[4]);
    auto consumer = ottla::Consumer::create({{"bootstrap.servers", argv[1]},
                                             {"group.id", argv[2]},
                                             {"auto.offset.reset", "earliest"},
                                             {"enable.auto.offset.store", false}})
                        .value();
    consumer.subscribe({argv[3]}).value();
    Worker worker(consumer);
    std::thread thread([&] { worker.run(count); });
    bool paused = false;
    for (long left = count; (left > 0 || worker.waiting() > 0) && !worker.has_failed();) {
        // What was fetched before the pause is kept, and comes after it.
        if (!paused && (left == 0 || worker.waiting() >= high)) {
            consumer.pause(consumer.assignment()).value();
            paused = true;
        } else if (paused && left > 0 && worker.waiting() <= low) {
            consumer.resume(consumer.assignment()).value();
            paused = false;
        }
        // A partition that is assigned anew is not paused.
        const auto event = consumer.poll(10ms);
        if (event && std::holds_alternative<ottla::AssignedPartitions>(*event)) paused = false;
        const auto* message = event ? std::get_if<ottla::Message>(&*event) : nullptr;
        if (!message) continue;
        worker.put(*message);
        --left;
    }
    thread.join();
    consumer.close(10s).value();  // commits what is stored
    return worker.has_failed() ? 1 : 0;
}
