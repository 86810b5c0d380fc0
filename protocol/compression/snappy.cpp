// SPDX-License-Identifier: Apache-2.0
// snappy. Java writes and expects the framing of the xerial library: magic, version i32, compatible version i32,
// then blocks of length i32 and raw snappy. librdkafka writes raw snappy. Both are read, the framing is written.
#include <algorithm>
#include <cstring>
#include <memory>

#include <snappy.h>
#include <ottla/protocol/big_endian.hpp>

#include "protocol/compression/codec.hpp"

namespace ottla::protocol::compression {

namespace {

constexpr std::uint8_t magic[] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
constexpr std::size_t frame_header_size = sizeof magic + 8;
constexpr std::int32_t frame_version = 1;
// What snappy itself looks back over.
constexpr std::size_t block_size = 64 * 1024;
// A copy makes at most 64 bytes of three.
constexpr std::size_t ratio_max = 22;

const char* chars(ByteSpan bytes) { return reinterpret_cast<const char*>(bytes.data()); }

class SnappyEncoder final : public Encoder {
public:
    Result<void> encode(int, ByteSpan in, Buffer& out) override {
        const std::size_t rest = in.size() % block_size;
        const std::size_t bound = frame_header_size +
                                  in.size() / block_size * (4 + snappy::MaxCompressedLength(block_size)) +
                                  (rest == 0 ? 0 : 4 + snappy::MaxCompressedLength(rest));
        std::size_t at = out.size();
        out.resize(at + bound);
        std::memcpy(out.data() + at, magic, sizeof magic);
        store_big(out.data() + at + 8, frame_version);
        store_big(out.data() + at + 12, frame_version);
        at += frame_header_size;
        for (std::size_t from = 0; from < in.size(); from += block_size) {
            const ByteSpan block = in.subspan(from, std::min(block_size, in.size() - from));
            std::size_t size = 0;
            snappy::RawCompress(chars(block), block.size(), reinterpret_cast<char*>(out.data() + at + 4), &size);
            store_big(out.data() + at, static_cast<std::int32_t>(size));
            at += 4 + size;
        }
        out.resize(at);
        return ok();
    }
};

class SnappyDecoder final : public Decoder {
public:
    Result<void> decode(ByteSpan in, std::size_t bytes_max, Buffer& out) override {
        if (in.size() < sizeof magic || std::memcmp(in.data(), magic, sizeof magic) != 0)
            return block(in, bytes_max, out);
        if (in.size() < frame_header_size || load_big<std::int32_t>(in.data() + 12) != frame_version)
            return bad_compression("snappy framing of another version");
        const std::size_t start = out.size();
        for (ByteSpan rest = in.subspan(frame_header_size); !rest.empty();) {
            if (rest.size() < 4) return bad_compression("snappy framing cut off");
            const auto size = load_big<std::int32_t>(rest.data());
            if (size < 0 || static_cast<std::size_t>(size) > rest.size() - 4)
                return bad_compression("snappy block longer than the data");
            const ByteSpan raw = rest.subspan(4, static_cast<std::size_t>(size));
            if (auto done = block(raw, bytes_max - (out.size() - start), out); !done) return done;
            rest = rest.subspan(4 + raw.size());
        }
        return ok();
    }

private:
    static Result<void> block(ByteSpan raw, std::size_t bytes_max, Buffer& out) {
        std::size_t size = 0;
        if (!snappy::GetUncompressedLength(chars(raw), raw.size(), &size) || size / ratio_max > raw.size())
            return bad_compression("snappy block");
        if (size > bytes_max) return output_above_limit("snappy data");
        const std::size_t before = out.size();
        out.resize(before + size);
        if (!snappy::RawUncompress(chars(raw), raw.size(), reinterpret_cast<char*>(out.data() + before)))
            return bad_compression("snappy block");
        return ok();
    }
};

}  // namespace

std::unique_ptr<Encoder> make_snappy_encoder() { return std::make_unique<SnappyEncoder>(); }
std::unique_ptr<Decoder> make_snappy_decoder() { return std::make_unique<SnappyDecoder>(); }

}  // namespace ottla::protocol::compression
