// SPDX-License-Identifier: Apache-2.0
// Copier: writes records at a rate, some at a time, and says of each whether it is acknowledged. On one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <ottla/producer.hpp>

#include "tools/ottla/connection.hpp"
#include "tools/ottla/deliveries.hpp"
#include "tools/ottla/pace.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

// --rate
struct RateOption {
    std::int64_t per_second = 0;  // 0: as fast as it goes
};
void add_rate_option(CLI::App&, RateOption&);

class Copier {
public:
    // With acks=all, and message.max.bytes=10000000 unless the user sets another.
    Copier(const Session&, const Connection&, RateOption);
    ~Copier();
    Copier(const Copier&) = delete;
    Copier& operator=(const Copier&) = delete;

    // Copies it. Waits while the queue is full.
    void write(const Record&);
    // After so many settle() is due.
    std::size_t window() const noexcept { return window_; }
    // So many are written that settle() is due.
    bool is_full() const noexcept { return errors_.size() >= window_; }
    // Waits until all since the last time are acknowledged or given up, and until the rate allows more. Of each, in
    // order, its error.
    std::vector<Error> settle();
    std::int64_t acknowledged() const noexcept { return acknowledged_; }

private:
    const Session& session_;
    const std::size_t window_;
    const Pace pace_;
    std::vector<Error> errors_;  // of what is on its way; reports write it, up to window_
    std::int64_t sent_ = 0;
    std::int64_t acknowledged_ = 0;
    std::unique_ptr<Deliveries> deliveries_;
    Producer producer_;
};

}  // namespace ottla::tools
