// SPDX-License-Identifier: Apache-2.0
#include "client/logs/client_log.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace ottla::client {
namespace {

// `debug` lets everything else through, too, as in librdkafka.
base::LogLevel level_of(const CommonConfig& config, DebugContext context) {
    if (config.debug.has(context)) return base::LogLevel::debug;
    return config.debug.any() ? base::LogLevel::info : std::max(config.log_level, base::LogLevel::info);
}

template <class Logs, class Make>
void fill_logs(Logs& logs, Make make) {
    for (std::size_t i = 0; i < logs.size(); ++i) logs[i] = make(static_cast<DebugContext>(i));
}

base::Log labelled(const base::Log& outlet, const std::string& client, DebugContext context) {
    return outlet.named(fmt::format("{} [{}]", client, name_of(context)));
}

}  // namespace

ClientLog::ClientLog(const base::Log& outlet, const std::string& client) {
    fill_logs(logs_, [&](DebugContext c) { return labelled(outlet, client, c); });
}

ClientLog::ClientLog(const base::Log& outlet, const std::string& client, const CommonConfig& config) {
    fill_logs(logs_, [&](DebugContext c) { return labelled(outlet, client, c).at(level_of(config, c)); });
}

ClientLog::ClientLog(const std::shared_ptr<LogDelivery>& delivery, const CommonConfig& config) {
    fill_logs(logs_, [&](DebugContext c) {
        return base::Log(std::string(name_of(c)), level_of(config, c),
                         [to = delivery, c](base::LogLevel level, std::string_view, std::string_view text) {
                             to->deliver(level, name_of(c), text);
                         });
    });
}

}  // namespace ottla::client
