// SPDX-License-Identifier: Apache-2.0
#include "net/alarm.hpp"

namespace ottla::net {

struct Alarm::State : std::enable_shared_from_this<State> {
    State(Timers& t, asio::any_io_executor e, Function<void()> f)
        : timers(t),
          executor(std::move(e)),
          on_time(std::move(f)) {}

    void set(TimePoint when) {
        cancel();
        at = when;
        // A signal for every wait: a cancelled one still refers to its own until it has completed.
        auto fresh = std::make_shared<asio::cancellation_signal>();
        signal = fresh;
        auto handler = [self = shared_from_this(), fresh](error_code ec) {
            if (ec || self->signal != fresh) return;
            self->signal.reset();
            self->at.reset();
            self->on_time();
        };
        timers.start_wait(executor, when, asio::bind_cancellation_slot(fresh->slot(), std::move(handler)));
    }

    void cancel() {
        at.reset();
        if (const auto old = std::exchange(signal, nullptr)) old->emit(asio::cancellation_type::terminal);
    }

    Timers& timers;
    asio::any_io_executor executor;
    Function<void()> on_time;
    std::optional<TimePoint> at;
    std::shared_ptr<asio::cancellation_signal> signal;
};

Alarm::Alarm(Timers& timers, asio::any_io_executor executor, Function<void()> on_time)
    : state_(std::make_shared<State>(timers, std::move(executor), std::move(on_time))) {}

Alarm::Alarm(Alarm&&) noexcept = default;

Alarm::~Alarm() {
    if (state_) state_->cancel();
}

void Alarm::set(TimePoint at) {
    if (state_->at != at) state_->set(at);
}

void Alarm::set_if_earlier(TimePoint at) {
    if (!state_->at || at < *state_->at) state_->set(at);
}

void Alarm::cancel() { state_->cancel(); }

std::optional<TimePoint> Alarm::at() const { return state_->at; }

}  // namespace ottla::net
