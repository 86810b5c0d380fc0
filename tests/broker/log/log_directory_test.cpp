// SPDX-License-Identifier: Apache-2.0
#include "broker/log/log_directory.hpp"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/log/memory_disk.hpp"
#include "broker/log/segment_files.hpp"
#include "tests/broker/log/batches.hpp"
#include "tests/support/uuids.hpp"

namespace ottla::broker::log {
namespace {

using test::uuid_ending_in;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

struct Directory {
    Result<std::unique_ptr<LogDirectory>> open(std::int32_t node = 1, std::string cluster = "c") {
        return LogDirectory::open(disk, "/data", {node, std::move(cluster), uuid_ending_in(9)}, {});
    }
    MemoryDisk disk;
};

TEST(LogDirectory, a_new_one_gets_its_identity) {
    Directory at;
    const auto opened = at.open().value();
    EXPECT_EQ(opened->properties(), (MetaProperties{"c", 1, uuid_ending_in(9)}));
    EXPECT_FALSE(opened->was_clean());
    EXPECT_EQ(read_text(at.disk, "/data/meta.properties").value(), opened->properties().to_text());
    EXPECT_EQ(Directory().open(1, "").error(), ErrorCode::invalid_argument);
}

TEST(LogDirectory, is_used_by_one_broker_only) {
    Directory at;
    const auto opened = at.open().value();
    EXPECT_EQ(at.open().error(), ErrorCode::locked);
}

TEST(LogDirectory, of_another_cluster_or_node_is_refused) {
    Directory at;
    at.open().value().reset();
    EXPECT_EQ(at.open(1, "other").error(), ErrorCode::inconsistent_cluster_id);
    const auto wrong_node = at.open(2);
    EXPECT_EQ(wrong_node.error(), ErrorCode::invalid_argument);
    EXPECT_THAT(std::string(wrong_node.error().text()), HasSubstr("belongs to the node 1, not to 2"));
    EXPECT_TRUE(at.open(1, ""));
}

TEST(LogDirectory, finds_its_logs) {
    Directory at;
    {
        const auto opened = at.open().value();
        ASSERT_TRUE(opened->create_log({"a-b", 0}, uuid_ending_in(1), {}));
        ASSERT_TRUE(opened->create_log({"a", 12}, uuid_ending_in(2), {}));
        ASSERT_TRUE(at.disk.make_directory("/data/nothing"));
        ASSERT_TRUE(at.disk.make_directory("/data/a-1.abc-delete"));
        ASSERT_TRUE(at.disk.make_directory("/data/torn-0"));
        EXPECT_TRUE(opened->has_log({"a", 12}).value());
        EXPECT_FALSE(opened->has_log({"a", 13}).value());
    }
    const auto opened = at.open().value();
    const auto found = opened->partitions().value();
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0].name, (TopicPartitionName{"a", 12}));
    EXPECT_EQ(found[0].topic_id, uuid_ending_in(2));
    EXPECT_EQ(found[1].name, (TopicPartitionName{"a-b", 0}));
    EXPECT_TRUE(found[2].topic_id.is_zero());
    EXPECT_THAT(opened->deleted().value(), ElementsAre("/data/a-1.abc-delete"));
}

TEST(LogDirectory, a_name_set_aside_is_never_too_long) {
    Directory at;
    const auto opened = at.open().value();
    const std::string topic(249, 't');
    ASSERT_TRUE(opened->create_log({topic, 12}, uuid_ending_in(1), {}));
    const auto aside = opened->set_aside({topic, 12}, uuid_ending_in(3), LogDirectory::Aside::stray).value();
    EXPECT_EQ(aside.size(), std::string("/data/").size() + 255);
    EXPECT_TRUE(aside.ends_with("t-12.00000000000000000000000000000003-stray")) << aside;
}

TEST(LogDirectory, deletes_a_log_by_another_name) {
    Directory at;
    const auto opened = at.open().value();
    ASSERT_TRUE(opened->create_log({"a", 0}, uuid_ending_in(1), {}));
    const auto aside = opened->set_aside({"a", 0}, uuid_ending_in(3)).value();
    EXPECT_TRUE(aside.ends_with("-delete")) << aside;
    ASSERT_TRUE(remove_tree(at.disk, aside));
    EXPECT_TRUE(opened->partitions().value().empty());
    EXPECT_THAT(at.disk.list("/data").value(),
                ElementsAre(DirectoryEntry{".lock", false}, DirectoryEntry{"meta.properties", false}));
}

