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

void BrokerObserver::tell(ConnectionEvent::Stage stage, base::Duration took, const Error& error) {
    if (!runtime_.hooks().wants(&Hooks::on_connection)) return;
    ConnectionEvent event;
    event.stage = stage;
    event.broker_id = id_;
    event.address = address_;
    event.took = took;
    event.error = error;
    runtime_.hooks().tell(&Hooks::on_connection, event);
}

RequestEvent BrokerObserver::request_event(RequestEvent::Stage stage, protocol::ApiKey key) const {
    RequestEvent event;
    event.stage = stage;
    event.broker_id = id_;
    event.address = address_;
    event.api_key = static_cast<std::int16_t>(key);
    event.api_name = protocol::name(key);
    return event;
}

void BrokerObserver::on_throttle(protocol::ApiKey key, std::chrono::milliseconds pause) {
    stats.throttle.add(pause.count());
    if (pause.count() <= 0 || !runtime_.hooks().wants(&Hooks::on_request)) return;
    RequestEvent event = request_event(RequestEvent::Stage::throttled, key);
    event.throttle = pause;
    runtime_.hooks().tell(&Hooks::on_request, event);
}

void BrokerObserver::on_request(const net::SentRequest& request) {
    stats.on_request(request);
    if (runtime_.hooks().wants(&Hooks::on_request)) {
        RequestEvent event = request_event(RequestEvent::Stage::sent, request.key);
        event.api_version = request.version;
        event.correlation_id = request.correlation_id;
        event.request_bytes = request.bytes;
        runtime_.hooks().tell(&Hooks::on_request, event);
    }
    const base::Log& log = runtime_.log(DebugContext::protocol);
    if (log.enabled(base::LogLevel::debug))
        log.debug("{} v{} to {}: {} bytes, correlation id {}{}", protocol::name(request.key), request.version, name(),
                  request.bytes, request.correlation_id, request.is_answered ? "" : ", without an answer");
}

void BrokerObserver::on_end(const net::Exchange& exchange) {
    stats.on_end(exchange);
    const bool is_answered = exchange.error.code() == ErrorCode::none;
    if (runtime_.hooks().wants(&Hooks::on_request)) {
        using enum RequestEvent::Stage;
        RequestEvent event = request_event(is_answered ? answered : failed, exchange.key);
        event.api_version = exchange.version;
        event.correlation_id = exchange.correlation_id;
        event.request_bytes = exchange.request_bytes;
        event.response_bytes = exchange.response_bytes;
        event.queued = exchange.queued;
        event.round_trip = exchange.took - exchange.queued;
        event.error = exchange.error;
        runtime_.hooks().tell(&Hooks::on_request, event);
    }
    const base::Log& log = runtime_.log(DebugContext::protocol);
    if (!log.enabled(base::LogLevel::debug)) return;
    log.debug("{} v{} to {}: {} after {:.3f} ms, correlation id {}", protocol::name(exchange.key), exchange.version,
              name(), is_answered ? fmt::format("{} bytes came", exchange.response_bytes) : to_string(exchange.error),
              in_ms(exchange.took), exchange.correlation_id);
}

void BrokerObserver::on_connecting() {
    ++stats.connects;
    stats.state_since = since_ = runtime_.now();
    const base::Log& log = runtime_.log(DebugContext::broker);
    if (log.enabled(base::LogLevel::debug)) log.debug("connecting to {}", name());
    is_connecting_ = true;
    tell(ConnectionEvent::Stage::connecting, {}, Error());
}

void BrokerObserver::on_connected(std::size_t api_count) {
    const TimePoint now = runtime_.now();
    const auto took = now - std::exchange(since_, now);
    stats.state_since = now;
    if (runtime_.log(DebugContext::broker).enabled(base::LogLevel::debug))
        runtime_.log(DebugContext::broker).debug("connected to {} in {:.3f} ms", name(), in_ms(took));
    if (runtime_.log(DebugContext::feature).enabled(base::LogLevel::debug))
        runtime_.log(DebugContext::feature).debug("{} offers {} APIs", name(), api_count);
    is_connecting_ = false;
    tell(ConnectionEvent::Stage::connected, took, Error());
}

void BrokerObserver::on_failed(const Error& error) {
    if (!std::exchange(is_connecting_, false)) return;
    stats.state_since = runtime_.now();
    const base::Log& log = runtime_.log(DebugContext::broker);
    if (log.enabled(base::LogLevel::debug)) log.debug("{}: {}", name(), to_string(error));
    tell(ConnectionEvent::Stage::closed, runtime_.now() - since_, error);
}

void BrokerObserver::on_closed(const Error& reason) {
    ++stats.disconnects;
    stats.state_since = runtime_.now();
    const base::Log& log = runtime_.log(DebugContext::broker);
    if (log.enabled(base::LogLevel::debug))
        log.debug("the connection to {} ended after {:.3f} ms: {}", name(), in_ms(runtime_.now() - since_),
                  to_string(reason));
    tell(ConnectionEvent::Stage::closed, runtime_.now() - since_, reason);
}

}  // namespace ottla::client
