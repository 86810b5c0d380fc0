// SPDX-License-Identifier: Apache-2.0
// The send loop and its topics: they are looked up, followed, and given up when they are not there any more.
#include <algorithm>

#include <fmt/format.h>

#include "client/producer/send_loop.hpp"

namespace ottla::client {

awaitable<void> SendLoop::follow_metadata(std::shared_ptr<SendLoop> self) {
    auto& timers = self->cluster_->runtime().timers();
    Watch watch(self->cluster_->changes(), self->cluster_->runtime().executor());
    TimePoint next = TimePoint::max();
    while (!self->stopped_ && !self->cluster_->is_closed()) {
        co_await watch.wait_until(timers, next);
        next = self->look_at_topics(timers.now());
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
        Error error = Error::of(ErrorCode::unknown_partition,
                                fmt::format("topic '{}' has {} partitions; there is no partition {}", topic,
                                            leaders.size(), batch->partition));
        give_up(std::move(batch), std::move(error));
    }
}

}  // namespace ottla::client
