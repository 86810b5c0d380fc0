// SPDX-License-Identifier: Apache-2.0
// complete_later: ends an operation of ours by way of its executor, never within the call that ends it.
#pragma once

#include <utility>

#include <boost/asio.hpp>
#include <boost/asio/any_completion_handler.hpp>

namespace ottla::net {

namespace asio = boost::asio;

// `executor` is the operation's; the handler's own takes over from there. Empties `handler`.
template <class... Args>
void complete_later(const asio::any_io_executor& executor, asio::any_completion_handler<void(Args...)>& handler,
                    std::type_identity_t<Args>... args) {
    const auto own = asio::get_associated_executor(handler, executor);
    auto complete = [taken = std::exchange(handler, nullptr), ... args = std::move(args)]() mutable {
        std::move(taken)(std::move(args)...);
    };
    asio::post(executor, asio::bind_executor(own, std::move(complete)));
}

// A finished wait no longer listens to cancellation.
template <class Handler>
void ignore_cancellation(const Handler& handler) {
    if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected()) slot.clear();
}

}  // namespace ottla::net
