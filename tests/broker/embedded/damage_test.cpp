// SPDX-License-Identifier: Apache-2.0
// Bytes that turned bad on the disk, over a whole broker: never served as good, and no more than their log's trouble.
#include <array>

#include "simulated_cluster.hpp"

namespace ottla::broker {
namespace {

const std::string segment_name = "00000000000000000000.log";

// One bit of a file, as the disk gives it back from now on.
void flip(log::Disk& disk, const std::string& path, std::uint64_t position) {
    const auto file = disk.open(path).value();
    std::array<std::uint8_t, 1> byte{};
    ASSERT_TRUE(file->read_exactly(position, byte));
    byte[0] ^= 0x10;
    const ByteSpan piece(byte);
    ASSERT_TRUE(file->write_at(position, {&piece, 1}));
}

class Damage : public ::testing::Test {
protected:
    void SetUp() override {
        cluster_.start();
        ASSERT_TRUE(cluster_.run(cluster_.core().create_topic("orders", 2, 1)).has_value());
        for (const char* value : {"first", "second", "third"}) {
            ASSERT_EQ(cluster_.produce(1, "orders", 0, value), ErrorCode::none);
            ASSERT_EQ(cluster_.produce(1, "orders", 1, value), ErrorCode::none);
        }
        const auto file = cluster_.disk(1).open(segment_path()).value();
        batch_bytes_ = file->size().value() / 3;
    }

    static std::string segment_path() { return "/data/broker-1/orders-0/" + segment_name; }

    // The other partition of the directory is as before.
    void expect_the_others_unharmed() {
        EXPECT_EQ(cluster_.produce(1, "orders", 1, "fourth"), ErrorCode::none);
        EXPECT_EQ(cluster_.consume(1, "orders", 1).size(), 4U);
    }

    SimulatedCluster cluster_;
    std::uint64_t batch_bytes_ = 0;
};

TEST_F(Damage, in_a_batch_header_is_an_error_of_its_partition_alone) {
    flip(cluster_.disk(1), segment_path(), batch_bytes_ + 8);  // the length of the second batch
    const auto values = cluster_.consume(1, "orders", 0);
    // What lies before it may be served.
    EXPECT_TRUE(values == std::vector<std::string>{"first"} || values == std::vector<std::string>{"CORRUPT_MESSAGE"})
        << values.front();
    expect_the_others_unharmed();
}

TEST_F(Damage, in_what_a_broker_finds_on_its_disk_is_never_served) {
    cluster_.stop();
    flip(cluster_.disk(1), segment_path(), 2 * batch_bytes_ - 3);  // the value of the second batch
    cluster_.start();
    EXPECT_EQ(cluster_.consume(1, "orders", 0), std::vector<std::string>{"first"});
    EXPECT_EQ(cluster_.consume(1, "orders", 0, 1), std::vector<std::string>{"CORRUPT_MESSAGE"});
    EXPECT_EQ(cluster_.consume(1, "orders", 0, 2), std::vector<std::string>{"third"});
    expect_the_others_unharmed();
}

// What this process wrote a moment ago lies in memory, where nothing is checked.
TEST_F(Damage, in_the_records_breaks_their_checksum_on_the_way_to_the_reader) {
    flip(cluster_.disk(1), segment_path(), 2 * batch_bytes_ - 3);  // the value of the second batch
    protocol::FetchRequest request;
    request.max_bytes = 1 << 20;
    auto& topic = request.topics.emplace_back();
    topic.topic = "orders";
    topic.partitions.emplace_back().partition_max_bytes = 1 << 20;
    const auto response = cluster_.call(1, std::move(request), 12);
    ASSERT_TRUE(response.has_value());
    const auto& answer = response->responses.at(0).partitions.at(0);
    ASSERT_TRUE(answer.records.has_value());
    const auto bytes = answer.records->flatten();
    protocol::RecordBatchReader batches(bytes->span());
    std::vector<bool> sound;
    for (auto batch = batches.next(); batch && *batch; batch = batches.next()) sound.push_back((*batch)->check_crc());
    EXPECT_EQ(sound, (std::vector<bool>{true, false, true}));
    expect_the_others_unharmed();
}

}  // namespace
}  // namespace ottla::broker
