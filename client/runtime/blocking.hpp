// SPDX-License-Identifier: Apache-2.0
// The bridge from blocking calls to async ones: start, wait, take the result. Never waits past its deadline, not
// even when nobody runs the executor.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

#include <ottla/async.hpp>

#include "client/runtime/runtime.hpp"

namespace ottla::client {

Error on_own_loop(std::string_view call);
Error executor_not_run(std::string_view call);

// `start(Completion<T>)` begins an operation that ends by itself within `timeout`.
template <class T, class Start>
Result<T> wait_for(const Runtime& runtime, std::string_view call, nanoseconds timeout, Start start) {
    if (runtime.is_of_parent()) return made_before_fork();
    if (runtime.on_loop()) return on_own_loop(call);
    struct Answer {
        std::mutex result_mutex;
        std::condition_variable come;
        std::optional<Result<T>> result;
    };
    auto answer = std::make_shared<Answer>();
    start(Completion<T>([answer](Result<T> result) {
        const std::lock_guard lock(answer->result_mutex);
        answer->result.emplace(std::move(result));
        answer->come.notify_one();
    }));
    std::unique_lock lock(answer->result_mutex);
    const auto here = [&] { return answer->result.has_value(); };
    const auto until = runtime.deadline(timeout);
    if (until == TimePoint::max()) {
        answer->come.wait(lock, here);
    } else if (!answer->come.wait_until(lock, until, here)) {
        // The operation answers at its deadline; what follows is for when its executor does not run. In pieces: time
        // that passes while the whole process stands still (a debugger, SIGSTOP, a suspended machine) takes one of
        // them.
        using namespace std::chrono_literals;
        for (int pieces = 10; pieces > 0 && !answer->come.wait_for(lock, 50ms, here);) --pieces;
        if (!here()) return executor_not_run(call);
    }
    return std::move(*answer->result);
}

}  // namespace ottla::client
