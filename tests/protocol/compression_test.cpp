// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <snappy.h>
#include <ottla/protocol/compression.hpp>

#include "base/random.hpp"

namespace ottla::protocol {
namespace {

constexpr CompressionType codecs[] = {CompressionType::none, CompressionType::gzip, CompressionType::snappy,
                                      CompressionType::lz4, CompressionType::zstd};

std::string incompressible(std::size_t size) {
    base::Random random(7);
    std::string s(size, '\0');
    for (char& c : s) c = static_cast<char>(random.next());
    return s;
}

std::vector<std::string> samples() {
    return {"", "a", std::string(300'000, 'z'), incompressible(200'000),
            incompressible(65'536) + std::string(70'000, 'q')};
}

TEST(Compression, gives_back_what_it_took_at_every_level) {
    Compressor compressor;
    Decompressor decompressor;
    for (const auto type : codecs)
        for (int level = -5; level <= 22; ++level) {
            if (!is_valid_level(type, level)) continue;
            for (const std::string& sample : samples()) {
                Buffer packed;
                Buffer opened;
                packed.append("before");
                opened.append("ahead");
                ASSERT_TRUE(compressor.compress(type, level, as_bytes(sample), packed)) << name(type) << level;
                const auto done = decompressor.decompress(type, packed.span().subspan(6), sample.size(), opened);
                ASSERT_TRUE(done) << name(type) << " " << level << " " << to_string(done.error());
                EXPECT_EQ(as_text(opened.span()), "ahead" + sample);
            }
        }
}

TEST(Compression, stops_at_the_limit_and_leaves_the_output_as_it_was) {
    Compressor compressor;
    Decompressor decompressor;
    const std::string bomb(64 << 20, '\0');
    for (const auto type : codecs) {
        Buffer packed;
        ASSERT_TRUE(compressor.compress(type, default_compression_level, as_bytes(bomb), packed));
        for (const std::size_t limit : {std::size_t{0}, std::size_t{1}, std::size_t{4096}, bomb.size() - 1}) {
            Buffer opened;
            opened.append("x");
            EXPECT_EQ(decompressor.decompress(type, packed.span(), limit, opened).error(), ErrorCode::limit_exceeded)
                << name(type) << " " << limit;
            EXPECT_EQ(as_text(opened.span()), "x");
            EXPECT_LE(opened.capacity(), 2 * limit + (1 << 20));
        }
    }
}

TEST(Compression, refuses_broken_and_cut_off_data) {
    Compressor compressor;
    Decompressor decompressor;
    const std::string sample = incompressible(1000) + std::string(5000, 'a');
    for (const auto type : codecs) {
        if (type == CompressionType::none) continue;
        Buffer packed;
        ASSERT_TRUE(compressor.compress(type, default_compression_level, as_bytes(sample), packed));
        for (std::size_t cut = 0; cut < packed.size(); cut += 1 + cut / 20) {
            Buffer opened;
            // Framed snappy has no end of its own: a cut between header and first block is empty.
            if (type == CompressionType::snappy && cut == 16) continue;
            EXPECT_EQ(decompressor.decompress(type, packed.span().first(cut), 1 << 20, opened).error(),
                      ErrorCode::bad_compression)
                << name(type) << " " << cut;
        }
        Buffer opened;
        EXPECT_EQ(
            decompressor.decompress(type, as_bytes("nonsense, long enough to be a frame"), 1 << 20, opened).error(),
            ErrorCode::bad_compression)
            << name(type);
        EXPECT_TRUE(decompressor.decompress(type, packed.span(), 1 << 20, opened)) << "the context is good again";
        EXPECT_EQ(as_text(opened.span()), sample);
    }
}

TEST(Compression, reads_raw_and_framed_snappy) {
    std::string raw;
    const std::string sample(5000, 's');
    snappy::Compress(sample.data(), sample.size(), &raw);
    Decompressor decompressor;
    Buffer opened;
    ASSERT_TRUE(decompressor.decompress(CompressionType::snappy, as_bytes(raw), 5000, opened));
    EXPECT_EQ(as_text(opened.span()), sample);

    Compressor compressor;
    Buffer framed;
    ASSERT_TRUE(compressor.compress(CompressionType::snappy, -1, as_bytes(sample), framed));
    const std::uint8_t head[] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};
    EXPECT_EQ(std::memcmp(framed.data(), head, sizeof head), 0);
}

TEST(Compression, reads_concatenated_gzip_members_as_java_does) {
    Compressor compressor;
    Buffer packed;
    ASSERT_TRUE(compressor.compress(CompressionType::gzip, 6, as_bytes("first "), packed));
    ASSERT_TRUE(compressor.compress(CompressionType::gzip, 1, as_bytes("second"), packed));
    Decompressor decompressor;
    Buffer opened;
    ASSERT_TRUE(decompressor.decompress(CompressionType::gzip, packed.span(), 100, opened));
    EXPECT_EQ(as_text(opened.span()), "first second");
}

TEST(Compression, knows_names_and_levels) {
    for (const auto type : codecs) EXPECT_EQ(parse_compression_type(name(type)), type);
    EXPECT_EQ(parse_compression_type("brotli"), std::nullopt);
    EXPECT_TRUE(is_valid_level(CompressionType::gzip, 9));
    EXPECT_FALSE(is_valid_level(CompressionType::gzip, 10));
    EXPECT_FALSE(is_valid_level(CompressionType::snappy, 1));
    EXPECT_FALSE(is_valid_level(CompressionType::zstd, 23));
    EXPECT_TRUE(is_valid_level(CompressionType::zstd, -131'072));
    Compressor compressor;
    Buffer out;
    EXPECT_EQ(compressor.compress(CompressionType::lz4, 13, as_bytes("x"), out).error(), ErrorCode::invalid_argument);
    EXPECT_EQ(compressor.compress(static_cast<CompressionType>(7), -1, as_bytes("x"), out).error(),
              ErrorCode::unsupported_compression_type);
}

}  // namespace
}  // namespace ottla::protocol
