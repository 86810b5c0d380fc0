// SPDX-License-Identifier: Apache-2.0
// run_on: a blocking or heavy job on Workers, awaited from a loop.
#pragma once

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

}  // namespace ottla::net
