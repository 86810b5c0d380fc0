// SPDX-License-Identifier: Apache-2.0
// KeyOffsets: the offset of the last record of each key, in a fixed piece of memory: 16 bytes for a key at most 90 %
// full, where Kafka takes 24. A key is known by 88 bits of a keyed 128-bit hash with a secret of its own for every
// round: among 100 million keys two meet with a probability below 1e-10, and nobody can choose keys that do.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <ottla/bytes.hpp>
#include "base/random.hpp"

namespace ottla::broker::log {

class KeyOffsets {
public:
    // Room for `keys` of them, as far as `bytes_max` allows. Offsets are at least `first_offset`.
    KeyOffsets(std::size_t keys, std::size_t bytes_max, std::int64_t first_offset, base::Random random);

    // A key, as it is known here; good for this object only.
    struct Hash {
        std::uint64_t low = 0;
        std::uint64_t high = 0;  // without the bits of an offset
    };
    Hash hash(ByteSpan key) const noexcept;
    // What put() and find() will look at begins its way into the cache.
    void prefetch(const Hash& key) const noexcept { __builtin_prefetch(&slots_[home_of(key)]); }

    // Offsets rise from call to call. False when there is no room for one more key, or the offset is 2^40 - 1 or more
    // above the first.
    bool put(const Hash& key, std::int64_t offset);
    bool put(ByteSpan key, std::int64_t offset) { return put(hash(key), offset); }
    // -1: never seen.
    std::int64_t find(const Hash& key) const;
    std::int64_t find(ByteSpan key) const { return find(hash(key)); }

    std::size_t size() const noexcept { return size_; }
    std::size_t bytes() const noexcept { return slots_.size() * sizeof(Slot); }

private:
    // The upper 24 bits of `hash_and_offset` are of the hash, the lower 40 the offset, counted from 1: 0 is empty.
    struct Slot {
        std::uint64_t hash = 0;
        std::uint64_t hash_and_offset = 0;
    };
    static constexpr int offset_bits = 40;
    static constexpr std::uint64_t offset_mask = (std::uint64_t{1} << offset_bits) - 1;

    // The place of the hash among the slots, without dividing.
    std::size_t home_of(const Hash& key) const noexcept {
        return static_cast<std::size_t>(((key.low >> 32) * slots_.size()) >> 32);
    }
    // The key's slot, or the empty one where it would go.
    std::size_t locate(const Hash& key) const noexcept;

    std::array<std::uint8_t, 192> secret_;
    std::vector<Slot> slots_;
    std::size_t size_ = 0;
    std::size_t size_max_;
    std::int64_t first_offset_;
};

}  // namespace ottla::broker::log
