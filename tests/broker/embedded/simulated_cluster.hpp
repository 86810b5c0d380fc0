// SPDX-License-Identifier: Apache-2.0
// SimulatedCluster: whole brokers on virtual time, a network in memory and disks in memory, in the test's own thread;
// and clients that call them through real connections.
#pragma once

#include <map>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include <ottla/protocol/messages/fetch_request.hpp>
#include <ottla/protocol/messages/fetch_response.hpp>
#include <ottla/protocol/messages/produce_request.hpp>
#include <ottla/protocol/messages/produce_response.hpp>
#include <ottla/protocol/record_batch.hpp>
#include <ottla/protocol/record_batch_builder.hpp>
#include "broker/embedded/cluster_core.hpp"
#include "broker/log/memory_disk.hpp"
#include "net/client_channel.hpp"
#include "net/memory_network.hpp"
#include "net/simulated_workers.hpp"
#include "tests/support/virtual_loop.hpp"

namespace ottla::broker {

class SimulatedCluster {
public:
    static constexpr auto patience = std::chrono::seconds(20);

    explicit SimulatedCluster(int brokers = 1, std::size_t shards = 1, std::vector<std::string> overrides = {})
        : shards_(shards),
          network_(loop_.timers, base::Random(1)),
          client_(network_.host("client")),
          pool_(1 << 20),
          workers_(loop_.timers, loop_.io.get_executor(), base::Random(2), std::chrono::microseconds(50),
                   std::chrono::milliseconds(2)) {
        plan_.brokers = brokers;
        plan_.overrides = std::move(overrides);
        for (int id = 1; id <= brokers; ++id)
            plan_.listeners.emplace_back(host_of(id), static_cast<std::uint16_t>(9092));
    }
    ~SimulatedCluster() {
        channels_.clear();
        if (core_) stop();
    }

    Result<void> try_start() {
        core_ = ClusterCore::make(plan_, [this](int id) { return parts(id); });
        return *loop_.run(core_->start());
    }
    SimulatedCluster& start() {
        const auto started = try_start();
        EXPECT_TRUE(started.has_value()) << started.error().text();
        return *this;
    }
    void stop() {
        EXPECT_TRUE(loop_.run(core_->stop(loop_.timers.now() + patience)));
        core_.reset();
        loop_.settle();
    }

    ClusterCore& core() { return *core_; }
    const MetadataImage& image() { return *core_->image(); }
    test::VirtualLoop& loop() { return loop_; }
    net::MemoryNetwork& network() { return network_; }
    base::BufferPool& pool() { return pool_; }
    log::MemoryDisk& disk(int id) { return *disks_[id]; }
    ClusterPlan& plan() { return plan_; }
    template <class T>
    T run(boost::asio::awaitable<T> work) {
        return *loop_.run(std::move(work));
    }

    // The client's connection to a broker, made anew when it was lost.
    Result<std::shared_ptr<net::ClientChannel>> channel(int broker) {
        auto& kept = channels_[broker];
        if (kept && kept->is_open()) return kept;
        auto opened = run(net::ClientChannel::open(*client_, loop_.timers, pool_, net::Endpoint(host_of(broker), 9092),
                                                   {}, loop_.timers.now() + patience));
        if (!opened) return opened.error();
        kept = *opened;
        return kept;
    }

    // The answer, or what happened instead of it.
    template <class Request>
    Result<typename Request::Response> call(int broker, Request request, std::int16_t version) {
        auto open = channel(broker);
        if (!open) return open.error();
        return run((*open)->call(std::move(request), version, loop_.timers.now() + patience));
    }

    ErrorCode produce(int broker, const std::string& topic, std::int32_t partition, std::string_view value,
                      std::optional<std::string_view> key = std::nullopt, std::int64_t timestamp = 1000) {
        protocol::ProduceRequest request;
        request.acks = -1;
        request.timeout_ms = 5000;
        auto& one = request.topic_data.emplace_back();
        one.name = topic;
        auto& data = one.partition_data.emplace_back();
        data.index = partition;
        protocol::RecordBatchBuilder builder{Buffer(256)};
        builder.append(timestamp, key ? protocol::NullableSpan(as_bytes(*key)) : std::nullopt, as_bytes(value));
        data.records = protocol::Records(builder.finish().freeze());
        const auto response = call(broker, std::move(request), 9);
        if (!response) return response.error().code();
        return static_cast<ErrorCode>(response->responses.at(0).partition_responses.at(0).error_code);
    }

    // All values of a partition.
    std::vector<std::string> consume(int broker, const std::string& topic, std::int32_t partition,
                                     std::int64_t offset = 0) {
        protocol::FetchRequest request;
        request.max_bytes = 1 << 20;
        request.min_bytes = 0;
        request.max_wait_ms = 0;
        auto& one = request.topics.emplace_back();
        one.topic = topic;
        auto& wanted = one.partitions.emplace_back();
        wanted.partition = partition;
        wanted.fetch_offset = offset;
        wanted.partition_max_bytes = 1 << 20;
        const auto response = call(broker, std::move(request), 12);
        std::vector<std::string> values;
        if (!response) return {std::string(response.error().text())};
        if (response->error_code != 0) return {std::string(name(static_cast<ErrorCode>(response->error_code)))};
        const auto& answer = response->responses.at(0).partitions.at(0);
        if (answer.error_code != 0) return {std::string(name(static_cast<ErrorCode>(answer.error_code)))};
        if (!answer.records) return values;
        const auto bytes = answer.records->flatten();
        protocol::RecordBatchReader batches(bytes->span());
        for (auto batch = batches.next(); batch && *batch; batch = batches.next()) {
            auto records = (*batch)->records();
            for (protocol::RecordView record; records.next(record);) values.emplace_back(as_text(*record.value));
        }
        return values;
    }

    static std::string host_of(int id) { return "broker-" + std::to_string(id); }

private:
    BrokerParts parts(int id) {
        if (!disks_.contains(id)) disks_[id] = std::make_unique<log::MemoryDisk>();
        if (!hosts_.contains(id)) hosts_[id] = network_.host(host_of(id));
        BrokerParts parts;
        parts.shards.assign(id == 0 ? 1 : shards_, loop_.io.get_executor());
        parts.timers = &loop_.timers;
        parts.transport = hosts_[id].get();
        parts.disk = disks_[id].get();
        parts.workers = &workers_;
        parts.random = random_.split();
        return parts;
    }

    std::size_t shards_;
    test::VirtualLoop loop_;
    net::MemoryNetwork network_;
    std::unique_ptr<net::Transport> client_;
    base::BufferPool pool_;
    net::SimulatedWorkers workers_;
    base::Random random_{3};
    std::map<int, std::unique_ptr<log::MemoryDisk>> disks_;
    std::map<int, std::unique_ptr<net::Transport>> hosts_;
    ClusterPlan plan_;
    std::shared_ptr<ClusterCore> core_;
    std::map<int, std::shared_ptr<net::ClientChannel>> channels_;
};

}  // namespace ottla::broker
