// SPDX-License-Identifier: Apache-2.0
// bootstrap.checkpoint: what formatting a directory leaves behind (KIP-778). A snapshot of three batches: its header,
// the feature levels a new cluster starts with, its footer.
#pragma once

#include <cstdint>

#include <ottla/result.hpp>
#include "broker/log/log_directory.hpp"

namespace ottla::broker {

// Written once, durably. Blocks.
Result<void> write_bootstrap_checkpoint(log::LogDirectory&, std::int64_t now_ms);

}  // namespace ottla::broker
