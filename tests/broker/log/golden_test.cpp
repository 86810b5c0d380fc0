// SPDX-License-Identifier: Apache-2.0
// Directories that Apache Kafka 4.3.1 left, after a stop in order and after SIGKILL, opened by our log.
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/log/log_directory.hpp"
#include "broker/log/memory_disk.hpp"
#include "tests/broker/log/batches.hpp"

namespace ottla::broker::log {
namespace {

using testing::ElementsAre;
namespace fs = std::filesystem;

std::string file_text(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

void copy_in(MemoryDisk& disk, const std::string& name) {
    const fs::path root = fs::path(OTTLA_SOURCE_DIR) / "tests/golden/directories" / name;
    ASSERT_TRUE(disk.make_directory("/data"));
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
        const std::string to = "/data/" + fs::relative(entry.path(), root).string();
        if (entry.is_directory()) {
            ASSERT_TRUE(disk.make_directory(to));
            continue;
        }
        ASSERT_TRUE(disk.make_directory(parent_path(to)));
        ASSERT_TRUE(disk.create(to).value()->write_at(0, as_bytes(file_text(entry.path()))));
    }
}

struct Kafka {
    explicit Kafka(const std::string& name) {
        copy_in(disk, name);
        directory = LogDirectory::open(disk, "/data", {1, "AAAAAAAAAAAAAAAAAAAAAg", {}}, {}).value();
    }
    std::unique_ptr<Log> open(const std::string& topic) { return directory->open_log({topic, 0}, {}).value(); }

    MemoryDisk disk;
    std::unique_ptr<LogDirectory> directory;
};

std::size_t batches_in(const Log& log) {
    std::size_t count = 0;
    for (auto offset = log.start_offset(); offset < log.end().offset;) {
        const auto slice = log.plan_read(offset, 1, log.end()).value().run().value();
        if (slice.range.length == 0) break;
        const auto bytes = slice.range.read().value();
        const auto view = protocol::RecordBatchView::parse(bytes).value();
        EXPECT_TRUE(view.check_crc());
        offset = view.header().next_offset();
        ++count;
    }
    return count;
}

TEST(KafkasDirectory, says_whose_it_is) {
    Kafka kafka("stopped");
    EXPECT_EQ(kafka.directory->properties().node_id, 1);
    EXPECT_EQ(to_string(kafka.directory->properties().directory_id), "q80U-F4ju7hWsz_1KJVTOQ");
    EXPECT_EQ(kafka.directory->clean_broker_epoch(), 11);
    EXPECT_FALSE(kafka.disk.exists("/data/.kafka_cleanshutdown").value());
    const auto found = kafka.directory->partitions().value();
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0].name, (TopicPartitionName{"cmp", 0}));
    EXPECT_FALSE(found[0].topic_id.is_zero());

    EXPECT_FALSE(Kafka("killed").directory->was_clean());
}

TEST(KafkasDirectory, its_logs_open_after_a_stop) {
    Kafka kafka("stopped");
    const auto transactions = kafka.open("txn");
    EXPECT_EQ(transactions->start_offset(), 0);
    EXPECT_EQ(transactions->end().offset, 18);
    EXPECT_THAT(transactions->epochs().entries(), ElementsAre(EpochEntry{0, 0}));

    const auto compacted = kafka.open("cmp");
    EXPECT_EQ(compacted->end().offset, 20);
    EXPECT_EQ(compacted->segment_count(), 2U);
    EXPECT_EQ(batches_in(*compacted), 8U);

    const auto emptied = kafka.open("p3");  // everything fell to retention
    EXPECT_EQ(emptied->start_offset(), 12);
    EXPECT_EQ(emptied->end().offset, 12);
}

TEST(KafkasDirectory, its_logs_open_after_a_kill) {
    Kafka kafka("killed");
    const auto transactions = kafka.open("txn");
    EXPECT_EQ(transactions->end().offset, 20);
    EXPECT_THAT(transactions->epochs().entries(), ElementsAre(EpochEntry{0, 0}, EpochEntry{2, 18}));
    EXPECT_EQ(kafka.open("cmp")->end().offset, 20);
    const auto timed = kafka.open("app");
    EXPECT_EQ(timed->end().offset, 20);
    const auto first = timed->plan_time(0, timed->end()).run().value();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->offset, 0);
}

TEST(KafkasDirectory, its_texts_are_read_and_written_alike) {
    const auto golden = [](const char* name) {
        return file_text(fs::path(OTTLA_SOURCE_DIR) / "tests/golden/directories/stopped" / name);
    };
    const auto shutdown = golden(".kafka_cleanshutdown");
    EXPECT_EQ(clean_shutdown_text(parse_clean_shutdown(shutdown).value()), shutdown);
    const auto partition = golden("txn-0/partition.metadata");
    EXPECT_EQ(partition_metadata_text(parse_partition_metadata(partition).value()), partition);
    const auto quorum = golden("quorum-state");
    EXPECT_EQ(QuorumState::parse(quorum).value().to_text(), quorum);
    const auto epochs = golden("txn-0/leader-epoch-checkpoint");
    EXPECT_EQ(LeaderEpochs::parse(epochs).value().to_text(), epochs);
    // Java writes these two in an order of its own.
    const auto points = parse_offset_checkpoint(golden("recovery-point-offset-checkpoint")).value();
    EXPECT_EQ(points.size(), 26U);
    EXPECT_EQ(points.at({"p2", 0}), 1200);
    EXPECT_EQ(parse_offset_checkpoint(offset_checkpoint_text(points)).value(), points);
    const auto properties = MetaProperties::parse(golden("meta.properties")).value();
    EXPECT_EQ(MetaProperties::parse(properties.to_text()).value(), properties);
}

}  // namespace
}  // namespace ottla::broker::log
