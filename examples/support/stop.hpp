// SPDX-License-Identifier: Apache-2.0
// SIGTERM and SIGINT ask the program to end in order.
#pragma once

#include <atomic>
#include <csignal>

namespace stop {

inline std::atomic<bool> asked = false;

inline void on_signals() {
    std::signal(SIGTERM, [](int) { asked = true; });
    std::signal(SIGINT, [](int) { asked = true; });
}

}  // namespace stop
