// SPDX-License-Identifier: Apache-2.0
// HookCalls: calls the user's hooks so that they can do no harm. Any thread.
#pragma once

#include <atomic>
#include <exception>
#include <utility>

#include <ottla/hooks.hpp>

#include "base/log.hpp"

namespace ottla::client {

// Says that a hook has thrown, once.
class ThrownHooks {
protected:
    void on_thrown(const char* what) noexcept;

    base::Log log_;

private:
    std::atomic<bool> has_thrown_{false};
};

// Of a struct of functions, each for an event of its own.
template <class Set>
class HookCallsOf : private ThrownHooks {
public:
    // Before the first call.
    void set(Set hooks, base::Log log) {
        hooks_ = std::move(hooks);
        log_ = std::move(log);
    }

    template <class Hook>
    bool wants(Hook Set::*which) const noexcept {
        return static_cast<bool>(hooks_.*which);
    }
    template <class Hook, class Event>
    void tell(Hook Set::*which, const Event& event) noexcept {
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
    Set hooks_;
};

using HookCalls = HookCallsOf<Hooks>;

}  // namespace ottla::client
