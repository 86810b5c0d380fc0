// SPDX-License-Identifier: Apache-2.0
#include "client/producer/accumulator.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <ottla/protocol/record_batch.hpp>
#include <ottla/protocol/topic_name.hpp>

#include "base/assert.hpp"
#include "client/producer/record_fields.hpp"

namespace ottla::client {

namespace {

// What a record takes besides its payload as a rule.
constexpr std::size_t record_overhead_usual = 10;
// Of delivery.timeout.ms, at most, passes between a batch's first record and its last.
constexpr int open_part = 16;

base::Duration open_max(const ProducerConfig& config) noexcept {
    if (config.delivery_timeout.count() == 0) return base::Duration::max();
    return std::max<base::Duration>(config.linger, base::Duration(config.delivery_timeout) / open_part);
}

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

Accumulator::Accumulator(const ProducerConfig& config, const base::Clock& clock, base::BufferPool& pool,
                         std::uint64_t seed, Function<void()> wake, PartitionerFunction users_partitioner)
    : config_(config),
      partitioner_(partitioner_row(config.partitioner)),
      users_partitioner_(std::move(users_partitioner)),
      clock_(clock),
      pool_(pool),
      wake_(std::move(wake)),
      batch_bytes_max_(std::min(config.batch_bytes_max, config.message_bytes_max)),
      packs_(config.compression != Compression::none),
      open_max_(open_max(config)),
      random_(seed) {}

[[gnu::always_inline]] inline bool Accumulator::put_into(Batch& batch, const Fields& fields,
                                                         DeliveryCallback&& callback) {
    protocol::RecordBatchBuilder& builder = batch.builder;
    const std::size_t bound = builder.size() + fields.payload_bytes + record_overhead + fields.headers.size() * 10;
    if (bound > builder.capacity() && builder.capacity() < batch_bytes_max_ &&
        !grow_buffer(batch, bound, fields.is_moved))
        return false;
    if (!batch.dues.has_room() && !grow_dues(batch, fields.is_moved)) [[unlikely]]
        return false;
    std::int64_t timestamp = fields.timestamp_ms;
    if (fields.is_of_now) {
        if (batch.began_ms == 0) [[unlikely]]
            batch.began_ms = clock_.wall_ms();
        timestamp = std::max(timestamp, batch.began_ms);
    }
    if (!builder.append(timestamp, fields.key, fields.value, fields.headers)) return false;
    batch.payload_bytes += fields.payload_bytes;
    batch.dues.add(std::move(callback), fields.opaque, timestamp);
    return true;
}

bool Accumulator::put_part(Batch& batch, const Fields& fields, DeliveryCallback&& callback) {
    return put_into(batch, fields, std::move(callback));
}

[[gnu::always_inline]] inline Accumulator::Put Accumulator::add(PartitionQueue& queue, const Fields& fields,
                                                                DeliveryCallback&& callback, TimePoint created) {
    bool wake = false;
    if (!queue.last_is_open || !put_into(*queue.batches.back(), fields, std::move(callback))) [[unlikely]] {
        const Put put = add_batch(queue, fields, std::move(callback), created);
        if (put == Put::refused) return put;
        wake = put == Put::done_and_wake;
    }
    Batch& batch = *queue.batches.back();
    if (fields.is_awaited && !std::exchange(batch.is_awaited, true)) wake |= queue.in_flight.empty();
    // Full: it need not wait for a record that no longer fits.
    if (batch.builder.count() >= config_.batch_messages_max ||
        batch.builder.size() + fields.payload_bytes + record_overhead > queue.topic->batch_bytes_max) [[unlikely]] {
        close_last(queue);
        wake = wake || packs_ || (can_send_new(queue) && queue.batches.size() == 1);
    }
    return wake ? Put::done_and_wake : Put::done;
}

Accumulator::Put Accumulator::add_part(PartitionQueue& queue, const Fields& fields, DeliveryCallback&& callback,
                                       TimePoint created) {
    return add(queue, fields, std::move(callback), created);
}

// The way of every record: inline, so that its fields never become an object.
[[gnu::always_inline]] inline Result<void> Accumulator::append(const Record& record, const Fields& fields,
                                                               DeliveryCallback&& callback) {
    if (record.topic.empty() || record.partition < any_partition || is_too_large(fields)) [[unlikely]]
        return what_is_wrong(record, fields);
    if (users_partitioner_ && record.partition < 0) [[unlikely]]
        return append_as_user_says(record, fields, std::move(callback));
    Put put = Put::done;
    {
        const std::lock_guard hold(queues_);
        if (auto done = append_to(record.partition, record, fields, std::move(callback), put); !done) [[unlikely]]
            return done;
    }
    if (put == Put::done_and_wake) wake_();
    return ok();
}

[[gnu::always_inline]] inline Result<void> Accumulator::append_to(std::int32_t partition, const Record& record,
                                                                  const Fields& fields, DeliveryCallback&& callback,
                                                                  Put& put) {
    if (refusal_.code() != ErrorCode::none || is_full(fields)) [[unlikely]]
        return why_not();
    // Records mostly come for the same topic.
    if (last_topic_name_ != record.topic) [[unlikely]]
        if (const auto found = find_topic(record.topic); !found) return found.error();
    TopicQueue& topic = *last_topic_;
    if (topic.known) [[likely]] {
        if (partition < 0) partition = choose(topic, fields);
        if (partition >= topic.partition_count) [[unlikely]]
            return no_such_partition(record.topic, topic.partition_count, partition);
        PartitionQueue& queue = *topic.partitions[static_cast<std::size_t>(partition)];
        put = add(queue, fields, std::move(callback), TimePoint{});
    } else {
        put = add_waiting(topic, partition, fields, std::move(callback));
    }
    if (put == Put::refused) [[unlikely]]
        return Error::of(ErrorCode::queue_full);
    ++messages_;
    ++appended_;
    payload_bytes_ += fields.payload_bytes;
    return ok();
}

Result<void> Accumulator::append(const Record& record, DeliveryCallback&& callback, bool is_awaited) {
    // Most records have none, and need no room for their views.
    if (!record.headers.empty()) [[unlikely]]
        return append_with_headers(record, std::move(callback), is_awaited);
    Fields fields(record, {}, clock_.about_wall_ms());
    fields.is_awaited = is_awaited;
    return append(record, fields, std::move(callback));
}

Result<void> Accumulator::append_with_headers(const Record& record, DeliveryCallback&& callback, bool is_awaited) {
    if (std::ranges::any_of(record.headers, [](const Header& h) { return h.name.empty(); }))
        return Error::of(ErrorCode::invalid_argument,
                         fmt::format("topic '{}': a header of the record has no name", record.topic));
    const HeaderViews headers(record.headers);
    Fields fields(record, headers.span(), clock_.about_wall_ms());
    fields.is_awaited = is_awaited;
    return append(record, fields, std::move(callback));
}

Result<void> Accumulator::append_as_user_says(const Record& record, const Fields& fields, DeliveryCallback&& callback) {
    Put put = Put::done;
    {
        Hold hold(queues_);
        const auto chosen = ask_users_partitioner(record, fields, hold);
        if (!chosen) return chosen.error();
        if (auto done = append_to(*chosen, record, fields, std::move(callback), put); !done) return done;
    }
    if (put == Put::done_and_wake) wake_();
    return ok();
}

Error Accumulator::what_is_wrong(const Record& record, const Fields& fields) const {
    if (record.topic.empty()) return Error::of(ErrorCode::invalid_argument, "the record has no topic");
    if (record.partition < any_partition)
        return Error::of(ErrorCode::invalid_argument,
                         fmt::format("partition {} of a record: from 0, or any_partition", record.partition));
    return Error::of(ErrorCode::message_too_large,
                     fmt::format("topic '{}': a record of {} bytes is above message.max.bytes ({})", record.topic,
                                 fields.payload_bytes, config_.message_bytes_max));
}

// Without the mutex meanwhile. Below 0 when the topic's partitions are not known yet; then it has been held all the
// time.
Result<std::int32_t> Accumulator::ask_users_partitioner(const Record& record, const Fields& fields, Hold& hold) {
    const auto at = topics_.find(record.topic);
    if (at == topics_.end() || !at->second->known) return any_partition;
    if (refusal_.code() != ErrorCode::none || is_full(fields)) return why_not();
    const std::int32_t count = at->second->partition_count;
    hold.unlock();
    const std::int32_t partition = users_partitioner_(record, count);
    if (partition < 0 || partition >= count)
        return no_such_partition(record.topic, count, partition).with_context("the answer of the partitioner");
    hold.lock();
    return partition;
}

// With all that a batch adds; counted exactly only where it comes near.
inline bool Accumulator::is_too_large(const Fields& fields) const noexcept {
    if (fields.payload_bytes + 128 + fields.headers.size() * 16 <= config_.message_bytes_max) [[likely]]
        return false;
    return protocol::RecordBatchBuilder::batch_size_bound(fields.key, fields.value, fields.headers) >
           config_.message_bytes_max;
}

inline bool Accumulator::is_full(const Fields& fields) const noexcept {
    // 0, for no limit, becomes the largest there is.
    return messages_ > config_.queue_messages_max - 1 ||
           (payload_bytes_ + fields.payload_bytes > config_.queue_bytes_max && messages_ > 0);
}

Error Accumulator::why_not() const {
    return refusal_.code() != ErrorCode::none ? refusal_ : Error::of(ErrorCode::queue_full);
}

Result<void> Accumulator::find_topic(std::string_view name) {
    if (!topics_.contains(name))
        if (auto checked = protocol::check_topic_name(name); !checked) return checked.error();
    (void)topic_queue(name);
    return ok();
}

void Accumulator::list(PartitionQueue& queue) {
    if (!std::exchange(queue.listed, true)) listed_.push_back(&queue);
}

TopicQueue& Accumulator::topic_queue(std::string_view name) {
    auto at = topics_.find(name);
    if (at == topics_.end()) {
        const StickyPartition sticky(batch_bytes_max_, config_.sticky_linger.count());
        auto made = std::make_unique<TopicQueue>(std::string(name), sticky, batch_bytes_max_, clock_.now());
        at = topics_.emplace(std::string(name), std::move(made)).first;
    }
    last_topic_ = at->second.get();
    last_topic_name_ = *last_topic_->name;
    return *last_topic_;
}

std::int32_t Accumulator::choose(TopicQueue& topic, const Fields& fields) {
    const BytesView key = view_of(fields.key);
    if (!is_spread(partitioner_, key)) return partitioner_.partition_of(key.span(), topic.partition_count);
    const std::size_t count = topic.candidates.size();
    if (partitioner_.spread == Spread::in_turn) return topic.candidates[topic.next_in_turn++ % count];
    if (partitioner_.spread == Spread::random || config_.sticky_linger.count() == 0)
        return topic.candidates[random_.below(count)];
    return choose_sticky(topic, fields);
}

std::int32_t Accumulator::choose_sticky(TopicQueue& topic, const Fields& fields) {
    const auto queue_at = [&topic](std::int32_t p) -> const PartitionQueue& {
        return *topic.partitions[static_cast<std::size_t>(p)];
    };
    StickyPartition& sticky = topic.sticky;
    if (sticky.is_over(fields.now_ms, sticky.current() >= 0 && queue_at(sticky.current()).last_is_open)) {
        const TimePoint now = clock_.now();
        // One whose last attempt failed gets nothing while it waits for the next.
        const auto queued_at = [&](std::int32_t p) {
            const PartitionQueue& queue = queue_at(p);
            return queue.retry_at > now ? SIZE_MAX : queue.batches.size();
        };
        sticky.move_to(LoadChoice(topic.candidates, queued_at).draw(random_), fields.now_ms);
    }
    sticky.add(fields.payload_bytes + record_overhead_usual);
    return sticky.current();
}

Accumulator::Put Accumulator::add_batch(PartitionQueue& queue, const Fields& fields, DeliveryCallback&& callback,
                                        TimePoint created) {
    // The first batch makes the loop set its timer, a full one makes it send; with as many in flight as may be it
    // comes anyway, in time: no request is waited for longer than for its records, which expire before this one.
    const bool wake =
        can_send_new(queue) && (queue.batches.empty() || (queue.batches.size() == 1 && queue.last_is_open));
    if (created == TimePoint{}) created = clock_.now();
    BatchPtr fresh = new_batch(*queue.topic, created, queue.last_batch_bytes, fields.bytes_bound(), fields.is_moved);
    if (!fresh) return Put::refused;
    if (queue.last_is_open) close_last(queue);
    queue.batches.push_back(std::move(fresh));
    queue.last_is_open = true;
    Batch& batch = *queue.batches.back();
    batch.partition = queue.partition;
    batch.home = &queue;
    const bool fits = put_into(batch, fields, std::move(callback));
    OTTLA_ASSERT(fits);
    list(queue);
    return wake ? Put::done_and_wake : Put::done;
}

Accumulator::Put Accumulator::add_waiting(TopicQueue& topic, std::int32_t wanted, const Fields& fields,
                                          DeliveryCallback&& callback) {
    const bool first = topic.waiting.empty();
    if (first || !topic.waiting_is_open || !put_into(*topic.waiting.back(), fields, std::move(callback))) {
        BatchPtr fresh = new_batch(topic, clock_.now(), 0, fields.bytes_bound(), false);
        if (!fresh) return Put::refused;
        topic.waiting.push_back(std::move(fresh));
        topic.waiting_is_open = true;
        const bool fits = put_into(*topic.waiting.back(), fields, std::move(callback));
        OTTLA_ASSERT(fits);
    }
    topic.waiting.back()->wanted.push_back(wanted);
    topic.waiting.back()->is_awaited |= fields.is_awaited;
    if (first) waiting_topics_.push_back(&topic);
    return first ? Put::done_and_wake : Put::done;
}

TimePoint Accumulator::expiry(TimePoint created) const noexcept {
    return config_.delivery_timeout.count() == 0 ? TimePoint::max() : created + config_.delivery_timeout;
}

std::size_t Accumulator::unreported() const {
    const std::lock_guard hold(queues_);
    return appended_ - reported_.load(std::memory_order_acquire);
}

bool Accumulator::has_room(std::size_t bytes) const {
    const auto is_below = [](std::size_t used, std::size_t max) { return used < max && used <= max - max / 4; };
    const std::lock_guard hold(queues_);
    return (config_.queue_messages_max == 0 || is_below(messages_, config_.queue_messages_max)) &&
           is_below(payload_bytes_, config_.queue_bytes_max) && is_below(memory_bytes_, memory_max()) &&
           (messages_ == 0 || (payload_bytes_ + bytes <= config_.queue_bytes_max && bytes <= memory_left()));
}

Accumulator::Usage Accumulator::usage() const {
    const std::lock_guard hold(queues_);
    return {messages_, config_.queue_messages_max, payload_bytes_, config_.queue_bytes_max};
}

std::map<std::string, std::vector<Accumulator::Depth>> Accumulator::depths() const {
    std::map<std::string, std::vector<Depth>> all;
    const std::lock_guard hold(queues_);
    for (const auto& [name, topic] : topics_)
        for (const auto& queue : topic->partitions) {
            Depth depth{queue->partition, queue->leader, 0, 0, queue->records_sent, queue->bytes_sent};
            for (const BatchPtr& batch : queue->batches) {
                depth.records += batch->count();
                depth.bytes += batch->payload_bytes;
            }
            all[name].push_back(depth);
        }
    return all;
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

void Accumulator::await_open() {
    bool wake = false;
    {
        const std::lock_guard hold(queues_);
        for (const PartitionQueue* queue : listed_)
            if (queue->last_is_open && !std::exchange(queue->batches.back()->is_awaited, true))
                wake |= queue->in_flight.empty();
        for (const TopicQueue* topic : waiting_topics_)
            if (!topic->waiting.empty()) topic->waiting.back()->is_awaited = true;
    }
    if (wake) wake_();
}

void Accumulator::take_all(PartitionQueue& queue, std::vector<BatchPtr>& taken) {
    while (!queue.batches.empty()) taken.push_back(pop_front(queue));
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
        take_all(*queue, taken);
        queue->listed = false;
    }
    listed_.clear();
    return taken;
}

}  // namespace ottla::client
