// SPDX-License-Identifier: Apache-2.0
#include "net/memory_network.hpp"

#include <fmt/format.h>

#include "net/memory_connection.hpp"

namespace ottla::net {

namespace {

using StatePtr = std::shared_ptr<MemoryNetwork::State>;

class MemoryStream final : public Stream {
public:
    MemoryStream(std::shared_ptr<MemoryConnection> connection, int end, std::string peer)
        : connection_(std::move(connection)),
          end_(end),
          peer_(std::move(peer)) {}
    ~MemoryStream() override { connection_->close(end_); }

    executor_type get_executor() override { return connection_->executor(end_); }
    void start_read(asio::mutable_buffer into, IoHandler handler) override {
        connection_->read(end_, into, std::move(handler));
    }
    void start_write(std::span<const asio::const_buffer> from, IoHandler handler) override {
        connection_->write(end_, from, std::move(handler));
    }
    void close() noexcept override { connection_->close(end_); }
    const std::string& peer() const override { return peer_; }

private:
    std::shared_ptr<MemoryConnection> connection_;
    int end_;
    std::string peer_;
};

class MemoryListener final : public Listener {
public:
    MemoryListener(StatePtr network, std::string host, Endpoint endpoint, std::shared_ptr<MemoryListenerState> state)
        : network_(std::move(network)),
          host_(std::move(host)),
          endpoint_(std::move(endpoint)),
          state_(std::move(state)) {}
    ~MemoryListener() override { close(); }

    asio::awaitable<Result<std::unique_ptr<Stream>>> accept(asio::any_io_executor executor) override {
        const auto state = state_;
        while (state->backlog.empty()) {
            if (state->closed)
                co_return Error::of(ErrorCode::closed, fmt::format("{}: the listener is closed", to_string(endpoint_)));
            co_await state->arrived.wait();
        }
        auto connection = std::move(state->backlog.front());
        state->backlog.pop_front();
        connection->set_executor(1, std::move(executor));
        auto peer = fmt::format("{}:{}", connection->host(0), 40'000 + connection->id());
        co_return std::make_unique<MemoryStream>(std::move(connection), 1, std::move(peer));
    }

    const Endpoint& endpoint() const override { return endpoint_; }
    void close() noexcept override {
        if (std::exchange(state_->closed, true)) return;
        auto& ours = network_->listeners[host_];
        if (const auto at = ours.find(endpoint_.port); at != ours.end() && at->second == state_) ours.erase(at);
        for (const auto& connection : state_->backlog) connection->reset();
        state_->backlog.clear();
        state_->arrived.notify();
    }

private:
    StatePtr network_;
    std::string host_;
    Endpoint endpoint_;
    std::shared_ptr<MemoryListenerState> state_;
};

class MemoryTransport final : public Transport {
public:
    MemoryTransport(StatePtr network, std::string host) : network_(std::move(network)), host_(std::move(host)) {}

    asio::awaitable<Result<std::unique_ptr<Stream>>> connect(Endpoint endpoint, TimePoint deadline) override {
        const auto network = network_;
        const auto here = host_;
        const auto there = is_self(endpoint.host) ? here : endpoint.host;
        const auto executor = co_await asio::this_coro::executor;
        const auto what = fmt::format("connecting to {}", to_string(endpoint));
        const TimePoint there_at = network->timers.now() + network->draw_delay();
        if (there_at > network->timers.now()) co_await network->timers.wait_until(std::min(deadline, there_at));
        const bool passed = co_await link_is_whole(network, here, there, deadline, executor);
        if (!passed) co_return transport_error(what, asio::error::timed_out);
        const auto listener = find(*network, there, endpoint.port);
        if (!listener) {
            ++network->counts.refused;
            network->tell(MemoryNetworkEvent::refused, 0, 0);
            co_return transport_error(what, asio::error::connection_refused);
        }
        ++network->counts.connections;
        auto connection = std::make_shared<MemoryConnection>(network, here, there, executor);
        network->alive.emplace(connection->id(), connection);
        network->tell(MemoryNetworkEvent::connected, connection->id(), 1);
        auto stream = std::make_unique<MemoryStream>(connection, 0, to_string(endpoint));
        listener->backlog.push_back(std::move(connection));
        listener->arrived.notify();
        const TimePoint back_at = network->timers.now() + network->draw_delay();
        if (back_at > network->timers.now()) co_await network->timers.wait_until(std::min(deadline, back_at));
        if (back_at > deadline) co_return transport_error(what, asio::error::timed_out);
        co_return std::move(stream);
    }

    Result<std::unique_ptr<Listener>> listen(asio::any_io_executor executor, const Endpoint& endpoint) override {
        auto& ours = network_->listeners[host_];
        std::uint16_t port = endpoint.port;
        if (port == 0) {
            do {
                port = network_->next_port++;
            } while (ours.contains(port));
        }
        if (ours.contains(port))
            return transport_error(fmt::format("cannot listen on {}:{}", host_, port), asio::error::address_in_use);
        auto state = std::make_shared<MemoryListenerState>(std::move(executor));
        ours.emplace(port, state);
        const bool any = is_self(endpoint.host) || endpoint.host == "0.0.0.0" || endpoint.host == "::";
        return std::unique_ptr<Listener>(std::make_unique<MemoryListener>(
            network_, host_, Endpoint(any ? host_ : endpoint.host, port), std::move(state)));
    }

private:
    static bool is_self(const std::string& host) {
        return host.empty() || host == "localhost" || host == "127.0.0.1" || host == "::1";
    }

