// SPDX-License-Identifier: Apache-2.0
#include "client/producer/accumulator.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <ottla/protocol/record_batch.hpp>

#include "base/assert.hpp"

namespace ottla::client {

namespace {

constexpr std::size_t first_buffer_bytes = 4096;
constexpr std::size_t spare_batches_max = 32;
// What a record takes besides its payload, about.
constexpr std::size_t record_overhead = 32;

protocol::NullableSpan nullable(BytesView view) noexcept {
    return view.is_null() ? protocol::NullableSpan() : protocol::NullableSpan(view.span());
}
BytesView view_of(const protocol::NullableSpan& span) noexcept { return span ? BytesView(*span) : BytesView(); }

// The user's headers as the codec takes them; few ones without an allocation.
class HeaderViews {
public:
    explicit HeaderViews(std::span<const Header> headers) {
        if (headers.empty()) return;
        protocol::RecordHeaderView* to = few_;
        if (headers.size() > std::size(few_)) {
            many_.resize(headers.size());
            to = many_.data();
        }
        views_ = {to, headers.size()};
        for (const Header& h : headers) *to++ = protocol::RecordHeaderView(h.name, nullable(h.value));
    }
    HeaderViews(const HeaderViews&) = delete;
    HeaderViews& operator=(const HeaderViews&) = delete;
    std::span<const protocol::RecordHeaderView> span() const noexcept { return views_; }

private:
    protocol::RecordHeaderView few_[8];
    std::vector<protocol::RecordHeaderView> many_;
    std::span<const protocol::RecordHeaderView> views_;
};

}  // namespace

// A record as append() and the move of waiting records see it.
struct Accumulator::Fields {
    protocol::NullableSpan key;
    protocol::NullableSpan value;
    std::span<const protocol::RecordHeaderView> headers;
    std::int64_t timestamp_ms = 0;
    std::int64_t now_ms = 0;
    std::size_t payload_bytes = 0;
    void* opaque = nullptr;

