// SPDX-License-Identifier: Apache-2.0
// Poke: lets whoever polls look up, though nothing has come. Any thread.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "client/consumer/consumer_core.hpp"

namespace ottla::client {

class Poke {
public:
    explicit Poke(std::shared_ptr<ConsumerCore> consumer) : consumer_(std::move(consumer)) {}

    void give() {
        if (given_.exchange(true)) return;
        if (const Runtime::Entry entry(consumer_->runtime()); entry) consumer_->wake_waiting();
    }
    // There was one.
    bool take() { return given_.load() && given_.exchange(false); }

private:
    std::shared_ptr<ConsumerCore> consumer_;
    std::atomic<bool> given_{false};
};

}  // namespace ottla::client
