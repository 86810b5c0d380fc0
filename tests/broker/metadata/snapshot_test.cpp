// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "tests/broker/metadata/metadata_bench.hpp"

namespace ottla::broker {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

ImagePtr random_image(std::uint64_t seed, int records) {
    RandomRecords random(seed);
    ImageBuilder builder(MetadataImage::empty());
    for (int i = 0; i < records; ++i) EXPECT_TRUE(builder.apply(random.next(), i).has_value());
    return builder.build();
}

TEST(SnapshotFile, has_kafkas_name) {
    EXPECT_EQ(snapshot_name({42, 3}), "00000000000000000042-0000000003.checkpoint");
    EXPECT_EQ(parse_snapshot_name("00000000000000000042-0000000003.checkpoint"), (SnapshotId{42, 3}));
    for (const char* other : {"bootstrap.checkpoint", "00000000000000000042-0000000003.checkpoint.part",
                              "0000000000000000004x-0000000003.checkpoint", "00000000000000000042.snapshot"}) {
        EXPECT_FALSE(parse_snapshot_name(other)) << other;
    }
}

TEST(SnapshotFile, is_read_as_it_was_written) {
    for (const int records : {0, 1, 700, 5000}) {
        log::MemoryDisk disk;
        ASSERT_TRUE(disk.make_directory("/d"));
        const auto image = random_image(7, records);
        const SnapshotId id{image->offset() + 1, 5};
        ASSERT_TRUE(write_snapshot(disk, "/d", id, *image, 1234, 5678).has_value());
        const auto read = read_snapshot(disk, "/d", id);
        ASSERT_TRUE(read.has_value()) << read.error().text();
        expect_same(*image, *read->image);
        EXPECT_EQ(read->last_contained_log_timestamp, 1234);
        EXPECT_EQ(read_snapshot_timestamp(disk, "/d", id).value(), 1234);
        EXPECT_THAT(list_metadata_snapshots(disk, "/d").value(), ElementsAre(id));
    }
}

TEST(SnapshotFile, torn_anywhere_or_with_a_flipped_bit_is_damaged) {
    log::MemoryDisk disk;
    ASSERT_TRUE(disk.make_directory("/d"));
    const auto image = random_image(3, 40);
    const SnapshotId id{40, 1};
    ASSERT_TRUE(write_snapshot(disk, "/d", id, *image, 0, 0).has_value());
    const std::string path = "/d/" + snapshot_name(id);
    const std::string whole = log::read_text(disk, path).value();
    for (std::size_t at = 0; at < whole.size(); ++at) {
        ASSERT_TRUE(log::replace_text(disk, path, whole.substr(0, at)).has_value());
        ASSERT_EQ(read_snapshot(disk, "/d", id).error(), ErrorCode::corrupt_storage) << at;
        // The leader epoch lies outside the crc, and no reader of snapshots asks for it.
        auto flipped = whole;
        flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
        ASSERT_TRUE(log::replace_text(disk, path, flipped).has_value());
        const auto read = read_snapshot(disk, "/d", id);
        if (read) {
            expect_same(*image, *read->image);
        } else {
            ASSERT_EQ(read.error(), ErrorCode::corrupt_storage) << at << read.error().text();
        }
    }
    ASSERT_TRUE(log::replace_text(disk, path, whole + whole).has_value());
    EXPECT_EQ(read_snapshot(disk, "/d", id).error(), ErrorCode::corrupt_storage);
}

TEST(SnapshotPolicy, is_due_by_bytes_or_by_time_but_not_without_news) {
    SnapshotLimits limits;
    limits.record_bytes_max = 100;
    limits.interval_ms = 1000;
    const base::TimePoint start{};
    SnapshotPolicy policy(limits, start);
    EXPECT_EQ(policy.due(), base::TimePoint::max());
    policy.appended(99);
    EXPECT_EQ(policy.due(), start + 1s);
    policy.appended(1);
    EXPECT_EQ(policy.due(), start);
    policy.begun();
    policy.appended(7);
    policy.taken(start + 5s);
    EXPECT_EQ(policy.due(), start + 6s);
    policy.failed(start + 6s);
    EXPECT_EQ(policy.due(), start + 66s);

    limits.interval_ms = 0;
    SnapshotPolicy by_bytes(limits, start);
    by_bytes.appended(99);
    EXPECT_EQ(by_bytes.due(), base::TimePoint::max());
}

TEST(SnapshotPolicy, the_latest_snapshot_always_stays) {
    SnapshotLimits limits;
    limits.retention_bytes = 100;
    limits.retention_ms = 1000;
    const std::vector<HeldSnapshot> held{{{10, 1}, 30, 0}, {{20, 1}, 30, 500}, {{30, 1}, 30, 900}};
    EXPECT_EQ(expired_snapshots(limits, held, 10, 1000), 0U);
    EXPECT_EQ(expired_snapshots(limits, held, 20, 1000), 1U);
    EXPECT_EQ(expired_snapshots(limits, held, 10, 1001), 1U);
    EXPECT_EQ(expired_snapshots(limits, held, 1000, 99'000), 2U);
    limits.retention_bytes = -1;
    limits.retention_ms = -1;
    EXPECT_EQ(expired_snapshots(limits, held, 1'000'000, 99'000'000), 0U);
}

// --- the log with its snapshots ---

SnapshotLimits eager() {
    SnapshotLimits limits;
    limits.record_bytes_max = 1200;
    limits.retention_bytes = 8000;
    return limits;
}

void commit_some(MetadataBench& bench, RandomRecords& random, int times) {
    for (int i = 0; i < times; ++i) {
        const std::vector<MetadataRecord> records{random.next(), random.next(), random.next()};
        ASSERT_TRUE(bench.commit(records));
        bench.pass(20ms);
    }
}

TEST(MetadataSnapshots, bound_the_log_and_start_the_next_run) {
    log::MemoryDisk disk;
    RandomRecords random(11);
    ImagePtr image;
    {
        MetadataBench bench(disk, eager());
        ASSERT_TRUE(bench.start().has_value());
        ASSERT_TRUE(bench.lead().has_value());
        commit_some(bench, random, 200);
        image = bench.image();
        EXPECT_GT(bench.store().start_offset(), 0);
        EXPECT_GT(bench.store().snapshots().size(), 0U);
        EXPECT_EQ(bench.store().start_offset(), bench.store().snapshots().front().id.end_offset);
    }
    EXPECT_TRUE(names_in(disk, ".part").empty());
    EXPECT_TRUE(names_in(disk, ".deleted").empty());
    EXPECT_THAT(names_in(disk, ".log"), testing::Not(testing::Contains("00000000000000000000.log")));
    disk.restart();
    MetadataBench bench(disk, eager());
    const auto started = bench.start();
    ASSERT_TRUE(started.has_value()) << started.error().text();
    expect_same(*image, *bench.image());
    ASSERT_TRUE(bench.lead().has_value());
    commit_some(bench, random, 20);
}

TEST(MetadataSnapshots, are_taken_by_age_only_when_there_is_news) {
    log::MemoryDisk disk;
    SnapshotLimits limits;
    limits.interval_ms = 60'000;
    MetadataBench bench(disk, limits);
    ASSERT_TRUE(bench.start().has_value());
    ASSERT_TRUE(bench.lead().has_value());
    RandomRecords random(5);
    commit_some(bench, random, 1);
    EXPECT_TRUE(names_in(disk, "-0000000001.checkpoint").empty());
    bench.pass(61s);
    EXPECT_THAT(names_in(disk, ".checkpoint"), ElementsAre("00000000000000000004-0000000001.checkpoint"));
    bench.pass(1h);
    EXPECT_EQ(names_in(disk, ".checkpoint").size(), 1U);
    commit_some(bench, random, 1);
    bench.pass(61s);
    EXPECT_EQ(names_in(disk, ".checkpoint").size(), 2U);
}

// Two snapshots and the whole log.
struct TwoSnapshots : testing::Test {
    TwoSnapshots() {
        SnapshotLimits limits;
        limits.record_bytes_max = 4000;
        RandomRecords random(21);
        MetadataBench bench(disk, limits);
        EXPECT_TRUE(bench.start().has_value());
        EXPECT_TRUE(bench.lead().has_value());
        while (bench.store().snapshots().size() < 2) commit_some(bench, random, 1);
        commit_some(bench, random, 3);
        image = bench.image();
        for (const auto& held : bench.store().snapshots()) ids.push_back(held.id);
    }
    void damage(const SnapshotId& id) {
        auto file = disk.open(path_of(id)).value();
        const auto size = file->size().value();
        ASSERT_TRUE(file->truncate(size - 10).has_value());
    }
    static std::string path_of(const SnapshotId& id) {
        return std::string(MetadataBench::path) + "/" + snapshot_name(id);
    }
    void expect_the_image() {
        disk.restart();
        MetadataBench bench(disk);
        const auto started = bench.start();
        ASSERT_TRUE(started.has_value()) << started.error().text();
        expect_same(*image, *bench.image());
    }

    log::MemoryDisk disk;
    ImagePtr image;
    std::vector<SnapshotId> ids;
};

TEST_F(TwoSnapshots, a_damaged_one_is_passed_over) {
    damage(ids[1]);
    expect_the_image();
}

TEST_F(TwoSnapshots, without_a_good_one_the_whole_log_does) {
    damage(ids[0]);
    damage(ids[1]);
    expect_the_image();
}

TEST_F(TwoSnapshots, leftovers_are_removed) {
    ASSERT_TRUE(log::replace_text(disk, path_of(ids[1]) + ".part", "x").has_value());
    ASSERT_TRUE(log::replace_text(disk, path_of(ids[0]) + ".deleted", "x").has_value());
    expect_the_image();
    EXPECT_TRUE(names_in(disk, ".part").empty());
    EXPECT_TRUE(names_in(disk, ".deleted").empty());
}

TEST_F(TwoSnapshots, a_log_that_was_lost_goes_on_behind_the_latest) {
    for (const auto* suffix : {".log", ".index", ".timeindex"}) {
        for (const auto& name : names_in(disk, suffix))
            ASSERT_TRUE(disk.remove(std::string(MetadataBench::path) + "/" + name).has_value());
    }
    disk.restart();
    MetadataBench bench(disk);
    ASSERT_TRUE(bench.start().has_value());
    EXPECT_EQ(bench.image()->offset(), ids[1].end_offset - 1);
    EXPECT_EQ(bench.store().end_offset(), ids[1].end_offset);
    EXPECT_GE(bench.store().leader_epoch(), ids[1].epoch);
}

TEST(MetadataSnapshots, a_log_without_its_beginning_and_without_a_snapshot_is_an_error_that_says_so) {
    log::MemoryDisk disk;
    RandomRecords random(11);
    {
        MetadataBench bench(disk, eager());
        ASSERT_TRUE(bench.start().has_value());
        ASSERT_TRUE(bench.lead().has_value());
        commit_some(bench, random, 200);
        ASSERT_GT(bench.store().start_offset(), 0);
    }
    std::string latest;
    for (const auto& name : names_in(disk, ".checkpoint")) {
        latest = std::string(MetadataBench::path) + "/" + name;
        ASSERT_TRUE(disk.open(latest).value()->truncate(100).has_value());
    }
    disk.restart();
    MetadataBench bench(disk);
    const auto started = bench.start();
    ASSERT_EQ(started.error(), ErrorCode::corrupt_storage);
    EXPECT_THAT(std::string(started.error().text()), HasSubstr(latest));
    EXPECT_THAT(std::string(started.error().text()), HasSubstr("Put back a copy"));
}

TEST(MetadataSnapshots, a_full_disk_costs_a_snapshot_and_nothing_else) {
    log::MemoryDisk disk;
    MetadataBench bench(disk, eager());
    ASSERT_TRUE(bench.start().has_value());
    ASSERT_TRUE(bench.lead().has_value());
    RandomRecords random(4);
    disk.set_script([](const log::MemoryDisk::Operation& operation) {
        const bool snapshot = operation.path.ends_with(".part") && operation.kind == log::MemoryDisk::Kind::write;
        return snapshot ? log::MemoryDisk::Fault::torn_full : log::MemoryDisk::Fault::none;
    });
    commit_some(bench, random, 40);
    EXPECT_TRUE(bench.store().snapshots().empty());
    EXPECT_TRUE(names_in(disk, ".part").empty());
    disk.set_script({});
    bench.pass(2min);
    EXPECT_EQ(bench.store().snapshots().size(), 1U);
}

// --- the machine stops after every single change ---

struct SnapshotWorkload {
    std::map<std::int64_t, ImagePtr> images;  // by offset, all that were ever appended
    std::int64_t committed = -1;
    std::size_t snapshots = 0;
    std::int64_t start_offset = 0;

    void run(log::MemoryDisk& disk, std::uint64_t seed) {
        SnapshotLimits limits;
        limits.record_bytes_max = 900;
        limits.retention_bytes = 4000;
        RandomRecords random(seed);
        MetadataBench bench(disk, limits, 1200);
        images[-1] = bench.image();
        if (!bench.start() || !bench.lead()) return;
        images[bench.image()->offset()] = bench.image();
        for (int i = 0; i < 60; ++i) {
            const std::vector<MetadataRecord> records{random.next(), random.next(), random.next()};
            const bool synced = bench.commit(records);
            images[bench.image()->offset()] = bench.image();
            if (!synced) return;
            committed = bench.image()->offset();
            bench.pass(i % 3 == 0 ? 0ms : 5ms);  // the next one comes while a snapshot is written, or after it
        }
        bench.pass(100ms);
        snapshots = bench.store().snapshots().size();
        start_offset = bench.store().start_offset();
    }
};

class SnapshotCrashPoints : public testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, SnapshotCrashPoints, testing::Values(1, 2));

TEST_P(SnapshotCrashPoints, what_was_committed_is_in_the_image) {
    std::uint64_t points = 0;
    {
        log::MemoryDisk disk;
        SnapshotWorkload workload;
        workload.run(disk, GetParam());
        points = disk.changes();
        ASSERT_GT(workload.start_offset, 0);
        ASSERT_GT(workload.snapshots, 0U);
        ASSERT_GT(points, 300U);
    }
    for (std::uint64_t point = 0; point <= points; ++point) {
        SCOPED_TRACE("stopped after change " + std::to_string(point));
        log::MemoryDisk disk;
        disk.stop_after(point);
        SnapshotWorkload workload;
        workload.run(disk, GetParam());
        base::Random random(point * 1000 + GetParam());
        std::int64_t first = -2;
        for (int attempt = 0; attempt < 2; ++attempt) {
            disk.crash(random);
            MetadataBench bench(disk);
            const auto started = bench.start();
            ASSERT_TRUE(started.has_value()) << started.error().text();
            const auto offset = bench.image()->offset();
            ASSERT_GE(offset, workload.committed);
            ASSERT_TRUE(workload.images.contains(offset)) << offset;
            expect_same(*workload.images[offset], *bench.image());
            if (attempt == 0) first = offset;
            ASSERT_EQ(offset, first);
            ASSERT_TRUE(names_in(disk, ".part").empty());
        }
        if (HasFailure()) return;
    }
}

}  // namespace
}  // namespace ottla::broker
