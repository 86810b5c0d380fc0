// SPDX-License-Identifier: Apache-2.0
#include "client/consumer/delivery.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace ottla::client {
namespace {

Error not_assigned(const TopicPartition& tp) {
    return Error::of(ErrorCode::invalid_state, fmt::format("{}[{}] is not assigned", tp.topic, tp.partition));
}

Result<void> check(const TopicPartition& tp) {
    if (tp.topic.empty()) return Error::of(ErrorCode::invalid_argument, "a partition without a topic");
    if (tp.partition < 0)
        return Error::of(ErrorCode::invalid_argument, fmt::format("{}[{}] is no partition", tp.topic, tp.partition));
    return ok();
}

bool is_current(const SlotPtr& slot, std::uint32_t turn) { return slot->turn.load(std::memory_order_acquire) == turn; }

}  // namespace

Delivery::Delivery(std::shared_ptr<FetchQueue> queue, DecodeOptions options, std::shared_ptr<base::BufferPool> pool,
                   OnChanges on_changes, Function<void()> on_room)
    : queue_(std::move(queue)),
      pool_(std::move(pool)),
      decoder_(options, *pool_),
      on_changes_(std::move(on_changes)),
      on_room_(std::move(on_room)) {}

SlotPtr Delivery::find(const TopicPartition& tp) const {
    const auto at = slots_.find(Key(tp.topic, tp.partition));
    return at == slots_.end() ? nullptr : at->second;
}

void Delivery::remove(const SlotPtr& slot, std::vector<Change>& changes) {
    const auto turn = begin_turn(*slot);
    if (handed_ == slot.get()) handed_ = nullptr;
    changes.push_back({Change::Kind::remove, slot, turn, {}});
}

Result<void> Delivery::assign(std::vector<TopicPartition> partitions) {
    for (const auto& tp : partitions)
        if (auto fine = check(tp); !fine) return fine;
    const std::lock_guard lock(delivery_mutex_);
    std::vector<Change> changes;
    for (const auto& [key, slot] : slots_) remove(slot, changes);
    slots_.clear();
    for (auto& tp : partitions) {
        auto& slot = slots_[Key(tp.topic, tp.partition)];
        if (slot) continue;
        slot = std::make_shared<PartitionSlot>(tp.topic, tp.partition);
        slot->position = tp.offset.value();
        const auto turn = begin_turn(*slot);
        changes.push_back({Change::Kind::add, slot, turn, tp.offset, {}, tp.leader_epoch.value_or(-1)});
    }
    on_changes_(std::move(changes));
    return ok();
}

Result<void> Delivery::incremental_assign(std::vector<TopicPartition> partitions) {
    const std::lock_guard lock(delivery_mutex_);
    for (const auto& tp : partitions) {
        if (auto fine = check(tp); !fine) return fine;
        if (find(tp))
            return Error::of(ErrorCode::invalid_state,
                             fmt::format("{}[{}] is assigned already", tp.topic, tp.partition));
    }
    std::vector<Change> changes;
    for (auto& tp : partitions) {
        auto slot = std::make_shared<PartitionSlot>(tp.topic, tp.partition);
        slot->position = tp.offset.value();
        if (!slots_.emplace(Key(tp.topic, tp.partition), slot).second) continue;
        const auto turn = begin_turn(*slot);
        changes.push_back({Change::Kind::add, std::move(slot), turn, tp.offset, {}, tp.leader_epoch.value_or(-1)});
    }
    on_changes_(std::move(changes));
    return ok();
}

Result<void> Delivery::incremental_unassign(const std::vector<TopicPartition>& partitions) {
    const std::lock_guard lock(delivery_mutex_);
    for (const auto& tp : partitions)
        if (!find(tp)) return not_assigned(tp);
    std::vector<Change> changes;
    for (const auto& tp : partitions) {
        const auto slot = find(tp);
        if (!slot) continue;  // named twice
        remove(slot, changes);
        slots_.erase(Key(tp.topic, tp.partition));
    }
    on_changes_(std::move(changes));
    return ok();
}

std::vector<TopicPartition> Delivery::assignment() const {
    const std::lock_guard lock(delivery_mutex_);
    std::vector<TopicPartition> out;
    for (const auto& [key, slot] : slots_) out.emplace_back(key.first, key.second);
    return out;
}

