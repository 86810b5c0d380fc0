// SPDX-License-Identifier: Apache-2.0
#include "net/simulated_workers.hpp"

namespace ottla::net {

SimulatedWorkers::SimulatedWorkers(Timers& timers, asio::any_io_executor executor, base::Random random,
                                   Duration delay_min, Duration delay_max)
    : timers_(timers),
      executor_(std::move(executor)),
      random_(random),
      delays_{delay_min, delay_max} {}

void SimulatedWorkers::run(Function<void()> job) {
    ++jobs_;
    const Duration delay(random_.between(delays_.min.count(), delays_.max.count()));
    auto on_time = [job = std::move(job)](error_code ec) mutable {
        if (!ec) job();
    };
    timers_.start_wait(executor_, timers_.now() + delay, std::move(on_time));
}

}  // namespace ottla::net
