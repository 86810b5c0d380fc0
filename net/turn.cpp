// SPDX-License-Identifier: Apache-2.0
#include "net/turn.hpp"

#include <algorithm>

namespace ottla::net {

asio::awaitable<Turn::Hold> Turn::take() {
    if (!std::exchange(taken_, true)) co_return Hold(*this);
    const auto mine = std::make_shared<Signal>(executor_);
    waiting_.push_back(mine);
    try {
        co_await mine->wait();
    } catch (...) {
        // Already its turn: somebody else's now.
        if (std::erase(waiting_, mine) == 0) give();
        throw;
    }
    co_return Hold(*this);
}

void Turn::give() {
    taken_ = !waiting_.empty();
    if (!taken_) return;
    const auto next = std::move(waiting_.front());
    waiting_.pop_front();
    next->notify();
}

}  // namespace ottla::net
