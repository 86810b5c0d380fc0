// SPDX-License-Identifier: Apache-2.0
// Back-pressure: a slow worker with a short queue. When the queue is full, the partitions are paused; the polls go on,
// so that the group keeps the member: consumer_pause BROKERS GROUP TOPIC COUNT
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include <ottla/consumer.hpp>

using namespace std::chrono_literals;

namespace {

class Worker {
public:
    void put(std::string work) {
        const std::lock_guard lock(mutex_);
        queue_.push_back(std::move(work));
        came_.notify_one();
    }
    std::size_t waiting() {
        const std::lock_guard lock(mutex_);
        return queue_.size();
    }
    // Until it has done so many.
    void run(long count) {
        for (; count > 0; --count) {
            std::unique_lock lock(mutex_);
            came_.wait(lock, [this] { return !queue_.empty(); });
            const std::string work = std::move(queue_.front());
            queue_.pop_front();
            lock.unlock();
            std::printf("%s\n", work.c_str());
        }
    }

private:
    std::mutex mutex_;
    std::condition_variable came_;
    std::deque<std::string> queue_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5) {
        std::fprintf(stderr, "usage: consumer_pause BROKERS GROUP TOPIC COUNT\n");
        return 2;
    }
    constexpr std::size_t high = 10, low = 2;
    const long count = std::atol(argv[4]);
    auto consumer = ottla::Consumer::create(
                        {{"bootstrap.servers", argv[1]}, {"group.id", argv[2]}, {"auto.offset.reset", "earliest"}})
                        .value();
    consumer.subscribe({argv[3]}).value();
    Worker worker;
    std::thread thread([&] { worker.run(count); });
    bool paused = false;
    for (long left = count; left > 0 || worker.waiting() > 0;) {
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
        worker.put(std::string(message->value().text()));
        --left;
    }
    thread.join();
    consumer.close(10s).value();
}
