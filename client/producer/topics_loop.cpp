// SPDX-License-Identifier: Apache-2.0
// The send loop and its topics: they are looked up, followed, given up when they are not there any more, and forgotten
// when nobody writes to them any more (KIP-526).
#include <algorithm>
#include <limits>

#include "client/producer/send_loop.hpp"

namespace ottla::client {

namespace {
constexpr int idle_looks = 8;  // in the time after which a topic is idle
}  // namespace

awaitable<void> SendLoop::follow_metadata(std::shared_ptr<SendLoop> self) {
    auto& timers = self->cluster_->runtime().timers();
    Watch watch(self->cluster_->changes(), self->cluster_->runtime().executor());
    TimePoint next = TimePoint::max();
    while (!self->stopped_ && !self->cluster_->is_closed()) {
        co_await watch.wait_until(timers, next);
        next = std::min(self->look_at_topics(timers.now()), self->forget_idle(timers.now()));
        self->signal_.notify();
    }
}

TimePoint SendLoop::look_at_topics(TimePoint now) {
    const auto propagation_max = config_.common.metadata_propagation_max;
    TimePoint next = TimePoint::max();
    for (auto& [topic, known] : topics_) {
        const TopicInfo* info = cluster_->metadata().topic(topic);
        if (!info) continue;
        if (info->is_gone(propagation_max)) {
            known = false;
            give_up_gone(topic);
            continue;
        }
        // One that is back: something of before may still wait for its partitions.
        if (info->error == ErrorCode::none && !info->partitions.empty()) known = true;
        if (!known) continue;
        learn_leaders(topic);
        const TimePoint gone_at = info->gone_at(propagation_max);
        if (gone_at > now)
            next = std::min(next, gone_at);
        else
            cluster_->request_refresh("a topic may be gone");
    }
    return next;
}

// What is in flight comes back with its answer, and is found here the next time.
void SendLoop::give_up_gone(const std::string& topic) {
    std::vector<BatchPtr> taken = accumulator_.set_gone(topic);
    if (taken.empty()) return;
    const Error error = cluster_->why_without(topic);
    runtime().log(DebugContext::topic).debug("{}", to_string(error));
    for (BatchPtr& batch : taken) give_up(std::move(batch), error);
}

TimePoint SendLoop::forget_idle(TimePoint now) {
    if (topics_.empty()) return TimePoint::max();
    if (look_for_idle_at_ > now) return look_for_idle_at_;
    TimePoint used{};
    for (const auto& topic : accumulator_.take_idle(now - config_.topic_idle_max, used)) {
        for (const auto& queue : topic->partitions) begin_after(queue->sequences);
        runtime().log(DebugContext::topic).debug("topic '{}' is not used any more, and forgotten", *topic->name);
        windows_.erase(*topic->name);
        if (topics_.erase(*topic->name) > 0) cluster_->forget_topic(*topic->name);
    }
    // What is not idle yet because it still waits is looked at no more often than this.
    look_for_idle_at_ = std::max(used == TimePoint::max() ? used : used + config_.topic_idle_max,
                                 now + config_.topic_idle_max / idle_looks);
    return look_for_idle_at_;
}

// Brokers may remember the partition for longer than we do: should it be used again, its numbers begin with an epoch
// that they have not seen of it. Which one is the same for all, so that nothing is kept of each.
void SendLoop::begin_after(const Sequences& forgotten) {
    if (forgotten.producer_id() < 0 || forgotten.producer_id() != producer_id_.id) return;
    if (forgotten.epoch() == std::numeric_limits<std::int16_t>::max())
        producer_id_ = ProducerId();  // its epochs are used up: the next partition asks for another
    else
        producer_id_.epoch =
            std::max<std::int16_t>(producer_id_.epoch, static_cast<std::int16_t>(forgotten.epoch() + 1));
}

// Brokers that can't be reached are no reason to give up: the records have their own deadline.
awaitable<void> SendLoop::resolve(std::shared_ptr<SendLoop> self, std::string topic) {
    Runtime& runtime = self->cluster_->runtime();
    for (;;) {
        const auto found = co_await self->cluster_->wait_for_topic(topic, runtime.deadline(nanoseconds::max()));
        if (self->stopped_) co_return;
        if (found) {
            self->topics_[topic] = true;
            runtime.log(DebugContext::topic).debug("topic '{}' is known", topic);
            self->learn_leaders(topic);
            break;
        }
        self->last_error_ = found.error();
        if (found.error().is_retriable() && found.error() != ErrorCode::unknown_topic_or_partition) continue;
        for (BatchPtr& batch : self->accumulator_.give_up(topic))
            self->reporter_.report(std::move(batch), Outcome::failed(found.error(), false));
        break;
    }
    self->signal_.notify();
}

void SendLoop::learn_leaders(const std::string& topic) {
    const TopicInfo* info = cluster_->metadata().topic(topic);
    if (!info || info->partitions.empty()) return;
    std::vector<BrokerId> leaders;
    for (const PartitionInfo& p : info->partitions)
        leaders.push_back(p.error == ErrorCode::none ? p.leader : no_broker);
    for (BatchPtr& batch : accumulator_.set_leaders(topic, leaders)) {
        Error error = no_such_partition(topic, static_cast<std::int32_t>(leaders.size()), batch->partition);
        give_up(std::move(batch), std::move(error));
    }
}

}  // namespace ottla::client
