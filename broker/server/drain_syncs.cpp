// SPDX-License-Identifier: Apache-2.0
#include "broker/server/drain_syncs.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/signal.hpp"

namespace ottla::broker {
namespace asio = boost::asio;

namespace {

// Nothing to sync, but the last of its group, which starts when the one before has ended.
class LastInGroup final : public log::Syncable {
public:
    explicit LastInGroup(asio::any_io_executor executor) : done_(std::move(executor)) {}

    log::SyncWork begin_sync() override { return {}; }
    void end_sync(const log::SyncWork&, const Result<void>&) override { done_.notify(); }
    asio::awaitable<void> wait() { return done_.wait(); }

private:
    net::Signal done_;
};

asio::awaitable<void> drain(std::shared_ptr<log::LogIo> io, asio::any_io_executor executor) {
    const auto last = std::make_shared<LastInGroup>(std::move(executor));
    io->sync_now(last);
    co_await last->wait();
}

}  // namespace

asio::awaitable<void> drain_syncs(const Node& node, std::span<const std::shared_ptr<log::LogIo>> io) {
    for (std::size_t i = 0; i < io.size(); ++i) {
        const auto& executor = node.shards[i]->executor();
        co_await asio::co_spawn(executor, drain(io[i], executor), asio::use_awaitable);
    }
}

}  // namespace ottla::broker
