// SPDX-License-Identifier: Apache-2.0
// DataPlane: a broker of a few shards with the topic "orders" and nothing around it, to call handlers on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "broker/handlers/fetch.hpp"
#include "broker/handlers/fetch_conversation.hpp"
#include "broker/handlers/list_offsets.hpp"
#include "broker/handlers/offset_for_leader_epoch.hpp"
#include "broker/handlers/produce.hpp"
#include "broker/metadata/image_builder.hpp"
#include "broker/server/config.hpp"
#include "tests/broker/partitions/shard_bench.hpp"

namespace ottla::broker {

class DataPlane {
public:
    static constexpr std::int32_t partition_count = 6;

    explicit DataPlane(std::size_t shards = 1, PartitionSettings settings = {}) {
        topic_id_.bytes[15] = 7;
        node_.id = 1;
        node_.timers = &bench_.timers();
        node_.config = &config_;
        node_.workers = &bench_.workers();
        node_.directories = {&bench_.directory()};
        for (std::size_t i = 0; i < shards; ++i) {
            node_.shards.push_back(std::make_unique<Shard>(i, bench_.context().get_executor()));
        }
        set_fetch_session_slots(10);
        ImageBuilder builder(MetadataImage::empty());
        std::int64_t offset = 0;
        protocol::RegisterBrokerRecord broker;
        broker.broker_id = 2;
        protocol::RegisterBrokerRecord::BrokerEndpoint endpoint;
        endpoint.name = "PLAINTEXT";
        endpoint.host = "second";
        endpoint.port = 9093;
        broker.end_points.push_back(endpoint);
        EXPECT_TRUE(builder.apply(MetadataRecord(broker), offset++));
        protocol::TopicRecord topic;
        topic.name = "orders";
        topic.topic_id = topic_id_;
        EXPECT_TRUE(builder.apply(MetadataRecord(topic), offset++));
        for (std::int32_t p = 0; p < partition_count; ++p) {
            protocol::PartitionRecord partition;
            partition.partition_id = p;
            partition.topic_id = topic_id_;
            partition.replicas = partition.isr = {p == partition_count - 1 ? 2 : 1};
            partition.leader = partition.replicas.front();
            partition.leader_epoch = 3;
            EXPECT_TRUE(builder.apply(MetadataRecord(partition), offset++));
            if (partition.leader != 1) continue;
            auto made = bench_.partition("orders", p, settings);
            made->lead(3);
            node_.owner_of({topic_id_, p}).add({topic_id_, p}, made);
            partitions_.push_back(std::move(made));
        }
        image_ = builder.build();
    }

    BrokerConfig& config() { return config_; }
    // One more of log.dirs, with a partition that lies there.
    void add(log::LogDirectory& directory, const std::shared_ptr<Partition>& partition) {
        node_.directories.push_back(&directory);
        node_.owner_of(partition->key()).add(partition->key(), partition);
    }
    // Ends all sessions.
    void set_fetch_session_slots(std::size_t slots) {
        base::Random random(1);
        set_up_fetch_sessions(node_, slots, random);
    }

    // A call on its way. Its answer comes when time passes.
    template <class Handler>
    class Call {
    public:
        // Over a connection of `shard`.
        Call(DataPlane& plane, std::int16_t version, typename Handler::Request wanted, std::size_t shard = 0)
            : context{plane.node_, *plane.node_.shards[shard], plane.image_},
              request(std::move(wanted)) {
            context.version = version;
            context.listener_name = "PLAINTEXT";
            boost::asio::co_spawn(plane.bench_.context(), run(*this),
                                  boost::asio::bind_cancellation_slot(
                                      stop.slot(), [this](std::exception_ptr error) { cancelled = error != nullptr; }));
            plane.bench_.run();
        }
        Call(const Call&) = delete;

        bool done() const { return answer.has_value(); }
        typename Handler::Response& response() { return answer->value(); }

        RequestContext context;
        typename Handler::Request request;
        std::optional<Result<typename Handler::Response>> answer;
        boost::asio::cancellation_signal stop;
        bool cancelled = false;

    private:
        static awaitable<void> run(Call& call) {
            auto result = co_await Handler::handle(call.context, call.request);
            call.answer.emplace(std::move(result));
        }
    };
    // Until it has an answer, at most for a minute.
    template <class Handler>
    typename Handler::Response answer(std::int16_t version, typename Handler::Request request, std::size_t shard = 0) {
        Call<Handler> call(*this, version, std::move(request), shard);
        for (int i = 0; i < 6000 && !call.done(); ++i) bench_.pass(std::chrono::milliseconds(10));
        return call.response();
    }

    static protocol::ProduceRequest produce(std::int32_t partition, Bytes batch, std::int16_t acks = -1) {
        protocol::ProduceRequest request;
        request.acks = acks;
        request.timeout_ms = 1000;
        add(request, partition, std::move(batch));
        return request;
    }
    static void add(protocol::ProduceRequest& request, std::int32_t partition, Bytes batch) {
        if (request.topic_data.empty()) request.topic_data.emplace_back().name = "orders";
        auto& data = request.topic_data.back().partition_data.emplace_back();
        data.index = partition;
        data.records = protocol::Records(std::move(batch));
    }
    static protocol::FetchRequest fetch(std::initializer_list<std::pair<std::int32_t, std::int64_t>> positions) {
        protocol::FetchRequest request;
        request.max_wait_ms = 500;
        request.min_bytes = 1;
        request.max_bytes = 50 << 20;
        auto& topic = request.topics.emplace_back();
        topic.topic = "orders";
        topic.topic_id.bytes[15] = 7;
        for (const auto& [partition, offset] : positions) {
            auto& wanted = topic.partitions.emplace_back();
            wanted.partition = partition;
            wanted.fetch_offset = offset;
            wanted.partition_max_bytes = 1 << 20;
        }
        return request;
    }

    ShardBench& bench() { return bench_; }
    Partition& partition(std::int32_t number) { return *partitions_[static_cast<std::size_t>(number)]; }
    const Uuid& topic_id() const { return topic_id_; }
    std::size_t waiters() const {
        std::size_t sum = 0;
        for (const auto& partition : partitions_) sum += partition->waiters();
        return sum;
    }

private:
    ShardBench bench_;
    BrokerConfig config_;
    Node node_;
    Uuid topic_id_;
    std::shared_ptr<const MetadataImage> image_;
    std::vector<std::shared_ptr<Partition>> partitions_;
};

}  // namespace ottla::broker
