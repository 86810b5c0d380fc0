// SPDX-License-Identifier: Apache-2.0
// One number over what a group's topics are: their ids, partitions and the racks of those. A group of the consumer
// protocol keeps it with its epoch, as Kafka does: another number says that the partitions are to be dealt anew.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "broker/metadata/image.hpp"

namespace ottla::broker::groups {

// Topics that are not there count for nothing; without any it is 0.
std::int64_t topics_hash(const std::set<std::string, std::less<>>& names, const MetadataImage&);

}  // namespace ottla::broker::groups
