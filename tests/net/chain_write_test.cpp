// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/random.hpp"
#include "net/memory_network.hpp"
#include "net/write_queue.hpp"
#include "tests/support/virtual_loop.hpp"

namespace ottla::net {
namespace {

using namespace std::chrono_literals;
using test::VirtualLoop;

class TextFile : public protocol::FileSource {
public:
    explicit TextFile(std::string text) : text_(std::move(text)) {}
    Result<std::size_t> read_at(std::uint64_t position, std::span<std::uint8_t> out) const override {
        if (position >= text_.size()) return std::size_t{0};
        const std::size_t n = std::min(out.size(), text_.size() - static_cast<std::size_t>(position));
        std::copy_n(text_.begin() + static_cast<std::ptrdiff_t>(position), n, out.begin());
        return n;
    }

private:
    std::string text_;
};

std::string noise(std::size_t size, std::uint64_t seed) {
    base::Random random(seed);
    std::string s(size, '\0');
    for (char& c : s) c = static_cast<char>(random.next());
    return s;
}

// A chain of memory and file ranges, and the same as one string.
protocol::Chain mixed_chain(std::string& expected) {
    const std::string text = noise(3'000'000, 1);
    const auto file = std::make_shared<TextFile>(text);
    protocol::Chain chain;
    for (int i = 0; i < 200; ++i) {
        const std::string part = noise(static_cast<std::size_t>(i), static_cast<std::uint64_t>(i) + 2);
        chain.append(Bytes::copy_of(part));
        expected += part;
    }
    chain.append(protocol::FileRange(file, 5, 2'900'000));
    expected += text.substr(5, 2'900'000);
    chain.append(Bytes::copy_of("between"));
    expected += "between";
    chain.append(protocol::FileRange(file, 0, 10));
    expected += text.substr(0, 10);
    return chain;
}

TEST(ChainCursor, gathers_everything_in_order_however_little_is_taken) {
    for (const std::size_t step : {1'000UL, 65'537UL, 10'000'000UL}) {
        std::string expected;
        base::BufferPool pool(8 << 20);
        ChainCursor cursor(pool);
        cursor.push(mixed_chain(expected));
        std::string got;
        std::vector<asio::const_buffer> buffers;
        while (!cursor.empty()) {
            ASSERT_TRUE(cursor.gather(buffers));
            ASSERT_LE(buffers.size(), ChainCursor::buffers_max);
            std::size_t taken = 0;
            for (const auto& b : buffers) {
                const std::size_t n = std::min(b.size(), step - taken);
                got.append(static_cast<const char*>(b.data()), n);
                taken += n;
            }
            ASSERT_NE(taken, 0U);
            cursor.consume(taken);
        }
        EXPECT_TRUE(got == expected) << step;
    }
}

TEST(ChainCursor, says_when_a_file_has_become_shorter) {
    base::BufferPool pool(0);
    ChainCursor cursor(pool);
    protocol::Chain chain;
    chain.append(protocol::FileRange(std::make_shared<TextFile>("short"), 2, 10));
    cursor.push(std::move(chain));
    std::vector<asio::const_buffer> buffers;
    ASSERT_TRUE(cursor.gather(buffers));
    EXPECT_EQ(asio::buffer_size(buffers), 3U);
    cursor.consume(3);
    ASSERT_TRUE(cursor.gather(buffers));
    EXPECT_TRUE(buffers.empty());
    const auto read = cursor.wanted().read();
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error(), ErrorCode::file_system);
}

// Of which little lies in memory: the loop may not read the rest.
class ColdFile final : public TextFile {
public:
    ColdFile(std::string text, std::size_t cached) : TextFile(std::move(text)), cached_(cached) {}
    Result<std::size_t> read_at(std::uint64_t position, std::span<std::uint8_t> out) const override {
        ++cold_reads;
        EXPECT_TRUE(may_wait);
        return TextFile::read_at(position, out);
    }
    Result<std::size_t> read_cached_at(std::uint64_t position, std::span<std::uint8_t> out) const override {
        if (position >= cached_) return std::size_t{0};
        return TextFile::read_at(position, out.first(std::min<std::size_t>(out.size(), cached_ - position)));
    }

    mutable int cold_reads = 0;
    bool may_wait = false;

private:
    std::size_t cached_;
};

// The job of which the test decides when it runs.
class OneJob final : public base::Workers {
public:
    void run(Function<void()> job) override {
        EXPECT_FALSE(job_);
        job_ = std::move(job);
    }
    bool waits() const { return static_cast<bool>(job_); }
    void go(ColdFile& file) {
        file.may_wait = true;
        std::exchange(job_, {})();
        file.may_wait = false;
    }

private:
    Function<void()> job_;
};

struct Pair {
    std::unique_ptr<Stream> client, server;
};

asio::awaitable<Pair> connect_pair(MemoryNetwork& network) {
    const auto executor = co_await asio::this_coro::executor;
    const auto a = network.host("a"), b = network.host("b");
    auto listener = b->listen(executor, Endpoint("", 1));
    auto client = co_await a->connect(Endpoint("b", 1), TimePoint::max());
    auto server = co_await (*listener)->accept(executor);
    Pair pair;
    pair.client = std::move(*client);
    pair.server = std::move(*server);
    co_return pair;
}

asio::awaitable<void> read_all(Stream& stream, std::string& into) {
    char buffer[10'000];
    for (;;) {
        error_code ec;
        const auto n =
            co_await stream.async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, ec));
        if (ec) co_return;
        into.append(buffer, n);
    }
}

