// SPDX-License-Identifier: Apache-2.0
// What of an outbox stands in a partition of the topic already.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ottla/producer.hpp>

namespace outbox {

// For each partition of the topic the highest outbox id that was published there, 0 when there is none. Writes a marker
// first: what an earlier relay wrote stands before it, and is acknowledged when it is. Throws.
std::vector<std::int64_t> last_published(const std::string& brokers, ottla::Producer&, const std::string& topic);

}  // namespace outbox
