// SPDX-License-Identifier: Apache-2.0
// Hooks: what a client does, told as it happens, for tracing and for metrics: ProducerOptions::hooks and the like. Each
// may be left out, and then costs one branch: of a connection, a request, a batch; of a record only where on_produce,
// on_delivery and on_consume stand.
//
// A hook must not block. It answers nothing and cannot fail what it is told of: what it throws is logged, once for a
// client, and ignored. Unless it says otherwise it is called on the client's loop, where blocking calls of the client
// answer invalid_state; all others are allowed. Texts and spans are good until it returns. After the client's close no
// hook is called any more, but for what was under way.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <ottla/delivery_report.hpp>
#include <ottla/error.hpp>
#include <ottla/function.hpp>
#include <ottla/message.hpp>
#include <ottla/record.hpp>

namespace ottla::inline v0 {

// Each `connecting` is followed by one `closed`, with a `connected` between the two where it came about.
struct ConnectionEvent {
    enum class Stage : std::uint8_t { connecting, connected, closed };
    Stage stage = Stage::connecting;
    // -1: a server of bootstrap.servers whose id is not known yet.
    std::int32_t broker_id = -1;
    std::string_view address;  // "host:port"
    // connected: how long it took, with the versions of both ends compared; closed: how long it stood, or was tried.
    std::chrono::nanoseconds took{0};
    // closed: why; the code `closed` where this client ended it.
    Error error;
};

// Each `sent` of a request that has an answer is followed by one `answered` or `failed`.
struct RequestEvent {
    enum class Stage : std::uint8_t {
        sent,
        answered,   // whatever the answer says
        failed,     // none will come: `error`
        throttled,  // an answer asked for a pause (KIP-219), during which nothing more goes over its connection
    };
    Stage stage = Stage::sent;
    std::int32_t broker_id = -1;  // as in ConnectionEvent
    std::string_view address;
    std::int16_t api_key = -1;
    std::string_view api_name;  // "Produce"
    // -1 with `throttled`, as all that follows but `throttle`.
    std::int16_t api_version = -1;
    std::int32_t correlation_id = -1;
    // As they go over the wire, with their length fields.
    std::size_t request_bytes = 0;
    std::size_t response_bytes = 0;
    // Until the operating system had taken the request; from then on until the answer, or the failure, came.
    std::chrono::nanoseconds queued{0};
    std::chrono::nanoseconds round_trip{0};
    std::chrono::milliseconds throttle{0};
    Error error;
};

// Of a producer each attempt: one `sent`, and one `acknowledged` or `failed`. Of a consumer `fetched`.
struct BatchEvent {
    enum class Stage : std::uint8_t { sent, acknowledged, failed, fetched };
    Stage stage = Stage::sent;
    std::string_view topic;
    std::int32_t partition = -1;
    std::int32_t broker_id = -1;
    std::size_t records = 0;
    // Keys, values and headers of the records; 0 with `fetched`: they are not unpacked yet.
    std::size_t payload_bytes = 0;
    // As it goes over the wire.
    std::size_t bytes = 0;
    // From 1 on; 0 with `fetched`.
    std::int64_t attempt = 0;
    // acknowledged, where the broker says it, and fetched: of the first record.
    Offset base_offset;
    // failed: it goes again, as a whole or in two halves.
    bool is_retried = false;
    Error error;

    // Payload for each byte sent; 0 where it is not known. Below 1 where packing gains less than the format costs.
    double compression_ratio() const noexcept {
        return bytes == 0 ? 0 : static_cast<double>(payload_bytes) / static_cast<double>(bytes);
    }
};

// What poll() and the like hand out: one message, or those of a batch.
struct ConsumeEvent {
    std::string_view topic;
    std::int32_t partition = -1;
    std::span<const MessageView> messages;
};

struct Hooks {
    Function<void(const ConnectionEvent&)> on_connection = nullptr;
    Function<void(const RequestEvent&)> on_request = nullptr;
    Function<void(const BatchEvent&)> on_batch = nullptr;
    // Every record given to produce(), before it is queued; the call may still refuse it. In the thread that produces:
    // several at a time, if several do.
    Function<void(const Record&)> on_produce = nullptr;
    // Every record's report, before its callback; those that become events, too.
    Function<void(const DeliveryReport&)> on_delivery = nullptr;
    // In the thread that polls.
    Function<void(const ConsumeEvent&)> on_consume = nullptr;
};

std::string_view to_string(ConnectionEvent::Stage) noexcept;
std::string_view to_string(RequestEvent::Stage) noexcept;
std::string_view to_string(BatchEvent::Stage) noexcept;

}  // namespace ottla::inline v0
