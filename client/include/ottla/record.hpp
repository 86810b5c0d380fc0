// SPDX-License-Identifier: Apache-2.0
// Record: what one gives to Producer::produce. A view: nothing is owned, and everything is copied during the call.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <ottla/header.hpp>
#include <ottla/topic_partition.hpp>

namespace ottla::inline v0 {

struct Record {
    std::string_view topic;
    // Null and empty differ. The key decides the partition, unless one is given.
    BytesView key;
    BytesView value;
    std::span<const Header> headers;
    std::int32_t partition = any_partition;
    // Milliseconds since 1970-01-01 UTC; below 0: the time of the call, where records come fast at most a tick of the
    // system (4 ms as a rule) behind.
    std::int64_t timestamp_ms = -1;
    // Comes back in the delivery report.
    void* opaque = nullptr;
};

// "orders[3] key=… value=…", without the partition when it is to be chosen.
std::string to_string(const Record&);

}  // namespace ottla::inline v0
