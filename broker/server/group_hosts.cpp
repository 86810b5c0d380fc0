// SPDX-License-Identifier: Apache-2.0
#include "broker/server/group_hosts.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "broker/server/config.hpp"
#include "broker/server/node.hpp"

namespace ottla::broker {

void GroupHosts::lead(const std::shared_ptr<Partition>& partition) {
    if (stopped_ || !partition->is_leader()) return;
    auto& host = hosts_[partition->key()];
    if (host && !host->has_ended() && host->leader_epoch() == partition->leader_epoch() &&
        &host->partition() == partition.get())
        return;
    if (host) host->end();
    GroupHost::Parts parts = parts_;
    parts.random = parts_.random.split();
    host = GroupHost::make(partition, std::move(parts));
    host->take_image(image_, false);
    ++loads_;
    boost::asio::co_spawn(parts_.executor, load(shared_from_this(), host), boost::asio::detached);
}

boost::asio::awaitable<void> GroupHosts::load(std::shared_ptr<GroupHosts> self, std::shared_ptr<GroupHost> host) {
    co_await host->load();
    --self->loads_;
    self->loaded_.notify();
}

void GroupHosts::take_image(const std::shared_ptr<const MetadataImage>& image, bool some_gone) {
    image_ = image;
    for (const auto& [key, host] : hosts_) {
        const auto kept = host;
        kept->take_image(image, some_gone);
    }
}

void GroupHosts::call(const PartitionKey& key, const groups::Caller& caller, const groups::GroupRequest& request,
                      GroupHost::Done done) {
    const auto at = hosts_.find(key);
    if (at == hosts_.end()) return done(Error::of(ErrorCode::not_coordinator));
    const auto host = at->second;
    host->call(caller, request, std::move(done));
}

void GroupHosts::forget_ended() {
    std::erase_if(hosts_, [](const auto& one) { return one.second->has_ended(); });
}

boost::asio::awaitable<void> GroupHosts::stop() {
    stopped_ = true;
    for (const auto& [key, host] : hosts_) host->end();
    hosts_.clear();
    while (loads_ != 0) co_await loaded_.wait();
}

void set_up_groups(Node& node, base::Random random) {
    for (const auto& shard : node.shards) {
        GroupHost::Parts parts;
        parts.executor = shard->executor();
        parts.timers = node.timers;
        parts.log = node.log.named("broker.groups");
        parts.settings = node.config->groups;
        parts.commit_timeout = std::chrono::milliseconds(node.config->offsets_commit_timeout_ms);
        parts.random = random.split();
        shard->set_groups(std::make_shared<GroupHosts>(std::move(parts)));
    }
}

}  // namespace ottla::broker
