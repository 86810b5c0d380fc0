// SPDX-License-Identifier: Apache-2.0
// Record batches for tests of the log.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <ottla/protocol/record_batch.hpp>
#include <ottla/protocol/record_batch_builder.hpp>

namespace ottla::broker::log {

struct TestRecord {
    std::int64_t timestamp = 1000;
    std::string value = "v";
};

inline Bytes batch_of(const std::vector<TestRecord>& records, const protocol::BatchStamp& stamp = {}) {
    protocol::RecordBatchBuilder builder{Buffer()};
    for (const auto& record : records) builder.append(record.timestamp, {}, as_bytes(record.value));
    return builder.finish(stamp).freeze();
}

// `count` records with values of `value_bytes`.
inline Bytes batch_of(int count, std::size_t value_bytes = 10, std::int64_t timestamp = 1000,
                      const protocol::BatchStamp& stamp = {}) {
    std::vector<TestRecord> records;
    for (int i = 0; i < count; ++i) {
        records.push_back({timestamp, std::string(value_bytes, static_cast<char>('a' + i % 26))});
    }
    return batch_of(records, stamp);
}

// All values, in order; the batches must be sound.
inline std::vector<std::string> values_in(ByteSpan batches) {
    std::vector<std::string> values;
    protocol::RecordBatchReader reader(batches);
    protocol::Decompressor decompressor;
    Buffer space;
    while (auto view = reader.next().value()) {
        auto records = view->records(decompressor, 1U << 30, space).value();
        for (protocol::RecordView record; records.next(record);) values.emplace_back(as_text(record.value.value()));
    }
    return values;
}

}  // namespace ottla::broker::log
