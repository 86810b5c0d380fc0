// SPDX-License-Identifier: Apache-2.0
// ProducerStates: what a log knows of its producers from the batches in it: the last batches of each, which
// transactions are open, and so up to where a reader of committed records may see. Pure: fed with batches in the order
// of the log. add() takes what is there; who appends for a client asks check() first.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include <ottla/protocol/control_record.hpp>
#include <ottla/protocol/record_batch.hpp>
#include <ottla/result.hpp>
#include "broker/log/index_entries.hpp"
#include "broker/log/producer_snapshot.hpp"
#include "broker/log/recent_batches.hpp"

namespace ottla::broker::log {

class ProducerStates {
public:
    ProducerStates() = default;
    // As a snapshot has it.
    explicit ProducerStates(std::span<const ProducerEntry> entries);

    // Whether a client may append this batch now. The batch itself, as it lies in the log, when it is one of the last
    // five of its producer: it came again. A producer that is not known, its records having gone, may go on anywhere.
    //   invalid_producer_epoch        the producer has written under a newer epoch
    //   out_of_order_sequence_number  it does not follow the producer's last batch, nor begin a new epoch at 0
    Result<std::optional<RecentBatch>> check(const protocol::RecordBatchHeader& batch) const;
    // A batch with records, at its final offsets. One without a producer id changes nothing.
    void add(const protocol::RecordBatchHeader& batch);
    // A batch with a transaction marker. What the index of aborted transactions says of it, if it aborts one.
    std::optional<TransactionIndexEntry> end_transaction(const protocol::RecordBatchHeader& batch,
                                                         const protocol::EndTransactionMarker& marker);
    // A control batch without its marker: compaction left it to tell of its producer.
    void add_emptied(const protocol::RecordBatchHeader& batch) { known(batch); }
    // (After a cut at the end of the log begin anew, from a snapshot: what a producer's batch before the last was is
    // not known here. A cut at its front changes nothing: who is known stays so, KIP-360.) Forgets producers that wrote
    // nothing since, by the times of their batches, and have no open transaction.
    void expire(std::int64_t older_than_ms);

    // Readers of committed records see nothing at or behind it, whatever is replicated: the first offset of the oldest
    // transaction that is open, or whose marker does not lie below `high_watermark`. Nothing: no such transaction.
    std::optional<std::int64_t> first_unstable_offset(std::int64_t high_watermark) const;
    // Nothing asks any more for transactions whose markers lie below it.
    void committed_up_to(std::int64_t high_watermark);

    std::size_t size() const noexcept { return producers_.size(); }
    const ProducerEntry* find(std::int64_t producer_id) const;
    // By producer id.
    std::vector<ProducerEntry> entries() const;

private:
    struct Ended {
        std::int64_t first_offset;
        std::int64_t marker_offset;
    };
    struct Known {
        ProducerEntry entry;
        RecentBatches recent;
    };
    Known& known(const protocol::RecordBatchHeader& batch);
    void begin(std::int64_t first_offset, std::int64_t producer_id) { open_.emplace(first_offset, producer_id); }

    std::unordered_map<std::int64_t, Known> producers_;
    std::map<std::int64_t, std::int64_t> open_;  // first offset → producer id
    std::vector<Ended> ended_;                   // by their markers
};

}  // namespace ottla::broker::log
