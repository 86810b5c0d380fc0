// SPDX-License-Identifier: Apache-2.0
// The bytes that members and leader of a group exchange by way of the coordinator: what a member subscribes to, and
// what it is assigned. Byte for byte those of the Java client; those of librdkafka are read as well.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ottla/bytes.hpp>
#include <ottla/result.hpp>

#include "client/consumer/assignors/assignor.hpp"

namespace ottla::client {

// Fails with limit_exceeded when a name is longer than the protocol can carry. `held`: what the member held last,
// which an eager member has given back by now.
Result<Bytes> write_subscription(const Assignor&, const GroupMember&, const PartitionMap& held);
// Everything but the member's id and instance id. Errors: bad_message.
Result<GroupMember> read_subscription(const Assignor&, const Bytes&);

Result<Bytes> write_assignment(const PartitionMap&, const Bytes& user_data = {});
// No bytes: no partitions. Errors: bad_message, also on a negative partition. `user_data`: that of an assignor of the
// application.
Result<PartitionMap> read_assignment(const Bytes&, Bytes* user_data = nullptr);

}  // namespace ottla::client
