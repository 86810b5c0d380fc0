// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <utility>

#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace ottla::base {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
    switch (level) {
        case LogLevel::trace: return spdlog::level::trace;
        case LogLevel::debug: return spdlog::level::debug;
        case LogLevel::info: return spdlog::level::info;
        case LogLevel::warn: return spdlog::level::warn;
        case LogLevel::error: return spdlog::level::err;
        case LogLevel::off: break;
    }
    return spdlog::level::off;
}

// One spdlog sink, not registered anywhere; the name changes per line, so the sink is fed directly.
Log over(std::shared_ptr<spdlog::sinks::sink> sink, std::string name, LogLevel level) {
    sink->set_pattern("%Y-%m-%d %H:%M:%S.%e %-5l %n: %v");
    return Log(std::move(name), level, [sink](LogLevel l, std::string_view logger, std::string_view text) {
        sink->log(spdlog::details::log_msg({logger.data(), logger.size()}, level_of(l), {text.data(), text.size()}));
        sink->flush();
    });
}

}  // namespace

Log::Log(std::string name, LogLevel level, Sink sink)
    : name_(std::move(name)),
      level_(level),
      sink_(std::make_shared<const Sink>(std::move(sink))) {}

Log Log::named(std::string name) const {
    Log other = *this;
    other.name_ = std::move(name);
    return other;
}

Log Log::at(LogLevel level) const {
    Log other = *this;
    other.level_ = level;
    return other;
}

Log make_stderr_log(std::string name, LogLevel level) {
    return over(std::make_shared<spdlog::sinks::stderr_sink_mt>(), std::move(name), level);
}

Log make_file_log(std::string name, LogLevel level, const std::string& path) {
    return over(std::make_shared<spdlog::sinks::basic_file_sink_mt>(path), std::move(name), level);
}

}  // namespace ottla::base
