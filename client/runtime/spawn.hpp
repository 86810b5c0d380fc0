// SPDX-License-Identifier: Apache-2.0
// Starting coroutines on a client's loop: those that answer a call, and those that live as long as their owner.
#pragma once

#include <ottla/async.hpp>

#include "client/runtime/runtime.hpp"

namespace ottla::client {

// Runs `work` on the loop and passes its result to `done`. Cancelling through the token's slot ends the wait with
// `cancelled`; so does whatever ends the coroutine by an exception (only cancellation does).
template <class T>
void spawn_call(const asio::any_io_executor& executor, awaitable<Result<T>> work, Completion<T> done) {
    auto slot = asio::get_associated_cancellation_slot(done);
    auto finish = [done = std::move(done)](std::exception_ptr failed, Result<T> result) mutable {
        if (failed)
            std::move(done)(Error::of(ErrorCode::cancelled));
        else
            std::move(done)(std::move(result));
    };
    asio::co_spawn(executor, std::move(work), asio::bind_cancellation_slot(slot, std::move(finish)));
}

}  // namespace ottla::client
