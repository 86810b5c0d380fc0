// SPDX-License-Identifier: Apache-2.0
#include "client/cluster/broker_observer.hpp"

#include <utility>

#include <fmt/format.h>

namespace ottla::client {

namespace {
double in_ms(base::Duration d) { return std::chrono::duration<double, std::milli>(d).count(); }
}  // namespace

BrokerObserver::BrokerObserver(Runtime& runtime, const net::Endpoint& endpoint)
    : stats(runtime.timers()),
      runtime_(runtime),
      address_(to_string(endpoint)) {}

std::string BrokerObserver::name() const {
    return id_ == no_broker ? address_ + "/bootstrap" : fmt::format("{}/{}", address_, id_);
}

void BrokerObserver::on_request(const net::SentRequest& request) {
    stats.on_request(request);
    const base::Log& log = runtime_.log(DebugContext::protocol);
    if (log.enabled(base::LogLevel::debug))
        log.debug("{} v{} to {}: {} bytes, correlation id {}{}", protocol::name(request.key), request.version, name(),
                  request.bytes, request.correlation_id, request.is_answered ? "" : ", without an answer");
}

void BrokerObserver::on_end(const net::Exchange& exchange) {
    stats.on_end(exchange);
    const base::Log& log = runtime_.log(DebugContext::protocol);
    if (!log.enabled(base::LogLevel::debug)) return;
    const bool is_answered = exchange.error.code() == ErrorCode::none;
    log.debug("{} v{} to {}: {} after {:.3f} ms, correlation id {}", protocol::name(exchange.key), exchange.version,
              name(), is_answered ? fmt::format("{} bytes came", exchange.response_bytes) : to_string(exchange.error),
              in_ms(exchange.took), exchange.correlation_id);
}

void BrokerObserver::on_connecting() {
    ++stats.connects;
    stats.state_since = since_ = runtime_.now();
    const base::Log& log = runtime_.log(DebugContext::broker);
    if (log.enabled(base::LogLevel::debug)) log.debug("connecting to {}", name());
}

void BrokerObserver::on_connected(std::size_t api_count) {
    const TimePoint now = runtime_.now();
    const auto took = now - std::exchange(since_, now);
    stats.state_since = now;
    if (runtime_.log(DebugContext::broker).enabled(base::LogLevel::debug))
        runtime_.log(DebugContext::broker).debug("connected to {} in {:.3f} ms", name(), in_ms(took));
    if (runtime_.log(DebugContext::feature).enabled(base::LogLevel::debug))
        runtime_.log(DebugContext::feature).debug("{} offers {} APIs", name(), api_count);
}

void BrokerObserver::on_failed(const Error& error) {
    stats.state_since = runtime_.now();
    const base::Log& log = runtime_.log(DebugContext::broker);
    if (log.enabled(base::LogLevel::debug)) log.debug("{}: {}", name(), to_string(error));
}

void BrokerObserver::on_closed(const Error& reason) {
    ++stats.disconnects;
    stats.state_since = runtime_.now();
    const base::Log& log = runtime_.log(DebugContext::broker);
    if (log.enabled(base::LogLevel::debug))
        log.debug("the connection to {} ended after {:.3f} ms: {}", name(), in_ms(runtime_.now() - since_),
                  to_string(reason));
}

}  // namespace ottla::client
