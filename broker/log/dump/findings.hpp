// SPDX-License-Identifier: Apache-2.0
// Findings: what a dump notices on its way and says at its end, file by file, in the words of Apache Kafka's tool.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ottla::broker::log::dump {

// Takes text; false when nobody reads any more.
using TextSink = std::function<bool(std::string_view)>;

class Findings {
public:
    // `path` is absolute. The pairs: what the file says, and what was found (or came before).
    void index_mismatch(const std::string& path, std::int64_t index_offset, std::int64_t log_offset) {
        in(index_mismatches_, path).emplace_back(index_offset, log_offset);
    }
    void timestamp_mismatch(const std::string& path, std::int64_t index_timestamp, std::int64_t log_timestamp) {
        in(timestamp_mismatches_, path).emplace_back(index_timestamp, log_timestamp);
    }
    void timestamp_not_rising(const std::string& path, std::int64_t timestamp, std::int64_t before) {
        in(not_rising_, path).emplace_back(timestamp, before);
    }
    // `log_offset`: where the batch that covers it ends; -1 when there is none.
    void offset_not_found(const std::string& path, std::int64_t offset, std::int64_t log_offset) {
        in(not_found_, path).emplace_back(offset, log_offset);
    }
    void not_consecutive(const std::string& path, std::int64_t offset, std::int64_t next) {
        in(gaps_, path).emplace_back(offset, next);
    }

    void print(const TextSink&);

private:
    using Pairs = std::vector<std::pair<std::int64_t, std::int64_t>>;
    // In the order of the files.
    using ByFile = std::vector<std::pair<std::string, Pairs>>;
    static Pairs& in(ByFile& files, const std::string& path);

    ByFile index_mismatches_;
    ByFile timestamp_mismatches_;
    ByFile not_rising_;
    ByFile not_found_;
    ByFile gaps_;
};

}  // namespace ottla::broker::log::dump
