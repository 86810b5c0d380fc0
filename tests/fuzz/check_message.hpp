// SPDX-License-Identifier: Apache-2.0
// What must hold when any bytes are decoded as any message: memory stays within the budget of the frame, and what
// was understood can be written, read and written again to the same bytes. Link check_message.cpp and
// counted_memory.cpp.
#pragma once

#include <cstdint>

#include <ottla/bytes.hpp>
#include <ottla/protocol/any_message.hpp>

namespace ottla::tests {

// Aborts, saying why, when something does not hold. Returns whether the bytes were understood.
bool check_message(const protocol::MessageInfo&, const Bytes& frame, std::int16_t version);

}  // namespace ottla::tests
