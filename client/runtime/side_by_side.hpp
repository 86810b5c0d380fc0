// SPDX-License-Identifier: Apache-2.0
// SideBySide: coroutines that run beside each other, and a wait for all of them. When it goes, those that still run are
// cancelled; so they own what they work on. Loop only.
#pragma once

#include <exception>
#include <list>
#include <memory>
#include <utility>

#include "client/runtime/runtime.hpp"
#include "net/signal.hpp"

namespace ottla::client {

class SideBySide {
public:
    explicit SideBySide(Runtime& runtime) : state_(std::make_shared<State>(runtime.executor())) {}
    SideBySide(const SideBySide&) = delete;
    SideBySide& operator=(const SideBySide&) = delete;
    ~SideBySide() {
        const auto kept = state_;
        for (auto& work : kept->works)
            if (!work.ended) work.cancel.emit(asio::cancellation_type::terminal);
    }

    void start(awaitable<void> work) {
        ++state_->running;
        auto& one = state_->works.emplace_back();
        Ended ended(state_, one);
        asio::co_spawn(state_->executor, std::move(work),
                       asio::bind_cancellation_slot(one.cancel.slot(), std::move(ended)));
    }
    awaitable<void> wait() {
        while (state_->running > 0) co_await state_->changed.wait();
    }

private:
    struct Work {
        asio::cancellation_signal cancel;
        bool ended = false;
    };
    struct State {
        explicit State(const asio::any_io_executor& loop) : executor(loop), changed(loop) {}
        asio::any_io_executor executor;
        net::Signal changed;
        std::list<Work> works;
        std::size_t running = 0;
    };
    // Only cancellation ends a coroutine by an exception.
    class Ended {
    public:
        Ended(std::shared_ptr<State> state, Work& work) : state_(std::move(state)), work_(&work) {}
        void operator()(std::exception_ptr) const {
            work_->ended = true;
            --state_->running;
            state_->changed.notify();
        }

    private:
        std::shared_ptr<State> state_;
        Work* work_;  // of that state
    };

    std::shared_ptr<State> state_;
};

}  // namespace ottla::client
