// SPDX-License-Identifier: Apache-2.0
// Makes up visitors of a site: views of pages, some of which are told seconds after they happened, as those of
// telephones in tunnels: visitors BROKERS TOPIC COUNT PER_SECOND
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include <boost/asio.hpp>
#include <ottla/producer.hpp>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fprintf(stderr, "usage: visitors BROKERS TOPIC COUNT PER_SECOND\n");
        return 2;
    }
    static constexpr const char* pages[] = {"/home", "/search", "/cart", "/pay", "/help", "/jobs", "/about"};
    auto producer =
        ottla::Producer::create({{"bootstrap.servers", argv[1]}, {"partitioner", "murmur2_random"}}).value();
    std::mt19937 chance(7);
    std::discrete_distribution<std::size_t> page({40, 25, 15, 8, 6, 4, 2});
    std::exponential_distribution<double> delay_s(0.5);
    std::bernoulli_distribution in_a_tunnel(0.05);
    boost::asio::io_context loop;
    boost::asio::steady_timer timer(loop);
    const auto between = std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 / std::max(std::atof(argv[4]), 0.001)));
    auto at = std::chrono::steady_clock::now();
    for (long i = 0; i < std::atol(argv[3]); ++i) {
        timer.expires_at(at += between);
        timer.wait();
        const auto user = "user-" + std::to_string(chance() % 1000);
        const auto now = std::chrono::system_clock::now().time_since_epoch() / 1ms;
        const auto late_ms = in_a_tunnel(chance) ? static_cast<std::int64_t>(1000 * delay_s(chance)) : 0;
        const ottla::Record view{.topic = argv[2],
                                 .key = user,
                                 .value = std::string_view(pages[page(chance)]),
                                 .timestamp_ms = now - late_ms};
        const auto on_report = [](const ottla::DeliveryReport& report) {
            if (!report) std::fprintf(stderr, "%s\n", to_string(report).c_str());
        };
        producer.produce(view, on_report, 10s).value();
    }
    return producer.flush(30s).value() == 0 ? 0 : 1;
}
