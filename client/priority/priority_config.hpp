// SPDX-License-Identifier: Apache-2.0
// What a PriorityConsumerConfig says, checked, and in the words of the consumer.
#pragma once

#include <ottla/priority_consumer.hpp>

namespace ottla::client {

struct PrioritySettings {
    // It never stores by itself: what it gave may still be buffered here.
    Config consumer;
    // enable.auto.offset.store, as it was asked for.
    bool stores_what_was_returned = true;
    std::vector<std::string> topics;
};

Result<PrioritySettings> priority_settings(const PriorityConsumerConfig&);

}  // namespace ottla::client
