// SPDX-License-Identifier: Apache-2.0
// What a ParallelConsumerConfig says, checked, and in the words of the consumer and of the producer of dead letters.
#pragma once

#include <optional>

#include <ottla/parallel_consumer.hpp>

namespace ottla::client {

struct ParallelSettings {
    Config consumer;
    // With a dead-letter topic.
    std::optional<Config> producer;
};

Result<ParallelSettings> parallel_settings(const ParallelConsumerConfig&);
// Before the attempt after `attempt`.
std::chrono::milliseconds retry_delay(const ParallelConsumerConfig&, std::int32_t attempt) noexcept;

}  // namespace ottla::client
