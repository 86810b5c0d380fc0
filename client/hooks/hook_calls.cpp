// SPDX-License-Identifier: Apache-2.0
#include "client/hooks/hook_calls.hpp"

namespace ottla::client {

void ThrownHooks::on_thrown(const char* what) noexcept {
    if (has_thrown_.exchange(true, std::memory_order_relaxed)) return;
    try {
        log_.error("a hook has thrown, which is ignored here and from now on: {}", what);
    } catch (...) {  // there is nobody to tell
    }
}

}  // namespace ottla::client
