// SPDX-License-Identifier: Apache-2.0
// From produce() to consumer_poll() of another thread at a steady rate by librdkafka, as `ottla bench end-to-end`.
//   rdk_end_to_end BOOT [--topic T] [--n N] [--size B] [--rate RECORDS_PER_S] [-X k=v]...   (-X: of both clients)
#include <librdkafka/rdkafka.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>
#include "use.hpp"
static char g_err[512];
static rd_kafka_t* make(rd_kafka_type_t type, const std::vector<std::pair<std::string, std::string>>& settings) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    for (auto& [k, v] : settings) {
        if (rd_kafka_conf_set(conf, k.c_str(), v.c_str(), g_err, sizeof g_err)) {
            fprintf(stderr, "%s\n", g_err);
            exit(2);
        }
    }
    rd_kafka_t* rk = rd_kafka_new(type, conf, g_err, sizeof g_err);
    if (!rk) exit(1);
    return rk;
}
int main(int argc, char** argv) {
    if (argc < 2) return 2;
    std::string topic = "bench";
    int64_t n = 10000;
    size_t size = 100;
    double rate = 1000;
    std::vector<std::pair<std::string, std::string>> both{{"bootstrap.servers", argv[1]}};
    for (int i = 2; i + 1 < argc; i += 2) {
        std::string a = argv[i], v = argv[i + 1];
        if (a == "--topic")
            topic = v;
        else if (a == "--n")
            n = atoll(v.c_str());
        else if (a == "--size")
            size = std::max<size_t>((size_t)atoll(v.c_str()), 8);
        else if (a == "--rate")
            rate = atof(v.c_str());
        else if (a == "-X")
            both.emplace_back(v.substr(0, v.find('=')), v.substr(v.find('=') + 1));
    }
    auto of_producer = both, of_consumer = both;
    of_producer.insert(of_producer.end(), {{"linger.ms", "0"}, {"acks", "-1"}, {"enable.idempotence", "true"}});
    of_consumer.insert(of_consumer.end(), {{"group.id", "bench"}, {"enable.auto.commit", "false"}});
    rd_kafka_t* producer = make(RD_KAFKA_PRODUCER, of_producer);
    rd_kafka_t* consumer = make(RD_KAFKA_CONSUMER, of_consumer);
    rd_kafka_poll_set_consumer(consumer);
    int64_t low = 0, high = 0;
    if (rd_kafka_query_watermark_offsets(consumer, topic.c_str(), 0, &low, &high, 10000)) return 1;
    rd_kafka_topic_partition_list_t* l = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(l, topic.c_str(), 0)->offset = high;
    rd_kafka_assign(consumer, l);
    std::atomic<int64_t> seen{0};
    std::atomic<bool> stop{false};
    std::vector<int64_t> times;
    times.reserve((size_t)(n * 2));
    std::thread reader([&] {
        while (!stop) {
            rd_kafka_message_t* m = rd_kafka_consumer_poll(consumer, 100);
            if (!m) continue;
            if (!m->err && m->len >= 8) {
                int64_t at;
                memcpy(&at, m->payload, 8);
                times.push_back(now() - at);
                seen.store((int64_t)times.size());
            }
            rd_kafka_message_destroy(m);
        }
    });
    std::thread reports([&] {
        while (!stop) rd_kafka_poll(producer, 50);
    });
    prctl(PR_SET_TIMERSLACK, 1);
    rd_kafka_topic_t* to = rd_kafka_topic_new(producer, topic.c_str(), nullptr);
    std::string value(size, 'x');
    auto produce = [&](int64_t count) {
        const int64_t began = now();
        for (int64_t i = 0; i < count; ++i) {
            const int64_t due = began + (int64_t)(1e9 / rate * (double)i);
            const timespec at{due / 1000000000, due % 1000000000};
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);
            const int64_t t = now();
            memcpy(value.data(), &t, 8);
            while (rd_kafka_produce(to, 0, RD_KAFKA_MSG_F_COPY, value.data(), value.size(), nullptr, 0, nullptr))
                usleep(100);
        }
    };
    auto await = [&](int64_t count) {
        for (int i = 0; i < 5000 && seen < count; ++i) usleep(1000);
    };
    const int64_t warm = std::max<int64_t>(n / 10, 1);
    produce(warm);
    await(warm);
    const Use u0 = use();
    produce(n);
    await(warm + n);
    const Use u1 = use();
    stop = true;
    reader.join();
    reports.join();
    if (seen != warm + n) {
        fprintf(stderr, "%lld of %lld records came\n", (long long)seen.load(), (long long)(warm + n));
        return 1;
    }
    times.erase(times.begin(), times.end() - n);
    std::sort(times.begin(), times.end());
    auto q = [&](double p) {
        return (double)times[std::min(times.size() - 1, (size_t)(p * (double)times.size()))] / 1e3;
    };
    const double s = (double)(u1.t - u0.t) / 1e9, m = (double)n;
    printf(
        "RESULT mode=end-to-end n=%.0f secs=%.4f msgs_s=%.0f cpu_s_per_M=%.4f p50_us=%.1f p99_us=%.1f p999_us=%.1f\n",
        m, s, m / s, (u1.u - u0.u + u1.s - u0.s) / m * 1e6, q(.5), q(.99), q(.999));
    fflush(stdout);
    _exit(0);
}
