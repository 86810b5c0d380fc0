// SPDX-License-Identifier: Apache-2.0
// Cluster: a client's view of its brokers: what is known of topics and leaders, kept fresh in the background, and one
// connection per broker, opened when needed. Loop only; made by make(), ended by close().
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <ottla/protocol/messages/api_versions_response.hpp>
#include <ottla/protocol/messages/metadata_request.hpp>

#include "client/cluster/backoff.hpp"
#include "client/cluster/broker_observer.hpp"
#include "client/cluster/metadata_cache.hpp"
#include "client/cluster/watch.hpp"
#include "client/runtime/runtime.hpp"
#include "net/client_channel.hpp"

namespace ottla::client {

using Channel = std::shared_ptr<net::ClientChannel>;

// Brokers answer a connection's requests one after the other. What may wait there for long, as a join of a group does
// for its other members, goes on a line of its own, that nothing has to wait behind it.
enum class Line : std::uint8_t { data, group, rebalance };

class Cluster : public std::enable_shared_from_this<Cluster> {
public:
    // `may_create_topics`: asking for a topic that does not exist may make the cluster create it. Any thread.
    static std::shared_ptr<Cluster> make(std::shared_ptr<Runtime>, CommonConfig, bool may_create_topics);
    ~Cluster();

    Runtime& runtime() noexcept { return *runtime_; }
    const CommonConfig& config() const noexcept { return config_; }
    const MetadataCache& metadata() const noexcept { return cache_; }

    // Requests that wait for their answers there.
    std::size_t in_flight(BrokerId, Line) const;

    // Topics in use are part of every refresh. Counted: each use needs its drop.
    void use_topic(const std::string&);
    void drop_topic(const std::string&);
    // Drops it, and forgets what is known of it, unless others use it.
    void forget_topic(const std::string&);
    // Asks for a refresh: at once, or topic.metadata.refresh.fast.interval.ms after the last one.
    void request_refresh(std::string_view why);
    // Told after every refresh and every new leader: make a Watch on it, look, wait.
    Watched& changes() noexcept { return changes_; }
    // KIP-951; true when it is news. The broker is added if it is not known.
    bool apply_leader_hint(std::string_view topic, std::int32_t partition, BrokerId leader, std::int32_t leader_epoch);
    void add_broker(BrokerId, BrokerInfo);

    // Waits until the topic is known and exists. Errors: unknown_topic_or_partition (still so after
    // topic.metadata.propagation.max.ms, or at the deadline) and what else a broker says of it when it is asked now,
    // not what one has said before; all_brokers_down and timed_out at the deadline; closed.
    awaitable<Result<void>> wait_for_topic(std::string topic, TimePoint deadline);
    // Why a topic can't be had, by what is known of it.
    Error why_without(const std::string& topic) const;
    // The connection to this broker, opened if need be. One attempt, after the wait that earlier failures demand.
    // Errors: unknown_broker, and those of ClientChannel::open; all name the broker.
    awaitable<Result<Channel>> connect(BrokerId, TimePoint deadline, Line line = Line::data);
    // There is one to any broker.
    bool has_connection() const;
    // It, if it is open.
    Channel connection(BrokerId) const;
    // The connection to some broker: an open one, else those of the metadata and bootstrap.servers in turn, again
    // and again until the deadline. Errors: all_brokers_down with the last reason.
    awaitable<Result<Channel>> connect_any(TimePoint deadline);
    // To the controller if it is known and can be reached, else to any.
    awaitable<Result<Channel>> connect_controller(TimePoint deadline);

    // At the version that both speak, within `ours`.
    template <class Request>
    awaitable<Result<typename Request::Response>> call(Channel channel, Request request, protocol::VersionRange ours,
                                                       TimePoint deadline) {
        const auto version = channel->pick(static_cast<protocol::ApiKey>(Request::api_key), ours);
        if (!version) co_return version.error();
        co_return co_await channel->call(std::move(request), *version, deadline);
    }
    // Metadata for some topics, or for all, straight from a broker; the cache learns from it.
    // One attempt. Errors: those of connect_any() and ClientChannel::call().
    awaitable<Result<protocol::MetadataResponse>> fetch_metadata(std::optional<std::vector<std::string>> topics,
                                                                 TimePoint deadline);
    // Of topics whose names are not known. Those that are not there have an error.
    awaitable<Result<protocol::MetadataResponse>> fetch_metadata_by_id(std::vector<Uuid> topics, TimePoint deadline);

