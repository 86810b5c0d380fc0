// SPDX-License-Identifier: Apache-2.0
#include "broker/server/directory_io.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "broker/log/group_sync.hpp"
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

asio::awaitable<void> drain_one(std::shared_ptr<log::LogIo> io, asio::any_io_executor executor) {
    const auto last = std::make_shared<LastInGroup>(std::move(executor));
    io->sync_now(last);
    co_await last->wait();
}

}  // namespace

DirectoryIo::DirectoryIo(const Node& node, const log::LogDirectories& directories, log::FlushPolicy policy,
                         base::Workers& workers, net::Timers& timers)
    : node_(node) {
    for (const auto& directory : directories.all()) {
        places_[directory.get()] = io_.size();
        auto& of_shard = io_.emplace_back();
        for (const auto& shard : node.shards)
            of_shard.push_back(log::GroupSync::make(*directory, policy, workers, timers, shard->executor()));
    }
}

asio::awaitable<void> DirectoryIo::drain() {
    for (const auto& of_shard : io_) {
        for (std::size_t i = 0; i < of_shard.size(); ++i) {
            const auto& executor = node_.shards[i]->executor();
            co_await asio::co_spawn(executor, drain_one(of_shard[i], executor), asio::use_awaitable);
        }
    }
}

}  // namespace ottla::broker
