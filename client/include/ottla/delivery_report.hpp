// SPDX-License-Identifier: Apache-2.0
// DeliveryReport: what became of one record. Every record that produce() took gets exactly one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <ottla/error.hpp>
#include <ottla/offset.hpp>
#include <ottla/record.hpp>

namespace ottla::inline v0 {

enum class DeliveryStatus : std::uint8_t {
    not_persisted,       // it is certain that no broker has it
    possibly_persisted,  // it was sent, and what became of it is not known
    persisted,           // acknowledged as `acks` asks
};
std::string_view to_string(DeliveryStatus) noexcept;

class DeliveryReport {
public:
    DeliveryReport() = default;
    // The reports of a batch share the topic's name.
    DeliveryReport(std::shared_ptr<const std::string> topic, std::int32_t partition_number)
        : partition(partition_number),
          topic_(std::move(topic)) {}

    // Delivered.
    explicit operator bool() const noexcept { return error.code() == ErrorCode::none; }
    std::string_view topic() const noexcept { return topic_ ? std::string_view(*topic_) : std::string_view(); }

    std::int32_t partition = any_partition;
    DeliveryStatus status = DeliveryStatus::not_persisted;
    // Invalid when the broker did not say (acks=0, an error).
    Offset offset;
    // The record's own, or the broker's when the topic is configured with LogAppendTime.
    std::int64_t timestamp_ms = -1;
    Error error;
    // As it was in the Record.
    void* opaque = nullptr;

private:
    std::shared_ptr<const std::string> topic_;
};

// "orders[3]@42 persisted", "orders[3] not persisted: QUEUE_FULL: …"
std::string to_string(const DeliveryReport&);

}  // namespace ottla::inline v0
