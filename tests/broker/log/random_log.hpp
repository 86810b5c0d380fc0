// SPDX-License-Identifier: Apache-2.0
// RandomLog: a log in a directory that is written, rolled, synced, cut at its front, compacted, checkpointed and opened
// again as chance has it, in the order in which a broker does these things; and what must be true of it, by a model
// that keeps all that was ever written.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ottla/protocol/compression.hpp>
#include "base/random.hpp"
#include "broker/log/compaction/compaction.hpp"
#include "broker/log/log_directory.hpp"
#include "broker/log/memory_disk.hpp"
#include "tests/broker/log/log_contents.hpp"

namespace ottla::broker::log {

class RandomLog {
public:
    // The seed also chooses the log's settings. `deletes`: with retention and DeleteRecords.
    RandomLog(MemoryDisk&, std::uint64_t seed, bool deletes);

    // One of everything; false when the disk stopped.
    bool create();
    bool step();
    bool sync();
    // One round of compaction, as a broker does it.
    bool compact();
    // The directory again, after the disk was brought down; the log if it had been made. `with_checkpoint`: the
    // recovery point that was written down counts.
    bool open(bool with_checkpoint = true);
    // Nobody holds the disk any more.
    void drop();

    bool exists() const { return log_ != nullptr; }
    Log& log() { return *log_; }
    const std::string& directory() const { return log_directory_; }
    std::int64_t synced() const { return synced_; }
    std::int64_t clean_up_to() const { return clean_up_to_; }
    std::int64_t appended() const { return static_cast<std::int64_t>(appended_); }
    const std::string& why() const { return why_; }
    // How often each was done.
    const std::map<std::string, int>& done() const { return done_; }

    // What there is must be what was written, less what compaction and deletion may take: what was promised is there,
    // the last committed value of each key is there, what has no offset below the compacted part is there to the end.
    void check();
    // After an unclean stop: all that was promised is there; the model goes on from what is left.
    void check_recovered();
    // Indexes as they are written while the log is, and built again from it alone, are the same.
    void check_indexes();

private:
    struct Original {
        KeyedRecord record;
        std::int64_t batch = 0;        // where it begins
        std::int64_t aborted_at = -1;  // by the marker there
    };
    bool failed(const Error&);
    bool append();
    Bytes batch(std::int64_t base);
    bool end_transaction();
    bool remove_front();
    bool write_checkpoint(Checkpoint);
    bool write_down(Checkpoint, std::int64_t offset);
    bool reopen();
    bool open_directory();
    bool open_log(bool with_checkpoint);
    bool note_synced();
    bool is_aborted(const Original&) const;
    const Original& original(std::int64_t offset) const { return written_.at(static_cast<std::size_t>(offset)); }
    void forget_from(std::int64_t end);
    void check_records(const LogContents&) const;
    void check_keys(const LogContents&) const;
    void check_batches(const LogContents&) const;
    void check_round(const LogContents& before, std::int64_t clean) const;
    void check_tombstones(const LogContents& before, const LogContents& after, std::int64_t clean) const;
    void check_markers(const LogContents& before, const LogContents& after, std::int64_t clean) const;
    void check_last_batches(const LogContents& before, const LogContents& after) const;
    void check_horizon(std::int64_t offset, const LogContents& before, const LogContents& after) const;
    void check_producers();

    MemoryDisk& disk_;
    base::Random random_;
    bool deletes_;
    LogConfig config_;
    const TopicPartitionName name_{"t", 0};
    const std::string log_directory_ = "/data/t-0";
    std::uint64_t keys_ = 1;
    std::int64_t delete_retention_ms_ = 0;
    std::int64_t now_ms_ = 1'000'000;
    std::unique_ptr<LogDirectory> directory_;
    std::unique_ptr<Log> log_;
    protocol::Compressor compressor_;
    std::string why_;
    std::map<std::string, int> done_;

    // The model.
    std::vector<Original> written_;  // one for each offset
    std::map<std::int64_t, protocol::RecordBatchHeader> batches_;
    std::size_t appended_ = 0;  // of them certainly
    std::map<std::int64_t, std::vector<std::size_t>> open_;
    std::map<std::int64_t, std::int32_t> sequences_;
    std::int32_t epoch_ = 0;
    std::int64_t synced_ = 0;
    bool was_synced_ = false;
    bool made_anew_ = false;  // as a broker does with a topic that was not on stable storage
    std::vector<ProducerEntry> synced_producers_;
    std::int64_t start_ = 0;          // the last that was asked for
    std::int64_t start_written_ = 0;  // and written down
    std::int64_t clean_up_to_ = 0;
    std::int64_t compacted_below_ = 0;  // a round has touched what lies below
};

}  // namespace ottla::broker::log
