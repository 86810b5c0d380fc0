// SPDX-License-Identifier: Apache-2.0
// The accumulator as the send loop sees it: what is ready, what is in flight, what comes back.
#include <algorithm>

#include "base/assert.hpp"
#include "client/producer/record_fields.hpp"

namespace ottla::client {

namespace {
// Batches that were split are not made smaller than this from then on.
constexpr std::size_t split_bytes_least = 1024;
}  // namespace

void Accumulator::Plan::clear() {
    ready.clear();
    lingering.clear();
    expired.clear();
    unresolved.clear();
    unpacked.clear();
    oversized.clear();
    next = TimePoint::max();
    leaderless = false;
}

void Accumulator::plan(TimePoint now, Plan& out) {
    out.clear();
    const std::lock_guard hold(queues_);
    for (TopicQueue* topic : waiting_topics_) look_at(*topic, now, out);
    std::erase_if(waiting_topics_, [](const TopicQueue* topic) { return topic->waiting.empty(); });
    std::erase_if(listed_, [&](PartitionQueue* queue) { return !(queue->listed = look_at(*queue, now, out)); });
    std::ranges::stable_sort(out.ready, {}, &Plan::Ready::since);
    // A batch behind others is opened without a word: it must be seen before it is too old.
    const bool is_idle = appended_ == reported_.load(std::memory_order_acquire);
    if (!is_idle && open_max_ < base::Duration::max()) out.next = std::min(out.next, now + open_max_ / 2);
}

bool Accumulator::has_aged(const Batch& open, base::Duration most, TimePoint now, Plan& out) const {
    if (open_max_ == base::Duration::max()) return false;
    const TimePoint at = open.created + most;
    if (at > now) out.next = std::min(out.next, at);
    return at <= now;
}

void Accumulator::look_at(TopicQueue& topic, TimePoint now, Plan& out) {
    while (!topic.waiting.empty() && topic.waiting.front()->expires <= now) {
        out.expired.push_back(std::move(topic.waiting.front()));
        topic.waiting.pop_front();
    }
    if (topic.waiting.empty()) return;
    // Half of the time, since they come together with others when the topic is known.
    if (topic.waiting_is_open && has_aged(*topic.waiting.back(), open_max_ / 2, now, out))
        topic.waiting_is_open = false;
    out.next = std::min(out.next, topic.waiting.front()->expires);
    if (!topic.asked) out.unresolved.push_back(*topic.name);
    topic.asked = true;
}

bool Accumulator::look_at(PartitionQueue& queue, TimePoint now, Plan& out) {
    while (!queue.batches.empty() && queue.batches.front()->expires <= now) out.expired.push_back(pop_front(queue));
    if (queue.batches.empty()) return false;
    if (queue.last_is_open && has_aged(*queue.batches.back(), open_max_, now, out)) close_last(queue);
    if (packs_) list_unpacked(queue, out);
    const Batch& front = *queue.batches.front();
    out.next = std::min(out.next, front.expires);
    if (!can_send(queue, front)) return true;
    const bool wants_numbers = !front.numbers.any();
    if (!queue.in_flight.empty() && (front.waits_its_turn || (wants_numbers && queue.sequences.begins_anew())))
        return true;
    if (front.is_oversized) {
        out.oversized.push_back(&queue);
        return true;
    }
    const bool is_open = queue.batches.size() == 1 && queue.last_is_open;
    const bool lingers = is_open && flushing_ == 0 && !(front.is_awaited && queue.in_flight.empty());
    const TimePoint ready_at = std::max(lingers ? front.created + config_.linger : TimePoint{}, queue.retry_at);
    if (ready_at > now) {
        out.next = std::min(out.next, ready_at);
        if (queue.retry_at <= now && queue.leader != no_broker && !packs_)
            out.lingering.push_back({queue.leader, &queue, front.created, front.bytes(), wants_numbers});
    } else if (queue.leader == no_broker) {
        out.leaderless = true;
    } else if (packs_ && !front.is_packed()) {
        if (is_open) {
            close_last(queue);
            out.unpacked.push_back(queue.batches.front().get());
        }
    } else {
        out.ready.push_back({queue.leader, &queue, front.created, front.bytes(), wants_numbers});
    }
    return true;
}

// Those that take no more records and are not being compressed yet: the newest, and nothing before them.
void Accumulator::list_unpacked(const PartitionQueue& queue, Plan& out) {
    const std::size_t before = out.unpacked.size();
    const std::size_t closed = queue.batches.size() - (queue.last_is_open ? 1 : 0);
    for (std::size_t i = closed; i-- > 0 && !queue.batches[i]->packing && queue.batches[i]->sealed.empty();)
        out.unpacked.push_back(queue.batches[i].get());
    std::reverse(out.unpacked.begin() + static_cast<std::ptrdiff_t>(before), out.unpacked.end());
}

void Accumulator::close_last(PartitionQueue& queue) {
    queue.last_is_open = false;
    queue.last_batch_bytes = queue.batches.back()->builder.size();
}

BatchPtr Accumulator::pop_front(PartitionQueue& queue) {
    if (queue.batches.size() == 1 && queue.last_is_open) close_last(queue);
    BatchPtr batch = std::move(queue.batches.front());
    queue.batches.pop_front();
    return batch;
}

void Accumulator::take(std::span<PartitionQueue* const> queues, bool numbered, std::vector<BatchPtr>& out) {
    const TimePoint now = clock_.now();
    const std::lock_guard hold(queues_);
    for (PartitionQueue* queue : queues) {
        queue->topic->used = now;
        OTTLA_ASSERT(!queue->batches.empty() && can_send(*queue, *queue->batches.front()));
        Batch& batch = *out.emplace_back(pop_front(*queue));
        if (!batch.has_place) batch.place = queue->next_place++;
        batch.has_place = true;
        const auto at = std::ranges::lower_bound(queue->in_flight, batch.place);
        batch.went_first = at == queue->in_flight.begin();
        batch.waits_its_turn = false;
        queue->in_flight.insert(at, batch.place);
        if (!numbered || batch.numbers.any()) continue;
        batch.numbers = queue->sequences.next(static_cast<std::int32_t>(batch.count()));
        batch.is_stamped = false;
        queue->in_flight_max = queue->sequences.in_flight_max();
    }
}

void Accumulator::end_flight(PartitionQueue& queue, Place place) {
    const auto at = std::ranges::find(queue.in_flight, place);
    OTTLA_ASSERT(at != queue.in_flight.end());
    queue.in_flight.erase(at);
    queue.in_flight_max = queue.sequences.in_flight_max();
}

void Accumulator::land(std::span<const Landing> landings) {
    const std::lock_guard hold(queues_);
    for (const auto& [queue, place] : landings) {
        end_flight(*queue, place);
        queue->retry_at = TimePoint{};
    }
}

void Accumulator::retry(BatchPtr batch, TimePoint at) {
    const std::lock_guard hold(queues_);
    PartitionQueue& queue = *batch->home;
    end_flight(queue, batch->place);
    queue.retry_at = std::max(queue.retry_at, at);
    // Before what was never sent, and what was sent later.
    const auto before = std::ranges::find_if(
        queue.batches, [&](const BatchPtr& other) { return !other->has_place || other->place > batch->place; });
    queue.batches.insert(before, std::move(batch));
    list(queue);
}

void Accumulator::take_numbers_back(PartitionQueue& queue) {
    const std::lock_guard hold(queues_);
    for (const BatchPtr& batch : queue.batches)
        if (!batch->possibly_persisted) batch->numbers = Numbers();
}

// All parts come to the front; since nothing is in flight, places can be given anew to all that waits.
void Accumulator::split_front(PartitionQueue& queue, std::vector<Batch*>& unpacked) {
    BatchPtr whole;
    {
        const std::lock_guard hold(queues_);
        whole = pop_front(queue);
        OTTLA_ASSERT(queue.in_flight.empty() && whole->count() > 1);
        auto parts = split(queue, *whole);
        for (const BatchPtr& batch : queue.batches) batch->has_place = false;
        for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
            if (packs_) unpacked.push_back(part->get());
            queue.batches.push_front(std::move(*part));
        }
        list(queue);
    }
    recycle(std::move(whole));
}