TEST(LogDirectory, remembers_a_stop_in_order_once) {
    Directory at;
    {
        const auto opened = at.open().value();
        ASSERT_TRUE(opened->write_checkpoint(Checkpoint::recovery_points, {{{"a", 0}, 5}}));
        ASSERT_TRUE(opened->close(42));
    }
    EXPECT_FALSE(at.disk.exists("/data/.lock").value());
    EXPECT_EQ(read_text(at.disk, "/data/recovery-point-offset-checkpoint").value(), "0\n1\na 0 5\n");
    EXPECT_EQ(at.open().value()->clean_broker_epoch(), 42);
    EXPECT_FALSE(at.open().value()->was_clean());
}

// Compaction left a gap, and a kill came before it was written down how much is safe.
TEST(LogDirectory, opens_a_compacted_log_whose_recovery_point_lags) {
    for (const std::int64_t cleaned : {0, 6}) {
        Directory at;
        LogConfig config;
        config.segment_bytes = static_cast<std::uint32_t>(batch_of(2, 100).size());
        {
            const auto opened = at.open().value();
            const auto log = opened->create_log({"a", 0}, uuid_ending_in(1), config).value();
            for (int i = 0; i < 5; ++i) ASSERT_TRUE(log->append(batch_of(2, 100).span(), {}));
            ASSERT_TRUE(log->sync());
            ASSERT_TRUE(at.disk.remove("/data/a-0/" + segment_name(2)));
            ASSERT_TRUE(opened->write_checkpoint(Checkpoint::cleaned_offsets, {{{"a", 0}, cleaned}}));
        }
        const auto opened = at.open().value();
        EXPECT_EQ(opened->open_log({"a", 0}, config).value()->end().offset, cleaned == 0 ? 2 : 10);
    }
}

// Two logs that a kill left; what is in the page cache alone is lost by the power cut that follows.
TEST(LogDirectory, syncs_what_it_opened_at_once) {
    for (const bool synced : {false, true}) {
        int kept = 0;
        for (std::uint64_t seed = 0; seed < 20; ++seed) {
            Directory at;
            {
                const auto opened = at.open().value();
                for (const int i : {0, 1}) {
                    const auto log = opened->create_log({"a", i}, uuid_ending_in(1), {}).value();
                    ASSERT_TRUE(log->append(batch_of(2).span(), {}));
                }
            }
            at.disk.restart();
            const auto opened = at.open().value();
            EXPECT_TRUE(opened->syncs_at_once());
            const auto a = opened->open_unsynced_log({"a", 0}, {}).value();
            const auto b = opened->open_unsynced_log({"a", 1}, {}).value();
            at.disk.set_script([](const auto& operation) {
                EXPECT_NE(operation.kind, MemoryDisk::Kind::sync) << operation.path;
                EXPECT_NE(operation.kind, MemoryDisk::Kind::sync_directory) << operation.path;
                return MemoryDisk::Fault::none;
            });
            EXPECT_EQ(a->synced().offset, 0);
            EXPECT_EQ(a->recovery_point(), 0);
            if (synced) {
                ASSERT_TRUE(opened->sync(std::array{a.get(), b.get()}));
                EXPECT_EQ(a->synced().offset, 2);
                EXPECT_EQ(a->recovery_point(), 2);
            }
            base::Random random(seed);
            at.disk.crash(random);
            const auto again = at.open().value();
            for (const int i : {0, 1}) {
                const bool is_there = again->has_log({"a", i}).value();
                kept += is_there && again->open_log({"a", i}, {}).value()->end().offset == 2 ? 1 : 0;
            }
        }
        if (synced)
            EXPECT_EQ(kept, 40);
        else
            EXPECT_LT(kept, 40);
    }
}

TEST(LogDirectory, fails_to_sync_them_at_once) {
    Directory at;
    {
        const auto opened = at.open().value();
        for (const int i : {0, 1}) ASSERT_TRUE(opened->create_log({"a", i}, uuid_ending_in(1), {}));
    }
    at.disk.restart();
    const auto opened = at.open().value();
    const auto a = opened->open_unsynced_log({"a", 0}, {}).value();
    const auto b = opened->open_unsynced_log({"a", 1}, {}).value();
    at.disk.fail_nth(MemoryDisk::Kind::sync_file_system, 1);
    EXPECT_EQ(opened->sync(std::array{a.get(), b.get()}).error(), ErrorCode::file_system);
}

