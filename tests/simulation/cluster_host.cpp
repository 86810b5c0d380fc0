// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/cluster_host.hpp"

#include <fmt/format.h>

namespace ottla::test {

using namespace std::chrono_literals;
using broker::ClusterCore;
using broker::ClusterPlan;

namespace {
std::string host_name(int id) { return fmt::format("broker-{}", id); }
}  // namespace

ClusterHost::ClusterHost(Simulation& simulation, int brokers, std::vector<std::string> settings)
    : simulation_(simulation),
      random_(simulation.chance()),
      brokers_(brokers),
      answers_(simulation) {
    ClusterPlan plan;
    plan.brokers = brokers;
    plan.overrides = std::move(settings);
    plan.overrides.emplace_back("log.flush.policy=ack");
    for (int id = 1; id <= brokers; ++id) plan.listeners.emplace_back(host_name(id), std::uint16_t{9092});
    for (int id = 0; id <= brokers; ++id) machines_[id].transport = simulation.network.host(host_name(id));
    core_ = ClusterCore::make(std::move(plan), [this](int id) { return parts(id); });
}

broker::BrokerParts ClusterHost::parts(int id) {
    Machine& machine = machines_.at(id);
    broker::BrokerParts parts;
    parts.shards.assign(id == 0 ? 1 : 1 + simulation_.seed() % 2, simulation_.loop.io.get_executor());
    parts.timers = &simulation_.loop.timers;
    parts.transport = machine.transport.get();
    parts.disk = &machine.disk;
    parts.workers = &simulation_.workers;
    parts.random = random_.split();
    parts.log = simulation_.log(host_name(id));
    parts.hook = &answers_;
    return parts;
}

std::vector<std::string> ClusterHost::hosts() const {
    std::vector<std::string> names;
    for (int id = 1; id <= brokers_; ++id) names.push_back(host_name(id));
    return names;
}

std::string ClusterHost::bootstrap() const { return core_->bootstrap(); }

asio::awaitable<void> ClusterHost::start() {
    auto started = co_await core_->start();
    if (!started) problems.push_back("the cluster did not start: " + to_string(started.error()));
}

asio::awaitable<void> ClusterHost::stop() {
    const auto deadline = simulation_.loop.timers.now() + 10s;
    co_await core_->stop(deadline);
    core_.reset();
}

asio::awaitable<void> ClusterHost::move(std::string topic, std::int32_t partition) {
    const auto from = core_->leader(topic, partition);
    int to = any_broker();
    if (from && *from == to) to = to % brokers_ + 1;
    auto moved = co_await core_->move_leader(topic, partition, to);
    simulation_.note(fmt::format("{}-{} to broker {}: {}", topic, partition, to, moved ? "moved" : "not moved"));
    // Nobody leads just after a start.
    const bool not_yet = !moved && moved.error() == ErrorCode::unknown_topic_or_partition;
    if (!moved && !not_yet && moved.error() != ErrorCode::broker_not_available)
        problems.push_back("no other leader: " + to_string(moved.error()));
}

asio::awaitable<void> ClusterHost::move_leader(std::string topic, std::int32_t partitions) {
    const auto partition = static_cast<std::int32_t>(random_.below(static_cast<std::uint64_t>(partitions)));
    return move(std::move(topic), partition);
}

asio::awaitable<void> ClusterHost::flap(std::string topic, std::int32_t partitions) {
    const auto partition = static_cast<std::int32_t>(random_.below(static_cast<std::uint64_t>(partitions)));
    const std::int64_t pause_ms = random_.chance(0.5) ? 20 : 1'000;
    for (auto left = random_.between(2, 8); left > 0; --left) {
        co_await move(topic, partition);
        co_await wait_ms(0, pause_ms);
    }
}

asio::awaitable<void> ClusterHost::lose_one(bool without_power) {
    const int id = any_broker();
    auto& disk = machines_.at(id).disk;
    disk.stop_after(0);
    simulation_.network.crash(host_name(id), without_power);
    auto down = co_await core_->broker_down(id);
    if (!down) problems.push_back(fmt::format("broker {} does not end: {}", id, to_string(down.error())));
    if (without_power)
        disk.crash(random_);
    else
        disk.restart();
    co_await wait_ms(1, 4'000);
    auto up = co_await core_->broker_up(id);
    if (!up) problems.push_back(fmt::format("broker {} does not start: {}", id, to_string(up.error())));
}

asio::awaitable<void> ClusterHost::wait_ms(std::int64_t least, std::int64_t most) {
    return simulation_.loop.timers.wait_for(std::chrono::milliseconds(random_.between(least, most)));
}

}  // namespace ottla::test
