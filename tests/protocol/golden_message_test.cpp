// SPDX-License-Identifier: Apache-2.0
// Bytes and JSON that Apache Kafka's own classes wrote: read, shown as the same JSON, and written again byte for byte.
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <ottla/protocol/any_message.hpp>
#include <ottla/protocol/json.hpp>
#include <ottla/protocol/messages/quorum_state_data.hpp>
#include <ottla/protocol/reader.hpp>
#include <ottla/protocol/record_batch.hpp>
#include <ottla/protocol/writer.hpp>

#include "protocol/wire/wire.hpp"
#include "tests/protocol/golden_vectors.hpp"

namespace ottla::protocol {
namespace {

std::string hex(ByteSpan bytes) {
    std::string text;
    append_hex(bytes, text);
    return text;
}

void expect_same_json_and_bytes(const GoldenVector& vector) {
    const MessageInfo* info = find_message(vector.name);
    ASSERT_NE(info, nullptr) << vector.name;
    Reader reader(vector.bytes);
    boost::json::value json;
    Writer writer;
    const auto done = transcode(*info, reader, vector.version, json, writer);
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_EQ(to_text(json), vector.json) << vector.name << " v" << vector.version;
    const Bytes again = writer.finish().flatten().value();
    EXPECT_EQ(again, vector.bytes) << vector.name << " v" << vector.version << "\n"
                                   << hex(vector.bytes) << "\n"
                                   << hex(again);
}

TEST(GoldenMessages, every_message_at_every_version_is_javas) {
    std::set<std::pair<std::string, int>> seen, wanted;
    for (const GoldenVector& vector : golden_vectors("java-4.3.1.tsv.zst")) {
        expect_same_json_and_bytes(vector);
        seen.emplace(vector.name, vector.version);
    }
    for (const MessageInfo& info : all_messages()) {
        for (int v = info.versions.min; v <= info.versions.max; ++v) wanted.emplace(info.name, v);
    }
    EXPECT_EQ(seen, wanted);
    EXPECT_EQ(wanted.size(), 723U);
    EXPECT_EQ(all_messages().size(), 267U);
}

TEST(GoldenMessages, json_gives_the_bytes) {
    for (const GoldenVector& vector : golden_vectors("java-4.3.1.tsv.zst")) {
        AnyMessage message(*find_message(vector.name));
        const auto done = from_json(boost::json::parse(vector.json), message, vector.version);
        ASSERT_TRUE(done) << done.error().text() << "\n" << vector.json;
        Writer writer;
        ASSERT_TRUE(encode(writer, message, vector.version));
        EXPECT_EQ(writer.finish().flatten().value(), vector.bytes) << vector.name << " v" << vector.version;
    }
}

TEST(GoldenMessages, unknown_tagged_fields_are_kept_everywhere) {
    for (const GoldenVector& vector : golden_vectors("java-4.3.1-unknown-tags.tsv.zst"))
        expect_same_json_and_bytes(vector);
}

// A prefix of a valid message is never read as a whole one.
TEST(GoldenMessages, what_is_cut_off_is_refused) {
    std::string last;
    for (const GoldenVector& vector : golden_vectors("java-4.3.1.tsv.zst")) {
        if (vector.bytes.size() > 200 || last == vector.name) continue;
        last = vector.name;
        for (std::size_t size = 0; size < vector.bytes.size(); ++size) {
            Reader reader(vector.bytes.slice(0, size));
            AnyMessage message(*find_message(vector.name));
            EXPECT_FALSE(decode(reader, message, vector.version)) << vector.name << " " << size;
        }
    }
}

struct GoldenRecord {
    const char* file;
    const char* message;
    std::int16_t type;  // the version, for values
};

class GoldenCoordinatorRecords : public testing::TestWithParam<GoldenRecord> {};

TEST_P(GoldenCoordinatorRecords, come_back_byte_for_byte) {
    const auto [file, message, type] = GetParam();
    const Bytes all = Bytes::from(golden_message_file(file));
    Reader reader(all);
    ASSERT_EQ(reader.int16(), type);
    // Keys carry their type and have only version 0; values carry their version.
    const auto version = static_cast<std::int16_t>(std::string_view(message).ends_with("Key") ? 0 : type);
    boost::json::value json;
    Writer writer;
    writer.int16(type);
    ASSERT_TRUE(transcode(*find_message(message), reader, version, json, writer)) << message;
    EXPECT_EQ(writer.finish().flatten().value(), all);
}
INSTANTIATE_TEST_SUITE_P(Files, GoldenCoordinatorRecords,
                         testing::Values(GoldenRecord{"offset-key-v1.bin", "OffsetCommitKey", 1},
                                         GoldenRecord{"offset-value-v3.bin", "OffsetCommitValue", 3},
                                         GoldenRecord{"group-key-v2.bin", "GroupMetadataKey", 2},
                                         GoldenRecord{"group-value-v3.bin", "GroupMetadataValue", 3},
                                         GoldenRecord{"txnlog-key-v0.bin", "TransactionLogKey", 0},
                                         GoldenRecord{"txnlog-value-v0.bin", "TransactionLogValue", 0},
                                         GoldenRecord{"txnlog-value-v1.bin", "TransactionLogValue", 1}));

TEST(GoldenMessages, metadata_records_come_back_byte_for_byte) {
    std::istringstream lines(golden_message_file("metadata-records.txt"));
    int records = 0;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(' ')) continue;
        std::istringstream words(line);
        std::string name, version, text;
        words >> name >> version >> text;
        const Bytes bytes = parse_hex(text).value();
        Reader reader(bytes);
        const std::uint32_t frame = reader.unsigned_varint(), key = reader.unsigned_varint(),
                            v = reader.unsigned_varint();
        EXPECT_EQ(frame, 1U);
        EXPECT_EQ("v" + std::to_string(v), version);
        const MessageInfo* info = find_message(name);
        ASSERT_NE(info, nullptr) << name;
        EXPECT_EQ(info->api_key, static_cast<std::int16_t>(key)) << name;
        Writer writer;
        for (const std::uint32_t head : {frame, key, v}) writer.unsigned_varint(head);
        boost::json::value json;
        const auto done = transcode(*info, reader, static_cast<std::int16_t>(v), json, writer);
        ASSERT_TRUE(done) << done.error().text();
        EXPECT_EQ(writer.finish().flatten().value(), bytes) << name;
        ++records;
    }
    EXPECT_EQ(records, 15);
}

