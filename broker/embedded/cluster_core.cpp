// SPDX-License-Identifier: Apache-2.0
#include "broker/embedded/cluster_core.hpp"

#include <fmt/format.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "broker/embedded/copy_log.hpp"
#include "broker/log/group_sync.hpp"

namespace ottla::broker {
namespace {

namespace asio = boost::asio;

constexpr int controller_id = 3000;
constexpr auto patience = std::chrono::seconds(30);

Error no_such_broker(int id) { return Error::of(ErrorCode::unknown_broker, fmt::format("there is no broker {}", id)); }

}  // namespace

std::shared_ptr<ClusterCore> ClusterCore::make(ClusterPlan plan, PartsOf parts_of) {
    auto controller_parts = parts_of(0);
    return std::shared_ptr<ClusterCore>(
        new ClusterCore(std::move(plan), std::move(parts_of), std::move(controller_parts)));
}

ClusterCore::ClusterCore(ClusterPlan plan, PartsOf parts_of, BrokerParts controller_parts)
    : plan_(std::move(plan)),
      parts_of_(std::move(parts_of)),
      controller_parts_(std::move(controller_parts)),
      script_(controller_parts_.shards.front(), *controller_parts_.timers) {
    for (int id = 1; id <= plan_.brokers; ++id) hooks_[id] = std::make_unique<BrokerFaults>(script_, id);
}

base::TimePoint ClusterCore::soon() const { return controller_parts_.timers->now() + patience; }

Broker* ClusterCore::broker(int id) noexcept {
    const auto at = up_.find(id);
    return at == up_.end() ? nullptr : at->second.get();
}

Result<BrokerConfig> ClusterCore::config_of(int id) const {
    const auto& where = plan_.listeners.at(static_cast<std::size_t>(id) - 1);
    // Tests wait for no members that they do not bring.
    std::string text =
        fmt::format("node.id={}\nlisteners=PLAINTEXT://{}\nlog.dirs={}\ngroup.initial.rebalance.delay.ms=0\n", id,
                    net::to_string(where), log::join_path(plan_.directory, fmt::format("broker-{}", id)));
    return BrokerConfig::parse(text, plan_.overrides);
}

Result<void> ClusterCore::start_controller() {
    auto config = BrokerConfig::parse(fmt::format("node.id={}\n", controller_id), plan_.overrides);
    if (!config) return config.error();
    controller_config_ = std::move(*config);
    controller_config_.node_id = controller_id;
    const auto path = log::join_path(plan_.directory, "controller");
    auto& disk = *controller_parts_.disk;
    const auto there = disk.exists(log::join_path(path, "meta.properties"));
    if (!there) return there.error();
    log::LogDirectory::Identity identity;
    identity.node_id = controller_id;
    if (!*there) identity.cluster_id = to_string(controller_parts_.random.uuid());
    identity.new_directory_id = controller_parts_.random.uuid();
    auto opened = log::LogDirectory::open(disk, path, identity, controller_parts_.log.named("controller.log"));
    if (!opened) return opened.error();
    controller_directory_ = std::move(*opened);
    controller_io_ = log::GroupSync::make(*controller_directory_, log::FlushPolicy::ack, *controller_parts_.workers,
                                          *controller_parts_.timers, controller_parts_.shards.front());
    ControllerNode::Parts parts;
    parts.executor = controller_parts_.shards.front();
    parts.timers = controller_parts_.timers;
    parts.io = controller_io_;
    parts.random = controller_parts_.random.split();
    parts.log = controller_parts_.log.named("controller");
    auto started = ControllerNode::start(*controller_directory_, controller_config_, std::move(parts));
    if (!started) return started.error();
    controller_ = std::move(*started);
    return ok();
}

asio::awaitable<Result<void>> ClusterCore::start_broker(int id) {
    auto config = config_of(id);
    if (!config) co_return config.error();
    auto parts = parts_of_(id);
    parts.cluster_id = controller_directory_->properties().cluster_id;
    parts.controller = &controller_->loop();
    if (!parts.hook) parts.hook = hooks_.at(id).get();
    // As its process would end.
    parts.on_failed = [weak = weak_from_this(), executor = controller_parts_.shards.front(), id](const Error&) {
        if (auto self = weak.lock()) asio::co_spawn(executor, take_down(std::move(self), id), asio::detached);
    };
    const auto broker = Broker::make(std::move(*config), std::move(parts));
    if (auto started = co_await broker->start(); !started) {
        co_await broker->kill();
        co_return std::move(started).with_context(fmt::format("broker {}", id));
    }
    // The port stays the same when it comes up again.
    plan_.listeners[static_cast<std::size_t>(id) - 1].port = broker->endpoint().port;
    up_[id] = broker;
    co_return ok();
}

asio::awaitable<Result<void>> ClusterCore::start() {
    if (plan_.brokers < 1 || plan_.listeners.size() != static_cast<std::size_t>(plan_.brokers)) {
        co_return Error::of(ErrorCode::invalid_argument, "a cluster needs one listener for each of its brokers");
    }
    const auto config = config_of(1);
    if (!config) co_return config.error();
    if (config->network_threads.value_or(1) != 1) {
        co_return Error::of(ErrorCode::invalid_config,
                            "num.network.threads: the brokers of a cluster in one process share one thread; leave it "
                            "out, or start one broker");
    }
    if (auto started = start_controller(); !started) co_return started;
    for (int id = 1; id <= plan_.brokers; ++id) {
        if (auto started = co_await start_broker(id); !started) co_return started;
    }
    co_return ok();
}

asio::awaitable<void> ClusterCore::stop(base::TimePoint deadline) {
    for (int id = 1; id <= plan_.brokers; ++id) {
        script_.heal(id);
        const auto at = up_.find(id);
        if (at == up_.end()) continue;
        const auto broker = std::move(at->second);
        up_.erase(at);
        co_await broker->stop(deadline);
    }
    if (!controller_ || !co_await controller_->stop()) co_return;
    const auto closed = controller_directory_->close(-1);
    if (!closed) controller_parts_.log.error("{}", closed.error().text());
}

std::string ClusterCore::bootstrap() const {
    std::string all;
    for (const auto& where : plan_.listeners) all += (all.empty() ? "" : ",") + net::to_string(where);
    return all;
}

asio::awaitable<Result<void>> ClusterCore::broker_down(int id) {
    if (!hooks_.contains(id)) co_return no_such_broker(id);
    const auto at = up_.find(id);
    if (at == up_.end()) co_return ok();
    const auto broker = std::move(at->second);
    up_.erase(at);
    co_await broker->kill();
    SetBrokerStateRequest down;
    down.broker_id = id;
    down.controlled = false;
    const auto deadline = soon();
    const auto reply = co_await controller_->loop().ask(down, deadline);
    if (!reply) co_return reply.error();
    co_return ok();
}

asio::awaitable<void> ClusterCore::take_down(std::shared_ptr<ClusterCore> self, int id) {
    const auto down = co_await self->broker_down(id);
    if (!down) self->controller_parts_.log.warn("broker {}: {}", id, down.error().text());
}

asio::awaitable<Result<void>> ClusterCore::broker_up(int id) {
    if (!hooks_.contains(id)) co_return no_such_broker(id);
    if (up_.contains(id)) co_return ok();
    co_return co_await start_broker(id);
}

Result<int> ClusterCore::leader(std::string_view topic, std::int32_t partition) const {
    const auto found = image()->topic(topic);
    const auto* one = found ? found->partition(partition) : nullptr;
    if (!one) {
        return Error::of(ErrorCode::unknown_topic_or_partition,
                         fmt::format("there is no partition {} of topic '{}'", partition, topic));
    }
    return one->leader;
}

asio::awaitable<Result<void>> ClusterCore::move_leader(std::string topic, std::int32_t partition, int to) {
    const auto from = leader(topic, partition);
    if (!from) co_return from.error();
    if (!hooks_.contains(to)) co_return no_such_broker(to);
    auto* source = broker(*from);
    auto* target = broker(to);
    if (!source || !target) {
        co_return Error::of(ErrorCode::broker_not_available, fmt::format("broker {} is down", source ? to : *from));
    }
    if (source == target) co_return ok();
    const PartitionKey key{image()->topic(topic)->id, partition};
    if (auto released = co_await source->release(key); !released) co_return released;
    const log::TopicPartitionName name{topic, partition};
    const auto* from_directory = source->directories().holder(name);
    // What it held when it led before is replaced.
    auto* to_directory = target->directories().holder(name);
    if (!to_directory) to_directory = target->directories().emptiest();
    if (!from_directory || !to_directory || to_directory->offline())
        co_return Error::of(ErrorCode::kafka_storage_error, fmt::format("broker {} has no directory for it", to));
    const auto leaf = log::partition_directory(topic, partition);
    auto copied = copy_log(from_directory->disk(), log::join_path(from_directory->path(), leaf), to_directory->disk(),
                           log::join_path(to_directory->path(), leaf));
    if (!copied) co_return copied;
    MoveLeaderRequest move;
    move.topic = std::move(topic);
    move.partition = partition;
    move.broker_id = to;
    move.directory = to_directory->properties().directory_id;
    const auto deadline = soon();
    const auto reply = co_await controller_->loop().ask(std::move(move), deadline);
    if (!reply) co_return reply.error();
    if (reply->error != ErrorCode::none) co_return Error::of(reply->error, reply->text);
    co_return ok();
}

asio::awaitable<Result<void>> ClusterCore::create_topic(std::string name, std::int32_t partitions,
                                                        std::int16_t copies) {
    protocol::CreateTopicsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = std::move(name);
    topic.num_partitions = partitions;
    topic.replication_factor = copies;
    const auto deadline = soon();
    const auto reply = co_await controller_->loop().ask(std::move(request), deadline);
    if (!reply) co_return reply.error();
    const auto& result = reply->topics.front();
    if (result.error_code != 0) {
        co_return Error::of(static_cast<ErrorCode>(result.error_code), result.error_message.value_or(""));
    }
    co_return ok();
}

}  // namespace ottla::broker
