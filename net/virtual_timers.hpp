// SPDX-License-Identifier: Apache-2.0
// VirtualTimers: time that stands still until it is moved to the next deadline; hours pass in milliseconds. Waits of
// the same instant end in the order in which they began. One thread only.
#pragma once

#include <map>
#include <optional>

#include "net/timers.hpp"

namespace ottla::net {

class VirtualTimers final : public Timers {
public:
    explicit VirtualTimers(std::int64_t wall_ms = 1'700'000'000'000) : clock_(wall_ms) {}
    ~VirtualTimers() override;

    TimePoint now() const override { return clock_.now(); }
    std::int64_t wall_ms() const override { return clock_.wall_ms(); }
    void start_wait(asio::any_io_executor executor, TimePoint at, WaitHandler) override;

    // When the earliest wait ends; nothing when nobody waits.
    std::optional<TimePoint> next_deadline() const;
    // Moves time and posts the waits that end by then. Returns how many.
    std::size_t advance_to(TimePoint);
    std::size_t advance(Duration by) { return advance_to(now() + by); }
    // The wall clock alone jumps, forward or back.
    void step_wall(std::int64_t ms) { clock_.step_wall(ms); }
    // Drops all waits with what they own, while their loop still stands.
    void clear();
    std::size_t waiting() const noexcept { return waits_.size(); }

private:
    struct Wait {
        asio::any_io_executor executor;
        WaitHandler handler;
    };
    using Key = std::pair<TimePoint, std::uint64_t>;

    static void finish(Wait, error_code);

    base::ManualClock clock_;
    std::map<Key, Wait> waits_;
    std::uint64_t next_ = 0;
};

}  // namespace ottla::net
