// SPDX-License-Identifier: Apache-2.0
// run_on: a blocking or heavy job on Workers, awaited from a loop; run_each_on: many of them, side by side.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include <boost/asio.hpp>
#include <boost/asio/any_completion_handler.hpp>

#include "base/workers.hpp"

namespace ottla::net {

namespace asio = boost::asio;

// Runs `job` on a worker and passes what it returned to `handler` on `executor`. The job's result must be movable.
template <class Job, class Handler>
void start_on(base::Workers& workers, asio::any_io_executor executor, Job job, Handler handler) {
    workers.run([job = std::move(job), handler = std::move(handler),
                 guard = asio::make_work_guard(std::move(executor))]() mutable {
        auto result = job();
        const auto back = guard.get_executor();
        asio::post(back, [handler = std::move(handler), result = std::move(result),
                          guard = std::move(guard)]() mutable { std::move(handler)(std::move(result)); });
    });
}

// What `job()` returns (not void); resumes on the caller's executor. Not cancellable: the job runs to its end, and
// what it refers to must live until then. `job` is a named local moved in, never a lambda written in the co_await.
template <class Job>
asio::awaitable<std::invoke_result_t<Job&>> run_on(base::Workers& workers, Job job) {
    using Value = std::invoke_result_t<Job&>;
    asio::any_io_executor executor = co_await asio::this_coro::executor;
    auto start = [&workers, &executor, &job](auto handler) {
        start_on(workers, std::move(executor), std::move(job),
                 asio::any_completion_handler<void(Value)>(std::move(handler)));
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Value)>(start, asio::use_awaitable);
}

// Calls `job(i)` for every i below `count`, up to `width` of them at a time; resumes when all have returned. As with
// run_on, what they refer to must live until then, and `job` is a named local.
template <class Job>
asio::awaitable<void> run_each_on(base::Workers& workers, std::size_t width, std::size_t count, Job& job) {
    if (count == 0) co_return;
    width = std::clamp<std::size_t>(width, 1, count);
    asio::any_io_executor executor = co_await asio::this_coro::executor;
    auto start = [&workers, &executor, &job, width, count](auto handler) {
        struct Shared {
            asio::any_completion_handler<void()> handler;  // made here: assigning one never ends in Asio of Debian 12
            asio::any_io_executor executor;
            std::atomic<std::size_t> running;
            std::atomic<std::size_t> next{0};
        };
        const std::shared_ptr<Shared> shared(
            new Shared{asio::any_completion_handler<void()>(std::move(handler)),
                       asio::prefer(std::move(executor), asio::execution::outstanding_work.tracked), width});
        for (std::size_t i = 0; i < width; ++i) {
            workers.run([shared, &job, count] {
                for (std::size_t at = shared->next++; at < count; at = shared->next++) job(at);
                if (--shared->running == 0) asio::post(shared->executor, [shared] { std::move(shared->handler)(); });
            });
        }
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(start, asio::use_awaitable);
}

}  // namespace ottla::net
