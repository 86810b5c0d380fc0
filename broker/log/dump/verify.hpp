// SPDX-License-Identifier: Apache-2.0
// Verifying a broker's files without touching them: batches whole, with right checksums and rising offsets, of the
// leader epochs that were written down; indexes that agree with the batches; snapshots with right checksums;
// checkpoints that name offsets within the logs. Of a segment only its indexes are in memory.
#pragma once

#include <cstdint>
#include <string>

#include <ottla/result.hpp>
#include "broker/log/disk.hpp"
#include "broker/log/dump/findings.hpp"

namespace ottla::broker::log::dump {

struct Verified {
    std::uint64_t partitions = 0;
    std::uint64_t files = 0;
    std::uint64_t problems = 0;
};

// The partition's directory, or a log directory with all partitions in it. `problems` gets a line for each. Blocks.
// The errors of the disk when the directory can't be listed; invalid_argument when no partition is there.
Result<Verified> verify_directory(Disk&, const std::string& directory, const TextSink& problems);

}  // namespace ottla::broker::log::dump
