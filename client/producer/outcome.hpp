// SPDX-License-Identifier: Apache-2.0
// Outcome: what became of a batch, and what to do with one that failed. Pure.
#pragma once

#include <cstdint>

#include <ottla/delivery_report.hpp>
#include <ottla/error.hpp>

namespace ottla::client {

// One for all records of a batch; the report of each follows from it.
struct Outcome {
    Error error;
    DeliveryStatus status = DeliveryStatus::not_persisted;
    std::int64_t base_offset = -1;
    std::int64_t log_append_time_ms = -1;

    static Outcome delivered(std::int64_t base_offset, std::int64_t log_append_time_ms) {
        Outcome o;
        o.status = DeliveryStatus::persisted;
        o.base_offset = base_offset;
        o.log_append_time_ms = log_append_time_ms;
        return o;
    }
    static Outcome failed(Error error, bool possibly_persisted) {
        Outcome o;
        o.error = std::move(error);
        o.status = possibly_persisted ? DeliveryStatus::possibly_persisted : DeliveryStatus::not_persisted;
        return o;
    }
};

// The answer, or its absence, leaves open whether the batch was written.
inline bool leaves_open(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::request_timed_out:
        case ErrorCode::not_enough_replicas_after_append:
        case ErrorCode::unknown_server_error:
        case ErrorCode::network_exception:
        case ErrorCode::transport:
        case ErrorCode::timed_out:
        case ErrorCode::closed:
        case ErrorCode::bad_message: return true;
        default: return false;
    }
}

// Sending the same batch again may succeed. A connection that was closed under a request is one of these.
inline bool is_worth_retrying(const Error& error) noexcept {
    return error.is_retriable() || error == ErrorCode::closed || error == ErrorCode::bad_message;
}

}  // namespace ottla::client
