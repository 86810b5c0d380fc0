// SPDX-License-Identifier: Apache-2.0
// BrokerStats: what went over the connections to one broker. Loop only.
#pragma once

#include <chrono>
#include <map>

#include "client/stats/window.hpp"
#include "net/channel_observer.hpp"

namespace ottla::client {

inline std::int64_t micros(base::Duration d) noexcept {
    return std::chrono::duration_cast<std::chrono::microseconds>(d).count();
}

class BrokerStats {
public:
    explicit BrokerStats(const base::Clock& clock) : clock_(clock) {}

    void on_request(const net::SentRequest& request) {
        ++requests[request.key];
        ++sent;
        sent_bytes += request.bytes;
        last_sent = clock_.now();
        if (request.is_answered) ++waiting;
    }
    void on_end(const net::Exchange& exchange) {
        --waiting;
        if (exchange.error.code() == ErrorCode::none) {
            ++received;
            received_bytes += exchange.response_bytes;
            last_received = clock_.now();
            round_trip.add(micros(exchange.took));
        } else if (exchange.error == ErrorCode::timed_out) {
            ++timeouts;
        } else {
            ++send_errors;
        }
    }

    std::map<protocol::ApiKey, std::uint64_t> requests;
    std::uint64_t sent = 0, sent_bytes = 0, send_errors = 0;
    std::uint64_t received = 0, received_bytes = 0;
    std::uint64_t timeouts = 0;
    std::uint64_t connects = 0, disconnects = 0;
    std::int64_t waiting = 0;  // requests whose answer has not come
    base::TimePoint last_sent{}, last_received{};
    base::TimePoint state_since{};
    // Since the last statistics, in microseconds; throttling in milliseconds.
    Window round_trip, throttle;
    Window queued;  // from produce() of a batch's first record until it is sent

private:
    const base::Clock& clock_;
};

// Sizes of the batches of a topic.
struct TopicWindows {
    Window bytes, records;
};

}  // namespace ottla::client
