// SPDX-License-Identifier: Apache-2.0
// GroupAssignor: a way of your own to share out a group's partitions, beside range, roundrobin, sticky and
// cooperative-sticky. Every member of the group offers it by its name; the one that leads calls assign().
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ottla/bytes.hpp>
#include <ottla/group.hpp>
#include <ottla/result.hpp>

namespace ottla::inline v0 {

// Given in ConsumerOptions, and named in partition.assignment.strategy. All calls come on the consumer's loop, one at a
// time: they must not block, nor call the consumer. One object may serve several consumers on one loop. What is thrown
// counts as an error.
class GroupAssignor {
public:
    // By topic, in ascending order, each once.
    using Partitions = std::map<std::string, std::vector<std::int32_t>, std::less<>>;
    // For each partition of a topic, from 0 on, the racks of its replicas. A topic that does not exist has none.
    using Topics = std::map<std::string, std::vector<std::vector<std::string>>, std::less<>>;
    // What a member told when it joined.
    struct Member {
        std::string id;
        std::optional<std::string> instance_id;
        std::optional<std::string> rack;
        std::vector<std::string> topics;  // that it subscribes to: sorted, each once
        // What it held in `generation`, and may hold still; of eager members empty.
        Partitions owned;
        std::int32_t generation = -1;
        // Its user_data().
        Bytes user_data;
    };
    struct Assigned {
        Partitions partitions;
        Bytes user_data;  // for its on_assignment()
    };
    // By member id. Who is left out gets nothing.
    using Assignment = std::map<std::string, Assigned>;

    virtual ~GroupAssignor();

    // The same at each call, not one of ours, without commas or spaces; it travels on the wire.
    virtual std::string_view name() const noexcept = 0;
    // The same at each call: eager, members give everything back before a rebalance; cooperative, only what moves
    // (KIP-429), with nothing more to do here: what another member may still hold is kept back until it is free.
    virtual RebalanceProtocol protocol() const noexcept;
    // What this member sends along with each join, for assign() to read.
    virtual Bytes user_data(const std::vector<std::string>& topics);
    // Shares out. An error is told as an event, and the group tries again; so is an assignment that gives a partition
    // twice, to a member that is unknown or has not subscribed to its topic, or one that does not exist: it is not
    // sent.
    virtual Result<Assignment> assign(const std::vector<Member>& members, const Topics& topics) = 0;
    // What this member gets, before it is given to the application.
    virtual void on_assignment(const Assigned&, const GroupMetadata&);
};

}  // namespace ottla::inline v0
