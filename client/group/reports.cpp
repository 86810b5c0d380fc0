// SPDX-License-Identifier: Apache-2.0
#include "client/group/reports.hpp"

#include <chrono>

#include <fmt/format.h>

namespace ottla::client {

std::int32_t in_ms(base::Duration time) noexcept {
    return static_cast<std::int32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

void Reports::tell(const Error& error) {
    waiting_.push_back(error.with_context(fmt::format("group '{}'", settings_.group_id)));
}

void Reports::nobody_polled() {
    tell(
        Error::of(ErrorCode::max_poll_exceeded,
                  fmt::format("nobody polled for max.poll.interval.ms ({}); the consumer has left the group, and joins "
                              "again with the next poll. Poll more often, or raise the setting",
                              in_ms(settings_.max_poll_interval))));
}

}  // namespace ottla::client
