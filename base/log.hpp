// SPDX-License-Identifier: Apache-2.0
// Log: what an instance says about itself. A handle belongs to a broker or a client, never to the process; where
// the lines go is decided by whoever made it. Safe from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <fmt/core.h>

namespace ottla::base {

enum class LogLevel : std::uint8_t { trace, debug, info, warn, error, off };

class Log {
public:
    using Sink = std::function<void(LogLevel, std::string_view logger, std::string_view text)>;

    // Says nothing.
    Log() = default;
    // `sink` is called from whichever thread logs, with lines of at least `level`.
    Log(std::string name, LogLevel level, Sink sink);

    // The same sink under another name ("broker.log", "client.fetch").
    Log named(std::string name) const;
    // The same sink and name, with lines of at least `level`.
    Log at(LogLevel level) const;
    bool enabled(LogLevel level) const noexcept { return level >= level_ && sink_; }

    template <class... A>
    void debug(fmt::format_string<A...> text, A&&... a) const {
        write(LogLevel::debug, text, std::forward<A>(a)...);
    }
    template <class... A>
    void info(fmt::format_string<A...> text, A&&... a) const {
        write(LogLevel::info, text, std::forward<A>(a)...);
    }
    template <class... A>
    void warn(fmt::format_string<A...> text, A&&... a) const {
        write(LogLevel::warn, text, std::forward<A>(a)...);
    }
    template <class... A>
    void error(fmt::format_string<A...> text, A&&... a) const {
        write(LogLevel::error, text, std::forward<A>(a)...);
    }

private:
    template <class... A>
    void write(LogLevel level, fmt::format_string<A...> text, A&&... a) const {
        if (enabled(level)) (*sink_)(level, name_, fmt::format(text, std::forward<A>(a)...));
    }

    std::string name_;
    LogLevel level_ = LogLevel::off;
    std::shared_ptr<const Sink> sink_;
};

// Lines "2026-11-21 10:00:00.123 INFO  broker.log text" on a stream (spdlog); stderr and stdout only. For mains.
Log make_stderr_log(std::string name, LogLevel level);
Log make_file_log(std::string name, LogLevel level, const std::string& path);

}  // namespace ottla::base
