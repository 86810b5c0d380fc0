// SPDX-License-Identifier: Apache-2.0
#include "client/parallel/offset_map.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include <fmt/format.h>
#include <ottla/protocol/big_endian.hpp>
#include <ottla/protocol/compression.hpp>

#include "base/base64.hpp"

namespace ottla::client {
namespace {

using protocol::CompressionType;
using Runs = std::span<const std::uint32_t>;

struct Encoding {
    char magic;
    char packed;  // the same payload in a frame of zstd
    bool is_bits;
    std::size_t width;  // of a count or a length
};
constexpr std::array<Encoding, 4> encodings{{
    {'l', 'a', true, 2},
    {'o', 's', true, 4},
    {'n', 'J', false, 2},
    {'e', 'p', false, 4},
}};
// Smaller payloads do not gain by compression.
constexpr std::size_t small_bytes = 200;

std::int64_t highest_of(std::size_t width) {
    return width == 2 ? std::numeric_limits<std::int16_t>::max() : std::numeric_limits<std::int32_t>::max();
}

void put(std::string& out, std::int64_t value, std::size_t width) {
    std::array<std::uint8_t, 4> bytes{};
    if (width == 2)
        protocol::store_big(bytes.data(), static_cast<std::int16_t>(value));
    else
        protocol::store_big(bytes.data(), static_cast<std::int32_t>(value));
    out.append(as_text({bytes.data(), width}));
}

std::int64_t get(const std::uint8_t* from, std::size_t width) {
    return width == 2 ? protocol::load_big<std::int16_t>(from) : protocol::load_big<std::int32_t>(from);
}

std::string bits_of(Runs runs, std::int64_t count, std::size_t width) {
    std::string out;
    out.reserve(width + static_cast<std::size_t>(count + 7) / 8);
    put(out, count, width);
    out.resize(width + static_cast<std::size_t>(count + 7) / 8);
    std::size_t at = 0;
    for (std::size_t i = 0; i < runs.size(); at += runs[i++]) {
        if (i % 2 == 0) continue;
        for (std::size_t bit = at; bit < at + runs[i]; ++bit)
            out[width + bit / 8] = static_cast<char>(static_cast<unsigned char>(out[width + bit / 8]) | 1U << bit % 8);
    }
    return out;
}

std::string lengths_of(Runs runs, std::size_t width) {
    std::string out;
    out.reserve(runs.size() * width);
    for (const auto length : runs) put(out, length, width);
    return out;
}

// Nothing where the encoding cannot say it, or nobody could read it.
std::optional<std::string> payload_of(const Encoding& e, Runs runs, std::int64_t count) {
    if (e.is_bits) {
        if (count > highest_of(e.width) || static_cast<std::size_t>(count / 8) + 8 > OffsetMap::payload_bytes_max)
            return std::nullopt;
        return bits_of(runs, count, e.width);
    }
    if (runs.size() * e.width > OffsetMap::payload_bytes_max) return std::nullopt;
    if (std::ranges::any_of(runs, [&](std::uint32_t length) { return length > highest_of(e.width); }))
        return std::nullopt;
    return lengths_of(runs, e.width);
}

struct Choice {
    char magic = 0;
    std::string payload;

