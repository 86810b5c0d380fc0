// SPDX-License-Identifier: Apache-2.0
#include "client/producer/delivery_dues.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "base/assert.hpp"

namespace ottla::client {

namespace {

template <class T>
std::byte* put(std::byte* to, T value) noexcept {
    std::memcpy(to, &value, sizeof(value));
    return to + sizeof(value);
}

template <class T>
std::byte* get(std::byte* from, T& value) noexcept {
    std::memcpy(&value, from, sizeof(value));
    return from + sizeof(value);
}

std::byte* begin_of(Buffer& memory) noexcept { return reinterpret_cast<std::byte*>(memory.data()); }

}  // namespace

std::size_t DeliveryDues::chunk_wanted() const noexcept {
    return chunks_.empty() ? chunk_least : std::min(chunks_.back().memory.capacity() * 4, chunk_most);
}

void DeliveryDues::add_chunk(Buffer chunk) {
    OTTLA_ASSERT(chunk.capacity() >= entry_most);
    // Where the one before ends.
    std::byte* const began = chunks_.empty() ? own_ : begin_of(chunks_.back().memory);
    (chunks_.empty() ? own_used_ : chunks_.back().used) = static_cast<std::size_t>(to_ - began);
    chunks_.push_back({std::move(chunk), 0});
    Buffer& memory = chunks_.back().memory;
    pooled_bytes_ += memory.capacity();
    to_ = begin_of(memory);
    end_ = to_ + memory.capacity();
}

void DeliveryDues::add_entry(DeliveryCallback&& callback, void* opaque, std::int64_t timestamp_ms) {
    OTTLA_ASSERT(has_room());
    std::uint8_t has = 0;
    if (timestamp_ms != last_timestamp_) has |= timestamp_bit;
    if (opaque != nullptr) has |= opaque_bit;
    if (callback) has |= is_last(callback) ? same_bit : callback.is_plain() ? plain_bit : owned_bit;
    std::byte* const begin = to_;
    to_ += sizeof(Head);
    if (has & timestamp_bit) to_ = put(to_, timestamp_ms);
    if (has & opaque_bit) to_ = put(to_, opaque);
    if (!(has & same_bit)) last_callback_ = has & plain_bit ? to_ : nullptr;
    if (has & (plain_bit | owned_bit)) {
        const std::size_t bytes = callback.packed_bytes();
        callback.pack(to_);
        to_ += bytes;
    }
    if (has & owned_bit) ++owned_callbacks_;
    last_ = new (begin) Head{1, has, static_cast<std::uint8_t>(to_ - begin), false};
    last_timestamp_ = timestamp_ms;
    last_opaque_ = opaque;
    last_is_event_ = (has & (same_bit | plain_bit | owned_bit)) == 0;
}

void DeliveryDues::clear() {
    drop_callbacks();
    chunks_.clear();
    forget();
}

void DeliveryDues::drop_callbacks() noexcept {
    if (owned_callbacks_ == 0) return;
    Reader due(*this);
    while (due.next_run()) (void)due.take_callback();
}

void DeliveryDues::forget() noexcept {
    count_ = events_ = own_used_ = owned_callbacks_ = pooled_bytes_ = 0;
    to_ = own_;
    end_ = own_ + own_bytes;
    last_ = nullptr;
    last_timestamp_ = std::numeric_limits<std::int64_t>::min();  // no record's
    last_opaque_ = nullptr;
    last_callback_ = nullptr;
    last_is_event_ = true;
}

DeliveryDues::Reader::Reader(DeliveryDues& dues) noexcept
    : dues_(&dues),
      from_(dues.own_),
      end_(dues.chunks_.empty() ? dues.to_ : dues.own_ + dues.own_used_) {}

bool DeliveryDues::Reader::next_run() {
    while (from_ == end_) {
        if (next_chunk_ == dues_->chunks_.size()) return false;
        Chunk& chunk = dues_->chunks_[next_chunk_++];
        from_ = begin_of(chunk.memory);
        end_ = next_chunk_ == dues_->chunks_.size() ? dues_->to_ : from_ + chunk.used;
    }
    head_ = std::launder(reinterpret_cast<Head*>(from_));
    std::byte* at = from_ + sizeof(Head);
    from_ += head_->bytes;
    run_ = left_ = head_->records;
    if (head_->has & timestamp_bit) at = get(at, timestamp_);
    opaque_ = nullptr;
    if (head_->has & opaque_bit) at = get(at, opaque_);
    if (!(head_->has & same_bit)) callback_ = head_->has & (plain_bit | owned_bit) ? at : nullptr;
    return true;
}

DeliveryCallback DeliveryDues::Reader::take_callback() noexcept {
    if (callback_ == nullptr) return {};
    if (!(head_->has & owned_bit)) return DeliveryCallback::unpack(callback_);
    if (std::exchange(head_->is_taken, true)) return {};
    --dues_->owned_callbacks_;
    return DeliveryCallback::unpack(callback_);
}

}  // namespace ottla::client
