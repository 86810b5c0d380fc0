// SPDX-License-Identifier: Apache-2.0
// Crossing shards and coming back: run_at for one job, on_owners to split a request over the shards that own its parts
// and join the outcome. With one shard, or when all parts live here, nothing is posted.
#pragma once

#include <cstddef>
#include <exception>
#include <span>
#include <vector>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "broker/server/node.hpp"

namespace ottla::broker {

// Counts what runs elsewhere; touched on one executor only.
class ShardJoin {
public:
    void add() noexcept { ++open_; }
    void done() {
        if (--open_ == 0 && waiter_) std::move(waiter_)();
    }
    void failed(std::exception_ptr error) noexcept {
        if (!error_) error_ = std::move(error);
    }
    // Not cancellable: the others hold references into the caller's frame.
    boost::asio::awaitable<void> wait() {
        if (open_ != 0) {
            co_await boost::asio::async_initiate<decltype(boost::asio::use_awaitable), void()>(
                [this](auto handler) {
                    // Boost 1.81 copies for ever when one is move-assigned.
                    boost::asio::any_completion_handler<void()>(std::move(handler)).swap(waiter_);
                },
                boost::asio::use_awaitable);
        }
        if (error_) std::rethrow_exception(error_);
    }

private:
    std::size_t open_ = 0;
    std::exception_ptr error_;
    boost::asio::any_completion_handler<void()> waiter_;
};

// Runs `job()` on the executor of `there` and resumes on `here`. The job stays the caller's and must be a named object.
template <class Job>
boost::asio::awaitable<void> run_at(const Shard& there, const Shard& here, Job& job) {
    if (&there == &here) {
        job();
        co_return;
    }
    ShardJoin join;
    join.add();
    boost::asio::post(there.executor(), [&join, &job, executor = here.executor()] {
        job();
        boost::asio::post(executor, [&join] { join.done(); });
    });
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    co_await join.wait();
    co_await boost::asio::this_coro::throw_if_cancelled(true);
}

// Runs `work(shard, indices)`, an awaitable<void>, on every shard that owns one of the items 0 … count-1;
// `owner_of(i)` is the index of the owner. All of them run side by side; resumes on `here` when the last has
// finished. Both callables stay the caller's and must be named objects, and what they touch must be safe per item:
// write answers into slots made beforehand.
template <class Owner, class Work>
boost::asio::awaitable<void> on_owners(const Node& node, Shard& here, std::size_t count, Owner& owner_of, Work& work) {
    namespace asio = boost::asio;
    std::vector<std::vector<std::size_t>> parts(node.shards.size());
    for (std::size_t i = 0; i < count; ++i) parts[node.shards.size() == 1 ? 0 : owner_of(i)].push_back(i);

    ShardJoin join;
    for (std::size_t s = 0; s < parts.size(); ++s) {
        if (parts[s].empty() || s == here.index()) continue;
        Shard& there = *node.shards[s];
        join.add();
        auto finished = [&join, executor = here.executor()](std::exception_ptr error) {
            asio::post(executor, [&join, error] {
                if (error) join.failed(error);
                join.done();
            });
        };
        asio::co_spawn(there.executor(), work(there, std::span<const std::size_t>(parts[s])), std::move(finished));
    }
    if (!parts[here.index()].empty()) {
        try {
            co_await work(here, std::span<const std::size_t>(parts[here.index()]));
        } catch (...) {
            join.failed(std::current_exception());
        }
    }
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await join.wait();
    co_await asio::this_coro::throw_if_cancelled(true);
}

}  // namespace ottla::broker
