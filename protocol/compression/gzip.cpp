// SPDX-License-Identifier: Apache-2.0
// gzip (RFC 1952): ISA-L writes levels -1 and 1 to 3, several times as fast as zlib; libdeflate writes the denser
// ones and level 0. Reading is libdeflate's when the trailer tells the size, else ISA-L's, piece by piece.
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <span>

#include <isa-l/igzip_lib.h>
#include <libdeflate.h>

#include "protocol/compression/codec.hpp"

namespace ottla::protocol::compression {

namespace {

constexpr int igzip_level_max = ISAL_DEF_MAX_LEVEL;
constexpr int libdeflate_level_max = 9;
// Deflate makes at most 258 bytes of two bits.
constexpr std::size_t ratio_max = 1032;
constexpr std::size_t frame_size_min = 18;

struct FreeCompressor {
    void operator()(libdeflate_compressor* c) const noexcept { libdeflate_free_compressor(c); }
};
struct FreeDecompressor {
    void operator()(libdeflate_decompressor* d) const noexcept { libdeflate_free_decompressor(d); }
};

class GzipEncoder final : public Encoder {
public:
    Result<void> encode(int level, ByteSpan in, Buffer& out) override {
        if (level == default_compression_level) level = 1;
        return level >= 1 && level <= igzip_level_max ? igzip(level, in, out) : deflate(level, in, out);
    }

private:
    Result<void> igzip(int level, ByteSpan in, Buffer& out) {
        if (!stream_) stream_ = std::make_unique<isal_zstream>();
        constexpr std::array<std::size_t, 4> space_of_level = {0, ISAL_DEF_LVL1_DEFAULT, ISAL_DEF_LVL2_DEFAULT,
                                                               ISAL_DEF_LVL3_DEFAULT};
        const std::size_t space = space_of_level[static_cast<std::size_t>(level)];
        if (level_space_ < space) {
            level_buffer_ = std::make_unique<std::uint8_t[]>(space);
            level_space_ = space;
        }
        isal_deflate_init(stream_.get());
        stream_->level = static_cast<std::uint32_t>(level);
        stream_->level_buf = level_buffer_.get();
        stream_->level_buf_size = static_cast<std::uint32_t>(level_space_);
        stream_->gzip_flag = IGZIP_GZIP;
        stream_->end_of_stream = 1;
        stream_->flush = NO_FLUSH;
        stream_->next_in = const_cast<std::uint8_t*>(in.data());  // only read
        stream_->avail_in = static_cast<std::uint32_t>(in.size());
        std::size_t room = in.size() / 2 + 256;
        do {
            out.reserve(out.size() + room);
            room = out.capacity() - out.size();
            const auto given = static_cast<std::uint32_t>(std::min<std::size_t>(room, 1U << 30));
            stream_->next_out = out.data() + out.size();
            stream_->avail_out = given;
            if (isal_deflate(stream_.get()) != COMP_OK)
                return Error::of(ErrorCode::failed).with_context("gzip compression");
            out.resize(out.size() + given - stream_->avail_out);
        } while (stream_->internal_state.state != ZSTATE_END);
        return ok();
    }

    Result<void> deflate(int level, ByteSpan in, Buffer& out) {
        auto& compressor = compressors_[static_cast<std::size_t>(level)];
        if (!compressor) compressor.reset(libdeflate_alloc_compressor(level));
        if (!compressor) return Error::of(ErrorCode::failed).with_context("gzip compression: no memory");
        const std::size_t before = out.size();
        out.resize(before + libdeflate_gzip_compress_bound(compressor.get(), in.size()));
        const std::size_t size =
            libdeflate_gzip_compress(compressor.get(), in.data(), in.size(), out.data() + before, out.size() - before);
        out.resize(before + size);
        if (size == 0) return Error::of(ErrorCode::failed).with_context("gzip compression");
        return ok();
    }

