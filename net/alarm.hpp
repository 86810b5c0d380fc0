// SPDX-License-Identifier: Apache-2.0
// Alarm: one moment that can be moved and cancelled, with a callback on the loop. What a connection uses for all of
// its deadlines. Belongs to one loop.
#pragma once

#include <memory>
#include <optional>

#include <ottla/function.hpp>

#include "net/timers.hpp"

namespace ottla::net {

class Alarm {
public:
    // `timers` must outlive the alarm. `on_time` may set the alarm again, and may destroy it.
    Alarm(Timers& timers, asio::any_io_executor, Function<void()> on_time);
    Alarm(Alarm&&) noexcept;
    // Cancels: `on_time` is not called afterwards.
    ~Alarm();

    void set(TimePoint);
    // Only earlier, or when not set: then nothing is re-armed.
    void set_if_earlier(TimePoint);
    void cancel();
    std::optional<TimePoint> at() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace ottla::net
