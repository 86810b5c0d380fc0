// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/produce_rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <ottla/protocol/record_batch_builder.hpp>

namespace ottla::broker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t now = 1'000'000;
constexpr std::int64_t minute = 60'000;

struct KeyedRecord {
    std::int64_t timestamp;
    bool with_key = true;
};

class ProduceRules : public testing::Test {
protected:
    ProduceRules() {
        settings_.timestamp_before_max_ms = minute;
        settings_.timestamp_after_max_ms = minute;
    }
    // The answer's code; the indices of the bad records are in bad_.
    ErrorCode check(const std::vector<KeyedRecord>& records) {
        protocol::RecordBatchBuilder builder{Buffer()};
        for (const auto& record : records) {
            const auto key = record.with_key ? protocol::NullableSpan(as_bytes("k")) : std::nullopt;
            builder.append(record.timestamp, key, as_bytes("v"));
        }
        const Buffer batch = builder.finish();
        const auto checked = protocol::check_produced_batch(batch.span(), {}, decompressor_, space_);
        errors_.clear();
        error_ = check_records_for_topic(checked.value(), settings_, now, errors_).error();
        bad_.clear();
        for (const auto& error : errors_) bad_.push_back(error.batch_index);
        return error_.code();
    }

    PartitionSettings settings_;
    protocol::Decompressor decompressor_;
    Buffer space_;
    std::vector<RecordError> errors_;
    std::vector<std::int32_t> bad_;
    Error error_;
};

TEST_F(ProduceRules, times_up_to_the_bounds_are_taken) {
    EXPECT_EQ(check({{now - minute}, {now}, {now + minute}}), ErrorCode::none);
    EXPECT_EQ(check({{now}, {now - minute - 1}, {now}, {now + minute + 1}}), ErrorCode::invalid_timestamp);
    EXPECT_THAT(bad_, ElementsAre(1, 3));
    EXPECT_EQ(errors_[0].batch_index_error_message, "timestamp 939999 is not between 940000 and 1060000");
    EXPECT_EQ(error_.text(),
              "2 of 4 records are refused; record 1: timestamp 939999 is not between 940000 and 1060000");
}

TEST_F(ProduceRules, a_record_without_a_time_is_taken_and_hides_no_other) {
    EXPECT_EQ(check({{-1}, {now}}), ErrorCode::none);
    EXPECT_THAT(bad_, IsEmpty());
    EXPECT_EQ(check({{-1}, {0}, {now}}), ErrorCode::invalid_timestamp);
    EXPECT_THAT(bad_, ElementsAre(1));
}

TEST_F(ProduceRules, the_brokers_own_time_needs_no_bounds) {
    settings_.log_append_time = true;
    EXPECT_EQ(check({{0}, {INT64_MAX}, {INT64_MIN}}), ErrorCode::none);
}

TEST_F(ProduceRules, bounds_may_be_as_wide_as_numbers_go) {
    settings_.timestamp_before_max_ms = settings_.timestamp_after_max_ms = INT64_MAX;
    EXPECT_EQ(check({{0}, {INT64_MAX}, {now - INT64_MAX}}), ErrorCode::none);
    EXPECT_EQ(check({{INT64_MIN}}), ErrorCode::invalid_timestamp);
}

TEST_F(ProduceRules, a_compacted_topic_wants_keys) {
    EXPECT_EQ(check({{now, false}}), ErrorCode::none);
    settings_.compacted = true;
    EXPECT_EQ(check({{now}, {now, false}, {now}, {now, false}}), ErrorCode::invalid_record);
    EXPECT_THAT(bad_, ElementsAre(1, 3));
    EXPECT_EQ(errors_[0].batch_index_error_message, "no key; the topic is compacted");
    // Of the two codes the times' is told.
    EXPECT_EQ(check({{now, false}, {0}, {now, false}}), ErrorCode::invalid_timestamp);
    EXPECT_THAT(bad_, ElementsAre(0, 1, 2));
}

TEST_F(ProduceRules, the_list_of_bad_records_is_bounded) {
    settings_.compacted = true;
    EXPECT_EQ(check(std::vector<KeyedRecord>(5000, {now, false})), ErrorCode::invalid_record);
    EXPECT_EQ(bad_.size(), record_errors_max);
    EXPECT_TRUE(error_.text().starts_with("5000 of 5000 records"));
}

}  // namespace
}  // namespace ottla::broker