std::vector<BatchPtr> Accumulator::split(PartitionQueue& queue, Batch& whole) {
    const auto view = protocol::RecordBatchView::parse(whole.sealed.span());
    OTTLA_ASSERT(view.has_value());
    protocol::Decompressor decompressor;
    Buffer space;
    auto records = view->records(decompressor, batch_bytes_max_ * 2, space);
    OTTLA_ASSERT(records.has_value());
    const std::size_t bytes = view->is_compressed() ? space.size() : whole.sealed.size();
    queue.topic->batch_bytes_max = std::max(std::min(queue.topic->batch_bytes_max, bytes / 2), split_bytes_least);
    std::vector<BatchPtr> parts;
    const auto begin_part = [&] {
        Batch& part = *parts.emplace_back(new_batch(*queue.topic, whole.created, bytes / 2, 0, true));
        part.partition = queue.partition;
        part.home = &queue;
        part.backoff = whole.backoff;
        part.attempts = whole.attempts;
        part.possibly_persisted = whole.possibly_persisted;
    };
    const std::size_t middle = whole.count() / 2;
    std::vector<protocol::RecordHeaderView> headers;
    protocol::RecordView record;
    DeliveryDues::Reader due(whole.dues);
    for (std::size_t i = 0; records->next(record) && due.next(); ++i) {
        const Fields fields = Fields::of(record, due, headers);
        DeliveryCallback callback = due.take_callback();
        if (i == 0 || i == middle) begin_part();
        if (put_part(*parts.back(), fields, std::move(callback))) continue;
        // Deltas may be larger from another first record on.
        begin_part();
        const bool fits = put_part(*parts.back(), fields, std::move(callback));
        OTTLA_ASSERT(fits);
    }
    Numbers rest = whole.numbers;
    for (const BatchPtr& part : parts) {
        const auto count = static_cast<std::int32_t>(part->count());
        part->numbers = rest.first_part(count);
        rest = rest.second_part(count);
    }
    // What they were counts for the parts now.
    whole.dues.clear();
    whole.payload_bytes = 0;
    return parts;
}

}  // namespace ottla::client
