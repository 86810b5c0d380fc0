// SPDX-License-Identifier: Apache-2.0
#include <ottla/protocol/reader.hpp>

#include <limits>

#include <gtest/gtest.h>

#include <ottla/protocol/writer.hpp>

namespace ottla::protocol {
namespace {

TEST(Reader, reads_what_the_writer_wrote) {
    Writer w;
    w.int8(-1);
    w.int16(-2);
    w.int32(0x01020304);
    w.int64(std::numeric_limits<std::int64_t>::min());
    w.uint16(65535);
    w.uint32(4'000'000'000);
    w.boolean(true);
    w.float64(-0.5);
    w.uuid(Uuid{{1, 2, 3}});
    for (const std::int32_t v : {0, -1, 63, -64, 64, 1 << 20, std::numeric_limits<std::int32_t>::min()}) w.varint(v);
    for (const std::int64_t v : {std::int64_t{0}, std::numeric_limits<std::int64_t>::min(), std::int64_t{1} << 40})
        w.varlong(v);
    w.unsigned_varint(0xffffffff);

    Reader r(w.finish().flatten().value());
    EXPECT_EQ(r.int8(), -1);
    EXPECT_EQ(r.int16(), -2);
    EXPECT_EQ(r.int32(), 0x01020304);
    EXPECT_EQ(r.int64(), std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(r.uint16(), 65535);
    EXPECT_EQ(r.uint32(), 4'000'000'000);
    EXPECT_TRUE(r.boolean());
    EXPECT_EQ(r.float64(), -0.5);
    EXPECT_EQ(r.uuid(), (Uuid{{1, 2, 3}}));
    for (const std::int32_t v : {0, -1, 63, -64, 64, 1 << 20, std::numeric_limits<std::int32_t>::min()})
        EXPECT_EQ(r.varint(), v);
    for (const std::int64_t v : {std::int64_t{0}, std::numeric_limits<std::int64_t>::min(), std::int64_t{1} << 40})
        EXPECT_EQ(r.varlong(), v);
    EXPECT_EQ(r.unsigned_varint(), 0xffffffff);
    EXPECT_TRUE(r.end("all"));
}

TEST(Reader, stays_failed_after_the_first_failure) {
    Reader r(Bytes::copy_of(std::string("\1\2\3", 3)));
    EXPECT_EQ(r.int16(), 0x0102);
    EXPECT_EQ(r.int32(), 0);
    EXPECT_EQ(r.int8(), 0);
    EXPECT_TRUE(r.failed());
    const auto result = r.result("a test");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), ErrorCode::bad_message);
    EXPECT_EQ(result.error().text(), "a test, byte 2 of 3: the bytes end too early");
}

TEST(Reader, refuses_overlong_varints) {
    Reader five(as_bytes("\x80\x80\x80\x80\x80\x01"));
    five.unsigned_varint();
    EXPECT_TRUE(five.failed());
    Reader ten(as_bytes("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"));
    ten.varlong();
    EXPECT_TRUE(ten.failed());
}

TEST(Reader, slices_share_the_frame) {
    const Bytes frame = Bytes::copy_of("abcdef");
    Reader r(frame);
    r.skip(2);
    EXPECT_EQ(r.slice(3).data(), frame.data() + 2);
    EXPECT_EQ(r.remaining(), 1u);
    EXPECT_FALSE(r.end("letters"));
}

}  // namespace
}  // namespace ottla::protocol
