// SPDX-License-Identifier: Apache-2.0
// DebugContext: what a line of the log is about, by the names that librdkafka's setting `debug` has. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ottla::client {

enum class DebugContext : std::uint8_t {
    generic,
    broker,
    topic,
    metadata,
    feature,
    queue,
    msg,
    protocol,
    cgrp,
    security,
    fetch,
    interceptor,
    plugin,
    consumer,
    admin,
    eos,
    mock,
    assignor,
    conf,
    telemetry,
};

inline constexpr std::array<std::string_view, 20> debug_context_names = {
    "generic", "broker",      "topic",  "metadata", "feature", "queue", "msg",  "protocol", "cgrp", "security",
    "fetch",   "interceptor", "plugin", "consumer", "admin",   "eos",   "mock", "assignor", "conf", "telemetry"};

constexpr std::string_view name_of(DebugContext c) noexcept { return debug_context_names[static_cast<std::size_t>(c)]; }

// Those whose debug lines are wanted.
class DebugContexts {
public:
    constexpr DebugContexts() = default;
    static constexpr DebugContexts all() noexcept {
        DebugContexts c;
        c.bits_ = (1U << debug_context_names.size()) - 1;
        return c;
    }
    constexpr void add(DebugContext c) noexcept { bits_ |= 1U << static_cast<unsigned>(c); }
    constexpr bool has(DebugContext c) const noexcept { return (bits_ >> static_cast<unsigned>(c) & 1U) != 0; }
    constexpr bool any() const noexcept { return bits_ != 0; }

private:
    std::uint32_t bits_ = 0;
};

}  // namespace ottla::client
