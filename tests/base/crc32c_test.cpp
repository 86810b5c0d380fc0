// SPDX-License-Identifier: Apache-2.0
#include "base/crc32c.hpp"

#include <string>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace ottla::base {
namespace {

std::uint32_t bit_by_bit(ByteSpan bytes) {
    std::uint32_t crc = 0xffffffff;
    for (const std::uint8_t byte : bytes) {
        crc ^= byte;
        for (int i = 0; i < 8; ++i) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82f63b78U : crc >> 1;
    }
    return ~crc;
}

TEST(Crc32c, agrees_with_the_rfc) {
    EXPECT_EQ(crc32c({}), 0U);
    EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283U);
    EXPECT_EQ(crc32c(as_bytes(std::string(32, '\0'))), 0x8a9136aaU);
    EXPECT_EQ(crc32c(as_bytes(std::string(32, '\xff'))), 0x62a8ab43U);
}

TEST(Crc32c, agrees_with_the_definition_at_every_length_and_alignment) {
    Random random(3);
    std::string text(5000, '\0');
    for (char& c : text) c = static_cast<char>(random.next());
    const ByteSpan all = as_bytes(text);
    for (std::size_t size = 0; size < 700; ++size)
        ASSERT_EQ(crc32c(all.subspan(size % 9, size)), bit_by_bit(all.subspan(size % 9, size))) << size;
    EXPECT_EQ(crc32c(all), bit_by_bit(all));
}

TEST(Crc32c, goes_on_from_a_part) {
    const std::string text(1000, 'q');
    const ByteSpan all = as_bytes(text);
    for (const std::size_t cut : {0U, 1U, 100U, 500U, 1000U})
        EXPECT_EQ(crc32c(all.subspan(cut), crc32c(all.first(cut))), crc32c(all));
}

TEST(Crc32c, of_two_parts_is_that_of_both) {
    std::string text;
    for (int i = 0; i < 5000; ++i) text.push_back(static_cast<char>(i * 7 + i / 256));
    const ByteSpan all = as_bytes(text);
    for (const std::size_t cut : {0U, 1U, 40U, 100U, 4096U, 4999U, 5000U})
        EXPECT_EQ(crc32c_of_both(crc32c(all.first(cut)), crc32c(all.subspan(cut)), all.size() - cut), crc32c(all))
            << cut;
}

}  // namespace
}  // namespace ottla::base