    void offer(char other, std::string payload_there) {
        if (magic != 0 && payload.size() <= payload_there.size()) return;
        magic = other;
        payload = std::move(payload_there);
    }
};

void offer_packed(Choice& choice, char magic, std::string_view payload) {
    Buffer packed;
    if (!protocol::Compressor().compress(CompressionType::zstd, protocol::default_compression_level, as_bytes(payload),
                                         packed))
        return;
    choice.offer(magic, std::string(as_text(packed.span())));
}

Error malformed(std::string why) {
    return Error::of(ErrorCode::bad_message, "metadata of a commit: " + std::move(why));
}

Result<OffsetMap> read_bits(std::int64_t base, ByteSpan in, std::size_t width) {
    if (in.size() < width) return malformed("the count of bits is cut off");
    const auto count = get(in.data(), width);
    if (count < 0) return malformed(fmt::format("a count of {} bits", count));
    const ByteSpan bits = in.subspan(width);
    OffsetMap map(base);
    const auto told = std::min<std::int64_t>(count, static_cast<std::int64_t>(bits.size()) * 8);
    for (std::int64_t i = 0; i < told; ++i) map.append((bits[static_cast<std::size_t>(i / 8)] >> i % 8 & 1U) != 0, 1);
    map.append(false, count - told);
    return map;
}

Result<OffsetMap> read_lengths(std::int64_t base, ByteSpan in, std::size_t width) {
    if (in.size() % width != 0) return malformed("the last run is cut off");
    OffsetMap map(base);
    for (std::size_t at = 0; at < in.size(); at += width) {
        const auto length = get(in.data() + at, width);
        if (length < 0) return malformed(fmt::format("a run of {} offsets", length));
        map.append(at / width % 2 == 1, length);
    }
    return map;
}

}  // namespace

void OffsetMap::append(bool is_done, std::int64_t count) {
    if (count <= 0) return;
    end_ += count;
    constexpr std::int64_t longest = std::numeric_limits<std::int32_t>::max();
    if (runs_.empty()) runs_.push_back(0);
    while (count > 0) {
        const bool last_is_done = runs_.size() % 2 == 0;
        if (last_is_done != is_done) runs_.push_back(0);
        const auto room = longest - static_cast<std::int64_t>(runs_.back());
        const auto taken = std::min(room, count);
        runs_.back() += static_cast<std::uint32_t>(taken);
        count -= taken;
        if (count > 0)
            runs_.push_back(0);  // a run of the other kind, of no length, between two that are too long for one
    }
}

std::int64_t OffsetMap::done_count() const noexcept {
    std::int64_t count = 0;
    for (std::size_t i = 1; i < runs_.size(); i += 2) count += runs_[i];
    return count;
}

Result<std::string> OffsetMap::encode(std::size_t bytes_max) const {
    // What is not done at the end need not be told.
    Runs told(runs_);
    if (told.size() % 2 == 1) told = told.first(told.size() - 1);
    if (told.empty()) return std::string();
    std::int64_t count = 0;
    for (const auto length : told) count += length;

    Choice choice;
    std::array<std::optional<std::string>, encodings.size()> payloads;
    for (std::size_t i = 0; i < encodings.size(); ++i) {
        payloads[i] = payload_of(encodings[i], told, count);
        if (payloads[i]) choice.offer(encodings[i].magic, *payloads[i]);
    }
    if (choice.magic != 0 && choice.payload.size() > small_bytes)
        for (std::size_t i = 0; i < encodings.size(); ++i)
            if (payloads[i]) offer_packed(choice, encodings[i].packed, *payloads[i]);
    const auto size = choice.magic == 0 ? std::numeric_limits<std::size_t>::max() : (choice.payload.size() + 3) / 3 * 4;
    if (size > bytes_max)
        return Error::of(ErrorCode::limit_exceeded, fmt::format("the map of {} offsets behind {} does not fit into {} "
                                                                "bytes of metadata",
                                                                count, base_, bytes_max));
    return base::base64_encode(as_bytes(choice.magic + choice.payload));
}

Result<OffsetMap> OffsetMap::decode(std::int64_t base, std::string_view metadata) {
    if (metadata.empty()) return OffsetMap(base);
    if (metadata.size() > text_bytes_max)
        return Error::of(ErrorCode::limit_exceeded, fmt::format("metadata of a commit: {} bytes; at most {} are read",
                                                                metadata.size(), text_bytes_max));
    // Far from where numbers end, so that adding lengths is safe: 2^17 runs of 2^31.
    if (base < 0 || base > std::numeric_limits<std::int64_t>::max() / 2) return malformed("no offset is committed");
    const auto bytes = base::base64_decode(metadata);
    if (!bytes || bytes->empty()) return malformed("it is not base64");
    const char magic = bytes->front();
    ByteSpan payload = as_bytes(std::string_view(*bytes).substr(1));
    const auto* found =
        std::ranges::find_if(encodings, [&](const Encoding& e) { return e.magic == magic || e.packed == magic; });
    if (found == encodings.end()) {
        if (magic == 1 || magic == 2) return malformed("it is of Kafka Streams");
        return malformed(
            fmt::format("it begins with {:#04x}, which is no encoding of offsets", static_cast<unsigned char>(magic)));
    }
    Buffer unpacked;
    if (magic == found->packed) {
        if (auto done =
                protocol::Decompressor().decompress(CompressionType::zstd, payload, payload_bytes_max, unpacked);
            !done)
            return done.error().with_context("metadata of a commit");
        payload = unpacked.span();
    }
    return found->is_bits ? read_bits(base, payload, found->width) : read_lengths(base, payload, found->width);
}

std::string to_string(const OffsetMap& map) {
    return fmt::format("{} of {} offsets behind {} are done", map.done_count(), map.end() - map.base(), map.base());
}

bool OffsetMapReader::is_done(std::int64_t offset) noexcept {
    const auto runs = map_.runs();
    while (run_ < runs.size() && offset >= run_begin_ + static_cast<std::int64_t>(runs[run_]))
        run_begin_ += runs[run_++];
    return run_ < runs.size() && run_ % 2 == 1 && offset >= run_begin_;
}

void OffsetMapReader::append_rest(std::int64_t from, OffsetMap& to) const {
    const auto runs = map_.runs();
    auto begin = run_begin_;
    for (std::size_t i = run_; i < runs.size(); ++i) {
        const auto end = begin + static_cast<std::int64_t>(runs[i]);
        to.append(i % 2 == 1, end - std::max(begin, from));
        begin = end;
    }
}

}  // namespace ottla::client
