// SPDX-License-Identifier: Apache-2.0
// SIGTERM and SIGINT ask the program to end in order.
#pragma once

#include <atomic>
#include <chrono>
#include <csignal>

#include <poll.h>

namespace stop {

inline std::atomic<bool> asked = false;

inline void on_signals() {
    std::signal(SIGTERM, [](int) { asked = true; });
    std::signal(SIGINT, [](int) { asked = true; });
}

// Waits, but not beyond a signal.
inline void wait(std::chrono::milliseconds at_most) {
    if (!asked) ::poll(nullptr, 0, static_cast<int>(at_most.count()));
}

}  // namespace stop
