// SPDX-License-Identifier: Apache-2.0
// A byte has turned in a stored batch: whatever reads the topic says which, and goes on with the other partitions. A
// real broker in this process, on real sockets and files.
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <set>

#include <unistd.h>

#include <gtest/gtest.h>
#include <ottla/broker/cluster.hpp>
#include <ottla/parallel_consumer.hpp>
#include <ottla/priority_consumer.hpp>
#include <ottla/producer.hpp>
#include <ottla/reader.hpp>

namespace ottla {
namespace {

using namespace std::chrono_literals;

// t[0] has "0", then a batch that fails its check; t[1] has "a", "b" and "c".
class Standstill : public ::testing::Test {
protected:
    Standstill() {
        std::filesystem::remove_all(directory);
        broker::ClusterOptions options;
        options.data_directory = directory.string();
        cluster.emplace(broker::Cluster::start(options).value());
        cluster->create_topic("t", 2).value();
        for (const auto& [partition, value] : {std::pair{0, "0"}, {0, "1"}, {1, "a"}, {1, "b"}, {1, "c"}})
            write(partition, value);
        damage_the_end();
    }
    ~Standstill() override {
        cluster.reset();
        std::filesystem::remove_all(directory);
    }

    void write(std::int32_t partition, std::string_view value) {
        auto producer = Producer::create({{"bootstrap.servers", cluster->bootstrap_servers()}}).value();
        Record record;
        record.topic = "t";
        record.partition = partition;
        record.value = value;
        producer.produce(record, [](const DeliveryReport& r) { ASSERT_TRUE(r) << to_string(r); }).value();
        ASSERT_EQ(producer.flush(10s).value(), 0U);
    }
    void damage_the_end() {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
            if (entry.path().parent_path().filename() != "t-0" || entry.path().extension() != ".log") continue;
            std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
            file.seekp(-2, std::ios::end);
            file.put('#');
            return;
        }
        FAIL() << "there is no log of t-0";
    }
    // Four messages and what else comes; then, what a read in vain says.
    template <class Reads>
    void expect_told(Reads& reader) {
        std::set<std::string> values;
        std::vector<Error> errors;
        for (int i = 0; i < 400 && (values.size() < 4 || errors.empty()); ++i) {
            const auto m = reader.read_message(50ms);
            if (m)
                values.emplace(m->value().text());
            else if (!m.error().is_timeout())
                errors.push_back(m.error());
        }
        EXPECT_EQ(values, (std::set<std::string>{"0", "a", "b", "c"}));
        ASSERT_EQ(errors.size(), 1U);
        EXPECT_EQ(errors[0], ErrorCode::corrupt_message);
        EXPECT_NE(to_string(errors[0]).find("t[0]@1"), std::string::npos) << to_string(errors[0]);
        const auto vain = reader.read_message(50ms);
        ASSERT_FALSE(vain);
        EXPECT_NE(to_string(vain.error()).find("t[0] stands still at 1"), std::string::npos) << to_string(vain.error());
    }

    const std::filesystem::path directory =
        std::filesystem::path(testing::TempDir()) / ("ottla-standstill-" + std::to_string(::getpid()));
    std::optional<broker::Cluster> cluster;
};

TEST_F(Standstill, a_reader_tells_it) {
    ReaderConfig c;
    c.brokers = cluster->bootstrap_servers();
    c.topic = "t";
    c.group_id = "g";
    auto reader = Reader::create(c).value();
    expect_told(reader);
    EXPECT_EQ(reader.stats().errors, 1U);
}

TEST_F(Standstill, a_priority_consumer_tells_it) {
    PriorityConsumerConfig c;
    c.brokers = cluster->bootstrap_servers();
    c.group_id = "g";
    c.classes = {{"all", {"t"}, 1}};
    c.config = {{"auto.offset.reset", "earliest"}};
    auto consumer = PriorityConsumer::create(c).value();
    expect_told(consumer);
}

TEST_F(Standstill, a_parallel_consumer_logs_it_and_works_on) {
    struct Seen {
        std::mutex mutex;
        std::condition_variable changed;
        std::set<std::string> values;
        std::vector<std::string> lines;
        bool has_all() const { return values.size() == 4 && !lines.empty(); }
    };
    const auto seen = std::make_shared<Seen>();
    ParallelConsumerConfig c;
    c.brokers = cluster->bootstrap_servers();
    c.group_id = "g";
    c.topics = {"t"};
    c.config = {{"auto.offset.reset", "earliest"}, {"fetch.error.backoff.ms", 20}};
    c.log = [seen](const LogEvent& line) {
        const std::lock_guard lock(seen->mutex);
        if (line.text.find("t[0]@1") != std::string::npos) seen->lines.push_back(line.text);
        seen->changed.notify_all();
    };
    auto work = ParallelConsumer::create(std::move(c), [seen](const Message& m) {
                    const std::lock_guard lock(seen->mutex);
                    seen->values.emplace(m.value().text());
                    seen->changed.notify_all();
                    return Handled::done();
                }).value();
    std::unique_lock lock(seen->mutex);
    EXPECT_TRUE(seen->changed.wait_for(lock, 20s, [&] { return seen->has_all(); }));
    EXPECT_EQ(seen->values, (std::set<std::string>{"0", "a", "b", "c"}));
    // It is tried again, without a line for each time.
    seen->changed.wait_for(lock, 300ms, [&] { return seen->lines.size() > 2; });
    EXPECT_LE(seen->lines.size(), 2U) << "the consumer's and the parallel consumer's";
    lock.unlock();
    work.close(10s).value();
}

}  // namespace
}  // namespace ottla
