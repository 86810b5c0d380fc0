// SPDX-License-Identifier: Apache-2.0
// The lz4 frame format. Java reads independent blocks only, so those are written, 64 KiB each as Java does.
#include <algorithm>
#include <memory>
#include <span>

#include <lz4frame.h>

#include "protocol/compression/codec.hpp"

namespace ottla::protocol::compression {

namespace {

struct FreeLz4Compression {
    void operator()(LZ4F_cctx* c) const noexcept { LZ4F_freeCompressionContext(c); }
};
struct FreeLz4Decompression {
    void operator()(LZ4F_dctx* d) const noexcept { LZ4F_freeDecompressionContext(d); }
};

class Lz4Encoder final : public Encoder {
public:
    Result<void> encode(int level, ByteSpan in, Buffer& out) override {
        if (!context_) {
            LZ4F_cctx* made = nullptr;
            if (LZ4F_isError(LZ4F_createCompressionContext(&made, LZ4F_VERSION)) != 0) return failed();
            context_.reset(made);
        }
        LZ4F_preferences_t preferences{};
        preferences.frameInfo.blockMode = LZ4F_blockIndependent;
        preferences.frameInfo.blockSizeID = LZ4F_max64KB;
        preferences.compressionLevel = level == default_compression_level ? 0 : level;
        preferences.autoFlush = 1;

        const std::size_t before = out.size();
        // Of a whole frame: LZ4F_compressBound() also counts a block that might be waiting in the context.
        out.resize(before + LZ4F_compressFrameBound(in.size(), &preferences));
        std::size_t at = before;
        const auto add = [&](std::size_t written) {
            if (LZ4F_isError(written) != 0) return false;
            at += written;
            return true;
        };
        const auto to = [&] { return out.data() + at; };
        const auto room = [&] { return out.size() - at; };
        if (!add(LZ4F_compressBegin(context_.get(), to(), room(), &preferences)) ||
            !add(LZ4F_compressUpdate(context_.get(), to(), room(), in.data(), in.size(), nullptr)) ||
            !add(LZ4F_compressEnd(context_.get(), to(), room(), nullptr))) {
            out.resize(before);
            return failed();
        }
        out.resize(at);
        return ok();
    }

private:
    static Error failed() { return Error::of(ErrorCode::failed).with_context("lz4 compression"); }

    std::unique_ptr<LZ4F_cctx, FreeLz4Compression> context_;
};

class Lz4Decoder final : public Decoder {
public:
    Result<void> decode(ByteSpan in, std::size_t bytes_max, Buffer& out) override {
        if (!context_) {
            LZ4F_dctx* made = nullptr;
            if (LZ4F_isError(LZ4F_createDecompressionContext(&made, LZ4F_VERSION)) != 0)
                return Error::of(ErrorCode::failed).with_context("lz4 decompression: no memory");
            context_.reset(made);
        }
        LZ4F_resetDecompressionContext(context_.get());
        const std::size_t start = out.size();
        // Room for a whole block lets lz4 write into `out` without a copy of its own.
        const std::size_t least = std::max<std::size_t>(in.size() * 2, 64 * 1024);
        std::size_t hint = 1;
        while (!in.empty() || hint != 0) {
            const std::span<std::uint8_t> room = room_to_decode(out, start, bytes_max, least);
            std::uint8_t excess = 0;  // offered at the limit, to tell an end from an excess
            std::size_t written = room.empty() ? 1 : room.size();
            std::size_t read = in.size();
            hint = LZ4F_decompress(context_.get(), room.empty() ? &excess : room.data(), &written, in.data(), &read,
                                   nullptr);
            if (LZ4F_isError(hint) != 0) return bad_compression("lz4 frame");
            if (room.empty() && written > 0) return output_above_limit("lz4 data");
            out.resize(out.size() + written);
            in = in.subspan(read);
            if (read == 0 && written == 0 && hint != 0) return bad_compression("lz4 frame cut off");
        }
        return ok();
    }

private:
    std::unique_ptr<LZ4F_dctx, FreeLz4Decompression> context_;
};

}  // namespace

std::unique_ptr<Encoder> make_lz4_encoder() { return std::make_unique<Lz4Encoder>(); }
std::unique_ptr<Decoder> make_lz4_decoder() { return std::make_unique<Lz4Decoder>(); }

}  // namespace ottla::protocol::compression
