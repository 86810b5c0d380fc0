// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
    EXPECT_EQ(verify("dump/damaged").problems, 8U) << text;
    EXPECT_THAT(text, HasSubstr(".log: at 94: the batch of offsets 2 to 3 has a wrong checksum\n"));
    EXPECT_THAT(text, HasSubstr(".log: at 612: 58 bytes are no whole batch\n"));
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

TEST_F(VerifyGolden, wants_a_partition) {
    const auto nothing = [](std::string_view) { return true; };
    EXPECT_EQ(verify_directory(disk, "/golden", nothing).error(), ErrorCode::invalid_argument);
    EXPECT_NE(verify_directory(disk, "/absent", nothing).error().code(), ErrorCode::none);
}

}  // namespace
}  // namespace ottla::broker::log::dump
