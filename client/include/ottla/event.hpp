// SPDX-License-Identifier: Apache-2.0
// Event: what poll() of a consumer and events() of a producer give, one at a time.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include <ottla/delivery_report.hpp>
#include <ottla/error.hpp>
#include <ottla/log.hpp>
#include <ottla/message.hpp>
#include <ottla/topic_partition.hpp>

namespace ottla::inline v0 {

// The consumer has handed out everything up to the end of the partition (with enable.partition.eof).
struct PartitionEof {
    std::string topic;
    std::int32_t partition = any_partition;
    // Where the next record will be.
    Offset offset;
};

// Something went wrong with one partition: what, and where.
struct PartitionError {
    std::string topic;
    std::int32_t partition = any_partition;
    Offset offset;
    // Where the consumer goes on in place of `offset`: auto.offset.reset has chosen it (offset_out_of_range), or the
    // partition was truncated there (log_truncation). Invalid: the position has not changed.
    Offset moved_to;
    Error error;
    // The consumer tries again, or has found another place, by itself. Otherwise the partition waits for a seek or
    // another assignment.
    bool goes_on = false;
    // Told before, of this very place: nothing has changed since. read_message() and poll_batch() pass over it.
    bool repeated = false;
};

// The consumer of a group was given these, and reads them from now on; only without callbacks of subscribe().
struct AssignedPartitions {
    std::vector<TopicPartition> partitions;
};

// The consumer of a group has given these back and reads them no more; only without callbacks of subscribe().
struct RevokedPartitions {
    std::vector<TopicPartition> partitions;
    // They were another's already, or may have been: nothing of them could be committed any more.
    bool lost = false;
};

// A commit has ended: one of the application's, by enable.auto.commit, or of partitions that are given back. Only with
// ConsumerOptions::tells_commits; of those that nobody fetches 10,000 wait, later ones are dropped.
struct OffsetsCommitted {
    // Of the commit as a whole; none: each partition has its own.
    Error error;
    std::vector<TopicPartition> offsets;
};

// What a client counts and measures, in the layout of librdkafka's STATISTICS.md: every statistics.interval.ms.
// Windows ("rtt" and the like) hold what came since the last statistics.
struct Statistics {
    std::string json;
};

// An Error alone concerns the whole client. LogEvents come with log.queue=true alone.
using Event = std::variant<Message, DeliveryReport, PartitionEof, PartitionError, Error, Statistics, LogEvent,
                           AssignedPartitions, RevokedPartitions, OffsetsCommitted>;

std::string to_string(const PartitionEof&);
std::string to_string(const PartitionError&);
std::string to_string(const Statistics&);
// "assigned orders[0], orders[1]"
std::string to_string(const AssignedPartitions&);
std::string to_string(const RevokedPartitions&);
// "committed orders[0]@42"
std::string to_string(const OffsetsCommitted&);
std::string to_string(const Event&);

}  // namespace ottla::inline v0
