// SPDX-License-Identifier: Apache-2.0
#include <ottla/protocol/chain.hpp>

#include <algorithm>

#include <gtest/gtest.h>

#include <ottla/protocol/records.hpp>
#include <ottla/protocol/writer.hpp>

namespace ottla::protocol {
namespace {

class TextFile final : public FileSource {
public:
    explicit TextFile(std::string text) : text_(std::move(text)) {}
    Result<std::size_t> read_at(std::uint64_t position, std::span<std::uint8_t> out) const override {
        // Short reads on purpose: callers must go on.
        const std::size_t n =
            position >= text_.size() ? 0 : std::min({out.size(), text_.size() - position, std::size_t{3}});
        std::copy_n(text_.begin() + static_cast<std::ptrdiff_t>(position), n, out.begin());
        return n;
    }

private:
    std::string text_;
};

TEST(Chain, flattens_memory_and_files_in_order) {
    auto file = std::make_shared<TextFile>("0123456789");
    Chain chain(Bytes::copy_of("ab"));
    chain.append(Bytes{});
    chain.append(FileRange(file, 2, 6));
    chain.append(Chain(Bytes::copy_of("yz")));
    EXPECT_EQ(chain.size(), 10u);
    EXPECT_EQ(chain.pieces().size(), 3u);
    EXPECT_EQ(chain.flatten()->text(), "ab234567yz");
}

TEST(Chain, says_when_a_file_is_shorter_than_its_range) {
    const FileRange range(std::make_shared<TextFile>("0123456789"), 5, 6);
    const auto read = range.read();
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code(), ErrorCode::file_system);
}

TEST(Chain, one_piece_is_flattened_without_a_copy) {
    const Bytes bytes = Bytes::copy_of("abc");
    EXPECT_EQ(Chain(bytes).flatten()->data(), bytes.data());
}

TEST(Chain, is_equal_when_the_bytes_are) {
    Chain a(Bytes::copy_of("abc"));
    a.append(Bytes::copy_of("defg"));
    Chain b(Bytes::copy_of("abcde"));
    b.append(Bytes::copy_of("fg"));
    EXPECT_EQ(a, b);
    b.clear();
    b.append(Bytes::copy_of("abcdefX"));
    EXPECT_NE(a, b);
    EXPECT_EQ(Records(Bytes::copy_of("abcdefg")), Records(a));
    EXPECT_EQ(Records(), Records(Chain()));
}

TEST(Writer, splices_what_is_large_and_copies_what_is_small) {
    auto file = std::make_shared<TextFile>("0123456789");
    const Bytes large = Bytes::from(std::string(5000, 'L'));
    Writer w;
    auto length = w.int32_later();
    w.int16(0x0102);
    w.splice(large);
    w.splice(Bytes::copy_of("small"));
    w.splice(FileRange(file, 0, 10));
    w.int8(9);
    length.fill(static_cast<std::int32_t>(w.size()) - 4);
    EXPECT_EQ(w.size(), 4u + 2 + 5000 + 5 + 10 + 1);
    const Chain chain = w.finish();
    ASSERT_EQ(chain.pieces().size(), 5u);
    EXPECT_EQ(std::get<Bytes>(chain.pieces()[1]).data(), large.data());
    const Bytes all = chain.flatten().value();
    EXPECT_EQ(all.slice(0, 6), Bytes::copy_of(std::string("\0\0\x13\x9a\1\2", 6)));
    EXPECT_EQ(all.slice(5006, 16).text(), "small0123456789\t");
    EXPECT_EQ(w.size(), 0u);
    EXPECT_TRUE(w.finish().empty());
}

TEST(Writer, takes_further_blocks_without_moving_the_first) {
    Writer w(64);
    auto later = w.int32_later();
    for (int i = 0; i < 10'000; ++i) w.int64(i);
    later.fill(7);
    const Bytes all = w.finish().flatten().value();
    ASSERT_EQ(all.size(), 80'004u);
    Reader r(all);
    EXPECT_EQ(r.int32(), 7);
    for (int i = 0; i < 10'000; ++i) ASSERT_EQ(r.int64(), i);
    EXPECT_TRUE(r.end("numbers"));
}

}  // namespace
}  // namespace ottla::protocol
