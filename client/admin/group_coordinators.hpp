// SPDX-License-Identifier: Apache-2.0
// GroupCoordinators: which brokers mind which groups, looked up many at a time (KIP-699). Loop only.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/cluster/cluster.hpp"

namespace ottla::client {

class GroupCoordinators {
public:
    explicit GroupCoordinators(std::shared_ptr<Cluster> cluster) : cluster_(std::move(cluster)) {}

    // Null when it is not known.
    const Node* of(const std::string& group) const;
    // It has moved or cannot be reached.
    void forget(const std::string& group) { known_.erase(group); }

    // Looks these up; one attempt. Gives the errors of those that have no coordinator. Errors of the whole: those of
    // connect_any() and of the answer.
    static awaitable<Result<std::map<std::string, Error>>> find(std::shared_ptr<GroupCoordinators> self,
                                                                std::vector<std::string> groups, TimePoint deadline);

private:
    // The error when it says nothing of use.
    Error learn(const std::string& group, std::int16_t code, std::int32_t id, const std::string& host,
                std::int32_t port);

    std::shared_ptr<Cluster> cluster_;
    std::map<std::string, Node> known_;
};

}  // namespace ottla::client
