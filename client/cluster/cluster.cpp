// SPDX-License-Identifier: Apache-2.0
#include "client/cluster/cluster.hpp"

#include <fmt/format.h>

#include "client/runtime/spawn.hpp"

namespace ottla::client {

Cluster::Cluster(std::shared_ptr<Runtime> runtime, CommonConfig config, bool may_create_topics)
    : runtime_(std::move(runtime)),
      config_(std::move(config)),
      may_create_topics_(may_create_topics),
      refresh_(runtime_->executor()),
      refresh_backoff_(config_.retry_backoff, config_.retry_backoff_max) {
    for (const auto& endpoint : config_.bootstrap_servers)
        bootstrap_.push_back(std::make_shared<Broker>(config_, endpoint, *runtime_));
}

Cluster::~Cluster() = default;

std::shared_ptr<Cluster> Cluster::make(std::shared_ptr<Runtime> runtime, CommonConfig config, bool may_create_topics) {
    const auto executor = runtime->executor();
    std::shared_ptr<Cluster> cluster(new Cluster(std::move(runtime), std::move(config), may_create_topics));
    spawn(executor, metadata_loop(cluster));
    if (cluster->config_.connections_idle_max.count() > 0) spawn(executor, idle_loop(cluster));
    return cluster;
}

void Cluster::add_broker(BrokerId id, BrokerInfo broker) { cache_.add_broker(id, std::move(broker)); }

awaitable<void> Cluster::idle_loop(std::shared_ptr<Cluster> self) {
    auto& timers = self->runtime_->timers();
    const auto idle_max = self->config_.connections_idle_max;
    Watch watch(self->connections_, self->runtime_->executor());
    while (!self->closed_) {
        const TimePoint now = timers.now();
        TimePoint next = now + idle_max;
        for (const auto& broker : self->everything()) {
            if (!broker->is_open() || broker->channel->in_flight() > 0) continue;
            const TimePoint until = broker->channel->last_used() + idle_max;
            if (until > now)
                next = std::min(next, until);
            else
                broker->channel->close(Error::of(ErrorCode::closed, "nobody used it for connections.max.idle.ms"));
        }
        co_await watch.wait_until(timers, next);
    }
}

Cluster::BrokerPtr Cluster::broker_of(BrokerId id) {
    if (const auto at = brokers_.find(id); at != brokers_.end()) return at->second;
    const BrokerInfo* info = cache_.broker(id);
    if (!info) return nullptr;
    BrokerPtr broker;
    // The connection that asked for the metadata is as good as any.
    for (const auto& b : bootstrap_)
        if (b->endpoint == info->endpoint) broker = b;
    if (!broker) broker = std::make_shared<Broker>(config_, info->endpoint, *runtime_);
    broker->observer->set_id(id);
    brokers_.emplace(id, broker);
    return broker;
}

Cluster::BrokerPtr Cluster::broker_of(BrokerId id, Line line) {
    if (line == Line::data) return broker_of(id);
    const BrokerInfo* info = cache_.broker(id);
    if (!info) return nullptr;
    BrokerPtr& broker = lines_[{id, line}];
    if (broker && broker->endpoint != info->endpoint && broker->channel)
        broker->channel->close(Error::of(ErrorCode::transport, "the broker has moved to another address"));
    if (!broker || broker->endpoint != info->endpoint) {
        broker = std::make_shared<Broker>(config_, info->endpoint, *runtime_);
        broker->observer->set_id(id);
    }
    return broker;
}

std::size_t Cluster::in_flight(BrokerId id, Line line) const {
    const auto at = lines_.find({id, line});
    return at != lines_.end() && at->second && at->second->is_open() ? at->second->channel->in_flight() : 0;
}

bool Cluster::is_known(const BrokerPtr& broker) const {
    const auto is_it = [&](const auto& known) { return known.second == broker; };
    return std::ranges::find(bootstrap_, broker) != bootstrap_.end() || std::ranges::any_of(brokers_, is_it) ||
           std::ranges::any_of(lines_, is_it);
}

Cluster::BrokerView Cluster::view_of(BrokerId id, const Broker& broker) {
    using enum BrokerView::State;
    const auto state = broker.is_open()                              ? up
                       : broker.connecting                           ? connecting
                       : broker.last_error.code() != ErrorCode::none ? down
                                                                     : init;
    return {id, broker.endpoint, state, broker.observer->stats};
}

BrokerObserver* Cluster::observer(BrokerId id) {
    const auto at = brokers_.find(id);
    return at == brokers_.end() ? nullptr : at->second->observer.get();
}

std::vector<Cluster::BrokerPtr> Cluster::candidates() {
    std::vector<BrokerPtr> all;
    for (const auto& [id, info] : cache_.brokers()) all.push_back(broker_of(id));
    for (const auto& b : bootstrap_)
        if (std::ranges::find(all, b) == all.end()) all.push_back(b);
    return all;
}

std::vector<Cluster::BrokerPtr> Cluster::everything() {
    auto all = candidates();
    for (const auto& [id, broker] : lines_) all.push_back(broker);
    return all;
}

bool Cluster::has_connection() const {
    const auto is_open = [](const BrokerPtr& b) { return b->is_open(); };
    return std::ranges::any_of(bootstrap_, is_open) ||
           std::ranges::any_of(brokers_, [&](const auto& entry) { return is_open(entry.second); });
}

Channel Cluster::connection(BrokerId id) const {
    const auto at = brokers_.find(id);
    return at != brokers_.end() && at->second->is_open() ? at->second->channel : nullptr;
}

awaitable<Result<Channel>> Cluster::connect(BrokerId id, TimePoint deadline, Line line) {
    const auto self = shared_from_this();
    if (closed_) co_return Error::of(ErrorCode::closed);
    auto broker = broker_of(id, line);
    if (!broker) {
        request_refresh("a broker is not known");
        co_return Error::of(ErrorCode::unknown_broker, fmt::format("broker {} is not in the cluster's metadata", id));
    }
    auto channel = co_await connect_to(std::move(broker), deadline);
    if (!channel) co_return channel.error().with_context(fmt::format("broker {}", id));
    co_return std::move(*channel);
}

awaitable<Result<Channel>> Cluster::connect_to(BrokerPtr broker, TimePoint deadline) {
    auto& timers = runtime_->timers();
    Watch watch(connections_, runtime_->executor());
    const auto attempts = broker->attempts;
    while (!closed_) {
        if (broker->is_open()) co_return broker->channel;
        if (broker->attempts != attempts) co_return broker->last_error;
        if (!broker->connecting && timers.now() >= broker->not_before) {
            broker->connecting = true;
            auto slot = broker->cancel.slot();
            asio::co_spawn(runtime_->executor(), open(shared_from_this(), broker),
                           asio::bind_cancellation_slot(slot, IgnoreEnd()));
        }
        const auto until = broker->connecting ? deadline : std::min(deadline, broker->not_before);
        if (!co_await watch.wait_until(timers, until) && timers.now() >= deadline) {
            if (broker->last_error.code() != ErrorCode::none) co_return broker->last_error;
            co_return Error::of(ErrorCode::timed_out,
                                fmt::format("{} did not answer in time", to_string(broker->endpoint)));
        }
    }
    co_return Error::of(ErrorCode::closed);
}

awaitable<void> Cluster::open(std::shared_ptr<Cluster> self, BrokerPtr broker) {
    Runtime& runtime = *self->runtime_;
    net::ClientChannelOptions options;
    options.client_id = self->config_.client_id;
    options.frame_bytes_max = self->config_.receive_message_bytes_max;
    options.negotiation_timeout = self->config_.api_version_timeout;
    options.observer = broker->observer;
    broker->observer->on_connecting();
    const auto deadline = runtime.deadline(self->config_.connection_setup_timeout);
    auto opened =
        co_await net::ClientChannel::open(runtime.transport(), runtime.timers(), runtime.pool(), broker->endpoint,
                                          std::move(options), deadline, runtime.log(DebugContext::broker));
    broker->connecting = false;
    ++broker->attempts;
    // It may have been forgotten meanwhile.
    if (self->closed_ || !self->is_known(broker)) {
        if (opened) (*opened)->close();
        broker->last_error =
            self->closed_ ? Error::of(ErrorCode::closed)
                          : Error::of(ErrorCode::transport, "the broker has moved, or the client has begun again");
        broker->observer->on_failed(Error::of(ErrorCode::closed));
    } else if (opened) {
        self->on_opened(broker, std::move(*opened));
    } else {
        broker->observer->on_failed(opened.error());
        self->on_failed(*broker, opened.error());
    }
    self->connections_.notify();
}

void Cluster::on_opened(BrokerPtr broker, Channel channel) {
    broker->channel = channel;
    broker->last_error = Error();
    broker->backoff.reset();
    broker->observer->on_connected(channel->api_versions().api_keys.size());
    channel->on_close([weak = weak_from_this(), broker](const Error& reason) {
        const auto self = weak.lock();
        if (!self) return;
        if (self->closed_) return broker->observer->on_closed(reason);
        if (self->config_.logs_ends_of_connections)
            self->runtime_->log(DebugContext::broker)
                .info("connection to {} ended: {}", to_string(broker->endpoint), to_string(reason));
        broker->observer->on_closed(reason);
        // A broker that accepts and then hangs up must not be called in a loop.
        if (reason != ErrorCode::closed) self->on_failed(*broker, reason);  // not by us
        self->connections_.notify();
    });
}

void Cluster::on_failed(Broker& broker, Error reason) {
    broker.last_error = reason;
    broker.not_before = runtime_->now() + broker.backoff.next(runtime_->random());
    last_error_ = std::move(reason);
    if (!uses_.empty()) request_refresh("a broker was lost");
}

Error Cluster::none_reached() const {
    std::string reason = last_error_.code() == ErrorCode::none ? std::string("no answer") : to_string(last_error_);
    return Error::of(
        ErrorCode::all_brokers_down,
        fmt::format("no broker could be reached in time; the last attempt: {}. Check bootstrap.servers and "
                    "that the cluster runs",
                    reason));
}

awaitable<Result<Channel>> Cluster::connect_any(TimePoint deadline) {
    const auto self = shared_from_this();
    auto& timers = runtime_->timers();
    while (!closed_) {
        auto brokers = candidates();
        std::vector<BrokerPtr> ready;
        auto next = TimePoint::max();
        Channel open;
        for (const auto& b : brokers) {
            // One that asked for a pause comes last.
            if (b->is_open() && (!open || b->channel->paused_until() < open->paused_until())) open = b->channel;
            if (b->connecting || timers.now() >= b->not_before)
                ready.push_back(b);
            else
                next = std::min(next, b->not_before);
        }
        if (open) co_return open;
        if (timers.now() >= deadline) co_return none_reached();
        if (ready.empty()) {
            Watch watch(connections_, runtime_->executor());
            co_await watch.wait_until(timers, std::min(next, deadline));
            continue;
        }
        // One that hangs must not keep the others from being asked.
        auto chosen = ready[runtime_->random().below(ready.size())];
        const auto share = (deadline - timers.now()) / static_cast<std::int64_t>(ready.size());
        const auto until =
            ready.size() == 1 ? deadline : timers.now() + std::max<base::Duration>(share, std::chrono::seconds(1));
        auto channel = co_await connect_to(std::move(chosen), std::min(until, deadline));
        if (channel) co_return std::move(*channel);
    }
    co_return Error::of(ErrorCode::closed);
}

awaitable<Result<Channel>> Cluster::connect_controller(TimePoint deadline) {
    const auto self = shared_from_this();
    if (cache_.version() == 0) {
        std::optional<std::vector<std::string>> none(std::in_place);
        auto answer = co_await fetch_metadata(std::move(none), deadline);
        if (!answer) co_return answer.error();
    }
    if (cache_.controller() != no_broker) {
        auto channel = co_await connect(cache_.controller(), deadline);
        if (channel) co_return std::move(*channel);
    }
    co_return co_await connect_any(deadline);
}

void Cluster::close() {
    if (closed_) return;
    closed_ = true;
    std::vector<BrokerPtr> all = bootstrap_;
    for (const auto& [id, broker] : brokers_) all.push_back(broker);
    for (const auto& [id, broker] : lines_) all.push_back(broker);
    for (const auto& broker : all) {
        if (broker->channel) broker->channel->close();
        if (broker->connecting) broker->cancel.emit(asio::cancellation_type::terminal);
        broker->observer->on_failed(Error::of(ErrorCode::closed));
        broker->channel.reset();
    }
    refresh_.notify();
    changes_.notify();
    connections_.notify();
}

}  // namespace ottla::client
