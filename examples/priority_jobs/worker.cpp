// SPDX-License-Identifier: Apache-2.0
// Works on jobs, urgent ones first, until it is told to end or COUNT are done. Each counts as done when its result is
// out. STARVATION_MS: a class that has waited so long gets a turn; 0: it waits.
// priority_jobs_worker BROKERS GROUP STARVATION_MS [COUNT]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <ottla/priority_consumer.hpp>

#include "../support/stop.hpp"
#include "topics.hpp"

using namespace std::chrono_literals;

namespace {

// The work: primes below n.
long count_primes(std::size_t n) {
    std::vector<bool> composite(n, false);
    long count = 0;
    for (std::size_t i = 2; i < n; ++i) {
        if (composite[i]) continue;
        ++count;
        for (std::size_t k = 2 * i; k < n; k += i) composite[k] = true;
    }
    return count;
}

ottla::PriorityConsumerConfig configure(char** argv) {
    ottla::PriorityConsumerConfig config;
    config.brokers = argv[1];
    config.group_id = argv[2];
    for (const auto name : jobs::classes) config.classes.push_back({std::string(name), {jobs::topic_of(name)}});
    config.starvation_limit = std::chrono::milliseconds(std::atol(argv[3]));
    // What is stored is committed now and then, and when a partition goes.
    config.config = {{"auto.offset.reset", "earliest"},
                     {"enable.auto.offset.store", false},
                     {"auto.commit.interval.ms", 500},
                     // So soon another has the jobs of one that was killed.
                     {"session.timeout.ms", 6000},
                     {"fetch.wait.max.ms", 50}};
    return config;
}

// False: its result is not out.
bool work_on(const ottla::Message& job) {
    const auto below = std::clamp(std::atol(std::string(job.value().text()).c_str()), 0L, 100'000'000L);
    const int written =
        std::printf("%s[%d]@%lld: %ld primes below %ld\n", std::string(job.topic()).c_str(), job.partition(),
                    static_cast<long long>(job.offset()), count_primes(static_cast<std::size_t>(below)), below);
    return written >= 0 && std::fflush(stdout) == 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: priority_jobs_worker BROKERS GROUP STARVATION_MS [COUNT]\n");
        return 2;
    }
    stop::on_signals();
    auto consumer = ottla::PriorityConsumer::create(configure(argv));
    if (!consumer) {
        std::fprintf(stderr, "%s\n", to_string(consumer.error()).c_str());
        return 1;
    }
    bool is_well = true;
    for (long left = argc > 4 ? std::atol(argv[4]) : -1; left != 0 && !stop::asked;) {
        const auto job = consumer->read_message(100ms);
        if (!job) {
            if (job.error().is_timeout()) continue;
            std::fprintf(stderr, "%s\n", to_string(job.error()).c_str());
            if (job.error().is_fatal()) return 1;
            continue;
        }
        if (!work_on(*job)) {
            std::perror("a result cannot be written");
            is_well = false;
            break;
        }
        // Not ours any more: its next owner does it again.
        if (auto stored = consumer->store(*job); !stored)
            std::fprintf(stderr, "%s\n", to_string(stored.error()).c_str());
        --left;
    }
    std::fprintf(stderr, "%s\n", consumer->describe().c_str());
    const auto closed = consumer->close(10s);
    if (!closed) std::fprintf(stderr, "%s\n", to_string(closed.error()).c_str());
    return closed && is_well ? 0 : 1;
}