std::vector<TopicPartition> Delivery::seek(std::vector<TopicPartition> partitions) {
    const std::lock_guard lock(delivery_mutex_);
    std::vector<Change> changes;
    for (auto& tp : partitions) {
        tp.error = Error();
        const auto slot = find(tp);
        if (!slot) {
            tp.error = not_assigned(tp);
            continue;
        }
        const auto turn = begin_turn(*slot);
        slot->position = tp.offset.value();
        // Who seeks back wants it again, also after a crash.
        if (handed_ == slot.get()) handed_ = nullptr;
        slot->stuck_by = ErrorCode::none;
        if (stores_) {
            slot->stored = {};
            if (tp.offset.is_absolute()) slot->stored.offset = tp.offset.value();
        }
        changes.push_back({Change::Kind::seek, slot, turn, tp.offset, {}, tp.leader_epoch.value_or(-1)});
    }
    on_changes_(std::move(changes));
    return partitions;
}

std::vector<TopicPartition> Delivery::position(std::vector<TopicPartition> partitions) const {
    const std::lock_guard lock(delivery_mutex_);
    for (auto& tp : partitions) {
        const auto slot = find(tp);
        tp.error = slot ? Error() : not_assigned(tp);
        const Offset at = slot ? Offset(slot->position.load()) : Offset::invalid();
        tp.offset = at.is_absolute() ? at : Offset::invalid();
    }
    return partitions;
}

Result<void> Delivery::set_paused(const std::vector<TopicPartition>& partitions, bool paused) {
    const std::lock_guard lock(delivery_mutex_);
    for (const auto& tp : partitions)
        if (!find(tp)) return not_assigned(tp);
    for (const auto& tp : partitions) find(tp)->paused = paused;
    on_room_();
    return ok();
}

Result<WatermarkOffsets> Delivery::watermarks(std::string_view topic, std::int32_t partition) const {
    const std::lock_guard lock(delivery_mutex_);
    const TopicPartition tp(std::string(topic), partition);
    const auto slot = find(tp);
    if (!slot) return not_assigned(tp);
    WatermarkOffsets out;
    out.low = slot->low_watermark.load();
    out.high = slot->high_watermark.load();
    return out;
}

std::optional<std::int64_t> Delivery::lag(std::string_view topic, std::int32_t partition) const {
    const std::lock_guard lock(delivery_mutex_);
    const auto slot = find(TopicPartition(std::string(topic), partition));
    if (!slot) return std::nullopt;
    const auto at = slot->position.load();
    const auto end = slot->high_watermark.load();
    if (at < 0 || end < 0) return std::nullopt;
    return std::max<std::int64_t>(end - at, 0);
}

void Delivery::finish_chunk() {
    if (queue_->finish_one()) on_room_();
}

void Delivery::discard(const FetchedChunk& chunk) {
    chunk.leave();
    finish_chunk();
}

void Delivery::begin_run(std::shared_ptr<FetchedRecords> run) {
    run_ = std::move(run);
    received(static_cast<std::int64_t>(run_->count), run_->payload_bytes);
}

void Delivery::end_run() {
    run_.reset();
    next_in_run_ = 0;
}

// The rest of the run is not handed out: it comes again, or never.
void Delivery::drop_run() {
    if (run_) {
        std::int64_t records = 0, bytes = 0;
        for (const MessageView& m : run_->messages().subspan(next_in_run_)) {
            ++records;
            bytes += static_cast<std::int64_t>(m.key().size() + m.value().size());
        }
        received(-records, -bytes);
    }
    end_run();
}

void Delivery::received(std::int64_t records, std::int64_t bytes) {
    const SlotPtr& slot = decoder_.chunk().slot;
    slot->received_records += records;
    slot->received_bytes += bytes;
    queue_->received_records += records;
    queue_->received_bytes += bytes;
}

// False: there is nothing.
bool Delivery::next_chunk(std::optional<Event>& event) {
    for (auto at = parked_.begin(); at != parked_.end();) {
        const bool current = is_current(at->slot, at->turn);
        if (current && at->slot->paused) {
            ++at;
            continue;
        }
        FetchedChunk chunk = std::move(*at);
        at = parked_.erase(at);
        if (current) {
            decoder_.start(std::move(chunk));
            return true;
        }
        chunk.leave();
    }
    while (auto item = queue_->take()) {
        if (auto* notice = std::get_if<Notice>(&*item)) {
            if (notice->slot && !is_current(notice->slot, notice->turn)) continue;
            on_notice(*notice);
            event = std::move(notice->event);
            return true;
        }
        auto& chunk = std::get<FetchedChunk>(*item);
        if (!is_current(chunk.slot, chunk.turn)) {
            discard(chunk);
        } else if (chunk.slot->paused) {
            parked_.push_back(std::move(chunk));
            finish_chunk();
        } else {
            decoder_.start(std::move(chunk));
            return true;
        }
    }
    return false;
}

