// SPDX-License-Identifier: Apache-2.0
// What a ParallelConsumerConfig says, checked, and in the words of the consumer and of the producer of dead letters.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include <ottla/parallel_consumer.hpp>

#include "client/config/client_config.hpp"

namespace ottla::client {

struct ParallelSettings {
    Config consumer;
    // With a dead-letter topic.
    std::optional<Config> producer;
    // Retry topics: what is written there before anybody has committed an offset must be read, too.
    std::set<std::string, std::less<>> whole_topics;

    Result<ConsumerConfig> for_consumer() const;
};

Result<ParallelSettings> parallel_settings(const ParallelConsumerConfig&);
// Before the attempt after `attempt`.
std::chrono::milliseconds retry_delay(const ParallelConsumerConfig&, std::int32_t attempt) noexcept;

}  // namespace ottla::client
