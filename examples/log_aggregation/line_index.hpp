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

    // Before anything else: `id` is the broker's for this topic. A topic that was made anew under the same name is
    // another; the old one's lines are kept, under its name and id.
    void begin(const std::string& topic, const std::string& id);
    // Where to read on.
    ottla::TopicPartition next(const std::string& topic, std::int32_t partition);
    // All of the batch or nothing; what is in already is passed over. Throws when another line is in its place: the
    // topic was made anew meanwhile.
    void add(const ottla::MessageBatch&);

    using Counts = std::vector<std::pair<std::string, std::int64_t>>;
    Counts by_host();
    Counts by_severity();
    // "host: message", the newest last; `words` is in the language of FTS5, see question.hpp. Throws when it is not.
    std::vector<std::string> search(const std::string& words, std::int64_t at_most);

private:
    void add(const ottla::MessageBatch&, const ottla::MessageView&);

    sqlite::Database database_;
};

}  // namespace logs
