// SPDX-License-Identifier: Apache-2.0
// LineIndex: the lines of a topic in SQLite, each once. How far each partition is read stands beside them, and changes
// in the same transaction.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <ottla/message.hpp>
#include <ottla/topic_partition.hpp>

#include "../support/sqlite.hpp"

namespace logs {

class LineIndex {
public:
    explicit LineIndex(const std::string& path);

    // Where to read on.
    ottla::TopicPartition next(const std::string& topic, std::int32_t partition);
    // All of the batch or nothing; what is in already is passed over.
    void add(const ottla::MessageBatch&);

    using Counts = std::vector<std::pair<std::string, std::int64_t>>;
    Counts by_host();
    Counts by_severity();
    // "host: message", the newest last, that have all these words; in FTS5's words.
    std::vector<std::string> search(const std::string& words, std::int64_t at_most);

private:
    void add(const ottla::MessageBatch&, const ottla::MessageView&);

    sqlite::Database database_;
};

}  // namespace logs
