// SPDX-License-Identifier: Apache-2.0
// GroupHosts: the group coordinators of one shard, by the partitions of __consumer_offsets that this broker leads and
// the shard owns.
#pragma once

#include <cstddef>
#include <map>
#include <memory>

#include "broker/server/group_host.hpp"
#include "broker/server/partition_key.hpp"
#include "net/signal.hpp"

namespace ottla::broker {

struct Node;

class GroupHosts : public std::enable_shared_from_this<GroupHosts> {
public:
    explicit GroupHosts(GroupHost::Parts parts) : parts_(std::move(parts)), loaded_(parts_.executor) {}

    // This broker leads the partition in its present epoch: the groups in it are read, and served.
    void lead(const std::shared_ptr<Partition>&);
    // `some_gone`: topics were deleted since the one before.
    void take_image(const std::shared_ptr<const MetadataImage>&, bool some_gone);
    // See GroupHost::call().
    void call(const PartitionKey&, const groups::Caller&, const groups::GroupRequest&, GroupHost::Done done);
    // Those whose partition is led by another now, or is gone.
    void forget_ended();
    // All end; nothing is being read any more when it returns.
    boost::asio::awaitable<void> stop();

private:
    static boost::asio::awaitable<void> load(std::shared_ptr<GroupHosts>, std::shared_ptr<GroupHost>);

    GroupHost::Parts parts_;
    std::shared_ptr<const MetadataImage> image_;
    std::map<PartitionKey, std::shared_ptr<GroupHost>> hosts_;
    std::size_t loads_ = 0;
    net::Signal loaded_;
    bool stopped_ = false;
};

// On each of the node's shards.
void set_up_groups(Node&, base::Random random);

}  // namespace ottla::broker
