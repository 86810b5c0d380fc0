// SPDX-License-Identifier: Apache-2.0
#include "net/io_thread.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

#include <pthread.h>

namespace ottla::net {

struct IoThread::State {
    // One thread runs it: no locks inside.
    asio::io_context context{1};
    asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(context);
    std::thread thread;
    std::thread::id id;    // also when it has been joined
    std::mutex end_mutex;  // guards `ended`
    std::condition_variable at_end;
    bool ended = false;

    void run() {
        context.run();
        const std::lock_guard lock(end_mutex);
        ended = true;
        at_end.notify_all();
    }
};

IoThread::IoThread(std::string name) : state_(std::make_shared<State>()) {
    if (name.size() > 15) name.resize(15);
    // The thread keeps the state: it may have to outlive this object (see the destructor).
    state_->thread = std::thread([state = state_, name = std::move(name)] {
        pthread_setname_np(pthread_self(), name.c_str());
        state->run();
    });
    state_->id = state_->thread.get_id();
}

IoThread::~IoThread() {
    if (!state_->thread.joinable()) return;
    if (is_current()) {
        // Ends by itself once this handler, and what still waits, is done.
        state_->work.reset();
        state_->thread.detach();
    } else {
        state_->context.stop();
        state_->thread.join();
    }
}

void IoThread::finish(base::TimePoint deadline) {
    if (!state_->thread.joinable()) return;
    state_->work.reset();
    {
        std::unique_lock lock(state_->end_mutex);
        const auto ended = [this] { return state_->ended; };
        if (deadline == base::TimePoint::max())
            state_->at_end.wait(lock, ended);
        else
            state_->at_end.wait_until(lock, deadline, ended);
    }
    state_->context.stop();
    state_->thread.join();
}

asio::any_io_executor IoThread::executor() { return state_->context.get_executor(); }

bool IoThread::is_current() const noexcept { return std::this_thread::get_id() == state_->id; }

}  // namespace ottla::net
