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

// The answer, or its absence, leaves open whether the batch was written: all but those codes with which brokers refuse
// a batch before they append it. "Another leads" is none of these: it may have been appended before that was known
// (KAFKA-13574), and so it is with a disk that failed.
inline bool leaves_open(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::corrupt_message:
        case ErrorCode::message_too_large:
        case ErrorCode::record_list_too_large:
        case ErrorCode::invalid_record:
        case ErrorCode::invalid_timestamp:
        case ErrorCode::invalid_request:
        case ErrorCode::invalid_required_acks:
        case ErrorCode::invalid_topic_exception:
        case ErrorCode::unknown_topic_or_partition:
        case ErrorCode::unknown_topic_id:
        case ErrorCode::topic_authorization_failed:
        case ErrorCode::cluster_authorization_failed:
        case ErrorCode::policy_violation:
        case ErrorCode::not_enough_replicas:
        case ErrorCode::unsupported_version:
        case ErrorCode::unsupported_compression_type:
        case ErrorCode::unsupported_for_message_format:
        case ErrorCode::out_of_order_sequence_number:
        case ErrorCode::invalid_producer_epoch:
        case ErrorCode::unknown_producer_id:
        case ErrorCode::invalid_txn_state: return false;
        default: return true;
    }
}

// Fewer records may be taken.
inline bool is_too_large(ErrorCode code) noexcept {
    return code == ErrorCode::message_too_large || code == ErrorCode::record_list_too_large;
}

// The broker does not take the batch for the numbers it has.
inline bool refuses_numbers(ErrorCode code) noexcept {
    return code == ErrorCode::out_of_order_sequence_number || code == ErrorCode::unknown_producer_id ||
           code == ErrorCode::invalid_producer_epoch;
}

// Sending the same batch again may succeed. A connection that was closed under a request is one of these.
inline bool is_worth_retrying(const Error& error) noexcept {
    return error.is_retriable() || error == ErrorCode::closed || error == ErrorCode::bad_message;
}

}  // namespace ottla::client
