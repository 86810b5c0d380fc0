// SPDX-License-Identifier: Apache-2.0
#include "broker/log/compaction/key_offsets.hpp"

#include <algorithm>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ottla::broker::log {
namespace {

constexpr std::size_t key_slots_min = 16;
constexpr std::size_t key_slots_max = 0xffff'ffff;

}  // namespace

KeyOffsets::KeyOffsets(std::size_t keys, std::size_t bytes_max, std::int64_t first_offset, base::Random random)
    : first_offset_(first_offset) {
    for (auto& byte : secret_) byte = static_cast<std::uint8_t>(random.below(256));
    const std::size_t slots_max = std::clamp(bytes_max / sizeof(Slot), key_slots_min, key_slots_max);
    slots_.resize(keys < slots_max / 2 ? std::max(keys + keys / 8 + 1, key_slots_min) : slots_max);
    size_max_ = slots_.size() - std::max<std::size_t>(slots_.size() / 10, 1);
}

KeyOffsets::Hash KeyOffsets::hash(ByteSpan key) const noexcept {
    const XXH128_hash_t hash = XXH3_128bits_withSecret(key.data(), key.size(), secret_.data(), secret_.size());
    return {hash.low64, hash.high64 & ~offset_mask};
}

std::size_t KeyOffsets::locate(const Hash& key) const noexcept {
    std::size_t at = home_of(key);
    while (true) {
        const Slot& slot = slots_[at];
        if ((slot.hash_and_offset & offset_mask) == 0) return at;
        if (slot.hash == key.low && (slot.hash_and_offset & ~offset_mask) == key.high) return at;
        if (++at == slots_.size()) at = 0;
    }
}

bool KeyOffsets::put(const Hash& key, std::int64_t offset) {
    const auto counted = static_cast<std::uint64_t>(offset - first_offset_) + 1;
    if (counted > offset_mask) return false;
    Slot& slot = slots_[locate(key)];
    if ((slot.hash_and_offset & offset_mask) == 0) {
        if (size_ == size_max_) return false;
        ++size_;
    }
    slot = {key.low, key.high | counted};
    return true;
}

std::int64_t KeyOffsets::find(const Hash& key) const {
    const std::uint64_t counted = slots_[locate(key)].hash_and_offset & offset_mask;
    return counted == 0 ? -1 : first_offset_ + static_cast<std::int64_t>(counted - 1);
}

}  // namespace ottla::broker::log
