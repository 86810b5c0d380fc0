// SPDX-License-Identifier: Apache-2.0
// Cluster: real brokers inside your own process, for tests: they speak Kafka's protocol on real sockets, start in
// milliseconds, and do wrong what you tell them to.
//
//   auto cluster = ottla::broker::Cluster::start({.brokers = 3}).value();
//   Config config{{"bootstrap.servers", cluster.bootstrap_servers()}};
//   cluster.inject(Fault::error(ErrorCode::not_leader_or_follower).on(ApiKey::produce));
//   cluster.broker_down(2).value();
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ottla/broker/fault.hpp>
#include <ottla/result.hpp>

namespace ottla::broker {

struct ClusterOptions {
    // With the ids 1 … n. Topics have one copy; leaders are spread over the brokers.
    int brokers = 1;
    // Logs lie in it and survive the cluster; empty: everything is in memory.
    std::string data_directory = {};
    // "key=value" with Kafka's broker config names, for all brokers.
    std::vector<std::string> config = {};
    std::string host = "127.0.0.1";
    // Of the first broker, the others follow; 0: any free ones.
    std::uint16_t port = 0;
    // Decides uuids and where partitions go.
    std::uint64_t seed = 1;
    // Gets the brokers' log lines, from their thread.
    std::function<void(std::string_view line)> log = {};
};

// Runs on a thread of its own. Every call blocks until it is done; any thread may call, one at a time per object.
class Cluster {
public:
    // Serves when it returns. Errors: invalid_config, transport (a port is taken), locked, file_system.
    static Result<Cluster> start(ClusterOptions options = {});
    Cluster(Cluster&&) noexcept;
    Cluster& operator=(Cluster&&) noexcept;
    // Stops in order.
    ~Cluster();

    // "127.0.0.1:40001,127.0.0.1:40002": also of brokers that are down.
    const std::string& bootstrap_servers() const noexcept;

    Result<void> create_topic(std::string name, std::int32_t partitions = 1);
    // The broker's id; -1 when nobody leads.
    Result<int> leader(std::string topic, std::int32_t partition) const;
    // A real change of the metadata: the next leader epoch, and the log goes along.
    Result<void> move_leader(std::string topic, std::int32_t partition, int broker);

    // As a crash, and a restart with the same data on the same port. Nothing happens when it is so already.
    Result<void> broker_down(int broker);
    Result<void> broker_up(int broker);

    // Faults are used in the order in which they were injected.
    void inject(const Fault& fault);
    void clear_faults();
    // The broker accepts connections and requests and answers nothing; healed, it answers what waited.
    void cut_link(int broker);
    void heal_link(int broker);

    // Everything the brokers were asked, in the order it came (the first million).
    std::vector<LoggedRequest> requests() const;
    std::size_t count(protocol::ApiKey api) const;
    void clear_requests();

private:
    class Running;
    explicit Cluster(std::unique_ptr<Running>) noexcept;
    std::unique_ptr<Running> running_;
};

}  // namespace ottla::broker
