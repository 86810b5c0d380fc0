// SPDX-License-Identifier: Apache-2.0
// TopicsHost: the machine from which the topics of a simulated group are made, grown, deleted and written to.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <ottla/producer.hpp>
#include "client/runtime/runtime.hpp"
#include "tests/simulation/group_log.hpp"
#include "tests/simulation/simulation.hpp"

namespace ottla::test {

class TopicsHost {
public:
    TopicsHost(Simulation&, std::string bootstrap);

    // `is_written`: by write().
    asio::awaitable<void> create(std::string topic, std::int32_t partitions, bool is_written = true,
                                 std::map<std::string, std::string> configs = {});
    // One that is written to gets some partitions more.
    asio::awaitable<void> grow();
    // A topic that goes again by and by is made, or one of those is deleted. Nothing is written there.
    asio::awaitable<void> make_or_delete();
    // What lies below is deleted, or not.
    asio::awaitable<void> delete_records(Place, std::int64_t up_to);
    // Writes into those of create(), until finish_writing().
    asio::awaitable<void> write(std::int64_t gap_max_ms);
    // After so long, nothing is written there any more.
    void let_rest(std::string topic, Duration after) {
        resting_ = std::move(topic);
        rests_at_ = simulation_.loop.timers.now() + after;
    }
    void finish_writing() { enough_ = true; }
    // Most records get one of so many keys; all, as a topic that is compacted wants it.
    void use_keys(std::size_t count, bool all = false) {
        keys_ = count;
        all_have_keys_ = all;
    }

    // Asks the brokers: all partitions that there are now, but for internal topics.
    asio::awaitable<std::set<Place>> all_places();
    // Where the partitions of create() end, and what stands in the groups' log.
    asio::awaitable<std::map<Place, std::int64_t>> ends() { return ends_of(topics_); }
    asio::awaitable<std::map<Place, std::int64_t>> ends_of(std::map<std::string, std::int32_t> topics);
    asio::awaitable<std::map<std::string, GroupLog>> group_logs();
    // From the first record to the last.
    asio::awaitable<void> read_all(std::string topic, std::int32_t partition, std::function<void(const Message&)> take);

    const std::map<std::string, std::int32_t>& topics() const noexcept { return topics_; }
    std::set<std::string> topic_names() const;
    std::size_t written() const noexcept { return written_; }

    std::vector<std::string> problems;

private:
    Config base_config() const;
    std::shared_ptr<client::Runtime> runtime(const char* name);
    asio::awaitable<std::map<Uuid, std::string>> topic_ids();
    asio::awaitable<void> read_group_log(std::int32_t partition, std::map<std::string, GroupLog>& into);

    Simulation& simulation_;
    base::Random random_;
    std::string bootstrap_;
    std::unique_ptr<net::Transport> transport_;
    std::map<std::string, std::int32_t> topics_;  // how many partitions are written to
    std::set<std::string> passing_;
    std::size_t passing_made_ = 0;
    std::size_t written_ = 0;
    std::size_t keys_ = 0;
    bool all_have_keys_ = false;
    std::string resting_;
    base::TimePoint rests_at_{};
    bool enough_ = false;
};

}  // namespace ottla::test