// A mount, or a link, has led one of them to another disk.
TEST(LogDirectory, syncs_by_itself_what_lies_elsewhere) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        Directory at;
        const auto opened = at.open().value();
        ASSERT_TRUE(at.disk.make_directory("/data/a-1"));
        at.disk.mount("/data/a-1");
        const auto a = opened->create_log({"a", 0}, uuid_ending_in(1), {}).value();
        const auto b = opened->create_log({"a", 1}, uuid_ending_in(1), {}).value();
        ASSERT_TRUE(a->append(batch_of(2).span(), {}));
        ASSERT_TRUE(b->append(batch_of(3).span(), {}));
        ASSERT_TRUE(opened->sync(std::array{a.get(), b.get()}));
        base::Random random(seed);
        at.disk.crash(random);
        const auto again = at.open().value();
        EXPECT_EQ(again->open_log({"a", 0}, {}).value()->end().offset, 2);
        EXPECT_EQ(again->open_log({"a", 1}, {}).value()->end().offset, 3);
    }
}

// Compaction says what is clean; what a kill may have left unknown is found out all the same.
TEST(LogDirectory, looks_for_epochs_that_there_was_no_room_for) {
    Directory at;
    LogConfig config;
    config.segment_bytes = static_cast<std::uint32_t>(batch_of(2, 100).size());
    {
        const auto opened = at.open().value();
        const auto log = opened->create_log({"a", 0}, uuid_ending_in(1), config).value();
        at.disk.set_script([](const auto& operation) {
            return operation.path.ends_with("checkpoint.tmp") ? MemoryDisk::Fault::full : MemoryDisk::Fault::none;
        });
        AppendOptions options;
        for (options.leader_epoch = 3; options.leader_epoch < 8; ++options.leader_epoch)
            ASSERT_TRUE(log->append(batch_of(2, 100).span(), options));
        EXPECT_EQ(log->sync().error(), ErrorCode::storage_full);
        EXPECT_EQ(log->synced().offset, 10);
        EXPECT_EQ(log->recovery_point(), 0);
        at.disk.set_script({});
        ASSERT_TRUE(opened->write_checkpoint(Checkpoint::recovery_points, {{{"a", 0}, log->recovery_point()}}));
        ASSERT_TRUE(opened->write_checkpoint(Checkpoint::cleaned_offsets, {{{"a", 0}, 8}}));
    }
    at.disk.restart();
    const auto log = at.open().value()->open_log({"a", 0}, config).value();
    EXPECT_EQ(log->epochs().entries().size(), 5U);
    EXPECT_EQ(log->recovery_point(), 10);
}

// Without it, what DeleteRecords took would be there again, and would stay.
TEST(LogDirectory, does_not_open_without_knowing_where_its_logs_begin) {
    const std::string text = "0\n1\na 0 5\n";
    Directory at;
    {
        const auto opened = at.open().value();
        ASSERT_TRUE(opened->write_checkpoint(Checkpoint::start_offsets, {{{"a", 0}, 5}}));
        ASSERT_TRUE(opened->close(42));
    }
    const std::string path = "/data/log-start-offset-checkpoint";
    ASSERT_EQ(read_text(at.disk, path).value(), text);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == 'a') continue;  // a name is as good as another
        std::string flipped = text;
        flipped[i] = static_cast<char>(flipped[i] ^ 0x40);
        ASSERT_TRUE(replace_text(at.disk, path, flipped));
        const auto opened = at.open();
        EXPECT_EQ(opened.error(), ErrorCode::corrupt_storage) << flipped;
        EXPECT_THAT(std::string(opened.error().text()),
                    AllOf(HasSubstr("'/data/log-start-offset-checkpoint' is damaged"), HasSubstr("put a copy of it")));
    }
    // Nothing was touched meanwhile.
    ASSERT_TRUE(replace_text(at.disk, path, text));
    const auto opened = at.open().value();
    EXPECT_EQ(opened->clean_broker_epoch(), 42);
    EXPECT_EQ(opened->checkpointed(Checkpoint::start_offsets, {"a", 0}), 5);
}

TEST(LogDirectory, does_without_the_other_checkpoints_when_they_are_damaged) {
    for (const char* name :
         {"recovery-point-offset-checkpoint", "replication-offset-checkpoint", "cleaner-offset-checkpoint"}) {
        Directory at;
        at.open().value().reset();
        const std::string path = std::string("/data/") + name;
        ASSERT_TRUE(replace_text(at.disk, path, "0\n1\na 0\n"));
        EXPECT_TRUE(at.open()) << name;
        ASSERT_TRUE(replace_text(at.disk, path, "3\nsomething else\n"));
        const auto newer = at.open();
        EXPECT_EQ(newer.error(), ErrorCode::unsupported_version) << name;
        EXPECT_THAT(std::string(newer.error().text()), AllOf(HasSubstr(path), HasSubstr("of version 3")));
    }
}

