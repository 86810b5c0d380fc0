// SPDX-License-Identifier: Apache-2.0
// Starting coroutines on a client's loop: those that answer a call, and those that run beside it.
#pragma once

#include <exception>
#include <utility>

#include <ottla/async.hpp>

#include "client/runtime/runtime.hpp"

namespace ottla::client {

// For a client whose loop has ended: on this executor, that of a handler, never within the call itself.
template <class Executor, class F>
void run_without_loop(const Executor& executor, F answer) {
    // From this thread where that can be: another would still have hold of the loop when the loop has run the answer
    // and is gone.
    if (const auto* any = executor.template target<asio::any_io_executor>()) return asio::post(*any, std::move(answer));
    if (const auto* loop = executor.template target<asio::io_context::executor_type>())
        return asio::post(*loop, std::move(answer));
    // Tracked: a loop that runs until its work is done must not end, and go, while it is told of this.
    asio::post(asio::system_executor(),
               [kept = asio::prefer(executor, asio::execution::outstanding_work.tracked),
                answer = std::move(answer)]() mutable { asio::dispatch(kept, std::move(answer)); });
}

// On the handler's own executor, or else on one of the system's threads.
template <class T>
void complete_without_loop(Completion<T> done, Result<T> result) {
    const auto executor = asio::get_associated_executor(done, asio::system_executor());
    run_without_loop(executor, [done = std::move(done), result = std::move(result)]() mutable {
        std::move(done)(std::move(result));
    });
}

template <class T>
void answer_without_loop(Completion<T> done, Error error) {
    // In place: an Error may be a value, too.
    complete_without_loop(std::move(done), Result<T>(boost::system::in_place_error, std::move(error)));
}

// Runs `work` on the loop and passes its result to `done`, on the executor that belongs to it. Cancelling through the
// token's slot ends the wait with `cancelled`, and `work` with it, perhaps before its first line: what must happen all
// the same is begun elsewhere. Nothing but cancellation ends a coroutine by an exception. In a child of fork() nothing
// is run, and the answer is invalid_state; after finish() it is closed.
template <class T>
void spawn_call(const Runtime& runtime, awaitable<Result<T>> work, Completion<T> done) {
    if (runtime.is_of_parent()) return answer_without_loop<T>(std::move(done), made_before_fork());
    const Runtime::Entry entry(runtime);
    if (!entry)
        return answer_without_loop<T>(std::move(done), Error::of(ErrorCode::closed, runtime.name() + " is closed"));
    const auto& loop = runtime.executor();
    auto slot = asio::get_associated_cancellation_slot(done);
    auto executor = asio::get_associated_executor(done, loop);
    auto finish = [done = std::move(done)](std::exception_ptr failed, Result<T> result) mutable {
        if (failed)
            // In place: an Error may be a value, too.
            std::move(done)(Result<T>(boost::system::in_place_error, Error::of(ErrorCode::cancelled)));
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
