// SPDX-License-Identifier: Apache-2.0
#include "broker/log/memory_content.hpp"

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"

namespace ottla::broker::log {

void MemoryContent::read(std::uint64_t position, std::span<std::uint8_t> out) const {
    OTTLA_ASSERT(out.empty() || position + out.size() <= size_);
    while (!out.empty()) {
        const auto& chunk = chunks_[position / chunk_bytes];
        const std::size_t within = position % chunk_bytes;
        const std::size_t n = std::min(out.size(), chunk_bytes - within);
        std::memcpy(out.data(), chunk.data() + within, n);
        out = out.subspan(n);
        position += n;
    }
}

void MemoryContent::write(std::uint64_t position, ByteSpan bytes) {
    if (bytes.empty()) return;
    remember(position, position + bytes.size());
    if (position + bytes.size() > size_) resize(position + bytes.size());
    copy_in(position, bytes);
}

void MemoryContent::truncate(std::uint64_t size) {
    if (size < size_) remember(size, size_);
    resize(size);
}

void MemoryContent::sync() {
    synced_size_ = size_;
    overwritten_.clear();
}

void MemoryContent::crash(base::Random& random) {
    const std::vector<std::uint8_t> after = whole();
    std::vector<std::uint8_t> before = after;
    before.resize(synced_size_);
    for (auto step = overwritten_.rbegin(); step != overwritten_.rend(); ++step) {
        std::memcpy(before.data() + step->position, step->old.data(), step->old.size());
    }

    const std::size_t least = std::min(before.size(), after.size());
    const std::size_t most = std::max(before.size(), after.size());
    const std::size_t sizes[] = {before.size(), after.size(), least + random.below(most - least + 1)};
    std::vector<std::uint8_t> survived(sizes[random.below(3)]);
    const auto part = [](const std::vector<std::uint8_t>& image, std::size_t at, std::size_t count) {
        std::vector<std::uint8_t> sector(count);
        if (at < image.size()) std::memcpy(sector.data(), image.data() + at, std::min(count, image.size() - at));
        return sector;
    };
    for (std::size_t at = 0; at < survived.size(); at += sector_bytes) {
        const std::size_t count = std::min(sector_bytes, survived.size() - at);
        const auto old = part(before, at, count);
        auto chosen = part(after, at, count);
        if (old != chosen && random.chance(0.5)) chosen = old;
        std::memcpy(survived.data() + at, chosen.data(), count);
    }

    chunks_.clear();
    size_ = 0;
    overwritten_.clear();
    resize(survived.size());
    copy_in(0, survived);
    synced_size_ = size_;
}

void MemoryContent::remember(std::uint64_t from, std::uint64_t to) {
    // A part cut off before is kept already, though it lies beyond size_ now.
    to = std::min({to, synced_size_, size_});
    if (from >= to) return;
    Overwritten step{from, std::vector<std::uint8_t>(to - from)};
    read(from, step.old);
    overwritten_.push_back(std::move(step));
}

void MemoryContent::resize(std::uint64_t size) {
    const std::size_t chunks = (size + chunk_bytes - 1) / chunk_bytes;
    if (!chunks_.empty() && chunks > chunks_.size()) chunks_.back().resize(chunk_bytes);
    const std::size_t first_new = chunks_.size();
    chunks_.resize(chunks);
    for (std::size_t i = first_new; i + 1 < chunks; ++i) chunks_[i].resize(chunk_bytes);
    if (chunks != 0) chunks_.back().resize(size - (chunks - 1) * chunk_bytes);
    size_ = size;
}

void MemoryContent::copy_in(std::uint64_t position, ByteSpan bytes) {
    while (!bytes.empty()) {
        auto& chunk = chunks_[position / chunk_bytes];
        const std::size_t within = position % chunk_bytes;
        const std::size_t n = std::min(bytes.size(), chunk_bytes - within);
        std::memcpy(chunk.data() + within, bytes.data(), n);
        bytes = bytes.subspan(n);
        position += n;
    }
}

std::vector<std::uint8_t> MemoryContent::whole() const {
    std::vector<std::uint8_t> all(size_);
    read(0, all);
    return all;
}

}  // namespace ottla::broker::log
