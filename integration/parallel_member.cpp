// SPDX-License-Identifier: Apache-2.0
// parallel_member BOOTSTRAP GROUP TOPIC WORKERS [FAILING]: works on the topic in no order as a member of the group,
// prints "DONE OFFSET" for each record that is done, and leaves when its input ends. FAILING: offsets, with commas
// between, that fail each time.
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <set>
#include <sstream>

#include <unistd.h>

#include <ottla/parallel_consumer.hpp>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
    if (argc < 5) return 2;
    std::set<std::int64_t> failing;
    std::istringstream offsets(argc > 5 ? argv[5] : "");
    for (std::string one; std::getline(offsets, one, ',');) failing.insert(std::atoll(one.c_str()));
    ottla::ParallelConsumerConfig config;
    config.brokers = argv[1];
    config.group_id = argv[2];
    config.topics = {argv[3]};
    config.order = ottla::WorkOrder::none;
    config.max_concurrency = std::atoi(argv[4]);
    config.commit_interval = 200ms;
    config.retry_delay = 100ms;
    config.config = {{"auto.offset.reset", "earliest"}, {"session.timeout.ms", 6000}};
    std::mutex output;
    auto work = ottla::ParallelConsumer::create(std::move(config), [&](const ottla::Message& m) {
                    if (failing.contains(m.offset())) return ottla::Handled::retry("to be done by another");
                    const std::lock_guard lock(output);
                    std::printf("DONE %lld\n", static_cast<long long>(m.offset()));
                    std::fflush(stdout);
                    return ottla::Handled::done();
                }).value();
    char ignored[64];
    while (::read(STDIN_FILENO, ignored, sizeof ignored) > 0) {
    }
    // What fails is left behind.
    (void)work.close(10s, ottla::ParallelConsumer::CloseMode::stop).has_value();
    std::printf("CLOSED\n");
    return 0;
}
