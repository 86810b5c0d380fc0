// SPDX-License-Identifier: Apache-2.0
#include "requester.hpp"

#include <array>
#include <cstdio>
#include <random>
#include <utility>

#include "headers.hpp"

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace rpc {

namespace {

std::string unlike_any_other() {
    std::random_device chance;
    char text[20];
    std::snprintf(text, sizeof text, "%08x%08x-", chance(), chance());
    return text;
}

}  // namespace

Requester::Requester(asio::any_io_executor executor, const std::string& brokers, std::string requests,
                     std::string replies)
    : executor_(executor),
      requests_(std::move(requests)),
      replies_(std::move(replies)),
      prefix_(unlike_any_other()),
      producer_(ottla::Producer::create(executor, {{"bootstrap.servers", brokers}, {"linger.ms", 0}}).value()),
      consumer_(ottla::Consumer::create(executor, {{"bootstrap.servers", brokers}}).value()) {}

// The end is looked up here and now. `Offset::end()` would be looked up some time later, and what is replied before
// that would be passed over.
asio::awaitable<void> Requester::start() {
    const auto ends = co_await consumer_.async_query_watermark_offsets(replies_, 0, 30s, asio::use_awaitable);
    consumer_.assign({{replies_, 0, ends.value().high}}).value();
    asio::co_spawn(executor_, read_replies(), asio::detached);
}

asio::awaitable<ottla::Result<std::string>> Requester::ask(std::string question, std::chrono::milliseconds timeout) {
    const auto id = prefix_ + std::to_string(next_++);
    const auto now = std::chrono::system_clock::now().time_since_epoch() / 1ms;
    const auto deadline = std::to_string(now + timeout.count());
    const std::array<ottla::Header, 3> headers = {
        {{correlation_id, id}, {reply_to, replies_}, {deadline_ms, deadline}}};
    const ottla::Record request{.topic = requests_, .key = id, .value = question, .headers = headers};
    Waiting waiting(executor_, timeout);
    waiting_.emplace(id, &waiting);
    const auto sent = producer_.produce(request, [this, id](const ottla::DeliveryReport& report) {
        if (!report) settle(id, report.error);
    });
    if (sent) {
        // Until it has run out, or settle() ends it.
        auto ended = asio::as_tuple(asio::use_awaitable);
        co_await waiting.timer.async_wait(ended);
    } else {
        waiting.outcome = sent.error();
    }
    waiting_.erase(id);
    if (waiting.outcome) co_return std::move(*waiting.outcome);
    co_return ottla::Error::of(ottla::ErrorCode::timed_out, "no reply to '" + question + "' in time");
}

asio::awaitable<void> Requester::read_replies() {
    for (;;) {
        const auto batch = co_await consumer_.async_poll_batch(1s, asio::use_awaitable);
        if (!batch) {
            if (batch.error() == ottla::ErrorCode::closed) co_return;
            std::fprintf(stderr, "%s\n", to_string(batch.error()).c_str());
            continue;
        }
        for (const auto& reply : *batch)
            settle(std::string(reply.header(correlation_id).text()), std::string(reply.value().text()));
    }
}

void Requester::settle(const std::string& id, ottla::Result<std::string> outcome) {
    const auto found = waiting_.find(id);
    if (found == waiting_.end() || found->second->outcome) {
        ++dropped_;
        return;
    }
    found->second->outcome = std::move(outcome);
    found->second->timer.cancel();
}

asio::awaitable<void> Requester::stop() {
    const auto consumer_closed = co_await consumer_.async_close(5s, asio::use_awaitable);
    const auto producer_closed = co_await producer_.async_close(5s, asio::use_awaitable);
    for (const auto* closed : {&consumer_closed, &producer_closed})
        if (!*closed) std::fprintf(stderr, "%s\n", to_string(closed->error()).c_str());
}

}  // namespace rpc
