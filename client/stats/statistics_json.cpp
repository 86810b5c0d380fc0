// SPDX-License-Identifier: Apache-2.0
#include "client/stats/statistics_json.hpp"

#include <fmt/format.h>

#include "base/log.hpp"

namespace ottla::client {

namespace json = boost::json;

namespace {

std::string_view name_of(Cluster::BrokerView::State state) noexcept {
    using enum Cluster::BrokerView::State;
    switch (state) {
        case init: return "INIT";
        case connecting: return "CONNECT";
        case up: return "UP";
        case down: break;
    }
    return "DOWN";
}

// Microseconds since then; -1 when it never was.
std::int64_t since(TimePoint then, TimePoint now) noexcept { return then == TimePoint{} ? -1 : micros(now - then); }

json::object broker_json(const Cluster::BrokerView& broker, const std::string& name, TimePoint now) {
    BrokerStats& stats = broker.stats;
    json::object out;
    out["name"] = name;
    out["nodeid"] = broker.id;
    out["nodename"] = to_string(broker.endpoint);
    out["source"] = broker.id == no_broker ? "configured" : "learned";
    out["state"] = name_of(broker.state);
    out["stateage"] = std::max<std::int64_t>(since(stats.state_since, now), 0);
    out["waitresp_cnt"] = stats.waiting;
    out["tx"] = stats.sent;
    out["txbytes"] = stats.sent_bytes;
    out["txerrs"] = stats.send_errors;
    out["txidle"] = since(stats.last_sent, now);
    out["req_timeouts"] = stats.timeouts;
    out["rx"] = stats.received;
    out["rxbytes"] = stats.received_bytes;
    out["rxidle"] = since(stats.last_received, now);
    out["connects"] = stats.connects;
    out["disconnects"] = stats.disconnects;
    out["int_latency"] = window_json(stats.queued);
    out["rtt"] = window_json(stats.round_trip);
    out["throttle"] = window_json(stats.throttle);
    json::object& requests = out["req"].emplace_object();
    for (const auto& [key, count] : stats.requests) requests[protocol::name(key)] = count;
    return out;
}

}  // namespace

json::object window_json(Window& window) {
    json::object out;
    out["min"] = window.min();
    out["max"] = window.max();
    out["avg"] = window.average();
    out["sum"] = window.sum();
    out["stddev"] = window.deviation();
    out["p50"] = window.percentile(0.50);
    out["p75"] = window.percentile(0.75);
    out["p90"] = window.percentile(0.90);
    out["p95"] = window.percentile(0.95);
    out["p99"] = window.percentile(0.99);
    out["p99_99"] = window.percentile(0.9999);
    out["outofrange"] = 0;
    out["hdrsize"] = Window::size_bytes();
    out["cnt"] = window.count();
    window.clear();
    return out;
}

json::object client_json(const Runtime& runtime, const CommonConfig& config, std::string_view type, TimePoint began) {
    json::object out;
    out["name"] = runtime.name();
    out["client_id"] = config.client_id;
    out["type"] = type;
    out["ts"] = micros(runtime.now().time_since_epoch());
    out["time"] = runtime.wall_ms() / 1000;
    out["age"] = micros(runtime.now() - began);
    return out;
}

void add_brokers(json::object& to, Cluster& cluster) {
    json::object brokers;
    std::uint64_t tx = 0, tx_bytes = 0, rx = 0, rx_bytes = 0;
    cluster.visit_brokers([&](const Cluster::BrokerView& broker) {
        const std::string where = to_string(broker.endpoint);
        const std::string name = broker.id == no_broker ? where + "/bootstrap" : fmt::format("{}/{}", where, broker.id);
        brokers[name] = broker_json(broker, name, cluster.runtime().now());
        tx += broker.stats.sent;
        tx_bytes += broker.stats.sent_bytes;
        rx += broker.stats.received;
        rx_bytes += broker.stats.received_bytes;
    });
    to["tx"] = tx;
    to["tx_bytes"] = tx_bytes;
    to["rx"] = rx;
    to["rx_bytes"] = rx_bytes;
    to["brokers"] = std::move(brokers);
}

json::object topic_json(const std::string& name, const MetadataCache& metadata, TopicWindows& windows, TimePoint now) {
    json::object out;
    out["topic"] = name;
    if (const TopicInfo* info = metadata.topic(name)) out["metadata_age"] = micros(now - info->updated) / 1000;
    out["batchsize"] = window_json(windows.bytes);
    out["batchcnt"] = window_json(windows.records);
    out["partitions"].emplace_object();
    return out;
}

}  // namespace ottla::client
