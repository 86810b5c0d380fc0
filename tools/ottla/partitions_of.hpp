// SPDX-License-Identifier: Apache-2.0
// Looks a topic up before work on it starts, so that a typo is told at once and not when some deadline passes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ottla/metadata.hpp>

#include "tools/ottla/connection.hpp"

namespace ottla::tools {

// The ids of the topic's partitions, in order. Throws ottla::Exception naming the topic when it can't be had.
std::vector<std::int32_t> partitions_of(const Config&, const std::string& topic);

// The cluster's, with this topic. Throws ottla::Exception when nobody answers; the topic's error is within.
Metadata metadata_of(const Config&, const std::string& topic);

// The ids of the topic within `metadata`, with the same exceptions.
std::vector<std::int32_t> partitions_in(const Metadata& metadata, const std::string& topic);

}  // namespace ottla::tools
