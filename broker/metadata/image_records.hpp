// SPDX-License-Identifier: Apache-2.0
// An image as the records that make it again from nothing, in the order in which Kafka's snapshots have them: features
// (metadata.version first), brokers, controllers, topics with their partitions, configs, quotas, producer ids, ACLs,
// credentials, tokens.
#pragma once

#include <ottla/function.hpp>
#include <ottla/result.hpp>
#include "broker/metadata/image.hpp"
#include "broker/metadata/records.hpp"

namespace ottla::broker {

// Hands them out one by one; ends with the first error that `take` answers. Any thread.
Result<void> for_each_record(const MetadataImage&, Function<Result<void>(const MetadataRecord&)> take);

}  // namespace ottla::broker
