// SPDX-License-Identifier: Apache-2.0
// Which topic names Kafka allows: the broker refuses others, and so does the producer before it sends anything.
#pragma once

#include <string_view>

#include <ottla/result.hpp>

namespace ottla::protocol {

// INVALID_TOPIC_EXCEPTION with the reason: 1 … 249 of [a-zA-Z0-9._-], not "." or "..".
Result<void> check_topic_name(std::string_view name);

}  // namespace ottla::protocol
