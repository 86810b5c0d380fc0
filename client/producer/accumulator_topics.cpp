// SPDX-License-Identifier: Apache-2.0
// The accumulator's topics: how many partitions they have and who leads them, what has waited for that, and what
// becomes of a topic that goes, or that nobody writes to any more.
#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <ottla/protocol/record_batch.hpp>

#include "base/assert.hpp"
#include "client/producer/record_fields.hpp"

namespace ottla::client {

Error no_such_partition(std::string_view topic, std::int32_t count, std::int32_t partition) {
    return Error::of(ErrorCode::unknown_partition,
                     fmt::format("topic '{}' has {} partitions; there is no partition {}", topic, count, partition));
}

std::vector<BatchPtr> Accumulator::set_leaders(std::string_view name, std::span<const BrokerId> leaders) {
    std::vector<BatchPtr> rejected;
    if (leaders.empty()) return rejected;
    std::unique_lock hold(queues_);
    TopicQueue& topic = topic_queue(name);
    topic.partition_count = static_cast<std::int32_t>(leaders.size());
    while (topic.partitions.size() < leaders.size()) {
        auto queue = std::make_unique<PartitionQueue>();
        queue->topic = &topic;
        queue->partition = static_cast<std::int32_t>(topic.partitions.size());
        topic.partitions.push_back(std::move(queue));
    }
    topic.candidates.clear();
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
        topic.partitions[i]->leader = i < leaders.size() ? leaders[i] : no_broker;
        if (topic.partitions[i]->leader != no_broker) topic.candidates.push_back(static_cast<std::int32_t>(i));
    }
    if (topic.candidates.empty())
        for (std::int32_t i = 0; i < topic.partition_count; ++i) topic.candidates.push_back(i);
    for (std::size_t i = leaders.size(); i < topic.partitions.size(); ++i) take_all(*topic.partitions[i], rejected);
    topic.sticky.forget();
    if (users_partitioner_ && !topic.known) move_waiting_as_user_says(topic, hold, rejected);
    topic.known = true;
    topic.asked = false;
    move_waiting(topic, rejected);
    return rejected;
}

void Accumulator::move_waiting(TopicQueue& topic, std::vector<BatchPtr>& rejected) {
    std::deque<BatchPtr> waiting = std::move(topic.waiting);
    topic.waiting.clear();
    std::erase(waiting_topics_, &topic);
    for (BatchPtr& batch : waiting) move_waiting(topic, *batch, rejected);
}

// Who comes while the function is asked queues up behind: the topic is not known before all have their places.
void Accumulator::move_waiting_as_user_says(TopicQueue& topic, Hold& hold, std::vector<BatchPtr>& rejected) {
    while (!topic.waiting.empty()) {
        std::deque<BatchPtr> batches = std::exchange(topic.waiting, {});
        std::erase(waiting_topics_, &topic);
        const std::int32_t count = topic.partition_count;
        hold.unlock();
        for (BatchPtr& batch : batches) ask_user(*batch, count);
        hold.lock();
        for (BatchPtr& batch : batches) move_waiting(topic, *batch, rejected);
    }
}

void Accumulator::ask_user(Batch& batch, std::int32_t count) {
    batch.sealed = batch.builder.finish();
    const auto view = protocol::RecordBatchView::parse(batch.sealed.span());
    OTTLA_ASSERT(view.has_value());
    std::vector<Header> headers;
    protocol::RecordReader records = view->records();
    protocol::RecordView r;
    DeliveryDues::Reader due(batch.dues);
    for (std::size_t i = 0; records.next(r) && due.next(); ++i) {
        if (batch.wanted[i] >= 0) continue;
        headers.clear();
        for (protocol::RecordHeaderView h; r.headers.next(h);) headers.push_back({h.key, view_of(h.value)});
        Record record;
        record.topic = *batch.topic;
        record.key = view_of(r.key);
        record.value = view_of(r.value);
        record.headers = headers;
        record.timestamp_ms = due.timestamp_ms();
        record.opaque = due.opaque();
        batch.wanted[i] = users_partitioner_(record, count);
    }
}

