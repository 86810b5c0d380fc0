// SPDX-License-Identifier: Apache-2.0
// A range of a topic's records, by partition, offset and time, and the reading of it from begin to end. What is written
// behind it meanwhile is not read.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <ottla/consumer.hpp>

#include "tools/ottla/connection.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

struct RangeOptions {
    std::vector<std::int32_t> partitions;  // none: all
    std::optional<std::int64_t> from_offset;
    std::optional<std::int64_t> to_offset;  // not included
    std::string since;
    std::string until;  // not included

    bool is_whole() const noexcept {
        return partitions.empty() && !from_offset && !to_offset && since.empty() && until.empty();
    }
};
// -p, --from-offset, --to-offset, --since, --until
void add_range_options(CLI::App&, RangeOptions&);

// From a partition's first record in the range on; nothing of it at or behind `to`.
struct PartitionRange {
    std::int32_t partition = 0;
    std::int64_t from = 0;
    std::int64_t to = 0;
    // What the partition has, whatever the range.
    std::int64_t log_begin = 0;
    std::int64_t log_end = 0;
};

class RecordRange {
public:
    // Throws UsageError for times that are none, ottla::Exception for partitions that are not there.
    RecordRange(const Connection&, std::string topic, const RangeOptions&);

    const std::string& topic() const noexcept { return topic_; }
    const std::vector<PartitionRange>& partitions() const noexcept { return partitions_; }
    // Of a partition that was read before.
    void begin_at(std::int32_t partition, std::int64_t offset);
    // The record, of this topic, is in the range.
    bool has(const Message&) const;

    // Reads through `consumer`, whose assignment is set here and gone at the end, and calls `each`; it answers whether
    // to go on. Throws what the consumer has to say.
    // False: the user has stopped it, or `each` has.
    bool read(const Session&, Consumer& consumer, const std::function<bool(const Message&)>& each);

private:
    bool is_within(const Message&) const;

    std::string topic_;
    std::vector<PartitionRange> partitions_;
    std::optional<std::int64_t> since_ms_;
    std::optional<std::int64_t> until_ms_;
};

// For read(): a consumer that tells where partitions end. `ours` as in to_config().
Consumer open_reader(const Connection&, std::initializer_list<Config::Entry> ours = {});

}  // namespace ottla::tools
