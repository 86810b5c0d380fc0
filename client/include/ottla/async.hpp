// SPDX-License-Identifier: Apache-2.0
// How the async_ calls complete: with void(Result<T>), through any Asio completion token (a callback, use_awaitable,
// use_future, deferred …). co_await therefore gives a Result and does not throw. Cancelling (a cancellation slot
// bound to the token) ends the wait with ErrorCode::cancelled, never the effect.
#pragma once

#include <utility>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>

#include <ottla/result.hpp>

namespace ottla::inline v0 {

template <class T>
using Completion = boost::asio::any_completion_handler<void(Result<T>)>;

namespace detail {

// Calls `start(core, arguments..., Completion<T>)` when the token asks for it.
template <class T, class Token, class Core, class Start, class... Arguments>
auto call(Token&& token, Core& core, Start start, Arguments&&... arguments) {
    return boost::asio::async_initiate<Token, void(Result<T>)>(
        [core = &core, start](auto handler, auto&&... passed) {
            start(*core, std::forward<decltype(passed)>(passed)..., Completion<T>(std::move(handler)));
        },
        token, std::forward<Arguments>(arguments)...);
}

}  // namespace detail

}  // namespace ottla::inline v0
