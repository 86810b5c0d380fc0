// SPDX-License-Identifier: Apache-2.0
// The index of aborted transactions of a segment: a `.txnindex` file that is there, and open, only when it has entries.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ottla/result.hpp>
#include "broker/log/disk.hpp"
#include "broker/log/index_entries.hpp"

namespace ottla::broker::log {

inline constexpr std::string_view transaction_index_suffix = ".txnindex";

// All whole entries. Blocks; while another appends, the last ones may be missing. corrupt_storage for entries of a
// version that we do not know.
Result<std::vector<TransactionIndexEntry>> read_transaction_index(const File&);
// What can be told of the index without the batches: whole entries in the order of their markers, which lie in a
// segment from `base_offset` to `next_offset`. Blocks.
Result<bool> sane_transaction_index(const File&, std::int64_t base_offset, std::int64_t next_offset);
// Behind the last whole entry, should a write have failed half way.
Result<void> append_to_transaction_index(File&, const TransactionIndexEntry&);
// Entries whose markers lie at or behind `offset` go.
Result<void> cut_transaction_index(File&, std::int64_t offset);

}  // namespace ottla::broker::log
