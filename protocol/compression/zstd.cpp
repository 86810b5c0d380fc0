// SPDX-License-Identifier: Apache-2.0
// zstd (RFC 8878). Written with the content size, so that a reader can open a batch in one pass.
#include <algorithm>
#include <memory>
#include <span>

#include <zstd.h>

#include "protocol/compression/codec.hpp"

namespace ottla::protocol::compression {

namespace {

struct FreeZstdCompression {
    void operator()(ZSTD_CCtx* c) const noexcept { ZSTD_freeCCtx(c); }
};
struct FreeZstdDecompression {
    void operator()(ZSTD_DCtx* d) const noexcept { ZSTD_freeDCtx(d); }
};

class ZstdEncoder final : public Encoder {
public:
    Result<void> encode(int level, ByteSpan in, Buffer& out) override {
        if (!context_) context_.reset(ZSTD_createCCtx());
        if (!context_) return failed("no memory");
        const std::size_t before = out.size();
        out.resize(before + ZSTD_compressBound(in.size()));
        const std::size_t size =
            ZSTD_compressCCtx(context_.get(), out.data() + before, out.size() - before, in.data(), in.size(),
                              level == default_compression_level ? ZSTD_CLEVEL_DEFAULT : level);
        if (ZSTD_isError(size) != 0) {
            out.resize(before);
            return failed(ZSTD_getErrorName(size));
        }
        out.resize(before + size);
        return ok();
    }

private:
    static Error failed(std::string_view why) {
        return Error::of(ErrorCode::failed).with_context(why).with_context("zstd compression");
    }

    std::unique_ptr<ZSTD_CCtx, FreeZstdCompression> context_;
};

class ZstdDecoder final : public Decoder {
public:
    Result<void> decode(ByteSpan in, std::size_t bytes_max, Buffer& out) override {
        if (!context_) context_.reset(ZSTD_createDCtx());
        if (!context_) return Error::of(ErrorCode::failed).with_context("zstd decompression: no memory");
        ZSTD_DCtx_reset(context_.get(), ZSTD_reset_session_only);
        const std::size_t start = out.size();
        const std::size_t least = first_room(in, bytes_max);
        ZSTD_inBuffer input{in.data(), in.size(), 0};
        std::size_t rest = 1;
        while (input.pos < input.size || rest != 0) {
            const std::span<std::uint8_t> room = room_to_decode(out, start, bytes_max, least);
            std::uint8_t excess = 0;  // offered at the limit, to tell an end from an excess
            ZSTD_outBuffer output{room.empty() ? &excess : room.data(), room.empty() ? 1 : room.size(), 0};
            const std::size_t input_before = input.pos;
            rest = ZSTD_decompressStream(context_.get(), &output, &input);
            if (ZSTD_isError(rest) != 0) return bad_compression("zstd frame");
            if (room.empty() && output.pos > 0) return output_above_limit("zstd data");
            out.resize(out.size() + output.pos);
            if (input.pos == input_before && output.pos == 0 && rest != 0) return bad_compression("zstd frame cut off");
        }
        return ok();
    }

private:
    // Enough for the whole content when the frame tells its size and it is believable: then zstd decodes in one
    // pass, without a window of its own.
    static std::size_t first_room(ByteSpan in, std::size_t bytes_max) {
        constexpr std::size_t believable_ratio = 64;
        const std::size_t guess = std::max<std::size_t>(in.size() * 4, 16 * 1024);
        const auto told = ZSTD_getFrameContentSize(in.data(), in.size());
        if (told == ZSTD_CONTENTSIZE_UNKNOWN || told == ZSTD_CONTENTSIZE_ERROR) return guess;
        if (told > bytes_max || told > in.size() * believable_ratio + 64 * 1024) return guess;
        return std::max<std::size_t>(static_cast<std::size_t>(told), 1);
    }

    std::unique_ptr<ZSTD_DCtx, FreeZstdDecompression> context_;
};

}  // namespace

std::unique_ptr<Encoder> make_zstd_encoder() { return std::make_unique<ZstdEncoder>(); }
std::unique_ptr<Decoder> make_zstd_decoder() { return std::make_unique<ZstdDecoder>(); }

}  // namespace ottla::protocol::compression