    static std::shared_ptr<MemoryListenerState> find(const MemoryNetwork::State& network, const std::string& host,
                                                     std::uint16_t port) {
        const auto ports = network.listeners.find(host);
        if (ports == network.listeners.end()) return nullptr;
        const auto at = ports->second.find(port);
        return at == ports->second.end() ? nullptr : at->second;
    }

    // A lost SYN is sent again until the link heals; false: not by the deadline.
    static asio::awaitable<bool> link_is_whole(StatePtr network, std::string here, std::string there,
                                               TimePoint deadline, asio::any_io_executor executor) {
        while (network->is_cut(here, there) || network->is_cut(there, here)) {
            if (network->timers.now() >= deadline) co_return false;
            ++network->counts.held_back;
            Signal healed(executor);
            struct Entry {
                Entry(StatePtr n, Signal* s)
                    : network(std::move(n)),
                      at(network->connecting.insert(network->connecting.end(), s)) {}
                ~Entry() { network->connecting.erase(at); }
                StatePtr network;
                std::list<Signal*>::iterator at;
            } entry(network, &healed);
            co_await healed.wait_until(network->timers, deadline);
        }
        co_return true;
    }

    StatePtr network_;
    std::string host_;
};

}  // namespace

std::size_t MemoryNetwork::State::draw_part(std::size_t count) {
    if (!options.fragment || count <= 1 || random.chance(0.5)) return count;
    ++counts.fragments;
    return 1 + static_cast<std::size_t>(random.below(count));
}

std::vector<std::shared_ptr<MemoryConnection>> MemoryNetwork::State::connections(const std::string& a,
                                                                                 const std::string& b) const {
    std::vector<std::shared_ptr<MemoryConnection>> found;
    for (const auto& [id, weak] : alive) {
        auto connection = weak.lock();
        if (!connection) continue;
        const auto& x = connection->host(0);
        const auto& y = connection->host(1);
        if (b.empty() ? (x == a || y == a) : ((x == a && y == b) || (x == b && y == a)))
            found.push_back(std::move(connection));
    }
    return found;
}

bool MemoryNetwork::State::is_up(const std::string& host) const {
    const auto at = listeners.find(host);
    return at != listeners.end() && !at->second.empty();
}

MemoryNetwork::MemoryNetwork(Timers& timers, base::Random random, MemoryNetworkOptions options)
    : state_(std::make_shared<State>(timers, random, options)) {}

MemoryNetwork::~MemoryNetwork() {
    for (const auto alive = state_->alive; const auto& [id, weak] : alive)
        if (const auto connection = weak.lock()) connection->drop_waiting();
}

std::unique_ptr<Transport> MemoryNetwork::host(const std::string& name) {
    return std::make_unique<MemoryTransport>(state_, name);
}

void MemoryNetwork::cut_one_way(const std::string& from, const std::string& to) { state_->cuts.emplace(from, to); }

void MemoryNetwork::cut(const std::string& a, const std::string& b) {
    cut_one_way(a, b);
    cut_one_way(b, a);
}

void MemoryNetwork::heal(const std::string& a, const std::string& b) {
    state_->cuts.erase({a, b});
    state_->cuts.erase({b, a});
    for (const auto& connection : state_->connections(a, b)) connection->resume();
    for (Signal* waiting : state_->connecting) waiting->notify();
}

void MemoryNetwork::heal_all() {
    for (const auto cuts = state_->cuts; const auto& [from, to] : cuts) heal(from, to);
}

std::size_t MemoryNetwork::reset(const std::string& a, const std::string& b) {
    const auto found = state_->connections(a, b);
    for (const auto& connection : found) connection->reset();
    return found.size();
}

bool MemoryNetwork::reset_one(const std::string& a, const std::string& b) {
    const auto found = state_->connections(a, b);
    if (found.empty()) return false;
    found[static_cast<std::size_t>(state_->random.below(found.size()))]->reset();
    return true;
}

void MemoryNetwork::crash(const std::string& host, bool silently) {
    auto listeners = std::exchange(state_->listeners[host], {});
    for (const auto& [port, listener] : listeners) {
        listener->closed = true;
        listener->arrived.notify();
        listener->backlog.clear();
    }
    for (const auto& connection : state_->connections(host, {})) {
        if (!silently) connection->reset();
        for (const int end : {0, 1})
            if (connection->host(end) == host) connection->vanish(end);
    }
}

void MemoryNetwork::set_options(MemoryNetworkOptions options) { state_->options = options; }

const MemoryNetworkOptions& MemoryNetwork::options() const noexcept { return state_->options; }

const MemoryNetworkCounts& MemoryNetwork::counts() const noexcept { return state_->counts; }

void MemoryNetwork::on_event(std::function<void(const MemoryNetworkEvent&)> f) { state_->on_event = std::move(f); }

}  // namespace ottla::net
