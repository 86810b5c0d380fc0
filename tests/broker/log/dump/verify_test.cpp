// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ottla/protocol/control_record.hpp>
#include <ottla/protocol/record_batch_builder.hpp>

#include "broker/log/dump/verify.hpp"
#include "broker/log/segment.hpp"
#include "tests/broker/log/dump/golden_disk.hpp"

namespace ottla::broker::log::dump {
namespace {

using testing::HasSubstr;

struct VerifyGolden : testing::Test {
    VerifyGolden() {
        for (const char* name : {"log", "directories", "dump"}) copy_golden(disk, name);
    }
    Verified verify(const std::string& directory) {
        text.clear();
        const auto sink = [&](std::string_view more) {
            text += more;
            return true;
        };
        return verify_directory(disk, "/golden/" + directory, sink).value();
    }
    MemoryDisk disk;
    std::string text;
};

TEST_F(VerifyGolden, finds_kafkas_files_sound) {
    for (const char* name : {"log", "directories/stopped", "directories/killed"}) {
        const auto verified = verify(name);
        EXPECT_EQ(verified.problems, 0U) << text;
        EXPECT_GT(verified.files, 4U);
    }
    EXPECT_EQ(verify("directories/stopped").partitions, 3U);
}

TEST_F(VerifyGolden, names_what_is_damaged_and_where) {
    EXPECT_EQ(verify("dump/damaged").problems, 9U) << text;
    EXPECT_THAT(text, HasSubstr(".log: at 94: the batch of offsets 2 to 3 has a wrong checksum\n"));
    EXPECT_THAT(text, HasSubstr(".log: at 612: 58 bytes are no whole batch; offset 11 would be next\n"));
    EXPECT_THAT(text, HasSubstr(".index: at 0: no batch ends with offset 4\n"));
    EXPECT_THAT(text, HasSubstr(".timeindex: at 36: no batch ends with offset 11\n"));
    EXPECT_THAT(text, HasSubstr(".snapshot: "));
}

TEST_F(VerifyGolden, takes_room_made_for_more_for_no_damage) {
    const std::string path = "/golden/log/" + segment_name(0);
    const auto file = disk.open(path).value();
    const auto size = file->size().value();
    ASSERT_TRUE(file->truncate(size + 100'000));
    EXPECT_EQ(verify("log").problems, 0U) << text;
    const std::uint8_t byte = 1;
    ASSERT_TRUE(file->write_at(size + 99'999, ByteSpan(&byte, 1)));
    EXPECT_EQ(verify("log").problems, 1U) << text;
}

// A byte of a sound file, or its end, is changed; `finds` is what is said then.
struct Damage {
    const char* file;
    std::uint64_t at;
    const char* bytes;
    const char* finds;
};

TEST_F(VerifyGolden, looks_into_every_file_of_a_partition) {
    const std::string base = segment_name(0, "");
    const Damage damages[] = {
        {".txnindex", 9, "\x01",
         ".txnindex: at 0: the transaction of producer 769 that offset 10 aborts is of producer"},
        {".txnindex", 25, "\x0b",
         ".txnindex: at 0: the transaction of producer 1000 that offset 11 aborts was committed"},
        {".txnindex", 25, "\x09",
         ".txnindex: at 0: the transaction of producer 1000 that offset 9 aborts has no marker"},
        {".txnindex", 25, "\x63",
         ".txnindex: at 0: the transaction of producer 1000 that offset 99 aborts has no marker"},
        {".txnindex", 17, "\x0a",
         ".txnindex: at 0: the transaction of producer 1000 that offset 10 aborts begins at 10"},
        {".txnindex", 33, "\x0c",
         ".txnindex: at 0: the transaction of producer 1000 that offset 10 aborts has the last"},
        {".txnindex", 1, "\x07", ".txnindex: at 0: an entry of version 7"},
        {".txnindex", 34, "x", ".txnindex: 35 bytes are not whole entries of 34"},
        {".timeindex", 7, "\x01", ".timeindex: at 0: the batch that ends with offset 5 has the largest timestamp"},
        {".index", 7, "\x01", ".index: at 0: the batch that ends with offset 5 begins at 188, not 1"},
    };
    for (const auto& damage : damages) {
        SCOPED_TRACE(damage.finds);
        const std::string path = "/golden/log/" + base + damage.file;
        const std::string before = read_text(disk, path).value();
        const auto file = disk.open(path).value();
        ASSERT_TRUE(file->write_at(damage.at, as_bytes(damage.bytes)));
        EXPECT_GE(verify("log").problems, 1U);
        EXPECT_THAT(text, HasSubstr(damage.finds));
        ASSERT_TRUE(file->truncate(0));
        ASSERT_TRUE(file->write_at(0, as_bytes(before)));
    }
    EXPECT_EQ(verify("log").problems, 0U) << text;
    ASSERT_TRUE(
        disk.rename("/golden/log/" + segment_name(12, ".snapshot"), "/golden/log/" + segment_name(3, ".snapshot")));
    EXPECT_GE(verify("log").problems, 1U);
    EXPECT_THAT(text, HasSubstr("00000000000000000003.snapshot: producer 100"));
    put(disk, "/golden/log/leader-epoch-checkpoint", "0\n2\n5 0\n6 5\n");
    verify("log");
    EXPECT_THAT(text, HasSubstr("is of leader epoch 5, and leader-epoch-checkpoint says 6"));
    put(disk, "/golden/log/leader-epoch-checkpoint", "0\n3\n5 0\n6 4\n7 13\n");
    verify("log");
    EXPECT_THAT(text, HasSubstr("leader-epoch-checkpoint: epoch 7 begins at 13, behind the end of the log at 12"));
    put(disk, "/golden/log/leader-epoch-checkpoint", "0\n1\nfive 0\n");
    verify("log");
    EXPECT_THAT(text, HasSubstr("leader-epoch-checkpoint, line 3"));
}

TEST_F(VerifyGolden, looks_into_the_directorys_own_files) {
    const std::string at = "/golden/directories/stopped/";
    for (const char* name : {"recovery-point-offset-checkpoint", "replication-offset-checkpoint",
                             "log-start-offset-checkpoint", "cleaner-offset-checkpoint"}) {
        put(disk, at + name, "0\n2\ncmp 0 20\np3 0 13\n");
        EXPECT_EQ(verify("directories/stopped").problems, 1U) << text;
        EXPECT_THAT(text, HasSubstr(std::string(name) + ": offset 13 of p3-0, whose log ends at 12\n"));
        put(disk, at + name, "0\n2\ncmp 0 20\n");
        EXPECT_EQ(verify("directories/stopped").problems, 1U) << text;
        put(disk, at + name, "0\n1\ngone 0 20\n");
        EXPECT_EQ(verify("directories/stopped").problems, 0U) << text;
    }
    put(disk, at + "meta.properties", "version=7\n");
    EXPECT_EQ(verify("directories/stopped").problems, 1U);
    EXPECT_THAT(text, HasSubstr("meta.properties: "));
}

TEST_F(VerifyGolden, looks_into_snapshots_of_the_metadata_log) {
    const auto control = [](std::int64_t offset, protocol::ControlRecordType type) {
        protocol::BatchStamp stamp;
        stamp.base_offset = offset;
        stamp.control = true;
        protocol::RecordBatchBuilder builder{Buffer()};
        builder.append(0, protocol::ControlKey(type).span(), as_bytes("x"));
        return builder.finish(stamp).freeze();
    };
    const auto snapshot = [&](std::initializer_list<Bytes> batches) {
        std::string all;
        for (const auto& batch : batches) all += as_text(batch.span());
        put(disk, "/golden/log/00000000000000000012-0000000006.checkpoint", all);
        return verify("log").problems;
    };
    const Bytes header = control(0, protocol::ControlRecordType::snapshot_header);
    const Bytes footer = control(1, protocol::ControlRecordType::snapshot_footer);
    EXPECT_EQ(snapshot({header, footer}), 0U) << text;
    EXPECT_EQ(snapshot({header}), 1U);
    EXPECT_THAT(text, HasSubstr("it ends at offset 1 without its footer"));
    EXPECT_EQ(snapshot({footer}), 2U);
    EXPECT_THAT(text, HasSubstr("at 0: the batch of offsets 1 to 1 is no header of a snapshot"));
    EXPECT_EQ(snapshot({header, control(5, protocol::ControlRecordType::snapshot_footer)}), 1U);
    EXPECT_THAT(text, HasSubstr("the batch of offsets 5 to 5 comes where 1 is next"));
    const auto file = disk.open("/golden/log/00000000000000000012-0000000006.checkpoint").value();
    const std::uint8_t byte = 77;
    ASSERT_TRUE(file->write_at(65, ByteSpan(&byte, 1)));
    verify("log");
    EXPECT_THAT(text, HasSubstr("at 0: the batch of offsets 0 to 0 has a wrong checksum"));
}

TEST_F(VerifyGolden, wants_a_partition) {
    const auto nothing = [](std::string_view) { return true; };
    EXPECT_EQ(verify_directory(disk, "/golden", nothing).error(), ErrorCode::invalid_argument);
    EXPECT_NE(verify_directory(disk, "/absent", nothing).error().code(), ErrorCode::none);
}

}  // namespace
}  // namespace ottla::broker::log::dump
