// SPDX-License-Identifier: Apache-2.0
// A group with members on its way from one protocol to the other (KIP-848), as records: what it is then is what they
// say.
#pragma once

#include <vector>

#include "broker/groups/classic_group.hpp"
#include "broker/groups/consumer_group.hpp"

namespace ottla::broker::groups {

// A classic group as one of the consumer protocol, whose members all speak the classic one yet: they have what they
// had, in an epoch that is their generation. Without the record that ends the classic group. GROUP_ID_NOT_FOUND: it has
// a protocol of its own, or bytes that only its own assignor understands.
Result<std::vector<GroupRecord>> upgraded(const ClassicGroup&, const MetadataImage&);

// A group of the consumer protocol whose members all speak the classic one, as a classic group: stable in a generation
// that is its epoch, each with what it was to have.
ClassicGroup downgraded(const ConsumerGroup&, const MetadataImage&, std::int64_t wall_ms);

}  // namespace ottla::broker::groups
