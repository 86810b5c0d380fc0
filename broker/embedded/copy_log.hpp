// SPDX-License-Identifier: Apache-2.0
// Hands a partition's directory over from one broker's disk to another's.
#pragma once

#include <string>

#include <ottla/result.hpp>
#include "broker/log/disk.hpp"

namespace ottla::broker {

// Files only, no directories below, and what is known of producers up to the last segment; durable when it returns.
// What stood at `to` is replaced. Blocks.
Result<void> copy_log(log::Disk& from_disk, const std::string& from, log::Disk& to_disk, const std::string& to);

}  // namespace ottla::broker
