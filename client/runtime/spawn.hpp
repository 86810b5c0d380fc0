// SPDX-License-Identifier: Apache-2.0
// Starting coroutines on a client's loop: those that answer a call, and those that run beside it.
#pragma once

#include <exception>
#include <utility>

#include <ottla/async.hpp>

#include "client/runtime/runtime.hpp"

namespace ottla::client {

// Runs `work` on the loop and passes its result to `done`, on the executor that belongs to it. Cancelling through the
// token's slot ends the wait with `cancelled`; nothing but cancellation ends a coroutine by an exception.
template <class T>
void spawn_call(const asio::any_io_executor& loop, awaitable<Result<T>> work, Completion<T> done) {
    auto slot = asio::get_associated_cancellation_slot(done);
    auto executor = asio::get_associated_executor(done, loop);
    auto finish = [done = std::move(done)](std::exception_ptr failed, Result<T> result) mutable {
        if (failed)
            std::move(done)(Error::of(ErrorCode::cancelled));
        else
            std::move(done)(std::move(result));
    };
    asio::co_spawn(loop, std::move(work),
                   asio::bind_cancellation_slot(slot, asio::bind_executor(executor, std::move(finish))));
}

// For coroutines that nobody waits for: only cancellation ends them by an exception.
struct IgnoreEnd {
    void operator()(std::exception_ptr) const noexcept {}
};

inline void spawn(const asio::any_io_executor& loop, awaitable<void> work) {
    asio::co_spawn(loop, std::move(work), IgnoreEnd());
}

}  // namespace ottla::client
