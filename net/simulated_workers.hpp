// SPDX-License-Identifier: Apache-2.0
// SimulatedWorkers: base::Workers without threads. Every job runs on the loop after a seeded delay of virtual time,
// side by side with the others, so that their ends come in any order.
#pragma once

#include "base/random.hpp"
#include "base/workers.hpp"
#include "net/timers.hpp"

namespace ottla::net {

class SimulatedWorkers final : public base::Workers {
public:
    struct Delays {
        Duration min;
        Duration max;
    };
    // `timers` must outlive the jobs.
    SimulatedWorkers(Timers& timers, asio::any_io_executor, base::Random, Duration delay_min, Duration delay_max);
    void run(Function<void()> job) override;
    // Of the jobs to come.
    void set_delays(const Delays& delays) noexcept { delays_ = delays; }
    const Delays& delays() const noexcept { return delays_; }
    std::uint64_t jobs() const noexcept { return jobs_; }

private:
    Timers& timers_;
    asio::any_io_executor executor_;
    base::Random random_;
    Delays delays_;
    std::uint64_t jobs_ = 0;
};

}  // namespace ottla::net
