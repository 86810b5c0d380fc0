// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/group_log.hpp"

#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ottla/protocol/control_record.hpp>
#include <ottla/protocol/record_batch_builder.hpp>

namespace ottla::broker::groups {
namespace {

using FetchedGroup = protocol::OffsetFetchResponse::OffsetFetchResponseGroup;

class GroupLog : public testing::Test {
protected:
    void read_golden(const std::string& name) {
        std::ifstream in(std::string(OTTLA_SOURCE_DIR) + "/tests/golden/groups/" + name, std::ios::binary);
        std::stringstream text;
        text << in.rdbuf();
        ASSERT_TRUE(in) << name;
        read(Bytes::from(text.str()).span());
    }
    void read(ByteSpan bytes) {
        auto read = read_group_log(bytes, from, decompressor);
        ASSERT_TRUE(read) << read.error().text();
        part = std::move(*read);
        part.replay_into(coordinator);
    }
    static Buffer batch_of(const std::vector<GroupRecord>& records, const protocol::BatchStamp& stamp = {}) {
        protocol::RecordBatchBuilder builder{Buffer(256)};
        for (const auto& record : records) {
            const auto encoded = encode(record).value();
            builder.append(1000, encoded.key.span(),
                           encoded.value ? protocol::NullableSpan(encoded.value->span()) : std::nullopt);
        }
        return builder.finish(stamp);
    }
    static OffsetRecord offset(std::int64_t value) {
        auto record = offset_tombstone("g", "t", 0);
        record.value.emplace().offset = value;
        return record;
    }
    // -1 when nothing was committed.
    std::int64_t committed(const std::string& group, const std::string& topic = "t", bool stable = false) {
        FetchOffsets fetch;
        fetch.group_id = group;
        fetch.require_stable = stable;
        auto& wanted = fetch.topics.emplace().emplace_back();
        wanted.name = topic;
        wanted.partition_indexes = {0};
        const auto decision = coordinator.handle(1, {}, fetch, {});
        const auto one = std::get<FetchedGroup>(decision.replies.at(0).answer).topics.at(0).partitions.at(0);
        return one.error_code != 0 ? -one.error_code : one.committed_offset;
    }

    std::int64_t from = 0;
    protocol::Decompressor decompressor;
    GroupCoordinator coordinator{GroupSettings{}, base::Random(1)};
    GroupLogPart part;
};

TEST_F(GroupLog, of_a_live_kafka_is_understood) {
    read_golden("partition-3.log");
    EXPECT_EQ(committed("g-classic", "txn"), 17);
    EXPECT_EQ(committed("g-re", "txn"), 17);
    EXPECT_EQ(part.next_offset, 35);
    read_golden("partition-4.log");
    EXPECT_EQ(committed("txg", "txn"), 3);
    EXPECT_EQ(committed("g-static", "p3"), 12);
    EXPECT_EQ(committed("str1", "sin"), 5);
}

TEST_F(GroupLog, what_was_deleted_is_not_there) {
    read_golden("partition-2.log");
    EXPECT_EQ(committed("g-simple", "p3"), -1);
    EXPECT_EQ(committed("g-consumer", "txn"), 17);
}

TEST_F(GroupLog, records_that_are_none_of_ours_are_left_out_and_told) {
    protocol::RecordBatchBuilder builder{Buffer(256)};
    builder.append(1, std::nullopt, as_bytes("no key"));
    for (int i = 0; i < 10; ++i) builder.append(1, as_bytes("junk"), as_bytes("junk"));
    const auto good = encode(offset(5)).value();
    builder.append(1, good.key.span(), good.value->span());
    read(builder.finish().span());
    EXPECT_EQ(part.skipped, 11U);
    EXPECT_EQ(part.reasons.size(), 5U);
    EXPECT_THAT(part.reasons[0], testing::HasSubstr("offset 0"));
    EXPECT_EQ(committed("g"), 5);
}

TEST_F(GroupLog, begins_within_a_batch) {
    from = 1;
    read(batch_of({offset(5), offset(6)}).span());
    EXPECT_EQ(part.items.size(), 1U);
    EXPECT_EQ(part.next_offset, 2);
}

TEST_F(GroupLog, a_batch_that_lost_its_end_is_an_error) {
    const auto whole = batch_of({offset(5)});
    Buffer cut(256);
    cut.append(whole.span());
    protocol::store_big<std::int32_t>(cut.data() + 57, 2);  // one record more than there is
    EXPECT_FALSE(read_group_log(cut.span(), 0, decompressor));
}

TEST_F(GroupLog, offsets_in_a_transaction_count_when_it_is_committed) {
    protocol::BatchStamp stamp;
    stamp.producer_id = 7;
    stamp.producer_epoch = 0;
    stamp.base_sequence = 0;
    stamp.transactional = true;
    const auto marker = [](bool commits) { return protocol::build_marker_batch(9, 0, 1000, 7, 0, {commits, 0}); };
    const std::int64_t unstable = -static_cast<std::int64_t>(ErrorCode::unstable_offset_commit);
    read(batch_of({offset(5)}, stamp).span());
    EXPECT_EQ(committed("g"), -1);
    EXPECT_EQ(committed("g", "t", true), unstable);
    read(marker(false).span());
    EXPECT_EQ(committed("g", "t", true), -1);
    EXPECT_EQ(coordinator.group_count(), 0U);
    read(batch_of({offset(6)}, stamp).span());
    read(marker(true).span());
    EXPECT_EQ(committed("g", "t", true), 6);
}

// As Kafka has it: what a record says holds from its own place on, wherever its transaction ends.
TEST_F(GroupLog, an_offset_in_a_transaction_takes_back_none_that_came_after_it) {
    protocol::BatchStamp stamp;
    stamp.producer_id = 7;
    stamp.producer_epoch = 0;
    stamp.base_sequence = 0;
    stamp.transactional = true;
    stamp.base_offset = 10;
    read(batch_of({offset(100)}, stamp).span());
    protocol::BatchStamp plain;
    plain.base_offset = 20;
    read(batch_of({offset(200)}, plain).span());
    read(protocol::build_marker_batch(30, 0, 1000, 7, 0, {true, 0}).span());
    EXPECT_EQ(committed("g"), 200);
}

TEST_F(GroupLog, what_was_compressed_is_read) {
    const auto plain = batch_of({offset(5), offset(6)});
    protocol::Compressor compressor;
    Buffer compressed;
    ASSERT_TRUE(protocol::compress_batch(plain.span(), protocol::CompressionType::zstd,
                                         protocol::default_compression_level, compressor, compressed));
    read(compressed.span());
    EXPECT_EQ(committed("g"), 6);
}

}  // namespace
}  // namespace ottla::broker::groups
