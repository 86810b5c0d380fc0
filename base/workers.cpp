// SPDX-License-Identifier: Apache-2.0
#include "base/workers.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>

namespace ottla::base {
namespace {

class ThreadWorkers final : public Workers {
public:
    ThreadWorkers(std::size_t threads, std::string name) : name_(std::move(name)) {
        for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
    }
    ~ThreadWorkers() override {
        {
            const std::lock_guard hold(queue_);
            closing_ = true;
        }
        wake_.notify_all();
        for (auto& thread : threads_) thread.join();
    }

    void run(Function<void()> job) override {
        {
            const std::lock_guard hold(queue_);
            jobs_.push_back(std::move(job));
        }
        wake_.notify_one();
    }

private:
    void serve() {
        pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
        std::unique_lock hold(queue_);
        while (true) {
            wake_.wait(hold, [this] { return closing_ || !jobs_.empty(); });
            if (jobs_.empty()) return;
            auto job = std::move(jobs_.front());
            jobs_.pop_front();
            hold.unlock();
            job();
            job = nullptr;  // its captures go before the lock is taken again
            hold.lock();
        }
    }

    std::string name_;
    std::mutex queue_;  // guards jobs_ and closing_
    std::condition_variable wake_;
    std::deque<Function<void()>> jobs_;
    bool closing_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<Workers> make_thread_workers(std::size_t threads, const char* name) {
    return std::make_unique<ThreadWorkers>(threads, name);
}

}  // namespace ottla::base
