// SPDX-License-Identifier: Apache-2.0
// The records by which coordinators remember: the key's first two bytes say which message key and value are, the
// value's first two its version. A missing value takes the key back.
#pragma once

#include <cstdint>
#include <string>

#include <ottla/protocol/record.hpp>

namespace ottla::broker::log::dump {

enum class Coordinator : std::uint8_t { group, transaction, share };

// ` key: {"type":"2","data":{…}} payload: {"version":"3","data":{…}}`
void append_coordinator_record(const protocol::RecordView&, Coordinator, std::string& out);

}  // namespace ottla::broker::log::dump
