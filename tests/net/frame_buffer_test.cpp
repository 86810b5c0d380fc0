// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/random.hpp"
#include "net/frame_buffer.hpp"

namespace ottla::net {
namespace {

std::string framed(std::string_view body) {
    const auto n = static_cast<std::uint32_t>(body.size());
    std::string s{static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8),
                  static_cast<char>(n)};
    return s.append(body);
}

// Puts `bytes` in as reads of at most `step` would.
void feed(FrameBuffer& frames, std::string_view bytes, std::size_t step, std::vector<Bytes>& out) {
    while (!bytes.empty()) {
        const auto room = frames.prepare();
        const std::size_t n = std::min({room.size(), step, bytes.size()});
        std::copy_n(bytes.begin(), n, room.begin());
        frames.commit(n);
        bytes.remove_prefix(n);
        for (;;) {
            auto frame = frames.next();
            ASSERT_TRUE(frame) << frame.error().text();
            if (!frame->has_value()) break;
            out.push_back(**frame);
        }
    }
}

TEST(FrameBuffer, cuts_frames_however_they_arrive) {
    base::Random random(7);
    std::vector<std::string> bodies;
    std::string stream;
    for (const std::size_t size : {0U, 1U, 4U, 300U, 5'000U, 100'000U, 3U, 6'000'000U, 2U, 70'000U}) {
        std::string body(size, '\0');
        for (char& c : body) c = static_cast<char>(random.next());
        stream += framed(body);
        bodies.push_back(std::move(body));
    }
    for (const std::size_t step : {7UL, 4'096UL, 65'536UL, 100'000'000UL}) {
        base::BufferPool pool(64 << 20);
        FrameBuffer frames(pool, 10'000'000);
        std::vector<Bytes> out;
        feed(frames, stream, step, out);
        ASSERT_EQ(out.size(), bodies.size());
        for (std::size_t i = 0; i < out.size(); ++i) EXPECT_TRUE(out[i].text() == bodies[i]) << step << ": " << i;
        EXPECT_EQ(frames.pending(), 0U);
    }
}

TEST(FrameBuffer, serves_several_frames_of_one_read_without_copying) {
    base::BufferPool pool(1 << 20);
    FrameBuffer frames(pool, 1000);
    std::vector<Bytes> out;
    feed(frames, framed("first") + framed("second") + framed("third"), 4096, out);
    ASSERT_EQ(out.size(), 3U);
    EXPECT_EQ(out[0].data() + 5 + 4, out[1].data());
    EXPECT_EQ(out[1].data() + 6 + 4, out[2].data());
}

TEST(FrameBuffer, uses_its_memory_again_when_nobody_holds_a_frame) {
    base::BufferPool pool(1 << 20);
    FrameBuffer frames(pool, 1000);
    const auto* first = frames.prepare().data();
    for (int i = 0; i < 100; ++i) {
        {
            std::vector<Bytes> out;
            feed(frames, framed("x"), 100, out);
        }
        EXPECT_EQ(frames.prepare().data(), first);
    }
    std::vector<Bytes> held;
    feed(frames, framed("held"), 100, held);
    std::vector<Bytes> more;
    for (int i = 0; i < 2000; ++i) feed(frames, framed("overwritten?"), 100, more);
    EXPECT_EQ(held[0].text(), "held");
}

TEST(FrameBuffer, takes_memory_as_bytes_come_not_as_promised) {
    base::BufferPool pool(0);
    FrameBuffer frames(pool, 1'000'000'000);
    const std::string length{0x06, 0, 0, 0};  // 100 MB
    std::copy_n(length.begin(), 4, frames.prepare().begin());
    frames.commit(4);
    ASSERT_TRUE(frames.next());
    EXPECT_LE(frames.prepare().size(), 4U << 20);
}

TEST(FrameBuffer, a_large_frame_after_such_a_frame_gets_its_memory_at_once) {
    base::BufferPool pool(0);
    FrameBuffer frames(pool, 1'000'000'000);
    const auto room_for = [&](std::size_t size) {
        const std::string whole = framed(std::string(size, 'x'));
        std::copy_n(whole.begin(), 4, frames.prepare().begin());
        frames.commit(4);
        const std::size_t room = frames.prepare().size();
        std::vector<Bytes> out;
        feed(frames, std::string_view(whole).substr(4), 1 << 20, out);
        EXPECT_EQ(out.size(), 1U);
        return room;
    };
    EXPECT_LT(room_for(6U << 20), 6U << 20);
    EXPECT_GE(room_for(10U << 20), 10U << 20);
    EXPECT_GE(room_for(6U << 20), 6U << 20);
    for (int i = 0; i < 40; ++i) room_for(10);
    EXPECT_LT(room_for(6U << 20), 6U << 20);
}

TEST(FrameBuffer, of_a_large_frame_that_is_expected_little_is_copied) {
    base::BufferPool pool(0);
    FrameBuffer frames(pool, 1'000'000'000);
    const std::string large = framed(std::string(3U << 20, 'x'));
    std::vector<Bytes> out;
    feed(frames, large, large.size(), out);
    EXPECT_EQ(out.size(), 1U);
    EXPECT_LE(frames.prepare().size(), 4096U) << "as much as is copied of the next one";
    for (int i = 0; i < 60; ++i) feed(frames, framed(std::string(100'000, 'x')), large.size(), out);
    EXPECT_GT(frames.prepare().size(), 4096U) << "of many small ones one read takes several";
}

TEST(FrameBuffer, refuses_lengths_that_cannot_be_and_says_what_it_saw) {
    const struct {
        std::string bytes;
        ErrorCode code;
        const char* looks_like;
    } table[] = {
        {std::string("GET / HTTP/1.1\r\n"), ErrorCode::limit_exceeded, "an HTTP request"},
        {std::string("POST /topics"), ErrorCode::limit_exceeded, "an HTTP request"},
        {std::string("PRI * HTTP/2.0"), ErrorCode::limit_exceeded, "an HTTP/2 connection"},
        {std::string("HTTP/1.1 400"), ErrorCode::limit_exceeded, "an HTTP answer"},
        {std::string("\x16\x03\x01\x02\x00\x01", 6), ErrorCode::limit_exceeded, "a TLS handshake"},
        {std::string("\x15\x03\x03\x00\x02\x02", 6), ErrorCode::limit_exceeded, "a TLS alert"},
        {std::string("SSH-2.0-OpenSSH"), ErrorCode::limit_exceeded, "SSH"},
        {std::string("\xff\xff\xff\xff", 4), ErrorCode::bad_message, "the bytes ff ff ff ff"},
        {std::string("\x80\x00\x00\x00zz", 6), ErrorCode::bad_message, "the bytes 80 00 00 00 7a 7a"},
        {std::string("hello\r\n"), ErrorCode::limit_exceeded, "the text 'hello'"},
        {std::string("\x00\x00\x03\xe9", 4), ErrorCode::limit_exceeded, "1001 bytes, above the limit of 1000"},
    };
    for (const auto& row : table) {
        base::BufferPool pool(0);
        FrameBuffer frames(pool, 1000);
        std::copy_n(row.bytes.begin(), row.bytes.size(), frames.prepare().begin());
        frames.commit(row.bytes.size());
        const auto frame = frames.next();
        ASSERT_FALSE(frame) << row.bytes;
        EXPECT_EQ(frame.error(), row.code);
        EXPECT_NE(frame.error().text().find(row.looks_like), std::string_view::npos) << frame.error().text();
        EXPECT_FALSE(frames.next());  // final
    }
}

TEST(FrameBuffer, follows_a_limit_that_changes) {
    base::BufferPool pool(0);
    FrameBuffer frames(pool, frame_bytes_before_authentication);
    std::vector<Bytes> out;
    frames.set_frame_max(10);
    feed(frames, framed("0123456789"), 100, out);
    EXPECT_EQ(out.size(), 1U);
    frames.set_frame_max(9);
    const std::string eleven = framed("0123456789");
    std::copy_n(eleven.begin(), 8, frames.prepare().begin());
    frames.commit(8);
    EXPECT_FALSE(frames.next());
}

}  // namespace
}  // namespace ottla::net
