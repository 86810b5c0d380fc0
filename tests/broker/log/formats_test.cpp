// SPDX-License-Identifier: Apache-2.0
// Index entries and producer snapshots: ours beside what Apache Kafka 4.3.1 wrote.
#include <array>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "broker/log/directory_files.hpp"
#include "broker/log/index_entries.hpp"
#include "broker/log/producer_snapshot.hpp"

namespace ottla::broker::log {
namespace {

Bytes golden_log_file(const std::string& name) {
    std::ifstream in(std::string(OTTLA_SOURCE_DIR) + "/tests/golden/log/" + name, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return Bytes::from(text.str());
}

template <class Entry>
std::vector<Entry> entries_of(const Bytes& bytes) {
    std::vector<Entry> entries;
    for (std::size_t at = 0; at + Entry::size <= bytes.size(); at += Entry::size) {
        entries.push_back(Entry::read(bytes.data() + at));
        std::array<std::uint8_t, Entry::size> again;
        entries.back().write(again.data());
        EXPECT_EQ(Bytes::copy_of(again), bytes.slice(at, Entry::size));
    }
    EXPECT_EQ(bytes.size() % Entry::size, 0U);
    return entries;
}

TEST(Formats, index_entries_are_kafkas) {
    const std::string base = "00000000000000000000";
    using Offsets = std::vector<OffsetIndexEntry>;
    EXPECT_EQ(entries_of<OffsetIndexEntry>(golden_log_file(base + ".index")), (Offsets{{5, 188}, {8, 390}, {10, 534}}));
    const auto times = entries_of<TimeIndexEntry>(golden_log_file(base + ".timeindex"));
    ASSERT_EQ(times.size(), 4U);
    EXPECT_EQ(times[0], (TimeIndexEntry{1'700'000'000'021, 5}));
    EXPECT_EQ(times[3], (TimeIndexEntry{1'700'000'000'201, 11}));
}

TEST(Formats, a_transaction_index_entry_is_kafkas) {
    const Bytes file = golden_log_file("00000000000000000000.txnindex");
    ASSERT_EQ(file.size(), TransactionIndexEntry::size);
    std::int16_t version = -1;
    const auto entry = TransactionIndexEntry::read(file.data(), version);
    EXPECT_EQ(version, TransactionIndexEntry::version);
    EXPECT_EQ(entry, (TransactionIndexEntry{1000, 8, 10, 9}));
    std::array<std::uint8_t, TransactionIndexEntry::size> again;
    entry.write(again.data());
    EXPECT_EQ(Bytes::copy_of(again), file);
}

TEST(Formats, a_producer_snapshot_is_kafkas) {
    const Bytes file = golden_log_file("00000000000000000012.snapshot");
    const auto entries = parse_producer_snapshot(file).value();
    ASSERT_EQ(entries.size(), 2U);
    EXPECT_EQ(entries[0].producer_id + entries[1].producer_id, 2001);
    for (const auto& entry : entries) {
        EXPECT_EQ(entry.coordinator_epoch, 17);
        EXPECT_EQ(entry.transaction_first_offset, -1);
    }
    EXPECT_EQ(Bytes::from(producer_snapshot_bytes(entries)), file);
    EXPECT_EQ(producer_snapshot_bytes({}).size(), 10U);
}

TEST(Formats, a_quorum_state_with_numbers_too_large_is_refused) {
    const auto state = [](std::string leader, std::string voter) {
        return QuorumState::parse(R"({"leaderId":)" + leader + R"(,"leaderEpoch":1,"votedId":-1,"currentVoters":[)" +
                                  R"({"voterId":)" + voter + R"(}],"data_version":0})");
    };
    EXPECT_EQ(state("1", "2").value().voters, std::vector<std::int32_t>{2});
    EXPECT_EQ(state("4294967297", "2").error(), ErrorCode::corrupt_storage);
    EXPECT_EQ(state("1", "4294967298").error(), ErrorCode::corrupt_storage);
}

TEST(Formats, a_quorum_state_without_voters_is_that_of_kraft_version_1) {
    // As Apache Kafka writes it.
    const std::string text =
        R"({"leaderId":3000,"leaderEpoch":5,"votedId":-1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1})";
    const auto state = QuorumState::parse(text).value();
    EXPECT_EQ(state.leader_id, 3000);
    EXPECT_EQ(state.leader_epoch, 5);
    EXPECT_EQ(state.to_text(), text);
    EXPECT_FALSE(QuorumState::parse(R"({"leaderId":1,"leaderEpoch":5,"votedId":-1,"data_version":2})"));
}

TEST(Formats, blanks_around_a_property_do_not_count) {
    const auto read = MetaProperties::parse("version=1\ncluster.id= a\\ \\\r\nnode.id = 1\nnode.id=2 \n").value();
    EXPECT_EQ(read.cluster_id, "a");
    EXPECT_EQ(MetaProperties::parse(read.to_text()).value(), read);
}

TEST(Formats, a_damaged_snapshot_is_refused) {
    const Bytes file = golden_log_file("00000000000000000012.snapshot");
    for (std::size_t size = 0; size < file.size(); ++size)
        EXPECT_FALSE(parse_producer_snapshot(file.slice(0, size).span()));
    for (std::size_t i = 0; i < file.size(); ++i) {
        std::string damaged(file.text());
        damaged[i] = static_cast<char>(damaged[i] ^ 0x20);
        EXPECT_FALSE(parse_producer_snapshot(as_bytes(damaged))) << i;
    }
    std::string other(file.text());
    other[1] = 2;
    EXPECT_EQ(parse_producer_snapshot(as_bytes(other)).error().code(), ErrorCode::unsupported_version);
}

}  // namespace
}  // namespace ottla::broker::log
