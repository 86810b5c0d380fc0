// SPDX-License-Identifier: Apache-2.0
// ClientHost: the machine that the clients of a simulation run on: they create a topic, produce numbered records into
// it, read along meanwhile, and read all of it at the end. Their book is then compared with what was read.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <ottla/consumer.hpp>
#include <ottla/producer.hpp>
#include "client/config/client_config.hpp"
#include "client/runtime/runtime.hpp"
#include "tests/simulation/simulation.hpp"

namespace ottla::test {

// What is produced, and into what.
struct Workload {
    std::string topic = "orders";
    std::int32_t partitions = 3;
    std::map<std::string, std::string> configs;
    std::size_t records = 300;
    // How many keys the records have between them; 0: they have none.
    std::size_t keys = 0;
    // What the producer may hold; 0: as it comes.
    std::size_t queue_messages = 0;
    std::size_t queue_kbytes = 0;

    std::string value_of(std::size_t n) const;
    // There are keys.
    std::string key_of(std::size_t n) const;
};

class ClientHost {
public:
    ClientHost(Simulation&, Workload, std::string bootstrap = "broker:9092");

    asio::awaitable<void> create_topic();
    asio::awaitable<void> produce();
    // Reads along until finish_following() is called.
    asio::awaitable<void> follow();
    void finish_following() { enough_ = true; }
    // All partitions from the beginning up to their ends; those in `damaged` as far as they can be read.
    asio::awaitable<void> consume(const std::set<std::int32_t>& damaged);

    // Every acknowledged record was read, at its offset, unless its partition is damaged, retention took it, or a later
    // one of its key is there; no record is there twice, nor out of order; what is certain not to have been written was
    // not. All are acknowledged that do not expire, unless the broker may have forgotten batches. `undisturbed`: no
    // fault fired.
    void check(const std::set<std::int32_t>& damaged, bool undisturbed, std::vector<std::string>& failures) const;

    std::size_t unacknowledged() const;
    const Workload& workload() const noexcept { return workload_; }
    // Of one connection, as the producer has it.
    std::int64_t in_flight_max() const noexcept { return in_flight_max_; }

    std::vector<std::string> problems;

private:
    struct Sent {
        std::int32_t partition = 0;
        int reports = 0;
        DeliveryStatus status = DeliveryStatus::not_persisted;
        std::int64_t offset = -1;
    };
    struct Read {
        std::map<std::int64_t, std::string> values;  // by offset
        std::int64_t low = 0;
        std::int64_t high = 0;
    };

    Config base_config() const;
    std::shared_ptr<client::Runtime> runtime(const char* name);
    std::optional<Consumer> consumer(const char* name);
    Result<client::ProducerConfig> producer_settings();
    // Until the producer has taken it.
    asio::awaitable<void> send(Producer&, std::size_t n);
    asio::awaitable<void> make_room(Producer&);
    void on_report(std::size_t n, const DeliveryReport&);
    asio::awaitable<void> read_to_the_ends(Consumer&, const std::set<std::int32_t>& damaged);
    void on_read(const Message&);
    // Whether what was once at this offset may be gone by now.
    bool may_be_gone(std::int32_t partition, std::int64_t offset, std::size_t n) const;

    Simulation& simulation_;
    base::Random random_;
    Workload workload_;
    std::string bootstrap_;
    std::unique_ptr<net::Transport> transport_;
    std::vector<Sent> sent_;
    std::int64_t in_flight_max_ = 0;
    bool patient_ = true;  // records do not expire
    bool enough_ = false;
    std::map<std::int32_t, std::map<std::int64_t, std::string>> followed_;
    std::map<std::int32_t, std::vector<std::string>> late_;  // what the follower got too late, by partition
    std::map<std::int32_t, Read> read_;
};

}  // namespace ottla::test