// Its topic is not known, so it must not be taken for any topic's, nor be set aside.
TEST(LogDirectory, leaves_alone_what_a_newer_broker_wrote) {
    for (const char* name : {"partition.metadata", "leader-epoch-checkpoint"}) {
        Directory at;
        {
            const auto opened = at.open().value();
            ASSERT_TRUE(opened->create_log({"a", 0}, uuid_ending_in(1), {}));
            ASSERT_TRUE(opened->create_log({"b", 0}, uuid_ending_in(2), {}));
        }
        at.disk.restart();
        const bool is_metadata = std::string_view(name) == partition_metadata_name;
        const std::string path = std::string("/data/a-0/") + name;
        const std::string newer = is_metadata ? "version: 1\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA" : "1\n0\n";
        ASSERT_TRUE(replace_text(at.disk, path, newer));
        const auto opened = at.open().value();
        EXPECT_EQ(opened->partitions().value().size(), is_metadata ? 1U : 2U);
        const auto log = opened->open_log({"a", 0}, {});
        EXPECT_EQ(log.error(), ErrorCode::unsupported_version) << name;
        EXPECT_THAT(std::string(log.error().text()), AllOf(HasSubstr("/data/a-0"), HasSubstr("of version 1")));
        EXPECT_EQ(read_text(at.disk, path).value(), newer);
        EXPECT_TRUE(opened->open_log({"b", 0}, {}));
        // The next start has to look again.
        ASSERT_TRUE(opened->close(42));
        EXPECT_FALSE(at.open().value()->was_clean());
    }
}

TEST(LogDirectory, goes_offline_once) {
    Directory at;
    const auto opened = at.open().value();
    int told = 0;
    opened->on_offline([&](const Error&) { ++told; });
    opened->take_offline(Error::of(ErrorCode::file_system));
    opened->take_offline(Error::of(ErrorCode::file_system));
    EXPECT_TRUE(opened->offline());
    EXPECT_EQ(told, 1);
}

TEST(DirectoryFiles, names_of_partitions) {
    EXPECT_EQ(parse_partition_directory("a-b-3"), (TopicPartitionName{"a-b", 3}));
    for (const char* name : {"a", "a-", "-1", "a-b", "a-1.x-delete", "a-1-stray", "a-99999999999"}) {
        EXPECT_EQ(parse_partition_directory(name), std::nullopt) << name;
    }
    EXPECT_EQ(partition_directory("a-b", 3), "a-b-3");
}

TEST(DirectoryFiles, refuse_what_cannot_be) {
    for (const char* text :
         {"", "version=0\ncluster.id=c\nnode.id=1\n", "version=1\nnode.id=1\n", "version=1\ncluster.id=c\nnode.id=x\n",
          "version=1\ncluster.id=c\n", "version=1\ncluster.id=c\nnode.id=1\ndirectory.id=short\n"}) {
        EXPECT_EQ(MetaProperties::parse(text).error(), ErrorCode::corrupt_storage) << text;
    }
    for (const char* text : {"", "version: x\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA", "version: 0\n",
                             "version: 0\ntopic_id: short", "version: 0\nid: AAAAAAAAAAAAAAAAAAAAAA"}) {
        EXPECT_EQ(parse_partition_metadata(text).error(), ErrorCode::corrupt_storage) << text;
    }
    for (const char* text : {"", "[]", "{}", R"({"version":1,"brokerEpoch":1})", R"({"version":0})", "{"}) {
        EXPECT_EQ(parse_clean_shutdown(text).error(), ErrorCode::corrupt_storage) << text;
    }
    for (const char* text : {"", "0\n1\n", "0\n1\na 0\n", "0\n2\na 0 1\na 0 1\n", "0\n1\na x 1\n", "0\n0\na 0 1\n"}) {
        EXPECT_EQ(parse_offset_checkpoint(text).error(), ErrorCode::corrupt_storage) << text;
    }
    EXPECT_EQ(parse_partition_metadata("version: 1\n").error(), ErrorCode::unsupported_version);
    EXPECT_EQ(parse_offset_checkpoint("1\n").error(), ErrorCode::unsupported_version);
    for (const char* text : {"x\n0\n", "-1\n0\n", "00\n0\n", "99999999999999999999\n0\n"})
        EXPECT_EQ(parse_offset_checkpoint(text).error(), ErrorCode::corrupt_storage) << text;
    for (const char* text :
         {"", "{}", R"({"data_version":2,"leaderId":1,"leaderEpoch":1,"votedId":-1,"currentVoters":[]})",
          R"({"data_version":0,"leaderId":1,"leaderEpoch":1,"votedId":-1})",
          R"({"data_version":0,"leaderId":1,"leaderEpoch":1,"votedId":-1,"currentVoters":[{}]})"}) {
        EXPECT_EQ(QuorumState::parse(text).error(), ErrorCode::corrupt_storage) << text;
    }
}

}  // namespace
}  // namespace ottla::broker::log