void Accumulator::move_waiting(TopicQueue& topic, Batch& from, std::vector<BatchPtr>& rejected) {
    const Buffer bytes = from.sealed.empty() ? from.builder.finish() : std::move(from.sealed);
    const auto view = protocol::RecordBatchView::parse(bytes.span());
    OTTLA_ASSERT(view.has_value());
    std::map<std::int32_t, BatchPtr> homeless;
    std::vector<protocol::RecordHeaderView> headers;
    protocol::RecordReader records = view->records();
    protocol::RecordView record;
    DeliveryDues::Reader due(from.dues);
    for (std::size_t i = 0; records.next(record) && due.next(); ++i) {
        Fields fields = Fields::of(record, due, headers);
        fields.is_awaited = from.is_awaited;
        DeliveryCallback callback = due.take_callback();
        const bool is_decided = from.wanted[i] >= 0 || users_partitioner_;
        const std::int32_t partition = is_decided ? from.wanted[i] : choose(topic, fields);
        if (partition >= 0 && partition < topic.partition_count) {
            PartitionQueue& queue = *topic.partitions[static_cast<std::size_t>(partition)];
            // Both halves of the time are in what it took meanwhile.
            if (queue.last_is_open && from.created - queue.batches.back()->created > open_max_ / 2) close_last(queue);
            add_part(queue, fields, std::move(callback), from.created);
            continue;
        }
        BatchPtr& batch = homeless[partition];
        if (batch && put_part(*batch, fields, std::move(callback))) continue;
        // The first, or one that no longer fits: deltas are larger from another first record on.
        if (batch) rejected.push_back(std::move(batch));
        batch = new_batch(topic, from.created, 0, fields.bytes_bound(), true);
        batch->partition = partition;
        const bool fits = put_part(*batch, fields, std::move(callback));
        OTTLA_ASSERT(fits);
    }
    for (auto& [partition, batch] : homeless) rejected.push_back(std::move(batch));
    let_go(from);
}

std::vector<BatchPtr> Accumulator::give_up(std::string_view name) {
    std::vector<BatchPtr> taken;
    const std::lock_guard hold(queues_);
    TopicQueue& topic = topic_queue(name);
    topic.asked = false;
    topic.used = clock_.now();
    for (BatchPtr& batch : topic.waiting) taken.push_back(std::move(batch));
    topic.waiting.clear();
    std::erase(waiting_topics_, &topic);
    return taken;
}

std::vector<BatchPtr> Accumulator::set_gone(std::string_view name) {
    std::vector<BatchPtr> taken;
    const std::lock_guard hold(queues_);
    TopicQueue& topic = topic_queue(name);
    topic.known = false;
    for (const auto& queue : topic.partitions) {
        queue->leader = no_broker;
        take_all(*queue, taken);
    }
    if (!taken.empty()) topic.used = clock_.now();
    return taken;
}

bool TopicQueue::is_empty() const {
    return waiting.empty() && !asked && std::ranges::all_of(partitions, [](const auto& queue) {
               return queue->batches.empty() && queue->in_flight.empty() && !queue->listed;
           });
}

std::vector<std::unique_ptr<TopicQueue>> Accumulator::take_idle(TimePoint used_until, TimePoint& oldest) {
    std::vector<std::unique_ptr<TopicQueue>> idle;
    oldest = TimePoint::max();
    const std::lock_guard hold(queues_);
    for (auto at = topics_.begin(); at != topics_.end();) {
        const TopicQueue& topic = *at->second;
        if (topic.used > used_until || !topic.is_empty()) {
            oldest = std::min(oldest, std::max(topic.used, used_until));
            ++at;
            continue;
        }
        if (last_topic_ == &topic) {
            last_topic_ = nullptr;
            last_topic_name_ = {};
        }
        idle.push_back(std::move(at->second));
        at = topics_.erase(at);
    }
    return idle;
}

}  // namespace ottla::client
