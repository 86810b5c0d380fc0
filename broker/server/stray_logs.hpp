// SPDX-License-Identifier: Apache-2.0
// Stray logs: partitions on disk that the metadata does not know, or knows as somebody else's: of a topic that was
// deleted while the broker was down, or moved away. They are set aside under another name, as Kafka does, and never
// deleted: the metadata may be what is wrong.
#pragma once

#include "base/log.hpp"
#include "base/random.hpp"
#include "broker/log/log_directories.hpp"
#include "broker/metadata/image.hpp"

namespace ottla::broker {

// What lies on disk under this name is not that partition of this broker.
bool is_stray(const MetadataImage& image, std::int32_t broker, const log::LogDirectory::Found& found);

// Renames those in all directories that are online; their names. Blocks; nothing may be open there.
std::vector<log::TopicPartitionName> set_strays_aside(const log::LogDirectories&, const MetadataImage&,
                                                      std::int32_t broker, base::Random&, base::Log);

}  // namespace ottla::broker
