// SPDX-License-Identifier: Apache-2.0
#include "broker/log/compaction/cleaned_transactions.hpp"

#include <algorithm>

namespace ottla::broker::log {

CleanedTransactions::CleanedTransactions(std::vector<TransactionIndexEntry> aborted) : aborted_(std::move(aborted)) {
    std::ranges::sort(aborted_, {}, &TransactionIndexEntry::first_offset);
}

void CleanedTransactions::begin_up_to(std::int64_t offset) {
    for (; begun_ < aborted_.size() && aborted_[begun_].first_offset <= offset; ++begun_)
        ongoing_.try_emplace(aborted_[begun_].producer_id, Ongoing{aborted_[begun_], false});
}

bool CleanedTransactions::is_aborted(const protocol::RecordBatchHeader& batch) {
    begin_up_to(batch.last_offset());
    if (!batch.is_transactional()) return false;
    const auto found = ongoing_.find(batch.producer_id);
    if (found == ongoing_.end()) {
        committing_.insert(batch.producer_id);
        return false;
    }
    found->second.seen = true;
    return true;
}

CleanedTransactions::Marker CleanedTransactions::marker(const protocol::RecordBatchHeader& batch,
                                                        const std::optional<protocol::EndTransactionMarker>& marker) {
    begin_up_to(batch.last_offset());
    if (!marker) return {true, {}};
    if (marker->committed) return {committing_.erase(batch.producer_id) == 0, {}};
    const auto found = ongoing_.find(batch.producer_id);
    if (found == ongoing_.end()) return {true, {}};
    const Ongoing ended = found->second;
    ongoing_.erase(found);
    if (!ended.seen) return {true, {}};
    return {false, ended.entry};
}

}  // namespace ottla::broker::log
