// SPDX-License-Identifier: Apache-2.0
// Any bytes as records of the metadata log, one after the other, each behind its length (u16): what can be read is
// applied to an image or refused, and what can be written again reads as the same.
#include <cstdio>
#include <cstdlib>
#include <source_location>

#include <ottla/protocol/big_endian.hpp>

#include "broker/metadata/image_builder.hpp"

namespace {

using namespace ottla;
using namespace ottla::broker;

void expect(bool condition, std::source_location where = std::source_location::current()) {
    if (condition) return;
    std::fprintf(stderr, "expected at line %u\n", static_cast<unsigned>(where.line()));
    std::abort();
}

// `from` is what the record was read from: frame version, key and version of the record, then the message.
void round_trip(const MetadataRecord& record, ByteSpan from) {
    constexpr std::size_t version_at = 2;
    const auto written = encode_record(record);
    // In a record of another version the tags that nobody knew may mean something.
    if (!written || (*written)[version_at] != from[version_at]) return;
    const auto again = decode_record(*written);
    expect(again.has_value());
    const auto rewritten = encode_record(*again);
    expect(rewritten && *rewritten == *written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t head = 2;
    ByteSpan input(data, size);
    ImageBuilder builder(MetadataImage::empty());
    for (std::int64_t offset = 0; input.size() >= head; ++offset) {
        const auto length = std::min<std::size_t>(protocol::load_big<std::uint16_t>(input.data()), input.size() - head);
        const ByteSpan bytes = input.subspan(head, length);
        const auto record = decode_record(Bytes::copy_of(bytes));
        input = input.subspan(head + length);
        if (!record) continue;
        round_trip(*record, bytes);
        const auto applied = builder.apply(*record, offset);
        expect(applied || !applied.error().text().empty());
        if (offset % 4 == 3) expect(builder.build() != nullptr);
    }
    const auto image = builder.build();
    expect(image != nullptr && builder.build() == image);
    return 0;
}