TEST(StreamWrite, sends_a_whole_chain) {
    VirtualLoop loop;
    MemoryNetworkOptions options;
    options.fragment = true;
    options.delay_max = 1ms;
    MemoryNetwork network(loop.timers, base::Random(3), options);
    auto pair = loop.run(connect_pair(network));
    ASSERT_TRUE(pair);
    std::string expected, got;
    base::BufferPool pool(8 << 20);
    asio::co_spawn(loop.io, read_all(*pair->server, got), asio::detached);
    auto chain = mixed_chain(expected);
    const auto written = loop.run(write(*pair->client, pool, std::move(chain)));
    ASSERT_TRUE(written && *written);
    loop.run_for(1s);
    EXPECT_TRUE(got == expected);
    pair->client->close();
    loop.run_for(1s);
}

TEST(WriteQueue, gathers_what_is_pushed_while_a_write_runs) {
    VirtualLoop loop;
    MemoryNetwork network(loop.timers, base::Random(3));
    auto pair = loop.run(connect_pair(network));
    ASSERT_TRUE(pair);
    base::BufferPool pool(1 << 20);
    int writes = 0;
    std::string got;
    asio::co_spawn(loop.io, read_all(*pair->server, got), asio::detached);
    const auto queue = std::make_shared<WriteQueue>(std::shared_ptr<Stream>(std::move(pair->client)), pool, nullptr,
                                                    [&writes](const Result<void>& r) { writes += r ? 1 : 100; });
    for (const char* text : {"one ", "two ", "three"}) queue->push(protocol::Chain(Bytes::of_static(text)));
    EXPECT_EQ(queue->unsent_bytes(), 13U);
    loop.settle();
    EXPECT_EQ(got, "one two three");
    EXPECT_EQ(writes, 2);
    EXPECT_EQ(queue->unsent_bytes(), 0U);
    network.reset("a", "b");
    queue->push(protocol::Chain(Bytes::of_static("lost")));
    loop.settle();
    EXPECT_EQ(writes, 102);
}

class ColdWrite : public testing::Test {
protected:
    ColdWrite() {
        pair_ = *loop_.run(connect_pair(network_));
        asio::co_spawn(loop_.io, read_all(*pair_.server, got_), asio::detached);
    }
    std::shared_ptr<WriteQueue> queue(base::Workers* workers) {
        return std::make_shared<WriteQueue>(std::shared_ptr<Stream>(std::move(pair_.client)), pool_, workers,
                                            [this](const Result<void>& r) { failed_ |= !r; });
    }

    VirtualLoop loop_;
    MemoryNetwork network_{loop_.timers, base::Random(3)};
    base::BufferPool pool_{8 << 20};
    Pair pair_;
    std::string got_;
    bool failed_ = false;
};

TEST_F(ColdWrite, reads_what_is_not_in_memory_on_a_worker) {
    const std::string text = noise(2'500'000, 1);
    const auto file = std::make_shared<ColdFile>(text, 1'000);
    OneJob worker;
    const auto queue = this->queue(&worker);
    protocol::Chain chain(Bytes::of_static("head"));
    chain.append(protocol::FileRange(file, 10, 2'400'000));
    queue->push(std::move(chain));
    loop_.settle();
    EXPECT_TRUE(got_ == "head" + text.substr(10, 990)) << "what is there goes at once";
    queue->push(protocol::Chain(Bytes::of_static("behind")));
    while (worker.waits()) {
        worker.go(*file);
        loop_.settle();
    }
    EXPECT_TRUE(got_ == "head" + text.substr(10, 2'400'000) + "behind");
    EXPECT_EQ(file->cold_reads, 3);
    EXPECT_EQ(queue->unsent_bytes(), 0U);
    EXPECT_FALSE(failed_);
}

TEST_F(ColdWrite, ends_with_an_error_when_the_worker_cannot_read_all) {
    const auto file = std::make_shared<ColdFile>("short", 0);
    OneJob worker;
    const auto queue = this->queue(&worker);
    protocol::Chain chain;
    chain.append(protocol::FileRange(file, 0, 10));
    queue->push(std::move(chain));
    loop_.settle();
    ASSERT_TRUE(worker.waits());
    worker.go(*file);
    loop_.settle();
    EXPECT_TRUE(failed_);
    EXPECT_EQ(got_, "");
}

TEST_F(ColdWrite, a_queue_that_is_gone_meanwhile_is_left_alone) {
    const auto file = std::make_shared<ColdFile>("some text", 0);
    OneJob worker;
    auto queue = this->queue(&worker);
    protocol::Chain chain;
    chain.append(protocol::FileRange(file, 0, 9));
    queue->push(std::move(chain));
    ASSERT_TRUE(worker.waits());
    queue->stop();
    queue.reset();
    worker.go(*file);
    loop_.settle();
    EXPECT_EQ(got_, "");
    EXPECT_FALSE(failed_);
}

TEST_F(ColdWrite, without_workers_the_loop_reads) {
    const auto file = std::make_shared<ColdFile>("some text", 2);
    file->may_wait = true;
    const auto queue = this->queue(nullptr);
    protocol::Chain chain;
    chain.append(protocol::FileRange(file, 0, 9));
    queue->push(std::move(chain));
    loop_.settle();
    EXPECT_EQ(got_, "some text");
}

}  // namespace
}  // namespace ottla::net
