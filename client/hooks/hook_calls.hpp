// SPDX-License-Identifier: Apache-2.0
// HookCalls: calls the user's hooks so that they can do no harm. Any thread.
#pragma once

#include <atomic>
#include <exception>
#include <utility>

#include <ottla/hooks.hpp>

#include "base/log.hpp"

namespace ottla::client {

class HookCalls {
public:
    // Before the first call.
    void set(Hooks hooks, base::Log log) {
        hooks_ = std::move(hooks);
        log_ = std::move(log);
    }

    template <class Hook>
    bool wants(Hook Hooks::*which) const noexcept {
        return static_cast<bool>(hooks_.*which);
    }
    template <class Hook, class Event>
    void tell(Hook Hooks::*which, const Event& event) noexcept {
        if (!wants(which)) return;
        try {
            (hooks_.*which)(event);
        } catch (const std::exception& thrown) {
            on_thrown(thrown.what());
        } catch (...) {
            on_thrown("something that is no std::exception");
        }
    }

private:
    void on_thrown(const char* what) noexcept;

    Hooks hooks_;
    base::Log log_;
    std::atomic<bool> has_thrown_{false};
};

}  // namespace ottla::client