TEST(GoldenMessages, the_records_of_a_snapshot_come_back) {
    const Bytes file = Bytes::from(golden_message_file("bootstrap.checkpoint"));
    RecordBatchReader batches(file);
    std::vector<std::string> seen;
    while (auto batch = batches.next().value()) {
        auto records = batch->records();
        for (RecordView record; records.next(record);) {
            const Bytes value = Bytes::copy_of(*record.value);
            Reader reader(value);
            Writer writer;
            boost::json::value json;
            std::string name = "FeatureLevelRecord";
            if (batch->header().is_control()) {
                Reader key(*record.key);
                key.int16();
                name = key.int16() == 3 ? "SnapshotHeaderRecord" : "SnapshotFooterRecord";
            } else {
                for (int i = 0; i < 3; ++i) writer.unsigned_varint(reader.unsigned_varint());
            }
            ASSERT_TRUE(transcode(*find_message(name), reader, 0, json, writer)) << name;
            EXPECT_EQ(writer.finish().flatten().value(), value);
            seen.push_back(to_text(json));
        }
    }
    ASSERT_EQ(seen.size(), 3U);
    EXPECT_EQ(seen[1], R"({"name":"metadata.version","featureLevel":21})");
}

TEST(GoldenMessages, quorum_state_is_read_from_its_json) {
    for (std::int16_t version = 0; version <= 1; ++version) {
        auto json = boost::json::parse(golden_message_file("quorum-state-kraft" + std::to_string(version)));
        EXPECT_EQ(json.at("data_version").as_int64(), version);
        json.as_object().erase("data_version");
        QuorumStateData state;
        ASSERT_TRUE(from_json(json, state, version));
        EXPECT_EQ(state.leader_id, 3000);
        EXPECT_EQ(to_json(state, version).value(), json);
    }
}

}  // namespace
}  // namespace ottla::protocol
