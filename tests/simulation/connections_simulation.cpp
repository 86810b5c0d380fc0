// SPDX-License-Identifier: Apache-2.0
// Both ends of a Kafka connection under faults: three clients append numbered entries on a server that is cut off,
// reset, killed and restarted. Every acknowledged entry is there, in order; twice only when it was sent again.
#include <gtest/gtest.h>

#include <fmt/format.h>
#include <ottla/protocol/messages/api_versions_response.hpp>
#include <ottla/protocol/messages/metadata_request.hpp>
#include <ottla/protocol/messages/metadata_response.hpp>

#include "net/client_channel.hpp"
#include "net/run_on.hpp"
#include "net/server_session.hpp"
#include "tests/simulation/faults.hpp"

namespace ottla::test {
namespace {

using namespace std::chrono_literals;
using net::Endpoint;
using net::Reply;
using net::RequestFrame;
using protocol::ApiKey;
using protocol::VersionRange;

template <class Message>
protocol::Chain body_of(const Message& message, std::int16_t version) {
    protocol::Writer writer;
    EXPECT_TRUE(encode(writer, message, version));
    return writer.finish();
}

// Appends the name of the first topic asked for; the answer's controller id says where.
class AppendingServer final : public net::RequestHandler {
public:
    explicit AppendingServer(Simulation& simulation) : simulation_(simulation), pool_(1 << 20) {}

    std::optional<VersionRange> serves(ApiKey key) const override {
        if (key == ApiKey::api_versions) return VersionRange{0, 3};  // older than its clients
        if (key == ApiKey::metadata) return VersionRange{0, 13};
        return std::nullopt;
    }
    bool overlaps(ApiKey key) const override { return key == ApiKey::metadata; }

    asio::awaitable<Reply> handle(RequestFrame request) override {
        if (request.key == ApiKey::api_versions) {
            protocol::ApiVersionsResponse response;
            for (const ApiKey key : {ApiKey::api_versions, ApiKey::metadata}) {
                auto& api = response.api_keys.emplace_back();
                api.api_key_ = static_cast<std::int16_t>(key);
                api.min_version = serves(key)->min;
                api.max_version = serves(key)->max;
            }
            co_return Reply::of(body_of(response, request.version));
        }
        protocol::Reader reader(request.body);
        protocol::MetadataRequest asked;
        auto decoded = decode(reader, asked, request.version);
        if (!decoded || !asked.topics || asked.topics->empty())
            co_return Reply::close(Error::of(ErrorCode::bad_message));
        stored.push_back(asked.topics->front().name.value_or(""));
        protocol::MetadataResponse response;
        response.controller_id = static_cast<std::int32_t>(stored.size()) - 1;
        auto sync = [] { return true; };
        co_await net::run_on(simulation_.workers, std::move(sync));
        co_return Reply::of(body_of(response, request.version));
    }

    void start() {
        listener_ = std::move(*transport_->listen(simulation_.loop.io.get_executor(), Endpoint("", 9092)));
        asio::co_spawn(simulation_.loop.io, accept_loop(listener_), asio::detached);
    }
    void die(bool silently) {
        simulation_.network.crash("server", silently);
        for (const auto& weak : sessions_)
            if (const auto session = weak.lock()) session->close();
        sessions_.clear();
        listener_.reset();
    }

    std::vector<std::string> stored;

private:
    asio::awaitable<void> accept_loop(std::shared_ptr<net::Listener> listener) {
        for (;;) {
            auto stream = co_await listener->accept(simulation_.loop.io.get_executor());
            if (!stream) co_return;
            auto session = net::ServerSession::make(std::move(*stream), simulation_.loop.timers, pool_, *this, {},
                                                    simulation_.log("server"));
            sessions_.push_back(session);
            asio::co_spawn(simulation_.loop.io, session->run(), asio::detached);
        }
    }

    Simulation& simulation_;
    base::BufferPool pool_;
    std::unique_ptr<net::Transport> transport_ = simulation_.network.host("server");
    std::shared_ptr<net::Listener> listener_;
    std::vector<std::weak_ptr<net::ServerSession>> sessions_;
};

class AppendingClient {
public:
    AppendingClient(Simulation& simulation, std::string name)
        : simulation_(simulation),
          name_(std::move(name)),
          transport_(simulation.network.host(name_)),
          pool_(1 << 20) {}

