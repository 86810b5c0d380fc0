// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/produce_rules.hpp"

#include <limits>
#include <string>

#include <fmt/format.h>

namespace ottla::broker {
namespace {

class TopicRules {
public:
    TopicRules(const PartitionSettings& settings, std::int64_t now_ms)
        : keys_required_(settings.compacted),
          // `now_ms` is not negative, a limit neither.
          earliest_(settings.log_append_time ? limits::min() : now_ms - settings.timestamp_before_max_ms),
          latest_(settings.log_append_time || settings.timestamp_after_max_ms > limits::max() - now_ms
                      ? limits::max()
                      : now_ms + settings.timestamp_after_max_ms) {}

    // A record without a time may make it say no.
    bool takes_all(const protocol::CheckedBatch& batch) const noexcept {
        return (batch.all_have_keys || !keys_required_) && batch.min_timestamp >= earliest_ &&
               batch.max_timestamp <= latest_;
    }
    ErrorCode check(const protocol::RecordView& record) const noexcept {
        if (keys_required_ && !record.key) return ErrorCode::invalid_record;
        if (record.timestamp == protocol::RecordBatchHeader::no_timestamp) return ErrorCode::none;
        const bool in_bounds = record.timestamp >= earliest_ && record.timestamp <= latest_;
        return in_bounds ? ErrorCode::none : ErrorCode::invalid_timestamp;
    }
    std::string why(ErrorCode code, const protocol::RecordView& record) const {
        if (code == ErrorCode::invalid_record) return "no key; the topic is compacted";
        return fmt::format("timestamp {} is not between {} and {}", record.timestamp, earliest_, latest_);
    }

private:
    using limits = std::numeric_limits<std::int64_t>;

    bool keys_required_;
    std::int64_t earliest_;
    std::int64_t latest_;
};

}  // namespace

Result<void> check_records_for_topic(const protocol::CheckedBatch& batch, const PartitionSettings& settings,
                                     std::int64_t now_ms, std::vector<RecordError>& errors) {
    const TopicRules rules(settings, now_ms);
    if (rules.takes_all(batch)) return ok();
    ErrorCode code = ErrorCode::none;
    std::int32_t index = 0;
    std::int64_t bad = 0;
    auto records = batch.view.records(batch.uncompressed);
    for (protocol::RecordView record; records.next(record); ++index) {
        const ErrorCode found = rules.check(record);
        if (found == ErrorCode::none) continue;
        // One code has to speak for all: as in Kafka, that of the times when there is one.
        if (code != ErrorCode::invalid_timestamp) code = found;
        if (++bad > static_cast<std::int64_t>(record_errors_max)) continue;
        auto& error = errors.emplace_back();
        error.batch_index = index;
        error.batch_index_error_message = rules.why(found, record);
    }
    if (bad == 0) return ok();
    return Error::of(code, fmt::format("{} of {} records are refused; record {}: {}", bad, index,
                                       errors.front().batch_index, *errors.front().batch_index_error_message));
}

}  // namespace ottla::broker
