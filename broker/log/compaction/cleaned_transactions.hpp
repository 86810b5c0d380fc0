// SPDX-License-Identifier: Apache-2.0
// CleanedTransactions: follows the transactions in a log from batch to batch while it is compacted: whose records were
// aborted, and which markers have nothing before them any more. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <ottla/protocol/control_record.hpp>
#include <ottla/protocol/record_batch.hpp>
#include "broker/log/index_entries.hpp"

namespace ottla::broker::log {

class CleanedTransactions {
public:
    // All aborted transactions that begin in what is walked over, in any order.
    explicit CleanedTransactions(std::vector<TransactionIndexEntry> aborted);

    // A batch of records: true when they were aborted.
    bool is_aborted(const protocol::RecordBatchHeader&);

    struct Marker {
        bool may_go = false;                          // no batch of its transaction was seen
        std::optional<TransactionIndexEntry> aborts;  // stays in the index, since some was
    };
    // A control batch; without a marker it was emptied before.
    Marker marker(const protocol::RecordBatchHeader&, const std::optional<protocol::EndTransactionMarker>&);

private:
    struct Ongoing {
        TransactionIndexEntry entry;
        bool seen = false;
    };
    void begin_up_to(std::int64_t offset);

    std::vector<TransactionIndexEntry> aborted_;  // by their first offsets
    std::size_t begun_ = 0;                       // so many of them
    std::unordered_map<std::int64_t, Ongoing> ongoing_;
    std::unordered_set<std::int64_t> committing_;  // producers with batches whose marker, a commit, is still to come
};

}  // namespace ottla::broker::log
