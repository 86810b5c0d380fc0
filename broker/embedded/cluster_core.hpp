// SPDX-License-Identifier: Apache-2.0
// ClusterCore: N brokers and one controller on one executor, on whatever transport, time and disks are handed in: the
// real ones behind ottla::broker::Cluster, or the simulator's. All calls come on the executor of shard 0.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/embedded/fault_script.hpp"
#include "broker/server/broker.hpp"
#include "net/endpoint.hpp"

namespace ottla::broker {

struct ClusterPlan {
    int brokers = 1;
    // Broker i keeps its logs in `directory`/broker-i, the controller in `directory`/controller.
    std::string directory = "/data";
    std::vector<net::Endpoint> listeners;  // one per broker, in the order of their ids
    std::vector<std::string> overrides;    // "key=value", for all
};

class ClusterCore : public std::enable_shared_from_this<ClusterCore> {
public:
    // What broker `id` stands on; 0 asks for the controller. Its first shard's executor is the same for all. Asked
    // again when a broker comes up again. A hook of its own stands instead of the script.
    using PartsOf = std::function<BrokerParts(int id)>;

    static std::shared_ptr<ClusterCore> make(ClusterPlan plan, PartsOf parts_of);

    boost::asio::awaitable<Result<void>> start();
    boost::asio::awaitable<void> stop(base::TimePoint deadline);

    // "host:port,host:port", also of brokers that are down.
    std::string bootstrap() const;

    // As a crash and a restart on the same disk and port. unknown_broker: no such id; down and up are idempotent.
    boost::asio::awaitable<Result<void>> broker_down(int id);
    boost::asio::awaitable<Result<void>> broker_up(int id);
    // The broker that leads lets go, its log is copied, the other one opens it and leads in the next epoch.
    boost::asio::awaitable<Result<void>> move_leader(std::string topic, std::int32_t partition, int to);
    boost::asio::awaitable<Result<void>> create_topic(std::string name, std::int32_t partitions, std::int16_t copies);

    // -1 when nobody leads; unknown_topic_or_partition.
    Result<int> leader(std::string_view topic, std::int32_t partition) const;
    FaultScript& script() noexcept { return script_; }
    // Null while it is down.
    Broker* broker(int id) noexcept;
    const std::shared_ptr<const MetadataImage>& image() const noexcept { return controller_->loop().image(); }

private:
    ClusterCore(ClusterPlan plan, PartsOf parts_of, BrokerParts controller_parts);
    Result<void> start_controller();
    static boost::asio::awaitable<void> take_down(std::shared_ptr<ClusterCore>, int id);
    boost::asio::awaitable<Result<void>> start_broker(int id);
    base::TimePoint soon() const;
    Result<BrokerConfig> config_of(int id) const;

    ClusterPlan plan_;
    PartsOf parts_of_;
    BrokerParts controller_parts_;
    FaultScript script_;
    BrokerConfig controller_config_;
    std::unique_ptr<log::LogDirectory> controller_directory_;
    std::shared_ptr<log::LogIo> controller_io_;
    std::unique_ptr<ControllerNode> controller_;
    std::map<int, std::shared_ptr<Broker>> up_;
    std::map<int, std::unique_ptr<BrokerFaults>> hooks_;
};

}  // namespace ottla::broker
