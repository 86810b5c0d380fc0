// SPDX-License-Identifier: Apache-2.0
// DeliveryDues: what the records of a batch are to be told about, and how, besides their bytes. Records that follow
// each other and have all of it in common make one entry; an entry holds only what it has: most take 16 to 32 bytes.
//
// An entry: Head; the timestamp, if it is another than that of the entry before; the opaque, if there is one; the
// callback, packed, if it has one and that is another than the one before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include <ottla/producer.hpp>

#include "base/buffer_pool.hpp"

namespace ottla::client {

class DeliveryDues {
public:
    DeliveryDues() noexcept { forget(); }
    DeliveryDues(const DeliveryDues&) = delete;
    DeliveryDues& operator=(const DeliveryDues&) = delete;
    ~DeliveryDues() { drop_callbacks(); }

    std::size_t count() const noexcept { return count_; }
    // Records without a callback.
    std::size_t events() const noexcept { return events_; }
    // What it has taken from pools.
    std::size_t pooled_bytes() const noexcept { return pooled_bytes_; }

    // add() wants no more memory.
    bool has_room() const noexcept { return static_cast<std::size_t>(end_ - to_) >= entry_most; }
    // What is to be taken from a pool, then: at least `chunk_least`, at most this.
    static constexpr std::size_t chunk_least = 4096;
    std::size_t chunk_wanted() const noexcept;
    void add_chunk(Buffer chunk);
    // There must be room. An empty callback: an event. What is taken over is as good as gone.
    void add(DeliveryCallback&& callback, void* opaque, std::int64_t timestamp_ms) {
        ++count_;
        if (!callback) ++events_;
        if (timestamp_ms == last_timestamp_ && opaque == last_opaque_ && is_last(callback)) [[likely]] {
            ++last_->records;
            return;
        }
        add_entry(std::move(callback), opaque, timestamp_ms);
    }
    // As new.
    void clear();

    class Reader;

private:
    struct Head {
        std::uint32_t records;
        std::uint8_t has;  // bits
        std::uint8_t bytes;
        bool is_taken;  // its callback, which is owned
    };
    // Of the callbacks: the one of the entry before; one that may be called as often as one likes, which records share;
    // or one that is destroyed once, and belongs to one record.
    enum Bits : std::uint8_t { timestamp_bit = 1, opaque_bit = 2, same_bit = 4, plain_bit = 8, owned_bit = 16 };
    struct Chunk {
        Buffer memory;
        std::size_t used;
    };
    static constexpr std::size_t entry_most = sizeof(Head) + 8 + sizeof(void*) + sizeof(DeliveryCallback);
    static constexpr std::size_t own_bytes = 256;
    static constexpr std::size_t chunk_most = 64 << 10;

    bool is_last(const DeliveryCallback& callback) const noexcept {
        return callback ? last_callback_ != nullptr && callback.is_same_as(last_callback_) : last_is_event_;
    }
    void add_entry(DeliveryCallback&& callback, void* opaque, std::int64_t timestamp_ms);
    void drop_callbacks() noexcept;
    void forget() noexcept;

    std::size_t count_;
    std::size_t events_;
    std::byte* to_;
    std::byte* end_;
    // The last entry; its callback only where it is plain.
    Head* last_;
    std::int64_t last_timestamp_;
    void* last_opaque_;
    std::byte* last_callback_;
    bool last_is_event_;
    std::size_t own_used_;
    std::size_t owned_callbacks_;  // that must be destroyed, and have not been taken
    std::size_t pooled_bytes_;
    std::vector<Chunk> chunks_;  // after own_
    alignas(void*) std::byte own_[own_bytes];
};

// From the first record on. Nothing may be added meanwhile.
class DeliveryDues::Reader {
public:
    explicit Reader(DeliveryDues& dues) noexcept;

    // The next records that have all in common; false after the last.
    bool next_run();
    std::size_t run() const noexcept { return run_; }
    // The next one.
    bool next() {
        if (left_ == 0 && !next_run()) return false;
        --left_;
        return true;
    }
    std::int64_t timestamp_ms() const noexcept { return timestamp_; }
    void* opaque() const noexcept { return opaque_; }
    bool has_callback() const noexcept { return callback_ != nullptr; }
    // Each record's once; empty when it has none.
    DeliveryCallback take_callback() noexcept;

private:
    DeliveryDues* dues_;
    std::byte* from_;
    std::byte* end_;
    std::size_t next_chunk_ = 0;
    std::size_t run_ = 0;
    std::size_t left_ = 0;
    Head* head_ = nullptr;
    std::int64_t timestamp_ = 0;
    void* opaque_ = nullptr;
    std::byte* callback_ = nullptr;
};

}  // namespace ottla::client
