// SPDX-License-Identifier: Apache-2.0
// Asks for the squares of the numbers below COUNT, so many at a time, and first SLOW questions whose replies come too
// late: rpc_client BROKERS INSTANCE REQUESTS COUNT AT_A_TIME SLOW
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include <boost/asio.hpp>
#include <ottla/admin.hpp>

#include "requester.hpp"

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

struct Counts {
    std::int64_t next = 0;  // those below 0 are slow
    std::int64_t right = 0;
    std::int64_t wrong = 0;
    std::int64_t timed_out = 0;
};

asio::awaitable<void> ask_on(rpc::Requester& requester, Counts& counts, std::int64_t count) {
    while (counts.next < count) {
        const auto n = counts.next++;
        const auto question = n < 0 ? std::string("slow 3000") : "square " + std::to_string(n);
        const auto reply = co_await requester.ask(question, n < 0 ? 2'000ms : 60'000ms);
        if (!reply && reply.error() == ottla::ErrorCode::timed_out)
            ++counts.timed_out;
        else if (reply && n >= 0 && *reply == std::to_string(n * n))
            ++counts.right;
        else
            ++counts.wrong;
        if (counts.right % 500 == 0) std::fprintf(stderr, "MARK %lld\n", static_cast<long long>(counts.right));
    }
}

// A while for the replies that are too late, to see them dropped.
asio::awaitable<void> look_at_late_ones(const rpc::Requester& requester, const Counts& counts) {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (int i = 0; i < 60 && requester.dropped() < static_cast<std::uint64_t>(counts.timed_out); ++i) {
        timer.expires_after(50ms);
        co_await timer.async_wait(asio::use_awaitable);
    }
}

// How many answers were wrong, or none for another reason than time.
asio::awaitable<std::int64_t> ask_all(rpc::Requester& requester, std::int64_t count, int at_a_time, std::int64_t slow) {
    Counts counts{.next = -slow};
    const auto executor = co_await asio::this_coro::executor;
    co_await requester.start();
    int running = at_a_time;
    asio::steady_timer all_done(executor, asio::steady_timer::time_point::max());
    const auto ended = [&running, &all_done](std::exception_ptr) {
        if (--running == 0) all_done.cancel();
    };
    for (int i = 0; i < at_a_time; ++i) asio::co_spawn(executor, ask_on(requester, counts, count), ended);
    auto cancelled = asio::as_tuple(asio::use_awaitable);
    co_await all_done.async_wait(cancelled);
    co_await look_at_late_ones(requester, counts);
    std::printf("%lld right, %lld wrong, %lld timed out, %llu dropped\n", static_cast<long long>(counts.right),
                static_cast<long long>(counts.wrong), static_cast<long long>(counts.timed_out),
                static_cast<unsigned long long>(requester.dropped()));
    co_await requester.stop();
    co_return counts.wrong;
}

// A topic of this instance, which keeps nothing for long. It stays when the client dies, and serves its next start.
std::string make_reply_topic(const std::string& brokers, const std::string& instance) {
    ottla::NewTopic topic("replies-" + instance, 1);
    topic.configs["retention.ms"] = "600000";
    auto admin = ottla::Admin::create({{"bootstrap.servers", brokers}}).value();
    const auto made = admin.create_topics({topic}).value();
    const auto& error = made.front().error;
    if (error != ottla::ErrorCode::none && error != ottla::ErrorCode::topic_already_exists)
        throw ottla::Exception(error);
    return topic.name;
}

}  // namespace

int main(int argc, char** argv) {
    const int at_a_time = argc == 7 ? std::atoi(argv[5]) : 0;
    if (at_a_time < 1) {
        std::fprintf(stderr, "usage: rpc_client BROKERS INSTANCE REQUESTS COUNT AT_A_TIME SLOW; AT_A_TIME from 1 on\n");
        return 2;
    }
    try {
        asio::io_context loop;
        rpc::Requester requester(loop.get_executor(), argv[1], argv[3], make_reply_topic(argv[1], argv[2]));
        std::exception_ptr failure;
        std::int64_t wrong = 0;
        asio::co_spawn(loop, ask_all(requester, std::atoll(argv[4]), at_a_time, std::atoll(argv[6])),
                       [&](std::exception_ptr e, std::int64_t n) {
                           failure = e;
                           wrong = n;
                       });
        loop.run();
        if (failure) std::rethrow_exception(failure);
        return wrong == 0 ? 0 : 1;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "client: %s\n", e.what());
        return 1;
    }
}
