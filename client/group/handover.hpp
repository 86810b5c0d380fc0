// SPDX-License-Identifier: Apache-2.0
// Handover: what the application holds, and what it has still to take note of, one thing after the other. Only a loss,
// and what is given back at the end, do not wait until the one before is done.
#pragma once

#include <cstdint>
#include <deque>
#include <map>

#include "client/consumer/assignors/assignor.hpp"

namespace ottla::client {

// For the application to take note of, in this order. What is lost comes also while an earlier one is not done: the
// partitions may be another's already.
struct Rebalance {
    enum class Kind : std::uint8_t { assigned, revoked, lost };
    Kind kind = Kind::assigned;
    PartitionMap partitions;
};

class Handover {
public:
    // Told even when there is nothing.
    void assign(PartitionMap);
    // Nothing is not told.
    void revoke(PartitionMap);
    // What has not been handed over yet is not; all the rest is given back, and at once: a commit of what went before
    // may last longer than the consumer.
    void give_back_all();
    // What is being given back is given back, whatever else happens; all the rest is lost.
    void lose();

    // The next has its turn.
    bool is_due() const noexcept;
    Rebalance take(std::uint64_t call);
    // The application is done with it.
    void done(std::uint64_t call);

    // From the moment they are handed over until they are given back or lost.
    const PartitionMap& owned() const noexcept { return owned_; }
    // More comes than what was taken so far.
    bool has_waiting() const noexcept { return !waiting_.empty(); }
    bool is_idle() const noexcept { return waiting_.empty() && outstanding_.empty(); }

private:
    // Without what is being given back at the moment.
    PartitionMap kept() const;

    PartitionMap owned_;
    std::deque<Rebalance> waiting_;
    bool ends_ = false;  // what waits is the last that is given back
    std::map<std::uint64_t, Rebalance> outstanding_;
};

}  // namespace ottla::client
