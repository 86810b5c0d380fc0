// SPDX-License-Identifier: Apache-2.0
// What a client says about itself, a line at a time: to a callback of the user's (ProducerOptions::log and the like),
// as LogEvents (log.queue=true), or else on standard error. `log_level` and `debug` decide which lines there are; keys,
// values and headers of records, and settings that are secret, are in none of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <ottla/function.hpp>

namespace ottla::inline v0 {

// Syslog's numbers, as `log_level` takes them.
enum class LogLevel : std::uint8_t { error = 3, warning = 4, info = 6, debug = 7 };
std::string_view to_string(LogLevel) noexcept;

struct LogEvent {
    // Milliseconds since 1970-01-01 UTC.
    std::int64_t time_ms = 0;
    LogLevel level = LogLevel::info;
    // What it is about: "broker", "metadata", "msg", …: one of the names that `debug` takes.
    std::string_view context;
    // "client.id#producer-1"
    std::string client;
    std::string text;
};
// "info rdkafka#producer-1 [broker]: the text"
std::string to_string(const LogEvent&);

// Called from whichever thread has something to say, the client's loop above all, perhaps from several at a time. It
// must not block; what it throws is ignored.
using LogCallback = Function<void(const LogEvent&)>;

}  // namespace ottla::inline v0
