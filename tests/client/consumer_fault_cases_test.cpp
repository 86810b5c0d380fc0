// SPDX-License-Identifier: Apache-2.0
// What a consumer must come through, one test each: a log that lost its end, batches whose checksum fails, and bytes
// that were made to hurt. (What concerns members of groups is in tests/simulation/groups_fault_cases.cpp.)
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <ottla/protocol/compression.hpp>

#include "base/crc32c.hpp"
#include "tests/client/consumer_script.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;
using protocol::CompressionType;
using protocol::RecordBatchHeader;

std::string with_turned_bit(std::string batch) {
    batch[batch.size() - 2] ^= 1;
    return batch;
}

// A batch at offset 0 with this payload, whatever it is, and a checksum that is right.
std::string batch_around(const std::string& payload, CompressionType codec, std::int32_t count) {
    RecordBatchHeader header;
    header.length = static_cast<std::int32_t>(RecordBatchHeader::size - RecordBatchHeader::overhead + payload.size());
    header.attributes = static_cast<std::int16_t>(codec);
    header.last_offset_delta = std::max(count, 1) - 1;
    header.base_timestamp = header.max_timestamp = 1000;
    header.count = count;
    std::string batch(RecordBatchHeader::size, '\0');
    batch += payload;
    auto* const to = reinterpret_cast<std::uint8_t*>(batch.data());
    constexpr std::size_t checked_from = 21;
    for (int i = 0; i < 2; ++i) {
        header.write(to);
        header.crc = base::crc32c(as_bytes(batch).subspan(checked_from));
    }
    return batch;
}

std::string compressed(CompressionType codec, const std::string& bytes) {
    protocol::Compressor compressor;
    Buffer out;
    compressor.compress(codec, codec == CompressionType::snappy ? 0 : 1, as_bytes(bytes), out).value();
    return std::string(as_text(out.span()));
}

TEST(FaultCase6, a_log_that_lost_its_end_is_told_with_the_offset_and_read_where_the_policy_says) {
    for (const auto* policy : {"earliest", "latest", "none"}) {
        ConsumerScript s(Config{{"auto.offset.reset", policy}});
        s.broker.log = {{0, batch_of(0, 4)}};
        s.broker.high = 4;
        s.consumer->assign({{"t", 0, 0}}).value();
        EXPECT_EQ(s.events_after(1s), "v0 v1 v2 v3 ");
        // A leader that had only a part, and new records behind it.
        s.broker.high = 2;
        s.broker.log = {{0, batch_of(0, 2)}};
        const std::string told = s.events_after(5s);
        if (policy == std::string("none")) {
            EXPECT_EQ(told, "AUTO_OFFSET_RESET@4! ");
            continue;
        }
        EXPECT_EQ(told,
                  policy == std::string("earliest") ? "OFFSET_OUT_OF_RANGE@4>0 v0 v1 " : "OFFSET_OUT_OF_RANGE@4>2 ");
        s.broker.high = 3;
        s.broker.log[2] = batch_of(2, 1);
        EXPECT_EQ(s.events_after(5s), "v2 ");
    }
}

TEST(FaultCase23, a_checksum_that_fails_is_told_with_the_offset_and_nothing_of_the_batch_is_handed_out) {
    ConsumerScript s;
    s.broker.log = {{0, batch_of(0, 2) + with_turned_bit(batch_of(2, 3)) + batch_of(5, 2)},
                    {2, with_turned_bit(batch_of(2, 3)) + batch_of(5, 2)}};
    s.broker.high = 7;
    s.consumer->assign({{"t", 0, Offset::beginning()}}).value();
    std::string told;
    for (int i = 0; i < 600; ++i) told += s.events_after(100ms);
    EXPECT_TRUE(told.starts_with("v0 v1 CORRUPT_MESSAGE@2 ")) << told;
    EXPECT_EQ(told.find('v', 6), std::string::npos) << "nothing of it, and nothing behind it";
    EXPECT_EQ(s.consumer->position({{"t", 0}})[0].offset, Offset(2));
    EXPECT_LE(s.broker.fetches, 2 * 120 + 4) << "two fetches each fetch.error.backoff.ms, 500, of a minute";
    s.broker.log[2] = batch_of(2, 3) + batch_of(5, 2);
    EXPECT_EQ(s.events_after(2s), "v2 v3 v4 v5 v6 ");
}

TEST(FaultCase24, bytes_that_cannot_be_unpacked_are_an_error_and_no_hot_loop) {
    const std::string noise("\xff\x01 this was never compressed by anybody \x80\x00\x7f", 42);
    const std::string one_record("\x0e\x00\x00\x00\x01\x02x\x00", 8);
    struct Case {
        const char* what;
        std::string batch;
    };
    std::vector<Case> cases = {
        {"more records than there are", batch_around(one_record, CompressionType::none, 1'000)},
        {"a count below zero", batch_around(one_record, CompressionType::none, -5)},
        {"the largest count", batch_around(one_record, CompressionType::none, 0x7fffffff)},
        {"a record that is longer than the batch", batch_around("\x7e\x00\x00", CompressionType::none, 1)},
        {"a codec that does not exist", batch_around(one_record, static_cast<CompressionType>(7), 1)},
    };
    for (const auto codec :
         {CompressionType::gzip, CompressionType::snappy, CompressionType::lz4, CompressionType::zstd}) {
        cases.push_back({"noise", batch_around(noise, codec, 1)});
        cases.push_back({"nothing", batch_around("", codec, 1)});
        cases.push_back({"half of it", batch_around(compressed(codec, std::string(500, 'a')).substr(0, 12), codec, 1)});
        cases.push_back({"a bomb", batch_around(compressed(codec, std::string(4 << 20, '\0')), codec, 1)});
    }
    for (const auto& [what, batch] : cases) {
        SCOPED_TRACE(what);
        ConsumerScript s(Config{{"receive.message.max.bytes", 1'000'000}, {"fetch.max.bytes", 900'000}});
        s.broker.log = {{0, batch}};
        s.broker.high = 1;
        s.consumer->assign({{"t", 0, 0}}).value();
        const std::string told = s.events_after(5s);
        EXPECT_NE(told.find("@0 "), std::string::npos) << told;
        EXPECT_EQ(told.find('v'), std::string::npos) << told;
        EXPECT_LE(s.broker.fetches, 24);
        s.broker.log[0] = batch_of(0, 1);
        EXPECT_NE(s.events_after(2s).find("v0 "), std::string::npos);
    }
}

TEST(FaultCase24, answers_about_a_partition_twice_or_about_none_hand_nothing_out_twice) {
    ConsumerScript s;
    s.broker.log = {{0, batch_of(0, 3)}, {3, batch_of(3, 3)}};
    s.broker.high = 6;
    s.broker.spoil = [](protocol::FetchResponse& r) {
        if (r.responses.empty() || r.responses[0].partitions.empty()) return;
        auto again = r.responses[0].partitions[0];
        r.responses[0].partitions.push_back(again);
        r.responses.push_back(r.responses[0]);
        auto& none = r.responses.emplace_back();
        none.topic = "t";
        again.partition_index = -1;
        none.partitions.push_back(std::move(again));
    };
    s.consumer->assign({{"t", 0, 0}}).value();
    EXPECT_EQ(s.events_after(5s), "v0 v1 v2 v3 v4 v5 ");
    EXPECT_LE(s.broker.fetches, 16);
}

}  // namespace
}  // namespace ottla::client
