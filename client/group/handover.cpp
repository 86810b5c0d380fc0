// SPDX-License-Identifier: Apache-2.0
#include "client/group/handover.hpp"

#include <utility>

namespace ottla::client {

void Handover::assign(PartitionMap partitions) {
    waiting_.push_back({Rebalance::Kind::assigned, std::move(partitions)});
}

void Handover::revoke(PartitionMap partitions) {
    if (!partitions.empty()) waiting_.push_back({Rebalance::Kind::revoked, std::move(partitions)});
}

PartitionMap Handover::kept() const {
    PartitionMap kept = owned_;
    for (const auto& [call, r] : outstanding_)
        if (r.kind == Rebalance::Kind::revoked) kept = without(kept, r.partitions);
    return kept;
}

void Handover::give_back_all() {
    std::erase_if(waiting_, [](const Rebalance& r) { return r.kind != Rebalance::Kind::lost; });
    revoke(kept());
    ends_ = !waiting_.empty();
}

void Handover::lose() {
    PartitionMap lost = kept();
    owned_.clear();
    waiting_.clear();
    ends_ = false;
    // One that waits for the application becomes a loss, too.
    if (!lost.empty() || !outstanding_.empty()) waiting_.push_back({Rebalance::Kind::lost, std::move(lost)});
}

bool Handover::is_due() const noexcept {
    if (waiting_.empty()) return false;
    return outstanding_.empty() || ends_ || waiting_.front().kind == Rebalance::Kind::lost;
}

Rebalance Handover::take(std::uint64_t call) {
    Rebalance next = std::move(waiting_.front());
    waiting_.pop_front();
    if (waiting_.empty()) ends_ = false;
    if (next.kind == Rebalance::Kind::assigned) merge(owned_, next.partitions);
    outstanding_.emplace(call, next);
    return next;
}

void Handover::done(std::uint64_t call) {
    const auto at = outstanding_.find(call);
    if (at == outstanding_.end()) return;
    if (at->second.kind == Rebalance::Kind::revoked) owned_ = without(owned_, at->second.partitions);
    outstanding_.erase(at);
}

}  // namespace ottla::client
