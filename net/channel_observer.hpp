// SPDX-License-Identifier: Apache-2.0
// ChannelObserver: is told what goes over a client's connection, for statistics and hooks. Called on the connection's
// loop; it must not block, nor close the connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include <ottla/error.hpp>
#include <ottla/protocol/api_key.hpp>

#include "base/clock.hpp"

namespace ottla::net {

struct SentRequest {
    protocol::ApiKey key;
    std::int16_t version;
    std::int32_t correlation_id;
    std::size_t bytes;  // with their length field
    bool is_answered;   // false: it ends here
};

// One request and how it ended.
struct Exchange {
    protocol::ApiKey key;
    std::int16_t version;
    std::int32_t correlation_id;
    std::size_t request_bytes;   // with their length field
    std::size_t response_bytes;  // likewise; 0 without an answer
    base::Duration queued;       // from the sending until the system had taken all of it; 0 where that is not known
    base::Duration took;         // from the sending on
    Error error;                 // why there is no answer; none with one, whatever it says
};

class ChannelObserver {
public:
    virtual ~ChannelObserver() = default;
    // It is on its way to the socket.
    virtual void on_request(const SentRequest&) = 0;
    virtual void on_end(const Exchange&) = 0;
    // An answer asked for a pause, or said that none is due.
    virtual void on_throttle(protocol::ApiKey, std::chrono::milliseconds) {}
};

}  // namespace ottla::net
