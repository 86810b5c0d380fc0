// SPDX-License-Identifier: Apache-2.0
#include "net/virtual_timers.hpp"

#include "net/complete.hpp"

namespace ottla::net {

VirtualTimers::~VirtualTimers() { clear(); }

void VirtualTimers::clear() {
    // What a handler owns may cancel other waits while it goes.
    while (!waits_.empty()) waits_.extract(waits_.begin());
}

void VirtualTimers::start_wait(asio::any_io_executor executor, TimePoint at, WaitHandler handler) {
    const Key key{std::max(at, now()), next_++};
    if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected()) {
        slot.assign([this, key](asio::cancellation_type type) {
            if (type == asio::cancellation_type::none) return;
            if (auto found = waits_.extract(key)) finish(std::move(found.mapped()), asio::error::operation_aborted);
        });
    }
    waits_.emplace(key, Wait{std::move(executor), std::move(handler)});
}

void VirtualTimers::finish(Wait wait, error_code ec) { complete_later(wait.executor, wait.handler, ec); }

std::optional<TimePoint> VirtualTimers::next_deadline() const {
    if (waits_.empty()) return std::nullopt;
    return waits_.begin()->first.first;
}

std::size_t VirtualTimers::advance_to(TimePoint to) {
    clock_.advance_to(to);
    std::size_t ended = 0;
    while (!waits_.empty() && waits_.begin()->first.first <= clock_.now()) {
        auto first = waits_.extract(waits_.begin());
        ignore_cancellation(first.mapped().handler);
        finish(std::move(first.mapped()), {});
        ++ended;
    }
    return ended;
}

}  // namespace ottla::net
