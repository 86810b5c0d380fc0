// SPDX-License-Identifier: Apache-2.0
// BrokerObserver: what a client sees of its connections to one broker: counted, told to the log and to the hooks. Loop
// only; the runtime must outlive it.
#pragma once

#include <string>

#include "client/cluster/metadata_cache.hpp"
#include "client/runtime/runtime.hpp"
#include "client/stats/broker_stats.hpp"
#include "net/channel_observer.hpp"

namespace ottla::client {

class BrokerObserver final : public net::ChannelObserver {
public:
    BrokerObserver(Runtime&, const net::Endpoint&);

    void on_request(const net::SentRequest&) override;
    void on_end(const net::Exchange&) override;
    void on_throttle(protocol::ApiKey, std::chrono::milliseconds) override;
    // An attempt begins; one of the two that follow ends it.
    void on_connecting();
    void on_connected(std::size_t api_count);
    // Nothing, when none has begun.
    void on_failed(const Error&);
    // One that was connected.
    void on_closed(const Error& reason);

    // The metadata names the broker of bootstrap.servers.
    void set_id(BrokerId id) noexcept { id_ = id; }
    // "host:port/id", "host:port/bootstrap"
    std::string name() const;
    BrokerStats stats;

private:
    void tell(ConnectionEvent::Stage, base::Duration took, const Error&);
    RequestEvent request_event(RequestEvent::Stage, protocol::ApiKey) const;

    Runtime& runtime_;
    const std::string address_;
    BrokerId id_ = no_broker;
    bool is_connecting_ = false;
    TimePoint since_{};  // the last attempt's begin, or the connection's
};

}  // namespace ottla::client
