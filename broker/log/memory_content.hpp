// SPDX-License-Identifier: Apache-2.0
// MemoryContent: the bytes of one file of a MemoryDisk, and what of them was there at the last sync. Appends, which
// are nearly everything, cost no second copy: only overwritten and cut bytes are kept aside.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <ottla/bytes.hpp>

#include "base/random.hpp"

namespace ottla::broker::log {

class MemoryContent {
public:
    std::uint64_t size() const noexcept { return size_; }
    // [position, position + out.size()) lies within size().
    void read(std::uint64_t position, std::span<std::uint8_t> out) const;
    // A gap before `position` is filled with zeros.
    void write(std::uint64_t position, ByteSpan bytes);
    void truncate(std::uint64_t size);
    void sync();
    // Each 512-byte sector written since the last sync keeps its new bytes or falls back to the old ones.
    void crash(base::Random& random);

private:
    static constexpr std::size_t chunk_bytes = 128 * 1024;
    static constexpr std::size_t sector_bytes = 512;
    struct Overwritten {
        std::uint64_t position;
        std::vector<std::uint8_t> old;
    };

    void remember(std::uint64_t from, std::uint64_t to);
    void resize(std::uint64_t size);
    void copy_in(std::uint64_t position, ByteSpan bytes);
    std::vector<std::uint8_t> whole() const;

    std::vector<std::vector<std::uint8_t>> chunks_;
    std::uint64_t size_ = 0;
    std::uint64_t synced_size_ = 0;
    std::vector<Overwritten> overwritten_;  // of the first synced_size_ bytes, in the order of writing
};

}  // namespace ottla::broker::log
