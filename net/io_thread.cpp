// SPDX-License-Identifier: Apache-2.0
#include "net/io_thread.hpp"

#include <atomic>
#include <thread>

#include <pthread.h>

namespace ottla::net {

struct IoThread::State {
    // One thread runs it: no locks inside.
    asio::io_context context{1};
    asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(context);
    std::thread thread;
};

IoThread::IoThread(std::string name) : state_(std::make_shared<State>()) {
    if (name.size() > 15) name.resize(15);
    // The thread keeps the state: it may have to outlive this object (see the destructor).
    state_->thread = std::thread([state = state_, name = std::move(name)] {
        pthread_setname_np(pthread_self(), name.c_str());
        state->context.run();
    });
}

IoThread::~IoThread() {
    state_->context.stop();
    if (is_current())
        state_->thread.detach();
    else
        state_->thread.join();
}

asio::any_io_executor IoThread::executor() { return state_->context.get_executor(); }

bool IoThread::is_current() const noexcept { return std::this_thread::get_id() == state_->thread.get_id(); }

}  // namespace ottla::net
