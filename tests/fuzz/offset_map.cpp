// SPDX-License-Identifier: Apache-2.0
// Any bytes as the metadata of a commit, as they are and behind base64: what can be read can be written and reads as
// the same, and a partition that goes on from it passes over exactly what it tells.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <source_location>

#include "base/base64.hpp"
#include "client/parallel/partition_progress.hpp"

namespace {

using namespace ottla;
using client::OffsetMap;
using client::OffsetMapReader;
using client::PartitionProgress;

constexpr std::int64_t base_offset = 1000;
// Of those that are told of, one by one.
constexpr std::int64_t looked_at_max = 5000;

void expect(bool condition, std::source_location where = std::source_location::current()) {
    if (condition) return;
    std::fprintf(stderr, "expected at line %u\n", static_cast<unsigned>(where.line()));
    std::abort();
}

// What is not done at the end may be told or not.
bool tell_the_same(const OffsetMap& a, const OffsetMap& b) {
    if (a.done_count() != b.done_count() || a.base() != b.base()) return false;
    OffsetMapReader of_a(a);
    OffsetMapReader of_b(b);
    const auto end = std::min(std::max(a.end(), b.end()), a.base() + looked_at_max);
    for (auto offset = a.base(); offset < end; ++offset)
        if (of_a.is_done(offset) != of_b.is_done(offset)) return false;
    return true;
}

void go_on_from(const OffsetMap& map) {
    PartitionProgress progress(map);
    expect(progress.watermark() == map.base());
    OffsetMapReader reader(map);
    const auto end = std::min(map.end(), map.base() + looked_at_max);
    for (auto offset = map.base(); offset < end; ++offset) {
        const bool is_done = reader.is_done(offset);
        expect(progress.pass_if_done(offset) == is_done);
        if (!is_done) (void)progress.take(offset);
    }
    if (progress.unfinished() > 0) expect(tell_the_same(progress.beyond(), map) || progress.watermark() > map.base());
}

void check(std::string_view metadata) {
    const auto map = OffsetMap::decode(base_offset, metadata);
    if (!map) return;
    expect(map->base() == base_offset && map->end() >= base_offset);
    expect(map->done_count() >= 0 && map->done_count() <= map->end() - map->base());
    go_on_from(*map);
    // Base64 of what was read is a third larger than its bytes.
    const auto written = map->encode(OffsetMap::payload_bytes_max * 2);
    if (!written || written->size() > OffsetMap::text_bytes_max) return;
    const auto again = OffsetMap::decode(base_offset, *written);
    expect(again.has_value() && tell_the_same(*again, *map));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteSpan bytes(data, size);
    check(as_text(bytes));
    check(base::base64_encode(bytes));
    return 0;
}
