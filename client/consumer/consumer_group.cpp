// SPDX-License-Identifier: Apache-2.0
// The public face of what belongs to a group.
#include <ottla/consumer.hpp>

#include <fmt/format.h>

#include "client/consumer/consumer_core.hpp"
#include "client/runtime/blocking.hpp"
#include "client/runtime/spawn.hpp"

namespace ottla::inline v0 {
namespace {

using client::awaitable;
using client::ConsumerCore;
using client::Group;
using std::chrono::nanoseconds;
using Partitions = std::vector<TopicPartition>;

Result<void> check_offsets(const Partitions& offsets) {
    for (const auto& tp : offsets)
        if (tp.topic.empty() || tp.partition < 0 || !tp.offset.is_absolute())
            return Error::of(ErrorCode::invalid_argument,
                             fmt::format("commit: {} names no topic, partition and offset from 0 up", to_string(tp)));
    return ok();
}

awaitable<Result<Partitions>> commit_async(std::shared_ptr<ConsumerCore> core, std::optional<Partitions> given,
                                           nanoseconds timeout) {
    if (core->is_closed()) co_return core->closed_error("commit");
    if (!core->group()) co_return core->without_group("commit");
    Partitions offsets;
    if (given) {
        if (auto fine = check_offsets(*given); !fine) co_return fine.error();
        offsets = std::move(*given);
    } else {
        offsets = core->delivery().to_commit();
    }
    if (offsets.empty()) co_return Error::of(ErrorCode::no_offset);
    co_return co_await Group::commit(core->shared_group(), std::move(offsets), core->runtime().deadline(timeout));
}

awaitable<Result<Partitions>> committed_async(std::shared_ptr<ConsumerCore> core, Partitions partitions,
                                              nanoseconds timeout) {
    if (core->is_closed()) co_return core->closed_error("committed");
    if (!core->group()) co_return core->without_group("committed");
    co_return co_await client::fetch_committed(core->group()->coordinator(), std::move(partitions),
                                               core->runtime().deadline(timeout));
}

}  // namespace

std::string_view to_string(RebalanceProtocol protocol) noexcept {
    switch (protocol) {
        case RebalanceProtocol::none: return "none";
        case RebalanceProtocol::eager: return "eager";
        case RebalanceProtocol::cooperative: return "cooperative";
    }
    return "unknown";
}

std::string to_string(const GroupMetadata& group) {
    if (group.generation < 0) return fmt::format("{}: no member", group.group_id);
    return fmt::format("{}: member {} in generation {}", group.group_id, group.member_id, group.generation);
}

Partitions Consumer::behind(const Message& message) {
    Partitions offsets;
    auto& tp = offsets.emplace_back(std::string(message.topic()), message.partition(), message.offset() + 1);
    if (message.leader_epoch() >= 0) tp.leader_epoch = message.leader_epoch();
    return offsets;
}

Result<void> Consumer::subscribe(std::vector<std::string> topics, RebalanceCallbacks callbacks) {
    if (core_->is_closed()) return core_->closed_error("subscribe");
    return core_->subscribe(std::move(topics), std::move(callbacks));
}

Result<void> Consumer::subscribe(SubscriptionPattern pattern, RebalanceCallbacks callbacks) {
    if (core_->is_closed()) return core_->closed_error("subscribe");
    return core_->subscribe(pattern, std::move(callbacks));
}

Result<void> Consumer::unsubscribe() {
    if (core_->is_closed()) return core_->closed_error("unsubscribe");
    return core_->unsubscribe();
}

std::vector<std::string> Consumer::subscription() const { return core_->subscription(); }

GroupMetadata Consumer::group_metadata() const {
    GroupMetadata metadata;
    const auto& config = core_->config().group;
    metadata.group_id = config.id;
    metadata.instance_id = config.instance_id;
    if (!core_->group()) return metadata;
    auto identity = core_->group()->desk().identity();
    metadata.generation = identity.generation;
    metadata.member_id = std::move(identity.member_id);
    return metadata;
}

RebalanceProtocol Consumer::rebalance_protocol() const noexcept {
    if (!core_->group() || core_->group()->desk().identity().generation < 0) return RebalanceProtocol::none;
    return core_->group()->is_cooperative() ? RebalanceProtocol::cooperative : RebalanceProtocol::eager;
}

bool Consumer::assignment_lost() const noexcept { return core_->group() && core_->group()->desk().assignment_lost(); }

Result<Partitions> Consumer::commit(nanoseconds timeout) {
    if (core_->is_closed()) return core_->closed_error("commit");
    return client::wait_for<Partitions>(core_->runtime(), "commit", timeout, [&](Completion<Partitions> done) {
        start_commit(*core_, std::nullopt, timeout, std::move(done));
    });
}

Result<Partitions> Consumer::commit(Partitions offsets, nanoseconds timeout) {
    if (core_->is_closed()) return core_->closed_error("commit");
    return client::wait_for<Partitions>(core_->runtime(), "commit", timeout, [&](Completion<Partitions> done) {
        start_commit(*core_, std::move(offsets), timeout, std::move(done));
    });
}

Result<Partitions> Consumer::commit(const Message& message, nanoseconds timeout) {
    return commit(behind(message), timeout);
}

Result<Partitions> Consumer::committed(Partitions partitions, nanoseconds timeout) {
    if (core_->is_closed()) return core_->closed_error("committed");
    return client::wait_for<Partitions>(core_->runtime(), "committed", timeout, [&](Completion<Partitions> done) {
        start_committed(*core_, std::move(partitions), timeout, std::move(done));
    });
}

Result<void> Consumer::store_offsets(Partitions offsets) {
    if (core_->is_closed()) return core_->closed_error("store_offsets");
    if (!core_->group()) return core_->without_group("store_offsets");
    if (core_->config().group.auto_store)
        return Error::of(ErrorCode::invalid_state,
                         "store_offsets: enable.auto.offset.store is on and stores by itself; set it to false");
    for (const auto& tp : core_->delivery().store(std::move(offsets)))
        if (tp.error.code() != ErrorCode::none) return tp.error.with_context("store_offsets");
    return ok();
}

Result<void> Consumer::store(const Message& message) { return store_offsets(behind(message)); }

void Consumer::start_commit(ConsumerCore& core, std::optional<Partitions> offsets, nanoseconds timeout,
                            Completion<Partitions> done) {
    if (core.is_closed()) return client::answer_without_loop(std::move(done), core.closed_error("commit"));
    // Who commits is done with what he was handed.
    if (!offsets) core.delivery().returned();
    client::spawn_call(core.runtime(), commit_async(core.shared_from_this(), std::move(offsets), timeout),
                       std::move(done));
}

void Consumer::start_committed(ConsumerCore& core, Partitions partitions, nanoseconds timeout,
                               Completion<Partitions> done) {
    if (core.is_closed()) return client::answer_without_loop(std::move(done), core.closed_error("committed"));
    client::spawn_call(core.runtime(), committed_async(core.shared_from_this(), std::move(partitions), timeout),
                       std::move(done));
}

}  // namespace ottla::inline v0
