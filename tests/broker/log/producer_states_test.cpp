// SPDX-License-Identifier: Apache-2.0
// Producer states from batches: as Apache Kafka 4.3.1 wrote them down for the same logs, and by script.
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/log/producer_states.hpp"

namespace ottla::broker::log {
namespace {

using protocol::EndTransactionMarker;
using protocol::RecordBatchHeader;

Bytes golden_states_file(const std::string& name) {
    std::ifstream in(std::string(OTTLA_SOURCE_DIR) + "/tests/golden/" + name, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return Bytes::from(text.str());
}

struct Replayed {
    ProducerStates states;
    std::string transaction_index;
};

// The batches below `end`.
Replayed replay(const Bytes& log, std::int64_t end) {
    Replayed replayed;
    protocol::RecordBatchReader batches(log.span());
    protocol::Decompressor decompressor;
    Buffer space;
    while (const auto batch = batches.next().value()) {
        const auto& header = batch->header();
        if (header.base_offset >= end) break;
        if (!header.is_control()) {
            replayed.states.add(header);
            continue;
        }
        auto records = batch->records(decompressor, 1U << 20, space).value();
        protocol::RecordView record;
        EXPECT_TRUE(records.next(record));
        if (const auto aborted = replayed.states.end_transaction(header, EndTransactionMarker::parse(record).value())) {
            std::string bytes(TransactionIndexEntry::size, '\0');
            aborted->write(reinterpret_cast<std::uint8_t*>(bytes.data()));
            replayed.transaction_index += bytes;
        }
    }
    return replayed;
}

TEST(ProducerStates, are_those_of_kafkas_snapshots_and_indexes) {
    const struct {
        std::string directory, snapshot;
    } logs[] = {{"log/", "00000000000000000012.snapshot"},
                {"directories/stopped/txn-0/", "00000000000000000018.snapshot"},
                {"directories/killed/txn-0/", "00000000000000000018.snapshot"}};
    for (const auto& [directory, snapshot] : logs) {
        SCOPED_TRACE(directory);
        const auto replayed = replay(golden_states_file(directory + "00000000000000000000.log"), std::stoll(snapshot));
        EXPECT_EQ(Bytes::from(replayed.transaction_index),
                  golden_states_file(directory + "00000000000000000000.txnindex"));
        const Bytes kafkas = golden_states_file(directory + snapshot);
        EXPECT_EQ(replayed.states.entries(), parse_producer_snapshot(kafkas.span()).value());
        EXPECT_EQ(Bytes::from(producer_snapshot_bytes(replayed.states.entries())), kafkas);
        // A start from the snapshot knows as much.
        const ProducerStates again(parse_producer_snapshot(kafkas.span()).value());
        EXPECT_EQ(again.entries(), replayed.states.entries());
        EXPECT_EQ(again.first_unstable_offset(1000), replayed.states.first_unstable_offset(1000));
    }
}

RecordBatchHeader batch_from(std::int64_t producer, std::int64_t offset, bool transactional = true,
                             std::int32_t records = 1) {
    RecordBatchHeader header;
    header.base_offset = offset;
    header.last_offset_delta = records - 1;
    header.count = records;
    header.producer_id = producer;
    header.producer_epoch = 0;
    header.base_sequence = 0;
    header.max_timestamp = offset * 10;
    if (transactional) header.attributes = RecordBatchHeader::transactional_bit;
    return header;
}

TEST(ProducerStates, tell_up_to_where_committed_records_go) {
    ProducerStates states;
    EXPECT_EQ(states.first_unstable_offset(0), std::nullopt);
    states.add(batch_from(7, 0, false, 5));
    EXPECT_EQ(states.first_unstable_offset(5), std::nullopt);
    states.add(batch_from(1, 5));
    states.add(batch_from(2, 6));
    states.add(batch_from(1, 7));
    EXPECT_EQ(states.first_unstable_offset(8), 5);
    const auto aborted = states.end_transaction(batch_from(1, 8), {false, 3});
    EXPECT_EQ(aborted, (TransactionIndexEntry{1, 5, 8, 6}));
    // Its marker is not committed yet, so it still counts.
    EXPECT_EQ(states.first_unstable_offset(8), 5);
    EXPECT_EQ(states.first_unstable_offset(9), 6);
    EXPECT_EQ(states.end_transaction(batch_from(2, 9), {true, 3}), std::nullopt);
    EXPECT_EQ(states.first_unstable_offset(10), std::nullopt);
    states.committed_up_to(9);
    EXPECT_EQ(states.first_unstable_offset(9), 6);
    states.committed_up_to(10);
    EXPECT_EQ(states.first_unstable_offset(9), std::nullopt);
    // A marker without records before it ends nothing.
    EXPECT_EQ(states.end_transaction(batch_from(2, 10), {false, 3}), std::nullopt);
}

TEST(ProducerStates, forget_who_is_gone) {
    ProducerStates states;
    states.add(batch_from(1, 10, false));
    states.add(batch_from(3, 30));
    states.expire(1000);
    EXPECT_EQ(states.find(1), nullptr);
    EXPECT_EQ(states.size(), 1U);  // an open transaction keeps its producer
    ASSERT_NE(states.find(3), nullptr);
    EXPECT_EQ(states.find(3)->transaction_first_offset, 30);
}

TEST(ProducerStates, a_new_epoch_begins_anew) {
    ProducerStates states;
    auto batch = batch_from(1, 0, false, 3);
    batch.base_sequence = 10;
    states.add(batch);
    EXPECT_EQ(states.find(1)->last_sequence, 12);
    EXPECT_EQ(states.find(1)->offset_delta, 2);
    auto marker = batch_from(1, 3);
    marker.producer_epoch = 1;
    states.end_transaction(marker, {true, 4});
    EXPECT_EQ(states.find(1)->last_sequence, -1);
    EXPECT_EQ(states.find(1)->last_offset, -1);
    EXPECT_EQ(states.find(1)->epoch, 1);
    EXPECT_EQ(states.find(1)->coordinator_epoch, 4);
}

RecordBatchHeader numbered(std::int16_t epoch, std::int32_t first_sequence, std::int32_t records,
                           std::int64_t offset = 0) {
    auto batch = batch_from(1, offset, false, records);
    batch.producer_epoch = epoch;
    batch.base_sequence = first_sequence;
    return batch;
}
ErrorCode refusal(const ProducerStates& states, const RecordBatchHeader& batch) {
    const auto checked = states.check(batch);
    if (!checked) return checked.error().code();
    EXPECT_FALSE(*checked) << "it came before";
    return ErrorCode::none;
}

TEST(ProducerStates, take_what_follows_and_refuse_gaps_and_old_epochs) {
    ProducerStates states;
    EXPECT_EQ(refusal(states, numbered(3, 77, 2)), ErrorCode::none) << "a producer that is not known";
    states.add(numbered(3, 77, 2));
    EXPECT_EQ(refusal(states, numbered(3, 79, 1)), ErrorCode::none);
    EXPECT_EQ(refusal(states, numbered(3, 80, 1)), ErrorCode::out_of_order_sequence_number);
    EXPECT_EQ(refusal(states, numbered(3, 78, 1)), ErrorCode::out_of_order_sequence_number);
    EXPECT_EQ(refusal(states, numbered(3, 0, 1)), ErrorCode::out_of_order_sequence_number);
    EXPECT_EQ(refusal(states, numbered(2, 79, 1)), ErrorCode::invalid_producer_epoch);
    EXPECT_EQ(refusal(states, numbered(4, 0, 1)), ErrorCode::none);
    EXPECT_EQ(refusal(states, numbered(4, 79, 1)), ErrorCode::out_of_order_sequence_number);
    auto without = numbered(-1, -1, 1);
    without.producer_id = -1;
    EXPECT_EQ(refusal(states, without), ErrorCode::none);
}

TEST(ProducerStates, know_the_last_five_batches_again) {
    ProducerStates states;
    for (int i = 0; i < 6; ++i) states.add(numbered(0, i * 2, 2, 100 + i * 2));
    EXPECT_EQ(refusal(states, numbered(0, 0, 2)), ErrorCode::out_of_order_sequence_number);
    for (int i = 1; i < 6; ++i) {
        const auto again = states.check(numbered(0, i * 2, 2)).value();
        ASSERT_TRUE(again);
        EXPECT_EQ(*again, (RecentBatch{i * 2, i * 2 + 1, 100 + i * 2, 101 + i * 2, 1000 + i * 20}));
    }
    EXPECT_EQ(refusal(states, numbered(0, 10, 1)), ErrorCode::out_of_order_sequence_number) << "only a part of one";
    states.add(numbered(1, 0, 2, 200));
    EXPECT_EQ(refusal(states, numbered(1, 10, 2)), ErrorCode::out_of_order_sequence_number) << "of an epoch before";
    EXPECT_TRUE(states.check(numbered(1, 0, 2)).value());
}

TEST(ProducerStates, know_the_last_batch_of_a_snapshot_again) {
    ProducerStates states;
    states.add(numbered(0, 0, 2, 10));
    states.add(numbered(0, 2, 3, 12));
    const ProducerStates again(states.entries());
    const auto batch = again.check(numbered(0, 2, 3)).value();
    ASSERT_TRUE(batch);
    EXPECT_EQ(*batch, (RecentBatch{2, 4, 12, 14, 120}));
    EXPECT_EQ(refusal(again, numbered(0, 0, 2)), ErrorCode::out_of_order_sequence_number);
    EXPECT_EQ(refusal(again, numbered(0, 5, 1)), ErrorCode::none);
}

TEST(ProducerStates, sequences_go_around) {
    constexpr std::int32_t last = std::numeric_limits<std::int32_t>::max();
    ProducerStates states;
    states.add(numbered(0, last - 1, 2, 10));
    EXPECT_EQ(refusal(states, numbered(0, 0, 1)), ErrorCode::none);
    states.add(numbered(0, 0, 1, 12));
    EXPECT_EQ(refusal(states, numbered(0, 1, 1)), ErrorCode::none);
    ProducerStates across;
    across.add(numbered(0, last - 1, 4, 10));
    EXPECT_EQ(across.find(1)->last_sequence, 1);
    const ProducerStates again(across.entries());
    EXPECT_TRUE(again.check(numbered(0, last - 1, 4)).value());
    EXPECT_EQ(refusal(again, numbered(0, 2, 1)), ErrorCode::none);
}

TEST(ProducerStates, a_new_epoch_after_a_marker_begins_at_zero) {
    ProducerStates states;
    states.end_transaction(numbered(5, 0, 1), {true, 4});
    EXPECT_EQ(refusal(states, numbered(5, 0, 1)), ErrorCode::none);
    EXPECT_EQ(refusal(states, numbered(5, 1, 1)), ErrorCode::out_of_order_sequence_number);
}

}  // namespace
}  // namespace ottla::broker::log