    // Of all brokers that were ever tried, those of bootstrap.servers under the id no_broker until the metadata names
    // them.
    struct BrokerView {
        BrokerId id;
        const net::Endpoint& endpoint;
        enum class State : std::uint8_t { init, connecting, up, down } state;
        BrokerStats& stats;
    };
    template <class Visit>
    void visit_brokers(Visit&& each) {
        for (const auto& [id, broker] : brokers_) each(view_of(id, *broker));
        for (const auto& broker : bootstrap_)
            if (std::ranges::none_of(brokers_, [&](const auto& known) { return known.second == broker; }))
                each(view_of(no_broker, *broker));
    }
    // Null for one that was never tried.
    BrokerObserver* observer(BrokerId);

    // Ends connections and coroutines; everybody who waits gets `closed`.
    void close();
    bool is_closed() const noexcept { return closed_; }
    // Why the last connection failed or ended; none when that has not happened.
    const Error& last_error() const noexcept { return last_error_; }

private:
    // A broker of the metadata, or one of bootstrap.servers, or both.
    struct Broker {
        Broker(const CommonConfig& c, net::Endpoint at, Runtime& runtime)
            : endpoint(std::move(at)),
              observer(std::make_shared<BrokerObserver>(runtime, endpoint)),
              backoff(c.reconnect_backoff, c.reconnect_backoff_max, 0.25, 0.5) {}
        net::Endpoint endpoint;
        std::shared_ptr<BrokerObserver> observer;
        Channel channel;
        bool connecting = false;
        Backoff backoff;
        // No attempt before.
        TimePoint not_before{};
        Error last_error;
        std::uint64_t attempts = 0;
        asio::cancellation_signal cancel;

        bool is_open() const { return channel && channel->is_open(); }
    };
    using BrokerPtr = std::shared_ptr<Broker>;

    Cluster(std::shared_ptr<Runtime>, CommonConfig, bool may_create_topics);
    static awaitable<void> metadata_loop(std::shared_ptr<Cluster> self);
    // Closes connections that nobody has used for connections.max.idle.ms.
    static awaitable<void> idle_loop(std::shared_ptr<Cluster> self);
    // Forgets where the brokers are: only bootstrap.servers are known again (KIP-899, KIP-1102).
    void rebootstrap(std::string_view why);
    static awaitable<void> open(std::shared_ptr<Cluster> self, BrokerPtr broker);
    awaitable<Result<protocol::MetadataResponse>> ask_for_metadata(protocol::MetadataRequest request,
                                                                   protocol::VersionRange versions, TimePoint deadline);
    awaitable<Result<Channel>> connect_to(BrokerPtr broker, TimePoint deadline);
    BrokerPtr broker_of(BrokerId);
    BrokerPtr broker_of(BrokerId, Line);
    bool is_known(const BrokerPtr&) const;
    static BrokerView view_of(BrokerId, const Broker&);
    // All there are, those of the metadata first.
    std::vector<BrokerPtr> candidates();
    // And those of the other lines.
    std::vector<BrokerPtr> everything();
    void on_opened(BrokerPtr, Channel);
    void on_failed(Broker&, Error);
    void on_metadata(const protocol::MetadataResponse&, bool all);
    void update_cache(const protocol::MetadataResponse&, bool all);
    TimePoint next_refresh() const;
    Error none_reached() const;

    std::shared_ptr<Runtime> runtime_;
    const CommonConfig config_;
    const bool may_create_topics_;
    MetadataCache cache_;
    std::map<BrokerId, BrokerPtr> brokers_;
    std::vector<BrokerPtr> bootstrap_;
    std::map<std::pair<BrokerId, Line>, BrokerPtr> lines_;  // but those for data
    std::map<std::string, int> uses_;
    Watched changes_;
    Watched connections_;
    net::Signal refresh_;
    bool refresh_wanted_ = false;
    bool refreshed_once_ = false;
    TimePoint last_refresh_{};
    // When the first attempt began that has brought no metadata since; nothing: the last one did.
    std::optional<TimePoint> failing_since_;
    Backoff refresh_backoff_;
    Error last_error_;
    bool closed_ = false;
};

}  // namespace ottla::client
