// SPDX-License-Identifier: Apache-2.0
#include "client/logs/log_delivery.hpp"

#include <utility>

#include <fmt/format.h>

#include "client/logs/debug_context.hpp"

namespace ottla::client {
namespace {

LogLevel public_level(base::LogLevel level) noexcept {
    switch (level) {
        case base::LogLevel::trace:
        case base::LogLevel::debug: return LogLevel::debug;
        case base::LogLevel::info: return LogLevel::info;
        case base::LogLevel::warn: return LogLevel::warning;
        default: return LogLevel::error;
    }
}

}  // namespace

LogDelivery::LogDelivery(std::string client, LogCallback callback, const base::Clock& clock)
    : client_(std::move(client)),
      callback_(std::move(callback)),
      has_callback_(static_cast<bool>(callback_)),
      clock_(&clock) {}

void LogDelivery::deliver(base::LogLevel level, std::string_view context, std::string_view text) {
    LogEvent event;
    event.level = public_level(level);
    event.context = context;
    event.client = client_;
    event.text = text;
    {
        const std::lock_guard hold(delivery_mutex_);
        if (!clock_) return;
        event.time_ms = clock_->wall_ms();
        if (!has_callback_) {
            if (!put(std::move(event))) ++dropped_;
            return;
        }
    }
    // Without the mutex: it may call the client, which may have something to say.
    try {
        callback_(event);
    } catch (...) {  // there is nobody to tell
    }
}

// What was dropped comes before the first line that is not.
bool LogDelivery::put(LogEvent&& event) {
    const auto put_one = [this](LogEvent&& line) {
        if (queue_) return queue_(std::move(line));
        if (was_attached_ || waiting_.size() >= lines_max) return false;
        waiting_.push_back(std::move(line));
        return true;
    };
    if (dropped_ > 0) {
        LogEvent note = event;
        note.level = LogLevel::warning;
        note.context = name_of(DebugContext::queue);
        note.text = fmt::format("{} lines were dropped here, since nobody fetched those before them", dropped_);
        if (!put_one(std::move(note))) return false;
        dropped_ = 0;
    }
    return put_one(std::move(event));
}

void LogDelivery::attach(Queue queue) {
    const std::lock_guard hold(delivery_mutex_);
    queue_ = std::move(queue);
    was_attached_ = true;
    for (LogEvent& event : std::exchange(waiting_, {}))
        if (!put(std::move(event))) ++dropped_;
}

void LogDelivery::detach() {
    const std::lock_guard hold(delivery_mutex_);
    queue_ = nullptr;
}

void LogDelivery::end() {
    const std::lock_guard hold(delivery_mutex_);
    clock_ = nullptr;
    queue_ = nullptr;
    waiting_.clear();
}

}  // namespace ottla::client
