// SPDX-License-Identifier: Apache-2.0
// LogCleaner: compacts the logs of a broker, the dirtiest first, one at a time. One coroutine on shard 0; the work is
// done on Workers, piece by piece, and each piece may wait for its share of log.cleaner.io.max.bytes.per.second.
//
// A log that cannot be compacted (a damaged batch, say) is set aside and reported, and the others go on.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "base/random.hpp"
#include "base/workers.hpp"
#include "broker/log/compaction/compaction.hpp"
#include "broker/log/log_directory.hpp"
#include "broker/server/housekeeping.hpp"
#include "broker/server/node.hpp"
#include "net/turn.hpp"
#include "net/until_stopped.hpp"

namespace ottla::broker {

// What it came to since the start.
struct LogCleanerCounts {
    std::uint64_t rounds = 0;
    std::uint64_t bytes_read = 0;  // each log twice: for its keys, and for the copy
    std::uint64_t bytes_written = 0;
    std::uint64_t records_read = 0;
    std::uint64_t records_kept = 0;
    std::uint64_t set_aside = 0;  // logs
};

// What log.cleaner.* asks of the cleaner as a whole. Like Kafka's, these may be altered while the broker runs.
struct CleanerSettings {
    std::int64_t backoff_ms = 15'000;          // between two looks when there was nothing to do
    std::int64_t map_bytes_max = 134'217'728;  // for the last offset of each key
    double bytes_per_second_max = 0;           // read and written; 0: as fast as it goes
    friend bool operator==(const CleanerSettings&, const CleanerSettings&) = default;
};

class LogCleaner {
public:
    // All must outlive it.
    LogCleaner(Node& node, base::Workers& workers, Housekeeping& housekeeping, base::Random random);

    // Ends after stop(), at the end of the piece that is under way.
    boost::asio::awaitable<void> run();
    void stop();
    // Returns when run() has ended, or was never called.
    boost::asio::awaitable<void> stopped() { return life_.ended(); }

    // What the image says of log.cleaner.* is in force at once, but for a round's memory. On shard 0.
    void take_settings(const MetadataImage&);
    // For a partition that is closed: returns when nothing in here is at work in its directory, and forgets it. On
    // shard 0.
    boost::asio::awaitable<void> let_go(const PartitionKey& key);

    const LogCleanerCounts& counts() const noexcept { return counts_; }
    // Why logs were set aside.
    const std::map<PartitionKey, Error>& set_aside() const noexcept { return set_aside_; }

private:
    struct Candidate {
        std::shared_ptr<Partition> partition;
        log::Dirtiness dirt;
    };
    boost::asio::awaitable<std::optional<Candidate>> find_dirtiest();
    boost::asio::awaitable<void> compact(Candidate);
    boost::asio::awaitable<void> compact(Partition&, log::CompactionInput);
    // False: it was given up before its end.
    boost::asio::awaitable<Result<bool>> run_round(Partition&, log::Compaction&, std::string directory);
    boost::asio::awaitable<Result<void>> put_in_place(Partition&, const log::CleanedGroup&, std::string directory);
    boost::asio::awaitable<void> drop_group(Partition&, log::CleanedGroup, std::string directory);
    boost::asio::awaitable<void> wait_for_share(std::uint64_t bytes);
    void report(const Partition&, const Error&);

    Node& node_;
    base::Workers& workers_;
    Housekeeping& housekeeping_;
    base::Random random_;
    LogCleanerCounts counts_;
    CleanerSettings settings_;
    std::map<PartitionKey, Error> set_aside_;
    net::UntilStopped life_;
    net::Turn working_;  // held during a round
    std::optional<PartitionKey> at_work_;
    bool give_up_ = false;  // the round
};

}  // namespace ottla::broker
