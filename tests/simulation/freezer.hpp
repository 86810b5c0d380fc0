// SPDX-License-Identifier: Apache-2.0
// Freezer: the processor of a simulated machine, which can stand still for a while, as under SIGSTOP or a long pause
// of its collector: what becomes ready meanwhile runs, in its order, when it goes on. Its clock goes on all the while.
#pragma once

#include <deque>
#include <memory>
#include <utility>

#include <boost/asio.hpp>
#include <ottla/function.hpp>

namespace ottla::test {

namespace asio = boost::asio;

class Freezer {
public:
    explicit Freezer(asio::io_context& io) : state_(std::make_shared<State>(io)) {}
    Freezer(const Freezer&) = delete;
    Freezer& operator=(const Freezer&) = delete;
    ~Freezer() {
        state_->over = true;
        state_->held.clear();
    }

    void freeze() { state_->frozen = true; }
    void thaw() {
        state_->frozen = false;
        for (auto& ready : std::exchange(state_->held, {})) state_->submit(state_, std::move(ready));
    }
    bool is_frozen() const noexcept { return state_->frozen; }
    asio::any_io_executor executor() const { return Executor{state_}; }

private:
    struct State {
        explicit State(asio::io_context& context) : io(context) {}
        static void submit(const std::shared_ptr<State>& self, Function<void()> ready) {
            asio::post(self->io, [self, work = std::move(ready)]() mutable {
                if (!self->frozen)
                    work();
                else if (!self->over)
                    self->held.push_back(std::move(work));
            });
        }

        asio::io_context& io;
        bool frozen = false;
        bool over = false;
        std::deque<Function<void()>> held;
    };

    // What Asio asks of an executor: nothing runs within execute().
    struct Executor {
        std::shared_ptr<State> state;

        template <class Work>
        void execute(Work&& work) const {
            state->submit(state, Function<void()>(std::forward<Work>(work)));
        }
        asio::execution_context& query(asio::execution::context_t) const noexcept { return state->io; }
        static constexpr asio::execution::blocking_t query(asio::execution::blocking_t) noexcept {
            return asio::execution::blocking.never;
        }
        Executor require(asio::execution::blocking_t::never_t) const noexcept { return *this; }
        friend bool operator==(const Executor& a, const Executor& b) noexcept { return a.state == b.state; }
        friend bool operator!=(const Executor& a, const Executor& b) noexcept { return a.state != b.state; }
    };

    std::shared_ptr<State> state_;
};

}  // namespace ottla::test
