// SPDX-License-Identifier: Apache-2.0
// What the dump prints of golden and of damaged files is what Apache Kafka's own tool printed (tests/golden/dump).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/log/dump/dump.hpp"
#include "broker/log/dump/java_text.hpp"
#include "tests/broker/log/dump/golden_disk.hpp"

namespace ottla::broker::log::dump {
namespace {

using testing::HasSubstr;

struct Dumped {
    std::string lines;
    std::string remarks;
    Error error;
};

const std::string zeros = "00000000000000000000";

class DumpGolden : public testing::Test {
protected:
    DumpGolden() {
        for (const char* name : {"log", "directories", "messages", "dump"}) copy_golden(disk, name);
    }

    // Paths below /golden; they are printed without it.
    Dumped dump(const std::vector<std::string>& files, DumpOptions options = {}) {
        Dumped dumped;
        const auto into = [](std::string& text) {
            return [&text](std::string_view more) {
                text += more;
                return true;
            };
        };
        Dump dump(disk, options, into(dumped.lines), into(dumped.remarks));
        for (const auto& file : files) {
            if (auto done = dump.file("/golden/" + file); !done) {
                dumped.error = done.error();
                return dumped;
            }
        }
        dump.finish();
        return dumped;
    }
    static std::string relative(std::string text) {
        for (std::size_t at = 0; (at = text.find("Dumping /golden/", at)) != std::string::npos;) text.erase(at + 8, 8);
        return text;
    }
    void expect_golden(const Dumped& dumped, const std::string& name) {
        EXPECT_EQ(dumped.error.code(), ErrorCode::none) << dumped.error.text();
        EXPECT_EQ(relative(dumped.lines) + dumped.remarks, golden_text("dump/" + name));
    }

    MemoryDisk disk;
};

TEST_F(DumpGolden, prints_a_segment_with_its_indexes_and_snapshot) {
    expect_golden(dump({"log/" + zeros + ".index", "log/" + zeros + ".log", "log/" + zeros + ".timeindex",
                        "log/" + zeros + ".txnindex", "log/00000000000000000012.snapshot"}),
                  "log.txt");
}

TEST_F(DumpGolden, prints_records_of_every_kind) {
    DumpOptions options;
    options.print_data = true;
    const std::string killed = "directories/killed/";
    expect_golden(dump({killed + "app-0/" + zeros + ".log", killed + "app-0/00000000000000000020.snapshot",
                        killed + "cmp-0/" + zeros + ".log", killed + "cmp-0/00000000000000000019.log",
                        killed + "cmp-0/00000000000000000019.snapshot", killed + "cmp-0/00000000000000000020.snapshot",
                        killed + "txn-0/" + zeros + ".log", killed + "txn-0/" + zeros + ".txnindex",
                        killed + "txn-0/00000000000000000018.snapshot", "dump/odd/" + zeros + ".log"},
                       options),
                  "records.txt");
}

TEST_F(DumpGolden, prints_metadata_records_as_json) {
    DumpOptions options;
    options.print_data = true;
    options.decoder = RecordDecoder::cluster_metadata;
    expect_golden(dump({"messages/bootstrap.checkpoint"}, options), "bootstrap.txt");
}

TEST_F(DumpGolden, says_what_is_damaged) {
    DumpOptions options;
    options.deep_iteration = true;
    expect_golden(dump({"dump/damaged/" + zeros + ".index", "dump/damaged/" + zeros + ".log",
                        "dump/damaged/" + zeros + ".timeindex"},
                       options),
                  "damaged.txt");
    expect_golden(dump({"dump/damaged/00000000000000000012.snapshot"}), "damaged_snapshot.txt");
}

TEST_F(DumpGolden, checks_indexes_without_printing_them) {
    DumpOptions verify;
    verify.verify_index_only = true;
    EXPECT_EQ(dump({"log/" + zeros + ".index"}, verify).lines, "Dumping /golden/log/" + zeros + ".index\n");
    const auto damaged = dump({"dump/damaged/" + zeros + ".index"}, verify);
    EXPECT_THAT(damaged.remarks, HasSubstr("Index offset: 4, log offset: 5"));

    DumpOptions sanity;
    sanity.index_sanity_check = true;
    EXPECT_THAT(dump({"log/" + zeros + ".timeindex"}, sanity).lines, HasSubstr(".timeindex passed sanity check."));
    put(disk, "/golden/x/" + zeros + ".timeindex", golden_text("log/" + zeros + ".timeindex") + "abc");
    EXPECT_EQ(dump({"x/" + zeros + ".timeindex"}, sanity).error, ErrorCode::corrupt_storage);
}

TEST_F(DumpGolden, ends_at_the_room_made_for_more_entries) {
    put(disk, "/golden/x/" + zeros + ".log", golden_text("log/" + zeros + ".log"));
    for (const char* suffix : {".index", ".timeindex"}) {
        put(disk, "/golden/x/" + zeros + suffix, golden_text("log/" + zeros + suffix) + std::string(120, '\0'));
        const auto dumped = dump({"x/" + zeros + suffix});
        EXPECT_EQ(dumped.remarks, "");
        EXPECT_THAT(dumped.lines, testing::Not(HasSubstr("offset: 0")));
    }
}

TEST_F(DumpGolden, stops_where_no_batch_can_begin) {
    put(disk, "/golden/x/" + zeros + ".log", golden_text("log/" + zeros + ".log") + std::string(100, '\0'));
    const auto dumped = dump({"x/" + zeros + ".log"});
    EXPECT_EQ(dumped.error, ErrorCode::corrupt_storage);
    EXPECT_THAT(dumped.error.text(), HasSubstr("at 690"));
    EXPECT_THAT(dumped.lines, HasSubstr("position: 612"));
}

TEST_F(DumpGolden, reads_no_further_than_it_is_told) {
    DumpOptions options;
    options.bytes_max = 200;
    const auto dumped = dump({"log/" + zeros + ".log"}, options);
    EXPECT_THAT(dumped.lines, HasSubstr("position: 94"));
    EXPECT_THAT(dumped.lines, testing::Not(HasSubstr("position: 188")));
    EXPECT_THAT(dumped.lines, testing::Not(HasSubstr("invalid bytes")));
}

TEST_F(DumpGolden, passes_other_files_over) {
    EXPECT_EQ(dump({"log/partition.metadata"}).remarks, "Ignoring unknown file /golden/log/partition.metadata\n");
    EXPECT_NE(dump({"log/absent.log"}).error.code(), ErrorCode::none);
    EXPECT_NE(dump({"absent/" + zeros + ".log"}).error.code(), ErrorCode::none);
}

TEST(JavaText, replaces_what_is_not_utf8) {
    const auto text = [](std::string_view bytes) {
        std::string out;
        append_java_text(as_bytes(bytes), out);
        return out;
    };
    const std::string bad = "\xEF\xBF\xBD";
    EXPECT_EQ(text("plain \xC3\xA9 \xF0\x9F\x98\x80"), "plain \xC3\xA9 \xF0\x9F\x98\x80");
    EXPECT_EQ(text("\xFF\xFE\x80"), bad + bad + bad);
    EXPECT_EQ(text("\xED\xA0\x80x"), bad + "x");
    EXPECT_EQ(text("\xE2\x82"), bad);
    EXPECT_EQ(text("\xE0\x80\x80"), bad + bad + bad);
    EXPECT_EQ(text("\xF0\x9F\x98y"), bad + "y");
}

}  // namespace
}  // namespace ottla::broker::log::dump
