// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/broker_host.hpp"

#include <limits>

#include <fmt/format.h>

namespace ottla::test {

using namespace std::chrono_literals;
using broker::Broker;
using broker::BrokerConfig;
using broker::BrokerParts;

BrokerHost::BrokerHost(Simulation& simulation, std::size_t shards, std::vector<std::string> settings)
    : simulation_(simulation),
      random_(simulation.chance()),
      shards_(shards),
      settings_(std::move(settings)),
      transport_(simulation.network.host("broker")) {
    disk_.set_syncs_at_once(simulation.seed() % 2 != 0);
}

asio::awaitable<void> BrokerHost::start() {
    auto config = BrokerConfig::parse("node.id=1\nlisteners=PLAINTEXT://broker:9092\nlog.dirs=/data\n", settings_);
    if (!config) {
        problems.push_back(to_string(config.error()));
        co_return;
    }
    BrokerParts parts;
    for (std::size_t i = 0; i < shards_; ++i) parts.shards.push_back(simulation_.loop.io.get_executor());
    parts.timers = &simulation_.loop.timers;
    parts.transport = transport_.get();
    parts.disk = &disk_;
    parts.workers = &simulation_.workers;
    parts.random = random_.split();
    parts.log = simulation_.log("broker");
    parts.host_name = "broker";
    broker_ = Broker::make(std::move(*config), std::move(parts));
    auto started = co_await broker_->start();
    if (!started) problems.push_back(fmt::format("the broker did not start: {}", to_string(started.error())));
}

asio::awaitable<void> BrokerHost::stop() {
    const auto deadline = simulation_.loop.timers.now() + 10s;
    co_await broker_->stop(deadline);
    broker_.reset();
    disk_.restart();
}

asio::awaitable<void> BrokerHost::die(bool without_power) {
    disk_.stop_after(0);
    simulation_.network.crash("broker", without_power);
    co_await broker_->kill();
    broker_.reset();
    if (without_power)
        disk_.crash(random_);
    else
        disk_.restart();
}

asio::awaitable<void> BrokerHost::again(End end, std::function<void()> meanwhile) {
    if (end == End::stopped)
        co_await stop();
    else
        co_await die(end == End::power_lost);
    if (meanwhile) meanwhile();
    co_await wait_ms(1, 4'000);
    co_await start();
}

asio::awaitable<void> BrokerHost::fill_disk() {
    const std::uint64_t used = disk_.total_bytes("/").value() - disk_.free_bytes("/").value();
    disk_.set_capacity(used + random_.below(2'000));
    co_await wait_ms(10, 8'000);
    disk_.set_capacity(std::numeric_limits<std::uint64_t>::max());
}

asio::awaitable<void> BrokerHost::break_disk() {
    const auto is_sync = [](MemoryDisk::Kind kind) {
        return kind == MemoryDisk::Kind::sync || kind == MemoryDisk::Kind::sync_file_system;
    };
    const bool breaks_sync = random_.chance(0.5);
    const auto fault = random_.chance(0.5) ? MemoryDisk::Fault::fail : MemoryDisk::Fault::torn;
    disk_.set_script([this, is_sync, breaks_sync, fault, left = 1 + random_.below(6),
                      failed = std::string()](const MemoryDisk::Operation& operation) mutable {
        const bool syncs = is_sync(operation.kind);
        // Another shard may sync the file system before it hears of that.
        const bool may_again = operation.kind == MemoryDisk::Kind::sync_file_system && shards_ > 1;
        if (syncs && operation.path == failed && !may_again)
            problems.push_back("a failed sync is tried again: " + failed);
        if (breaks_sync ? !syncs : operation.kind != MemoryDisk::Kind::write) return MemoryDisk::Fault::none;
        if (left == 0 || --left != 0) return MemoryDisk::Fault::none;
        if (breaks_sync) failed = operation.path;
        return breaks_sync ? MemoryDisk::Fault::fail : fault;
    });
    co_await wait_ms(10, 3'000);
    disk_.set_script({});
    co_await again(random_.chance(0.5) ? End::killed : End::power_lost);
}

asio::awaitable<void> BrokerHost::break_reads() {
    disk_.set_script([random = random_.split(), one_in = 1 + random_.below(8)](const auto& operation) mutable {
        if (operation.kind != MemoryDisk::Kind::read || random.below(one_in) != 0) return MemoryDisk::Fault::none;
        return MemoryDisk::Fault::fail;
    });
    co_await wait_ms(10, 3'000);
    disk_.set_script({});
    if (random_.chance(0.5)) co_await again(any_end());
}

asio::awaitable<void> BrokerHost::slow_disk() {
    auto& workers = simulation_.workers;
    const auto usual = workers.delays();
    workers.set_delays({1ms, std::chrono::milliseconds(random_.between(10, 2'000))});
    co_await wait_ms(10, 6'000);
    if (random_.chance(0.5)) co_await again(random_.chance(0.5) ? End::killed : End::power_lost);
    workers.set_delays(usual);
}

asio::awaitable<void> BrokerHost::turn_bit(std::string topic, std::int32_t partitions) {
    const auto partition = static_cast<std::int32_t>(random_.below(static_cast<std::uint64_t>(partitions)));
    const std::string directory = fmt::format("/data/{}-{}", topic, partition);
    std::function<void()> turn = [this, directory, partition] { turn_bit_in(directory, partition); };
    co_await again(any_end(), std::move(turn));
}

// In a log, or in what is built anew from it.
void BrokerHost::turn_bit_in(const std::string& directory, std::int32_t partition) {
    std::vector<std::string> names;
    const auto entries = disk_.list(directory);
    if (!entries) return;  // the topic was not there yet when the power went
    for (const auto& entry : *entries)
        for (const std::string_view suffix : {".log", ".index", ".timeindex", ".snapshot", ".txnindex"})
            if (entry.name.ends_with(suffix)) names.push_back(entry.name);
    if (names.empty()) return;
    const std::string& name = names[random_.below(names.size())];
    const auto file = disk_.open(directory + "/" + name).value();
    const std::uint64_t size = file->size().value();
    if (size == 0) return;
    const std::uint64_t at = random_.below(size);
    std::uint8_t byte = 0;
    file->read_exactly(at, {&byte, 1}).value();
    byte = static_cast<std::uint8_t>(byte ^ (1U << random_.below(8)));
    file->write_at(at, ByteSpan(&byte, 1)).value();
    file->sync().value();
    simulation_.note(fmt::format("a bit of byte {} of '{}/{}' has turned", at, directory, name));
    if (name.ends_with(".log")) damaged_.insert(partition);
}

asio::awaitable<void> BrokerHost::wait_ms(std::int64_t least, std::int64_t most) {
    return simulation_.loop.timers.wait_for(std::chrono::milliseconds(random_.between(least, most)));
}

}  // namespace ottla::test
