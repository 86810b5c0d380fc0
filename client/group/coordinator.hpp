// SPDX-License-Identifier: Apache-2.0
// Coordinator: which broker minds the group, looked up when that is needed and not known. Loop only.
#pragma once

#include <memory>
#include <string>

#include "client/cluster/cluster.hpp"
#include "client/group/member_identity.hpp"

namespace ottla::client {

class Coordinator {
public:
    Coordinator(std::shared_ptr<Cluster> cluster, std::string group)
        : cluster_(std::move(cluster)),
          group_(std::move(group)) {}

    const std::string& group() const noexcept { return group_; }
    Cluster& cluster() noexcept { return *cluster_; }
    bool is_known() const noexcept { return broker_ != no_broker; }
    // It has moved or cannot be reached.
    void forget() noexcept { broker_ = no_broker; }
    // Requests that wait for their answers there.
    std::size_t in_flight(Line line) const { return cluster_->in_flight(broker_, line); }
    // Who asks for committed offsets: a member of a group of the consumer protocol, else nobody in particular.
    const MemberIdentity& member() const noexcept { return member_; }
    void set_member(MemberIdentity member) { member_ = std::move(member); }

    // One attempt each. Errors: those of connect_any() and of the answer.
    static awaitable<Result<void>> find(std::shared_ptr<Coordinator> self, TimePoint deadline);
    // Looks it up first where it is not known.
    static awaitable<Result<Channel>> connect(std::shared_ptr<Coordinator> self, Line line, TimePoint deadline);

private:
    std::shared_ptr<Cluster> cluster_;
    const std::string group_;
    BrokerId broker_ = no_broker;
    MemberIdentity member_;
};

// The error asks for another look at who the coordinator is.
bool is_elsewhere(const Error&) noexcept;

}  // namespace ottla::client