std::optional<Event> Delivery::advance() {
    for (;;) {
        if (!decoder_.done()) {
            const auto& chunk = decoder_.chunk();
            if (!is_current(chunk.slot, chunk.turn)) {
                drop_run();
                decoder_.drop();
                finish_chunk();
                continue;
            }
            if (chunk.slot->paused) {
                // The rest is read again from where it stopped, before what came meanwhile.
                FetchedChunk rest = chunk;
                rest.from_offset = std::max(rest.from_offset, chunk.slot->position.load());
                if (run_) rest.record_count += static_cast<std::int64_t>(run_->count - next_in_run_);
                drop_run();
                rest.enter();
                decoder_.drop();
                parked_.push_front(std::move(rest));
                finish_chunk();
                continue;
            }
            if (run_ && next_in_run_ < run_->count) return std::nullopt;
            end_run();
            const SlotPtr slot = chunk.slot;
            auto run = decoder_.next();
            if (!run) return on_malformed(run.error());
            if (*run) {
                begin_run(std::move(*run));
                return std::nullopt;
            }
            slot->position = decoder_.next_offset();
            // Nothing of it is in anybody's hands: also what holds no messages is done with.
            if (stores_) slot->stored.offset = decoder_.next_offset();
            finish_chunk();
            continue;
        }
        std::optional<Event> event;
        if (!next_chunk(event)) return std::nullopt;
        if (event) return event;
    }
}

bool Delivery::has_message() const {
    if (!run_ || next_in_run_ == run_->count) return false;
    const auto& chunk = decoder_.chunk();
    return chunk.slot && is_current(chunk.slot, chunk.turn) && !chunk.slot->paused.load(std::memory_order_relaxed);
}

std::optional<Event> Delivery::next_event() {
    const std::lock_guard lock(delivery_mutex_);
    begin_call();
    return take_event();
}

std::optional<Event> Delivery::take_event() {
    if (!has_message()) [[unlikely]] {
        if (auto event = advance()) return event;
        if (!run_) return std::nullopt;
    }
    const MessageView& view = run_->messages()[next_in_run_++];
    const bool last = next_in_run_ == run_->count;
    handed_out(decoder_.chunk().slot, last ? decoder_.next_offset() : view.offset() + 1, view.leader_epoch());
    return std::optional<Event>(std::in_place, std::in_place_type<Message>, view, run_);
}

std::optional<Result<Message>> Delivery::next_message() {
    const std::lock_guard lock(delivery_mutex_);
    begin_call();
    for (;;) {
        auto event = take_event();
        if (!event) return std::nullopt;
        if (auto* message = std::get_if<Message>(&*event))
            return std::optional<Result<Message>>(std::in_place, std::move(*message));
        auto error = error_of(*event);
        if (error.code() != ErrorCode::none) return std::optional<Result<Message>>(std::in_place, std::move(error));
    }
}

std::optional<Result<MessageBatch>> Delivery::next_batch() {
    const std::lock_guard lock(delivery_mutex_);
    begin_call();
    for (;;) {
        if (auto event = advance()) {
            auto error = error_of(*event);
            if (error.code() == ErrorCode::none) continue;
            return std::optional<Result<MessageBatch>>(std::in_place, std::move(error));
        }
        if (!run_) return std::nullopt;
        MessageBatch batch(run_, run_->messages().subspan(next_in_run_));
        handed_out(decoder_.chunk().slot, decoder_.next_offset(), run_->messages().back().leader_epoch());
        end_run();
        return std::optional<Result<MessageBatch>>(std::in_place, std::move(batch));
    }
}

void Delivery::close() {
    const std::lock_guard lock(delivery_mutex_);
    end_run();
    decoder_.drop();
    parked_.clear();
    handed_ = nullptr;
    slots_.clear();
}

}  // namespace ottla::client
