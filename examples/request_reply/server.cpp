// SPDX-License-Identifier: Apache-2.0
// Answers "square N", and "slow MILLISECONDS" after that time, any number of them at once. Several share the requests:
// rpc_server BROKERS INSTANCE REQUESTS
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <boost/asio.hpp>
#include <ottla/parallel_consumer.hpp>
#include <ottla/producer.hpp>

#include "../support/stop.hpp"
#include "headers.hpp"

namespace asio = boost::asio;
using namespace std::chrono_literals;
using ottla::Handled;

namespace {

bool nobody_waits(const ottla::WorkItem& request) {
    const auto deadline = request.header(rpc::deadline_ms);
    const auto now = std::chrono::system_clock::now().time_since_epoch() / 1ms;
    return deadline && std::atoll(std::string(deadline.text()).c_str()) < now;
}

asio::awaitable<std::string> compute(std::string question) {
    const auto space = question.find(' ');
    const long long n = space == question.npos ? 0 : std::atoll(question.c_str() + space);
    if (question.starts_with("square ")) co_return std::to_string(n * n);
    if (!question.starts_with("slow ")) co_return "what?";
    asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(n));
    co_await timer.async_wait(asio::use_awaitable);
    co_return "that was slow";
}

// The request is done when its reply is acknowledged. Whoever dies before that leaves it to the next one, and then
// there may be two replies.
asio::awaitable<Handled> answer(ottla::Producer& producer, ottla::WorkItem request) {
    const std::string reply_to(request.header(rpc::reply_to).text());
    if (reply_to.empty()) co_return Handled::reject("it does not say where to reply to");
    if (nobody_waits(request)) co_return Handled::done();
    const auto text = co_await compute(std::string(request.value().text()));
    const ottla::Header id{rpc::correlation_id, request.header(rpc::correlation_id)};
    const ottla::Record reply{.topic = reply_to, .key = request.key(), .value = text, .headers = {&id, 1}};
    const auto report = co_await producer.async_produce(reply, asio::use_awaitable);
    const auto error = report ? report->error : report.error();
    if (error == ottla::ErrorCode::none) co_return Handled::done();
    if (error == ottla::ErrorCode::unknown_topic_or_partition) co_return Handled::done();  // the requester has gone
    co_return Handled::retry(to_string(error));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: rpc_server BROKERS INSTANCE REQUESTS\n");
        return 2;
    }
    stop::on_signals();
    auto producer = ottla::Producer::create({{"bootstrap.servers", argv[1]}, {"linger.ms", 0}}).value();
    ottla::ParallelConsumerConfig config;
    config.brokers = argv[1];
    config.group_id = "servers";
    config.topics = {argv[3]};
    config.order = ottla::WorkOrder::none;
    config.max_concurrency = 1000;
    config.commit_every = 100;
    config.retry_delay = 100ms;
    config.config = {{"group.instance.id", argv[2]},
                     {"session.timeout.ms", 6'000},  // for so long, one that does not come back holds its partitions
                     {"auto.offset.reset", "earliest"}};
    ottla::AsyncHandler handler = [&producer](ottla::WorkItem request) { return answer(producer, std::move(request)); };
    auto requests = ottla::ParallelConsumer::create(std::move(config), std::move(handler)).value();
    while (!stop::asked && !requests.failure()) stop::wait(100ms);
    const auto failure = requests.failure();
    const auto closed = requests.close(10s);
    producer.close(5s).value();
    std::printf("%s\n", to_string(requests.stats()).c_str());
    if (failure) std::fprintf(stderr, "%s\n", to_string(*failure).c_str());
    if (!closed) std::fprintf(stderr, "%s\n", to_string(closed.error()).c_str());
    return failure || !closed ? 1 : 0;
}