    std::unique_ptr<isal_zstream> stream_;
    std::unique_ptr<std::uint8_t[]> level_buffer_;
    std::size_t level_space_ = 0;
    std::array<std::unique_ptr<libdeflate_compressor, FreeCompressor>, libdeflate_level_max + 1> compressors_;
};

class GzipDecoder final : public Decoder {
public:
    Result<void> decode(ByteSpan in, std::size_t bytes_max, Buffer& out) override {
        if (in.size() < frame_size_min) return bad_compression("gzip data shorter than its frame");
        if (at_once(in, bytes_max, out)) return ok();
        return in_pieces(in, bytes_max, out);
    }

private:
    // One member whose trailer gives a size that the input can make.
    bool at_once(ByteSpan in, std::size_t bytes_max, Buffer& out) {
        std::uint32_t size = 0;
        for (std::size_t i = 0; i < 4; ++i) size |= static_cast<std::uint32_t>(in[in.size() - 4 + i]) << (8 * i);
        if (size > bytes_max || size > in.size() * ratio_max) return false;
        if (!decompressor_) decompressor_.reset(libdeflate_alloc_decompressor());
        if (!decompressor_) return false;
        const std::size_t before = out.size();
        out.resize(before + size);
        std::size_t read = 0;
        const auto result = libdeflate_gzip_decompress_ex(decompressor_.get(), in.data(), in.size(),
                                                          out.data() + before, size, &read, nullptr);
        // A null last argument asks for exactly `size` bytes.
        if (result == LIBDEFLATE_SUCCESS && read == in.size()) return true;
        out.resize(before);
        return false;
    }

    // Any number of members, as Java reads them.
    Result<void> in_pieces(ByteSpan in, std::size_t bytes_max, Buffer& out) {
        if (!state_) state_ = std::make_unique<inflate_state>();
        const std::size_t start = out.size();
        isal_inflate_init(state_.get());
        state_->next_in = const_cast<std::uint8_t*>(in.data());  // only read
        state_->avail_in = static_cast<std::uint32_t>(in.size());
        while (state_->avail_in > 0) {
            isal_inflate_reset(state_.get());
            state_->crc_flag = ISAL_GZIP;
            if (auto done = member(start, bytes_max, std::max<std::size_t>(in.size() * 4, 4096), out); !done)
                return done;
        }
        return ok();
    }

    Result<void> member(std::size_t start, std::size_t bytes_max, std::size_t least, Buffer& out) {
        while (state_->block_state != ISAL_BLOCK_FINISH) {
            const std::span<std::uint8_t> room = room_to_decode(out, start, bytes_max, least);
            // At the limit one more byte is offered, to tell an end from an excess.
            std::uint8_t excess = 0;
            state_->next_out = room.empty() ? &excess : room.data();
            const auto given =
                static_cast<std::uint32_t>(room.empty() ? 1 : std::min<std::size_t>(room.size(), 1U << 30));
            state_->avail_out = given;
            const std::uint32_t input = state_->avail_in;
            const int result = isal_inflate(state_.get());
            const std::uint32_t written = given - state_->avail_out;
            if (room.empty() && written > 0) return output_above_limit("gzip data");
            out.resize(out.size() + written);
            if (result != ISAL_DECOMP_OK) return bad_compression("gzip data");
            const bool moved = written > 0 || state_->avail_in < input;
            if (!moved && state_->block_state != ISAL_BLOCK_FINISH) return bad_compression("gzip data cut off");
        }
        return ok();
    }

    std::unique_ptr<libdeflate_decompressor, FreeDecompressor> decompressor_;
    std::unique_ptr<inflate_state> state_;
};

}  // namespace

std::unique_ptr<Encoder> make_gzip_encoder() { return std::make_unique<GzipEncoder>(); }
std::unique_ptr<Decoder> make_gzip_decoder() { return std::make_unique<GzipDecoder>(); }

}  // namespace ottla::protocol::compression
