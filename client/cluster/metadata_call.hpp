// SPDX-License-Identifier: Apache-2.0
// Metadata as users ask for it: straight from a broker, tried again until the deadline.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "client/cluster/cluster.hpp"

namespace ottla::client {

// One topic, or all.
awaitable<Result<Metadata>> metadata_call(std::shared_ptr<Cluster> cluster, std::optional<std::string> topic,
                                          TimePoint deadline);
// The same for some topics; nothing: all of them. None: brokers only.
awaitable<Result<protocol::MetadataResponse>> ask_metadata(std::shared_ptr<Cluster> cluster,
                                                           std::optional<std::vector<std::string>> topics,
                                                           TimePoint deadline);

}  // namespace ottla::client
