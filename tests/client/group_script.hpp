// SPDX-License-Identifier: Apache-2.0
// GroupScript: consumers of one group and the broker that coordinates it, on the memory network and virtual time.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/client/group_broker.hpp"

namespace ottla::client {

using namespace std::chrono_literals;

template <class Broker>
class GroupScriptWith {
public:
    GroupScriptWith() {
        auto opened = server_host_->listen(loop.io.get_executor(), net::Endpoint("", 9092));
        EXPECT_TRUE(opened);
        listener_ = std::shared_ptr<net::Listener>(std::move(*opened));
        asio::co_spawn(loop.io, serve(listener_, this), asio::detached);
        broker.records.log = {{0, batch_of(0, 4)}};
        broker.records.high = 4;
    }
    ~GroupScriptWith() {
        for (auto& c : consumers) c->async_close(1s, [](Result<void>) {});
        loop.run_for(2s);
        consumers.clear();
        listener_->close();
        for (const auto& weak : sessions_)
            if (const auto session = weak.lock()) session->close();
        loop.run_for(1s);
    }

    Consumer& add(Config given = {}, ConsumerOptions options = {}) {
        EXPECT_TRUE(given.set("bootstrap.servers", "broker:9092"));
        EXPECT_TRUE(given.set("group.id", "g"));
        if (!given.entries().contains("auto.offset.reset")) given.set("auto.offset.reset", "earliest").value();
        Surroundings around;
        around.executor = loop.io.get_executor();
        around.transport = client_host_.get();
        around.timers = &loop.timers;
        around.seed = 7 + consumers.size();
        auto settings = consumer_config(given, std::move(options.assignors)).value();
        settings.group.tells_commits = options.tells_commits;
        auto runtime = options.log ? Runtime::within(around, "test", settings.common, {std::move(options.log), {}})
                                   : Runtime::within(around, "test");
        auto core = ConsumerCore::make(std::move(runtime), std::move(settings));
        cores.push_back(core);
        consumers.push_back(std::make_unique<Consumer>(std::move(core)));
        return *consumers.back();
    }
    static std::string show(const Event& event) {
        if (const auto* m = std::get_if<Message>(&event)) return std::string(m->value().text());
        if (const auto* e = std::get_if<PartitionError>(&event)) return std::string(e->error.name());
        if (const auto* e = std::get_if<Error>(&event)) return std::string(e->name());
        return to_string(event);
    }
    // Lets everybody poll for so long; what this one was given.
    std::string poll(Consumer& one, base::Duration time) {
        std::string out;
        for (const auto end = loop.timers.now() + time; loop.timers.now() < end; loop.run_for(20ms))
            for (auto& c : consumers)
                while (auto event = c->is_closed() ? std::nullopt : c->poll(0s))
                    if (c.get() == &one) out += show(*event) + "; ";
        return out;
    }
    // Polls until the messages have come, and leaves the last one unreturned.
    std::string read(Consumer& one, int messages) {
        std::string out;
        for (int steps = 0; messages > 0 && steps < 10'000; ++steps) {
            auto event = one.poll(0s);
            if (!event) {
                loop.run_for(10ms);
                continue;
            }
            if (std::holds_alternative<Message>(*event)) --messages;
            out += show(*event) + "; ";
        }
        EXPECT_EQ(messages, 0);
        return out;
    }
    std::string close(Consumer& one, base::Duration timeout = 10s) {
        std::string result = "not ended";
        one.async_close(timeout, [&](Result<void> r) { result = r ? "" : to_string(r.error()); });
        loop.run_for(timeout + 100ms);
        return result;
    }
    Result<std::vector<TopicPartition>> commit(Consumer& one) {
        Result<std::vector<TopicPartition>> result = Error::of(ErrorCode::failed, "not ended");
        one.async_commit(30s, [&](Result<std::vector<TopicPartition>> r) { result = std::move(r); });
        loop.run_for(31s);
        return result;
    }
    std::int64_t committed(std::int32_t partition = 0) {
        const auto at = broker.committed.find({"t", partition});
        return at == broker.committed.end() ? -1 : at->second;
    }

    test::VirtualLoop loop;
    net::MemoryNetwork network{loop.timers, base::Random(42)};
    Broker broker{loop.timers};
    std::vector<std::unique_ptr<Consumer>> consumers;
    std::vector<std::weak_ptr<ConsumerCore>> cores;

private:
    static asio::awaitable<void> serve(std::shared_ptr<net::Listener> listener, GroupScriptWith* script) {
        const auto executor = co_await asio::this_coro::executor;
        for (;;) {
            auto stream = co_await listener->accept(executor);
            if (!stream) co_return;
            net::ServerSessionOptions options;
            auto session = net::ServerSession::make(std::move(*stream), script->loop.timers, script->pool_,
                                                    script->broker, options, base::Log());
            script->sessions_.push_back(session);
            asio::co_spawn(executor, session->run(), asio::detached);
        }
    }

    base::BufferPool pool_{1 << 20};
    std::unique_ptr<net::Transport> client_host_ = network.host("client");
    std::unique_ptr<net::Transport> server_host_ = network.host("broker");
    std::shared_ptr<net::Listener> listener_;
    std::vector<std::weak_ptr<net::ServerSession>> sessions_;
};

// A group of the classic protocol.
using GroupScript = GroupScriptWith<GroupBroker>;

}  // namespace ottla::client
