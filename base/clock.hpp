// SPDX-License-Identifier: Apache-2.0
// Time is handed in. Deadlines use the monotonic clock only; the wall clock is for record timestamps.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>

namespace ottla::base {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

class Clock {
public:
    virtual ~Clock() = default;
    // Never goes back.
    virtual TimePoint now() const = 0;
    // Milliseconds since 1970-01-01 UTC; may jump either way.
    virtual std::int64_t wall_ms() const = 0;
    // The same, but for some milliseconds that it may be behind: for who asks millions of times a second.
    virtual std::int64_t about_wall_ms() const { return wall_ms(); }
};

class SystemClock final : public Clock {
public:
    TimePoint now() const override { return std::chrono::steady_clock::now(); }
    std::int64_t wall_ms() const override {
        using namespace std::chrono;
        return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
    }
#ifdef CLOCK_REALTIME_COARSE
    // Of the kernel's last tick.
    std::int64_t about_wall_ms() const override {
        timespec time{};
        ::clock_gettime(CLOCK_REALTIME_COARSE, &time);
        return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
    }
#endif
};

// Stands still until told otherwise.
class ManualClock final : public Clock {
public:
    explicit ManualClock(std::int64_t wall_ms = 1'700'000'000'000) : wall_at_start_(wall_ms) {}
    TimePoint now() const override { return now_; }
    std::int64_t wall_ms() const override {
        return wall_at_start_ + wall_step_ms_ +
               std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch()).count();
    }
    void advance(Duration by) { now_ += by; }
    void advance_to(TimePoint t) {
        if (t > now_) now_ = t;
    }
    // The wall clock alone is set forward or back.
    void step_wall(std::int64_t ms) { wall_step_ms_ += ms; }

private:
    TimePoint now_{};
    std::int64_t wall_at_start_;
    std::int64_t wall_step_ms_ = 0;
};

}  // namespace ottla::base
