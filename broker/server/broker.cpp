// SPDX-License-Identifier: Apache-2.0
#include "broker/server/broker.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "broker/handlers/fetch_conversation.hpp"
#include "broker/metadata/controller.hpp"
#include "broker/server/group_hosts.hpp"
#include "broker/server/scatter.hpp"
#include "net/run_on.hpp"

namespace ottla::broker {
namespace asio = boost::asio;

namespace {

constexpr std::size_t pool_bytes_max = 8 << 20;

bool is_any_address(const std::string& host) { return host.empty() || host == "0.0.0.0" || host == "::"; }

net::ServerSessionOptions session_options(const BrokerConfig& config, base::Workers& workers) {
    net::ServerSessionOptions options;
    options.workers = &workers;
    options.frame_bytes_max = static_cast<std::size_t>(config.request_bytes_max);
    options.idle_max = std::chrono::milliseconds(config.connection_idle_ms_max);
    return options;
}

}  // namespace

// A listener and, for each shard, the way from its connections to the handlers.
struct Broker::Listening {
    std::unique_ptr<net::Listener> listener;
    std::vector<std::unique_ptr<Dispatcher>> dispatchers;
};

// The connections of one shard; touched on its executor.
struct Broker::Connections {
    std::map<std::uint64_t, std::shared_ptr<net::ServerSession>> sessions;
    std::uint64_t next = 0;
    bool closing = false;
};

std::shared_ptr<Broker> Broker::make(BrokerConfig config, BrokerParts parts) {
    return std::shared_ptr<Broker>(new Broker(std::move(config), std::move(parts)));
}

Broker::Broker(BrokerConfig config, BrokerParts parts)
    : config_(std::move(config)),
      parts_(std::move(parts)),
      pool_(pool_bytes_max),
      connection_ended_(std::make_unique<net::Signal>(parts_.shards.front())),
      image_applied_(std::make_unique<net::Signal>(parts_.shards.front())) {
    node_.id = config_.node_id;
    node_.config = &config_;
    node_.timers = parts_.timers;
    node_.hook = parts_.hook;
    node_.workers = parts_.workers;
    node_.log = parts_.log.named("broker");
    for (std::size_t i = 0; i < parts_.shards.size(); ++i) {
        node_.shards.push_back(std::make_unique<Shard>(i, parts_.shards[i]));
        connections_.push_back(std::make_unique<Connections>());
    }
    set_up_fetch_sessions(node_, static_cast<std::size_t>(config_.fetch_session_slots), parts_.random);
    base::Random of_groups = parts_.random;
    set_up_groups(node_, base::Random(~of_groups.next()));
}

Broker::~Broker() = default;

std::string Broker::bootstrap() const {
    net::Endpoint where(endpoint().host, endpoint().port);
    return net::to_string(where);
}

Result<void> Broker::open_listeners() {
    for (const auto& wanted : config_.listeners) {
        auto opened = parts_.transport->listen(parts_.shards.front(), net::Endpoint(wanted.host, wanted.port));
        if (!opened) return std::move(opened).with_context(fmt::format("listener {}", wanted.name)).error();
        EndpointImage endpoint;
        endpoint.name = wanted.name;
        endpoint.host = is_any_address(wanted.host) ? parts_.host_name : wanted.host;
        endpoint.port = (*opened)->endpoint().port;
        endpoint.security_protocol = wanted.security_protocol;
        for (const auto& advertised : config_.advertised) {
            if (advertised.name != wanted.name) continue;
            endpoint.host = advertised.host;
            if (advertised.port != 0) endpoint.port = advertised.port;
        }
        endpoints_.push_back(std::move(endpoint));

        auto listening = std::make_shared<Listening>();
        listening->listener = std::move(*opened);
        for (const auto& shard : node_.shards) {
            listening->dispatchers.push_back(std::make_unique<Dispatcher>(node_, *shard, wanted.name));
        }
        listening_.push_back(std::move(listening));
    }
    return ok();
}

asio::awaitable<Result<void>> Broker::register_with_controller() {
    protocol::BrokerRegistrationRequest request;
    request.broker_id = node_.id;
    request.cluster_id = node_.cluster_id;
    request.incarnation_id = parts_.random.uuid();
    for (const auto& endpoint : endpoints_) {
        auto& one = request.listeners.emplace_back();
        one.name = endpoint.name;
        one.host = endpoint.host;
        one.port = endpoint.port;
        one.security_protocol = endpoint.security_protocol;
    }
    for (const auto& feature : supported_features()) {
        auto& one = request.features.emplace_back();
        one.name = feature.name;
        one.min_supported_version = feature.range.min;
        one.max_supported_version = feature.range.max;
    }
    request.rack = config_.rack;
    for (const auto* directory : directories_->served()) {
        if (!directory->offline()) request.log_dirs.push_back(directory->properties().directory_id);
    }
    const auto deadline = parts_.timers->now() + std::chrono::milliseconds(config_.request_timeout_ms);
    const auto registered = co_await controller_->ask(std::move(request), deadline);
    if (!registered) co_return registered.error();
    if (registered->error_code != 0) co_return Error::of(static_cast<ErrorCode>(registered->error_code));
    epoch_ = registered->broker_epoch;

    SetBrokerStateRequest up;
    up.broker_id = node_.id;
    up.up = true;
    const auto unfenced = co_await controller_->ask(up, deadline);
    if (!unfenced) co_return unfenced.error();
    if (unfenced->error != ErrorCode::none) co_return Error::of(unfenced->error);
    co_return ok();
}

asio::awaitable<Result<void>> Broker::start() {
    if (auto opened = open_directories(); !opened) co_return opened;
    if (auto opened = open_listeners(); !opened) co_return opened;
    controller_ = parts_.controller;
    if (!controller_) {
        ControllerNode::Parts parts;
        parts.executor = parts_.shards.front();
        parts.timers = parts_.timers;
        parts.io = io_->of(*directories_->metadata(), 0);
        parts.random = parts_.random.split();
        parts.log = parts_.log.named("controller");
        auto started = ControllerNode::start(*directories_->metadata(), config_, std::move(parts));
        if (!started) co_return started.error();
        own_controller_ = std::move(*started);
        controller_ = &own_controller_->loop();
    }
    node_.controller = controller_;
    controller_->add_listener(*this);
    if (auto registered = co_await register_with_controller(); !registered) co_return registered;
    for (const auto& listening : listening_) {
        asio::co_spawn(parts_.shards.front(), accept_loop(shared_from_this(), listening), asio::detached);
    }
    asio::co_spawn(parts_.shards.front(), report_directories(shared_from_this()), asio::detached);
    asio::co_spawn(parts_.shards.front(), look_after_logs(shared_from_this()), asio::detached);
    if (config_.cleaner_enabled)
        asio::co_spawn(parts_.shards.front(), compact_logs(shared_from_this()), asio::detached);
    serves_ = true;
    node_.log.info("broker {} of cluster {} serves {} on {}. Transitioning from RECOVERY to RUNNING.", node_.id,
                   node_.cluster_id, fmt::join(config_.log_dirs, ", "), bootstrap());
    co_return ok();
}

asio::awaitable<void> Broker::look_after_logs(std::shared_ptr<Broker> self) { co_await self->housekeeping_->run(); }

asio::awaitable<void> Broker::compact_logs(std::shared_ptr<Broker> self) { co_await self->cleaner_->run(); }

asio::awaitable<void> Broker::accept_loop(std::shared_ptr<Broker> self, std::shared_ptr<Listening> listening) {
    for (std::size_t turn = 0;; ++turn) {
        const std::size_t shard = turn % self->node_.shards.size();
        auto stream = co_await listening->listener->accept(self->parts_.shards[shard]);
        if (!stream || self->stopped_) co_return;
        ++self->open_connections_;
        asio::co_spawn(self->parts_.shards[shard], serve(self, listening, shard, std::move(*stream)), asio::detached);
    }
}

asio::awaitable<void> Broker::serve(std::shared_ptr<Broker> self, std::shared_ptr<Listening> listening,
                                    std::size_t shard, std::unique_ptr<net::Stream> stream) {
    auto& connections = *self->connections_[shard];
    if (!connections.closing) {
        const auto id = connections.next++;
        const auto session = net::ServerSession::make(
            std::move(stream), *self->parts_.timers, self->pool_, *listening->dispatchers[shard],
            session_options(self->config_, *self->parts_.workers), self->node_.log);
        connections.sessions.emplace(id, session);
        co_await session->run();
        connections.sessions.erase(id);
    }
    stream.reset();
    asio::post(self->parts_.shards.front(), [self] {
        --self->open_connections_;
        self->connection_ended_->notify();
    });
}

asio::awaitable<void> Broker::close_connections(base::TimePoint deadline) {
    for (const auto& listening : listening_) listening->listener->close();
    for (const auto& shard : node_.shards) {
        auto job = [this, &shard] {
            auto& connections = *connections_[shard->index()];
            connections.closing = true;
            for (const auto& [id, session] : connections.sessions) session->close();
        };
        co_await run_at(*shard, here(), job);
    }
    while (open_connections_ > 0) {
        if (!co_await connection_ended_->wait_until(*parts_.timers, deadline)) co_return;
    }
}

asio::awaitable<void> Broker::stop_housekeeping() {
    if (!housekeeping_) co_return;
    cleaner_->stop();
    co_await cleaner_->stopped();
    housekeeping_->stop();
    co_await housekeeping_->stopped();
}

asio::awaitable<void> Broker::stop_groups() {
    for (const auto& shard : node_.shards)
        co_await asio::co_spawn(shard->executor(), shard->groups()->stop(), asio::use_awaitable);
}

asio::awaitable<void> Broker::leave_controller() {
    if (reports_) reports_->stop();
    if (reports_) co_await reports_->stopped();
    while (applying_ || leaving_ > 0) co_await image_applied_->wait();
    if (controller_) controller_->remove_listener(*this);
}

asio::awaitable<void> Broker::drop_partitions() {
    for (const auto& shard : node_.shards) {
        auto job = [&shard] {
            for (const auto& partition : shard->partitions()) {
                partition->close(Error::of(ErrorCode::not_leader_or_follower));
                shard->remove(partition->key());
            }
        };
        co_await run_at(*shard, here(), job);
    }
}

asio::awaitable<void> Broker::stop(base::TimePoint deadline) {
    stopped_ = true;
    if (controller_ && epoch_ != -1) {
        SetBrokerStateRequest down;
        down.broker_id = node_.id;
        const auto left = co_await controller_->ask(down, deadline);
        if (!left) node_.log.warn("leadership could not be given up: {}", left.error().text());
    }
    co_await close_connections(deadline);
    co_await stop_groups();
    co_await leave_controller();
    co_await stop_housekeeping();
    Housekeeping::Done in_order = co_await close_partitions();
    if (serves_) {
        // What was not synced has no right to be vouched for, whatever was written of it.
        co_await write_checkpoints(in_order);
    }
    co_await drop_partitions();
    if (own_controller_) {
        const auto* metadata = directories_->metadata();
        const bool is_served = std::ranges::find(node_.directories, metadata) != node_.directories.end();
        const bool synced = co_await own_controller_->stop();
        if (!synced) std::erase(in_order, metadata);
        if (synced && !is_served) in_order.push_back(metadata);
    }
    if (io_) co_await io_->drain();
    if (serves_) close_directories(in_order);
    node_.log.info("broker {} has stopped", node_.id);
}

asio::awaitable<void> Broker::kill() {
    stopped_ = true;
    const auto at_once = parts_.timers->now() + std::chrono::seconds(1);
    co_await close_connections(at_once);
    co_await stop_groups();
    co_await leave_controller();
    co_await stop_housekeeping();
    co_await drop_partitions();
    if (own_controller_) co_await own_controller_->abandon();
    if (io_) co_await io_->drain();
    // Gives the lock back: the broker may be started again at once.
    own_controller_.reset();
    applier_.reset();
    reports_.reset();
    cleaner_.reset();
    housekeeping_.reset();
    io_.reset();
    node_.directories.clear();
    directories_.reset();
}

asio::awaitable<Result<void>> Broker::release(PartitionKey key) {
    Shard& owner = node_.owner_of(key);
    Result<void> outcome = Error::of(ErrorCode::unknown_topic_or_partition);
    auto job = [&] {
        const auto partition = owner.find(key);
        if (!partition) return;
        outcome = partition->sync_and_close();
        owner.remove(key);
    };
    co_await run_at(owner, here(), job);
    co_await io_->drain();
    co_await cleaner_->let_go(key);
    co_return outcome;
}

asio::awaitable<void> Broker::on_image(std::shared_ptr<const MetadataImage> image) {
    applying_ = true;
    co_await applier_->apply(std::move(image));
    applying_ = false;
    image_applied_->notify();
}

}  // namespace ottla::broker
