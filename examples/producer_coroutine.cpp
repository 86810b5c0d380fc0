// SPDX-License-Identifier: Apache-2.0
// Writes its words as records of a topic, all on the way at once, from a coroutine on the program's own loop, and
// prints what became of each: producer_coroutine BROKERS TOPIC WORD...
#include <cstdio>
#include <string>

#include <boost/asio.hpp>
#include <ottla/producer.hpp>

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

asio::awaitable<void> write(ottla::Producer& producer, std::string topic, std::string word) {
    ottla::Record record;
    record.topic = topic;
    record.key = word;
    record.value = word;
    // A Result: nothing is thrown.
    const auto report = co_await producer.async_produce(record, asio::use_awaitable);
    std::printf("%s: %s\n", word.c_str(), report ? to_string(*report).c_str() : to_string(report.error()).c_str());
}

asio::awaitable<void> end_after(ottla::Producer& producer, std::chrono::nanoseconds most) {
    const auto left = co_await producer.async_flush(most, asio::use_awaitable);
    if (left && *left > 0) std::fprintf(stderr, "%zu records are not delivered\n", *left);
    const auto closed = co_await producer.async_close(0s, asio::use_awaitable);
    if (!closed) std::fprintf(stderr, "%s\n", to_string(closed.error()).c_str());
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: producer_coroutine BROKERS TOPIC WORD...\n");
        return 2;
    }
    asio::io_context loop;
    auto producer = ottla::Producer::create(loop.get_executor(), {{"bootstrap.servers", argv[1]}});
    if (!producer) {
        std::fprintf(stderr, "%s\n", to_string(producer.error()).c_str());
        return 1;
    }
    for (int i = 3; i < argc; ++i) asio::co_spawn(loop, write(*producer, argv[2], argv[i]), asio::detached);
    asio::co_spawn(loop, end_after(*producer, 30s), asio::detached);
    loop.run();
}