    void count_payload() noexcept {
        payload_bytes = (key ? key->size() : 0) + (value ? value->size() : 0);
        for (const auto& h : headers) payload_bytes += h.key.size() + (h.value ? h.value->size() : 0);
    }
};

Accumulator::Accumulator(const ProducerConfig& config, const base::Clock& clock, base::BufferPool& pool,
                         std::uint64_t seed, Function<void()> wake)
    : config_(config),
      partitioner_(partitioner_row(config.partitioner)),
      clock_(clock),
      pool_(pool),
      wake_(std::move(wake)),
      batch_bytes_max_(std::min(config.batch_bytes_max, config.message_bytes_max)),
      random_(seed) {}

Result<void> Accumulator::append(const Record& record, DeliveryCallback&& callback) {
    if (record.topic.empty()) return Error::of(ErrorCode::invalid_argument, "the record has no topic");
    if (record.partition < any_partition)
        return Error::of(ErrorCode::invalid_argument,
                         fmt::format("partition {} of a record: from 0, or any_partition", record.partition));
    const HeaderViews headers(record.headers);
    Fields fields;
    fields.key = nullable(record.key);
    fields.value = nullable(record.value);
    fields.headers = headers.span();
    fields.opaque = record.opaque;
    fields.now_ms = clock_.wall_ms();
    fields.timestamp_ms = record.timestamp_ms < 0 ? fields.now_ms : record.timestamp_ms;
    fields.count_payload();
    if (fields.payload_bytes + record_overhead > config_.message_bytes_max ||
        protocol::RecordBatchBuilder::batch_size_bound(fields.key, fields.value, fields.headers) >
            config_.message_bytes_max)
        return Error::of(ErrorCode::message_too_large,
                         fmt::format("topic '{}': a record of {} bytes is above message.max.bytes ({})", record.topic,
                                     fields.payload_bytes, config_.message_bytes_max));
    bool wake = false;
    {
        const std::lock_guard hold(queues_);
        auto appended = append_locked(record, fields, std::move(callback));
        if (!appended) return appended.error();
        wake = *appended;
    }
    if (wake) wake_();
    return ok();
}

Result<bool> Accumulator::append_locked(const Record& record, const Fields& fields, DeliveryCallback&& callback) {
    if (refusal_.code() != ErrorCode::none) return refusal_;
    if ((config_.queue_messages_max != 0 && messages_ >= config_.queue_messages_max) ||
        (payload_bytes_ + fields.payload_bytes > config_.queue_bytes_max && messages_ > 0))
        return Error::of(ErrorCode::queue_full);
    TopicQueue& topic = topic_queue(record.topic);
    bool wake = false;
    if (!topic.known) {
        wake = add_waiting(topic, record.partition, fields, std::move(callback));
    } else {
        const std::int32_t partition = record.partition >= 0 ? record.partition : choose(topic, fields);
        if (partition >= topic.partition_count)
            return Error::of(ErrorCode::unknown_partition,
                             fmt::format("topic '{}' has {} partitions; there is no partition {}", record.topic,
                                         topic.partition_count, partition));
        wake = add(*topic.partitions[static_cast<std::size_t>(partition)], fields, std::move(callback), TimePoint{});
    }
    ++messages_;
    ++appended_;
    payload_bytes_ += fields.payload_bytes;
    return wake;
}

TopicQueue& Accumulator::topic_queue(std::string_view name) {
    if (last_topic_ != nullptr && *last_topic_->name == name) return *last_topic_;
    auto at = topics_.find(name);
    if (at == topics_.end()) {
        const StickyPartition sticky(batch_bytes_max_, config_.sticky_linger.count());
        auto made = std::make_unique<TopicQueue>(std::string(name), sticky);
        at = topics_.emplace(std::string(name), std::move(made)).first;
    }
    return *(last_topic_ = at->second.get());
}

std::int32_t Accumulator::choose(TopicQueue& topic, const Fields& fields) {
    const BytesView key = view_of(fields.key);
    if (!is_spread(partitioner_, key)) return partitioner_.partition_of(key.span(), topic.partition_count);
    if (partitioner_.partition_of == nullptr) return topic.candidates[random_.below(topic.candidates.size())];
    return topic.sticky.choose(topic.candidates, fields.now_ms, fields.payload_bytes + record_overhead, random_);
}

bool Accumulator::add(PartitionQueue& queue, const Fields& fields, DeliveryCallback&& callback, TimePoint created) {
    bool wake = false;
    if (!queue.last_is_open || !put_into(*queue.batches.back(), fields, std::move(callback))) {
        // The first batch makes the loop set its timer, a full one makes it send; with as many in flight as may be it
        // comes anyway.
        wake = can_send_new(queue) && (queue.batches.empty() || (queue.batches.size() == 1 && queue.last_is_open));
        if (queue.last_is_open) queue.last_batch_bytes = queue.batches.back()->builder.size();
        if (created == TimePoint{}) created = clock_.now();
        queue.batches.push_back(new_batch(*queue.topic, created, queue.last_batch_bytes));
        queue.last_is_open = true;
        Batch& batch = *queue.batches.back();
        batch.partition = queue.partition;
        batch.home = &queue;
        const bool fits = put_into(batch, fields, std::move(callback));
        OTTLA_ASSERT(fits);
        if (!queue.listed) {
            queue.listed = true;
            listed_.push_back(&queue);
        }
    }
    // Full: it need not wait for a record that no longer fits.
    const Batch& batch = *queue.batches.back();
    if (batch.count() >= static_cast<std::size_t>(config_.batch_messages_max) ||
        batch.builder.size() + fields.payload_bytes + record_overhead > batch_bytes_max_) {
        queue.last_is_open = false;
        queue.last_batch_bytes = batch.builder.size();
        wake = wake || (can_send_new(queue) && queue.batches.size() == 1);
    }
    return wake;
}

bool Accumulator::add_waiting(TopicQueue& topic, std::int32_t wanted, const Fields& fields,
                              DeliveryCallback&& callback) {
    const bool first = topic.waiting.empty();
    if (first || !put_into(*topic.waiting.back(), fields, std::move(callback))) {
        topic.waiting.push_back(new_batch(topic, clock_.now(), first_buffer_bytes));
        const bool fits = put_into(*topic.waiting.back(), fields, std::move(callback));
        OTTLA_ASSERT(fits);
    }
    topic.waiting.back()->wanted.push_back(wanted);
    if (first) waiting_topics_.push_back(&topic);
    return first;
}

BatchPtr Accumulator::new_batch(const TopicQueue& topic, TimePoint created, std::size_t bytes_expected) {
    BatchPtr batch;
    const Backoff backoff(config_.common.retry_backoff, config_.common.retry_backoff_max);
    if (spare_.empty()) {
        batch = std::make_unique<Batch>(batch_bytes_max_, backoff);
    } else {
        batch = std::move(spare_.back());
        spare_.pop_back();
        batch->backoff = backoff;
    }
    batch->builder.reset(pool_.take(std::max(first_buffer_bytes, std::min(bytes_expected, batch_bytes_max_ + 1024))));
    batch->topic = topic.name;
    batch->created = created;
    batch->expires = expiry(created);
    return batch;
}

bool Accumulator::put_into(Batch& batch, const Fields& fields, DeliveryCallback&& callback) {
    protocol::RecordBatchBuilder& builder = batch.builder;
    const std::size_t bound = builder.size() + fields.payload_bytes + record_overhead + fields.headers.size() * 10;
    if (bound > builder.capacity() && builder.capacity() < batch_bytes_max_)
        builder.move_into(pool_.take(std::max(bound, std::min(builder.capacity() * 2, batch_bytes_max_))));
    if (!builder.append(fields.timestamp_ms, fields.key, fields.value, fields.headers)) return false;
    if (!callback) ++batch.events;
    batch.payload_bytes += fields.payload_bytes;
    batch.deliveries.emplace_back(std::move(callback), fields.opaque, fields.timestamp_ms);
    return true;
}

TimePoint Accumulator::expiry(TimePoint created) const noexcept {
    return config_.delivery_timeout.count() == 0 ? TimePoint::max() : created + config_.delivery_timeout;
}

std::size_t Accumulator::unreported() const {
    const std::lock_guard hold(queues_);
    return appended_ - reported_.load(std::memory_order_acquire);
}

bool Accumulator::has_room() const {
    const auto is_below = [](std::size_t used, std::size_t max) { return used < max && used <= max - max / 4; };
    const std::lock_guard hold(queues_);
    return (config_.queue_messages_max == 0 || is_below(messages_, config_.queue_messages_max)) &&
           is_below(payload_bytes_, config_.queue_bytes_max);
}

void Accumulator::refuse(const Error& because) {
    const std::lock_guard hold(queues_);
    if (refusal_.code() == ErrorCode::none) refusal_ = because;
}

Error Accumulator::refusal() const {
    const std::lock_guard hold(queues_);
    return refusal_;
}

void Accumulator::set_flushing(bool on) {
    const std::lock_guard hold(queues_);
    flushing_ += on ? 1 : -1;
}

void Accumulator::plan(TimePoint now, Plan& out) {
    out.ready.clear();
    out.expired.clear();
    out.unresolved.clear();
    out.next = TimePoint::max();
    out.leaderless = false;
    const std::lock_guard hold(queues_);
    for (TopicQueue* topic : waiting_topics_) look_at(*topic, now, out);
    std::erase_if(waiting_topics_, [](const TopicQueue* topic) { return topic->waiting.empty(); });
    std::erase_if(listed_, [&](PartitionQueue* queue) { return !(queue->listed = look_at(*queue, now, out)); });
    std::ranges::stable_sort(out.ready, {}, &Plan::Ready::since);
}

void Accumulator::look_at(TopicQueue& topic, TimePoint now, Plan& out) {
    while (!topic.waiting.empty() && topic.waiting.front()->expires <= now) {
        out.expired.push_back(std::move(topic.waiting.front()));
        topic.waiting.pop_front();
    }
    if (topic.waiting.empty()) return;
    out.next = std::min(out.next, topic.waiting.front()->expires);
    if (!topic.asked) out.unresolved.push_back(*topic.name);
    topic.asked = true;
}

bool Accumulator::look_at(PartitionQueue& queue, TimePoint now, Plan& out) {
    while (!queue.batches.empty() && queue.batches.front()->expires <= now) out.expired.push_back(pop_front(queue));
    if (queue.batches.empty()) return false;
    const Batch& front = *queue.batches.front();
    out.next = std::min(out.next, front.expires);
    if (!can_send(queue, front)) return true;
    const bool wants_numbers = !front.numbers.any();
    if (!queue.in_flight.empty() && (front.waits_its_turn || (wants_numbers && queue.sequences.begins_anew())))
        return true;
    const bool is_whole = queue.batches.size() > 1 || !queue.last_is_open || flushing_ > 0;
    const TimePoint ready_at = std::max(is_whole ? TimePoint{} : front.created + config_.linger, queue.retry_at);
    if (ready_at > now) {
        out.next = std::min(out.next, ready_at);
    } else if (queue.leader == no_broker) {
        out.leaderless = true;
    } else {
        out.ready.push_back({queue.leader, &queue, front.created, wants_numbers});
    }
    return true;
}

BatchPtr Accumulator::pop_front(PartitionQueue& queue) {
    BatchPtr batch = std::move(queue.batches.front());
    queue.batches.pop_front();
    if (queue.batches.empty() && queue.last_is_open) {
        queue.last_is_open = false;
        queue.last_batch_bytes = batch->builder.size();
    }
    return batch;
}

BatchPtr Accumulator::take(PartitionQueue& queue) {
    const std::lock_guard hold(queues_);
    OTTLA_ASSERT(!queue.batches.empty() && can_send(queue, *queue.batches.front()));
    BatchPtr batch = pop_front(queue);
    if (batch->attempts == 0) batch->place = queue.next_place++;
    const auto at = std::ranges::lower_bound(queue.in_flight, batch->place);
    batch->went_first = at == queue.in_flight.begin();
    batch->waits_its_turn = false;
    queue.in_flight.insert(at, batch->place);
    return batch;
}

void Accumulator::end_flight(PartitionQueue& queue, Place place) {
    const auto at = std::ranges::find(queue.in_flight, place);
    OTTLA_ASSERT(at != queue.in_flight.end());
    queue.in_flight.erase(at);
    queue.in_flight_max = queue.sequences.in_flight_max();
}

void Accumulator::land(PartitionQueue& queue, Place place) {
    const std::lock_guard hold(queues_);
    end_flight(queue, place);
    queue.retry_at = TimePoint{};
}

void Accumulator::retry(BatchPtr batch, TimePoint at) {
    const std::lock_guard hold(queues_);
    PartitionQueue& queue = *batch->home;
    end_flight(queue, batch->place);
    queue.retry_at = std::max(queue.retry_at, at);
    // Before what was never sent, and what was sent later.
    const auto before = std::ranges::find_if(
        queue.batches, [&](const BatchPtr& other) { return other->attempts == 0 || other->place > batch->place; });
    queue.batches.insert(before, std::move(batch));
    if (!queue.listed) {
        queue.listed = true;
        listed_.push_back(&queue);
    }
}

void Accumulator::number(Batch& batch) {
    PartitionQueue& queue = *batch.home;
    batch.numbers = queue.sequences.next(static_cast<std::int32_t>(batch.count()));
    const std::lock_guard hold(queues_);
    queue.in_flight_max = queue.sequences.in_flight_max();
}

void Accumulator::take_numbers_back(PartitionQueue& queue) {
    const std::lock_guard hold(queues_);
    for (const BatchPtr& batch : queue.batches)
        if (!batch->possibly_persisted) batch->numbers = Numbers();
}

std::vector<BatchPtr> Accumulator::set_leaders(std::string_view name, std::span<const BrokerId> leaders) {
    std::vector<BatchPtr> rejected;
    if (leaders.empty()) return rejected;
    const std::lock_guard hold(queues_);
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
    topic.sticky.forget();
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

void Accumulator::move_waiting(TopicQueue& topic, Batch& from, std::vector<BatchPtr>& rejected) {
    const Buffer bytes = from.builder.finish();
    const auto view = protocol::RecordBatchView::parse(bytes.span());
    OTTLA_ASSERT(view.has_value());
    std::map<std::int32_t, BatchPtr> homeless;
    std::vector<protocol::RecordHeaderView> headers;
    protocol::RecordReader records = view->records();
    protocol::RecordView record;
    for (std::size_t i = 0; records.next(record); ++i) {
        headers.clear();
        for (protocol::RecordHeaderView h; record.headers.next(h);) headers.push_back(h);
        DeliveryDue& delivery = from.deliveries[i];
        Fields fields;
        fields.key = record.key;
        fields.value = record.value;
        fields.headers = headers;
        fields.timestamp_ms = fields.now_ms = delivery.timestamp_ms;
        fields.opaque = delivery.opaque;
        fields.count_payload();
        const std::int32_t partition = from.wanted[i] >= 0 ? from.wanted[i] : choose(topic, fields);
        if (partition < topic.partition_count) {
            add(*topic.partitions[static_cast<std::size_t>(partition)], fields, std::move(delivery.callback),
                from.created);
            continue;
        }
        BatchPtr& batch = homeless[partition];
        if (!batch) {
            batch = new_batch(topic, from.created, first_buffer_bytes);
            batch->partition = partition;
        }
        const bool fits = put_into(*batch, fields, std::move(delivery.callback));
        OTTLA_ASSERT(fits);
    }
    for (auto& [partition, batch] : homeless) rejected.push_back(std::move(batch));
}

std::vector<BatchPtr> Accumulator::give_up(std::string_view name) {
    std::vector<BatchPtr> taken;
    const std::lock_guard hold(queues_);
    TopicQueue& topic = topic_queue(name);
    topic.asked = false;
    for (BatchPtr& batch : topic.waiting) taken.push_back(std::move(batch));
    topic.waiting.clear();
    std::erase(waiting_topics_, &topic);
    return taken;
}

std::vector<BatchPtr> Accumulator::take_all() {
    std::vector<BatchPtr> taken;
    const std::lock_guard hold(queues_);
    for (TopicQueue* topic : waiting_topics_) {
        for (BatchPtr& batch : topic->waiting) taken.push_back(std::move(batch));
        topic->waiting.clear();
    }
    waiting_topics_.clear();
    for (PartitionQueue* queue : listed_) {
        while (!queue->batches.empty()) taken.push_back(pop_front(*queue));
        queue->listed = false;
    }
    listed_.clear();
    return taken;
}

void Accumulator::recycle(BatchPtr batch) {
    const std::size_t records = batch->count();
    const std::size_t bytes = batch->payload_bytes;
    // Outside the mutex: callbacks may own anything.
    batch->deliveries.clear();
    batch->builder.reset(Buffer());
    batch->sealed = Buffer();
    batch->wanted.clear();
    batch->topic.reset();
    batch->home = nullptr;
    batch->events = batch->payload_bytes = 0;
    batch->attempts = 0;
    batch->numbers = Numbers();
    batch->waits_its_turn = false;
    batch->possibly_persisted = false;
    batch->last_error = Error();
    const std::lock_guard hold(queues_);
    messages_ -= records;
    payload_bytes_ -= bytes;
    if (spare_.size() < spare_batches_max) spare_.push_back(std::move(batch));
}

}  // namespace ottla::client
