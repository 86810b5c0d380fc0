// SPDX-License-Identifier: Apache-2.0
// ParallelBroker: a broker in this process, and what its parallel consumers have seen.
#pragma once

#include <ottla/parallel_consumer.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <ottla/broker/cluster.hpp>
#include <ottla/producer.hpp>

#include "tests/client/write_records.hpp"

namespace ottla {

using namespace std::chrono_literals;
using broker::Cluster;
using broker::Fault;
using CloseMode = ParallelConsumer::CloseMode;

// What handlers have seen, and a gate that some of them wait at.
class Seen {
public:
    void add(const Message& m) {
        const std::lock_guard lock(mutex_);
        const std::string key(m.key().text());
        in_order_ += offsets_[key].empty() || offsets_[key].back() < m.offset() ? 1 : 0;
        offsets_[key].push_back(m.offset());
        ++times_[{m.partition(), m.offset()}];
        ++count_;
        changed_.notify_all();
    }
    bool wait_for(std::size_t count) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, 20s, [&] { return count_ >= count; });
    }
    void open_gate() {
        const std::lock_guard lock(mutex_);
        is_open_ = true;
        changed_.notify_all();
    }
    void wait_at_gate() {
        std::unique_lock lock(mutex_);
        ++at_gate_;
        changed_.notify_all();
        changed_.wait_for(lock, 20s, [&] { return is_open_; });
    }
    bool wait_until_at_gate(int count) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, 20s, [&] { return at_gate_ >= count; });
    }
    std::size_t count() {
        const std::lock_guard lock(mutex_);
        return count_;
    }
    // Each offset exactly so often.
    bool each(std::size_t offsets, int times) {
        const std::lock_guard lock(mutex_);
        return times_.size() == offsets &&
               std::ranges::all_of(times_, [&](const auto& entry) { return entry.second == times; });
    }
    int times(std::int64_t offset) {
        const std::lock_guard lock(mutex_);
        const auto found = times_.find({0, offset});
        return found == times_.end() ? 0 : found->second;
    }
    // Of every key.
    bool all_in_order() {
        const std::lock_guard lock(mutex_);
        return in_order_ == count_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, std::vector<std::int64_t>> offsets_;
    std::map<std::pair<std::int32_t, std::int64_t>, int> times_;
    std::size_t count_ = 0;
    std::size_t in_order_ = 0;
    int at_gate_ = 0;
    bool is_open_ = false;
};

// What was logged.
class Lines {
public:
    void add(const std::string& line) {
        const std::lock_guard lock(mutex_);
        lines_.push_back(line);
    }
    std::size_t count(std::string_view part) {
        const std::lock_guard lock(mutex_);
        return static_cast<std::size_t>(
            std::ranges::count_if(lines_, [&](const auto& line) { return line.find(part) != std::string::npos; }));
    }

private:
    std::mutex mutex_;
    std::vector<std::string> lines_;
};

class ParallelBroker : public ::testing::Test {
protected:
    ParallelBroker() { cluster.create_topic("t", 1).value(); }

    // "0" … "n-1" with keys "k0" … "k<keys-1>" in turn; keys 0: none.
    void fill(int n, int keys = 0, std::int32_t partition = 0, const char* topic = "t", int batch_records = 10'000) {
        write_records({{"bootstrap.servers", cluster.bootstrap_servers()}, {"batch.num.messages", batch_records}}, n,
                      [&](int i, Record& record, std::string& key) {
                          record.topic = topic;
                          record.partition = partition;
                          if (keys > 0) record.key = key = "k" + std::to_string(i % keys);
                      });
    }
    ParallelConsumerConfig config(WorkOrder order = WorkOrder::key) {
        ParallelConsumerConfig c;
        c.brokers = cluster.bootstrap_servers();
        c.group_id = "g";
        c.topics = {"t"};
        c.order = order;
        c.commit_interval = 50ms;
        c.retry_delay = 20ms;
        c.config = {{"auto.offset.reset", "earliest"}, {"fetch.wait.max.ms", 20}};
        return c;
    }
    TopicPartition committed(std::int32_t partition = 0, const std::string& group = "g") {
        auto asks = Consumer::create({{"bootstrap.servers", cluster.bootstrap_servers()}, {"group.id", group}}).value();
        return asks.committed({{"t", partition}}, 10s).value().at(0);
    }
    bool is_committed(std::int64_t offset, const std::string& group = "g") {
        for (int i = 0; i < 400; ++i) {
            if (committed(0, group).offset == Offset(offset)) return true;
        }
        return false;
    }

    Cluster cluster = Cluster::start({.config = {"auto.create.topics.enable=false"}}).value();
    std::shared_ptr<Seen> seen = std::make_shared<Seen>();
};

}  // namespace ottla