    // Entry after entry, each until it is acknowledged.
    asio::awaitable<void> run(int count) {
        auto& timers = simulation_.loop.timers;
        while (static_cast<int>(tries.size()) < count) {
            const auto entry = fmt::format("{}-{}", name_, tries.size());
            int tried = 0;
            for (bool done = false; !done;) {
                ++tried;
                done = co_await append(entry);
                if (!done) co_await timers.wait_for(100ms);
            }
            tries.push_back(tried);
        }
        if (channel_) channel_->close();
        finished = true;
    }

    const std::string& name() const { return name_; }
    std::vector<int> tries;  // of each acknowledged entry
    bool finished = false;

private:
    asio::awaitable<bool> append(std::string entry) {
        auto& timers = simulation_.loop.timers;
        if (!channel_ || !channel_->is_open()) {
            auto opened = co_await net::ClientChannel::open(*transport_, timers, pool_, Endpoint("server", 9092), {},
                                                            timers.now() + 2s, simulation_.log(name_));
            if (!opened) {
                simulation_.note(opened.error().text());
                co_return false;
            }
            channel_ = *opened;
        }
        protocol::MetadataRequest request;
        request.topics.emplace().emplace_back().name = entry;
        auto answer = co_await channel_->call(std::move(request), 12, timers.now() + 3s);
        simulation_.note(answer ? fmt::format("{} at {}", entry, answer->controller_id) : to_string(answer.error()));
        co_return answer.has_value();
    }

    Simulation& simulation_;
    std::string name_;
    std::unique_ptr<net::Transport> transport_;
    base::BufferPool pool_;
    std::shared_ptr<net::ClientChannel> channel_;
};

asio::awaitable<void> kill_and_restart(Simulation& simulation, AppendingServer& server, bool silently, Duration down) {
    server.die(silently);
    co_await simulation.loop.timers.wait_for(down);
    server.start();
}

void check(const AppendingServer& server, const AppendingClient& client, std::vector<std::string>& failures) {
    std::map<std::string, int> times;
    std::vector<std::string> first_ones;
    for (const auto& entry : server.stored)
        if (entry.starts_with(client.name() + "-") && ++times[entry] == 1) first_ones.push_back(entry);
    for (std::size_t i = 0; i < client.tries.size(); ++i) {
        const auto entry = fmt::format("{}-{}", client.name(), i);
        if (i >= first_ones.size() || first_ones[i] != entry) {
            failures.push_back(fmt::format("{} was acknowledged and is missing or out of order", entry));
            return;
        }
        if (times[entry] > client.tries[i])
            failures.push_back(
                fmt::format("{} is there {} times, sent {} times", entry, times[entry], client.tries[i]));
    }
}

Outcome run_connections(std::uint64_t seed) {
    Simulation simulation(seed);
    AppendingServer server(simulation);
    server.start();
    std::vector<std::unique_ptr<AppendingClient>> clients;
    for (const char* name : {"a", "b", "c"}) clients.push_back(std::make_unique<AppendingClient>(simulation, name));
    for (const auto& client : clients) asio::co_spawn(simulation.loop.io, client->run(200), asio::detached);

    Faults faults(simulation, {"a", "b", "c"}, {"server"});
    base::Random random = simulation.chance();
    for (const bool silently : {false, true})
        faults.add(silently ? "power lost" : "killed", [&simulation, &server, &random, silently] {
            return kill_and_restart(simulation, server, silently, std::chrono::milliseconds(random.between(1, 5'000)));
        });
    bool quiet = false;
    asio::co_spawn(simulation.loop.io, faults.run(simulation.loop.timers.now() + 60s),
                   [&quiet](std::exception_ptr) { quiet = true; });

    const bool ended = simulation.loop.run_until(
        [&] { return quiet && std::all_of(clients.begin(), clients.end(), [](const auto& c) { return c->finished; }); },
        10min);
    Outcome outcome;
    if (!ended) outcome.failures.push_back("the clients did not end within 10 minutes");
    for (const auto& client : clients) check(server, *client, outcome.failures);
    server.die(false);
    simulation.loop.run_for(1s);
    outcome.hash = simulation.hash();
    outcome.faults = simulation.faults();
    const auto& counts = simulation.network.counts();
    outcome.faults["(fragments)"] = counts.fragments;
    outcome.faults["(bytes held back)"] = counts.held_back;
    outcome.faults["(bytes lost)"] = counts.lost;
    outcome.faults["(connection refused)"] = counts.refused;
    outcome.simulated_seconds = simulation.simulated_seconds();
    outcome.events = simulation.loop.events();
    return outcome;
}

TEST(Simulation, connections_keep_what_is_acknowledged) { run_seeds("connections", 1.0, run_connections); }

}  // namespace
}  // namespace ottla::test
