// SPDX-License-Identifier: Apache-2.0
// Files of a partition's directory cut out of one input, and put on a disk in memory. Each stands there as
//
//    kind u8   offset in its name u16   length u16   bytes
//
// A set high bit of the kind counts the offset back from the largest there is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ottla/bytes.hpp>

#include "broker/log/memory_disk.hpp"

namespace ottla::tests {

struct LogFile {
    std::string name;
    std::vector<std::uint8_t> bytes;
};

// With checksums made right where `right_checksums` asks for it: else little behind them would be reached.
std::vector<LogFile> cut_log_files(ByteSpan input, bool right_checksums);
void patch_segment(std::vector<std::uint8_t>& bytes);
void patch_producer_snapshot(std::vector<std::uint8_t>& bytes);

void put_on_disk(broker::log::Disk&, const std::string& directory, const std::vector<LogFile>&);

}  // namespace ottla::tests
