// SPDX-License-Identifier: Apache-2.0
// The map of done offsets in a commit's metadata: vectors written by the format's definition, any map there and back,
// and texts that are none.
#include "client/parallel/offset_map.hpp"

#include <gtest/gtest.h>
#include <ottla/protocol/compression.hpp>

#include "base/base64.hpp"
#include "base/random.hpp"

namespace ottla::client {
namespace {

// 'x' is done.
OffsetMap map_of(std::string_view offsets, std::int64_t base = 100) {
    OffsetMap map(base);
    for (const char c : offsets) map.append(c == 'x', 1);
    return map;
}
std::string text_of(const OffsetMap& map) {
    std::string text;
    OffsetMapReader reader(map);
    for (auto offset = map.base(); offset < map.end(); ++offset) text += reader.is_done(offset) ? 'x' : 'o';
    return text;
}
std::string decoded(std::string_view metadata) {
    const auto map = OffsetMap::decode(100, metadata);
    return map ? text_of(*map) : std::string(map.error().text());
}
// The decoder's answer to these bytes behind base64.
std::string decoded_bytes(std::string_view bytes) { return decoded(base::base64_encode(as_bytes(bytes))); }

TEST(OffsetMap, reads_every_encoding_of_the_format) {
    // The same twelve offsets; those of zstd as `zstd --no-check` writes a stream, without the size of its content.
    for (const char* metadata :
         {"bAAMBgsA", "YSi1L/0AWCkAAAAMBgsA",
          "bwAAAAwGCwA=", "cyi1L/0AWDkAAAAAAAwGCwA=", "bgABAAIABQACAAEAAQ==", "Sii1L/0AWGEAAAABAAIABQACAAEAAQ==",
          "ZQAAAAEAAAACAAAABQAAAAIAAAABAAAAAQ==", "cCi1L/0AWMEAAAAAAAEAAAACAAAABQAAAAIAAAABAAAAAQ=="})
        EXPECT_EQ(decoded(metadata), "oxxoooooxxox") << metadata;
    EXPECT_EQ(decoded(""), "") << "a commit without a map";
}

TEST(OffsetMap, writes_the_smallest) {
    EXPECT_EQ(map_of("oxxoooooxxox").encode(4096).value(), "bAAMBgs=") << "bits, the lowest first";
    EXPECT_EQ(map_of("oxxoooooxxoxooo").encode(4096).value(), "bAAMBgs=") << "what is not done at the end is not told";
    EXPECT_EQ(map_of("").encode(4096).value(), "");
    EXPECT_EQ(map_of("ooo").encode(4096).value(), "");
    OffsetMap runs(7);
    runs.append(false, 1);
    runs.append(true, 1000);
    EXPECT_EQ(runs.encode(4096).value(), "bgABA+g=") << "n: 1, 1000";
    runs.append(false, 1);
    runs.append(true, 40'000);
    EXPECT_EQ(base::base64_decode(runs.encode(4096).value())->front(), 'e') << "a run that 16 bits do not hold";
    OffsetMap regular(0);
    for (int i = 0; i < 20'000; ++i) regular.append(i % 3 != 0, 1);
    const auto packed = base::base64_decode(regular.encode(4096).value()).value();
    EXPECT_TRUE(std::string_view("asJp").find(packed.front()) != std::string_view::npos) << "compression pays";
    EXPECT_LT(packed.size(), 200U);
}

TEST(OffsetMap, any_map_comes_back) {
    base::Random random(7);
    for (int round = 0; round < 2'000; ++round) {
        const auto base = random.between(0, std::int64_t{1} << 40);
        OffsetMap map(base);
        const auto runs = random.below(60);
        const auto longest = random.chance(0.1) ? 100'000 : static_cast<std::int64_t>(1 + random.below(40));
        for (std::uint64_t i = 0; i < runs; ++i) map.append(i % 2 == 1, random.between(0, longest));
        map.append(true, 1);
        const auto there = map.encode(OffsetMap::text_bytes_max);
        ASSERT_TRUE(there) << round << ' ' << to_string(there.error());
        ASSERT_EQ(OffsetMap::decode(base, *there).value(), map) << round;
    }
}

TEST(OffsetMap, runs_longer_than_32_bits_hold) {
    OffsetMap map(0);
    map.append(false, 1);
    map.append(true, 5'000'000'000);
    map.append(false, 3);
    map.append(true, 2);
    const auto back = OffsetMap::decode(0, map.encode(4096).value()).value();
    EXPECT_EQ(back, map);
    EXPECT_EQ(back.end(), 5'000'000'006);
    EXPECT_EQ(back.done_count(), 5'000'000'002);
    EXPECT_EQ(to_string(back), "5000000002 of 5000000006 offsets behind 0 are done");
    OffsetMapReader reader(back);
    EXPECT_FALSE(reader.is_done(0));
    EXPECT_TRUE(reader.is_done(4'999'999'999));
    EXPECT_FALSE(reader.is_done(5'000'000'001));
    EXPECT_TRUE(reader.is_done(5'000'000'005));
    EXPECT_FALSE(reader.is_done(5'000'000'006));
    EXPECT_TRUE(reader.is_past(5'000'000'006));
}

TEST(OffsetMap, a_hundred_thousand_scattered_completions) {
    base::Random random(1);
    // Slow ones here and there among 100,000.
    OffsetMap few(0);
    for (int i = 0; i < 100'000; ++i) few.append(i != 0 && !random.chance(0.01), 1);
    EXPECT_LE(few.encode(4096).value().size(), 4096U);
    // Regular ones.
    OffsetMap stripes(0);
    for (int i = 0; i < 100'000; ++i) stripes.append(i % 10 != 0, 1);
    EXPECT_LE(stripes.encode(4096).value().size(), 200U);
    // As many as not, at random: a bit for each is the least that can be, 12,500 bytes.
    OffsetMap coins(0);
    for (int i = 0; i < 100'000; ++i) coins.append(i != 0 && random.chance(0.5), 1);
    EXPECT_EQ(coins.encode(4096).error(), ErrorCode::limit_exceeded);
    EXPECT_LE(coins.encode(OffsetMap::text_bytes_max).value().size(), 16'800U);
}

TEST(OffsetMap, what_is_no_map_says_why) {
    EXPECT_EQ(decoded("a note of mine"), "metadata of a commit: it is not base64");
    EXPECT_EQ(decoded_bytes(std::string_view("\1\0\0\0\0\0\0\0\7", 9)), "metadata of a commit: it is of Kafka Streams");
    EXPECT_EQ(decoded_bytes("L\1\0\1"), "metadata of a commit: it begins with 0x4c, which is no encoding of offsets");
    EXPECT_EQ(decoded_bytes("l\1"), "metadata of a commit: the count of bits is cut off");
    EXPECT_EQ(decoded_bytes("l\xff\xff\1"), "metadata of a commit: a count of -1 bits");
    EXPECT_EQ(decoded_bytes("n\1\1\1"), "metadata of a commit: the last run is cut off");
    EXPECT_EQ(decoded_bytes("n\xff\xfe"), "metadata of a commit: a run of -2 offsets");
    EXPECT_EQ(OffsetMap::decode(0, base::base64_encode(as_bytes("anonsense"))).error(), ErrorCode::bad_compression);
    EXPECT_EQ(OffsetMap::decode(-1001, "bAAMBgsA").error(), ErrorCode::bad_message);
    EXPECT_EQ(OffsetMap::decode(0, std::string(OffsetMap::text_bytes_max + 1, 'A')).error(), ErrorCode::limit_exceeded);
}

TEST(OffsetMap, takes_no_more_memory_than_its_bound) {
    // 2^31 - 1 offsets, told of in one byte.
    const auto wide =
        OffsetMap::decode(0, base::base64_encode(as_bytes(std::string_view("o\x7f\xff\xff\xff\2", 6)))).value();
    EXPECT_EQ(wide.runs().size(), 3U);
    EXPECT_EQ(wide.end(), 0x7fffffff);
    EXPECT_EQ(wide.done_count(), 1);
    // A few hundred bytes of zstd that are megabytes.
    Buffer packed;
    const std::string zeros(4 << 20, '\0');
    protocol::Compressor().compress(protocol::CompressionType::zstd, 3, as_bytes(zeros), packed).value();
    const auto metadata = base::base64_encode(as_bytes("p" + std::string(as_text(packed.span()))));
    EXPECT_LT(metadata.size(), 4096U);
    EXPECT_EQ(OffsetMap::decode(0, metadata).error(), ErrorCode::limit_exceeded);
}

TEST(OffsetMap, any_bytes_are_a_map_or_an_error) {
    base::Random random(11);
    constexpr std::string_view magics = "laosnJep";
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes(1, magics[random.below(magics.size())]);
        for (auto left = random.below(40); left > 0; --left) bytes += static_cast<char>(random.below(256));
        const auto map = OffsetMap::decode(5, base::base64_encode(as_bytes(bytes)));
        if (!map) continue;
        const auto again = map->encode(OffsetMap::text_bytes_max);
        if (!again) continue;
        ASSERT_EQ(OffsetMap::decode(5, *again).value().done_count(), map->done_count()) << round;
    }
}

}  // namespace
}  // namespace ottla::client
