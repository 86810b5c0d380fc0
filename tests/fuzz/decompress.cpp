// SPDX-License-Identifier: Apache-2.0
// Any bytes to one decompressor: it never writes above its limit, takes little more memory than it writes, and can
// be used again. What it read, its compressor gives back.
#include <cstdlib>

#include <ottla/protocol/compression.hpp>

namespace {

using namespace ottla;
using namespace ottla::protocol;

constexpr auto codec = CompressionType::OTTLA_FUZZED_CODEC;
constexpr std::size_t bytes_max = 1 << 20;

void expect(bool condition) {
    if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Decompressor decompressor;
    static Compressor compressor;
    Buffer out;
    const auto done = decompressor.decompress(codec, {data, size}, bytes_max, out);
    expect(out.size() <= bytes_max && out.capacity() <= 2 * bytes_max);
    if (!done) {
        expect(out.empty());
        expect(done.error() == ErrorCode::bad_compression || done.error() == ErrorCode::limit_exceeded);
        return 0;
    }
    Buffer packed;
    Buffer again;
    expect(compressor.compress(codec, default_compression_level, out.span(), packed).has_value());
    expect(decompressor.decompress(codec, packed.span(), bytes_max, again).has_value());
    expect(as_text(again.span()) == as_text(out.span()));
    return 0;
}
