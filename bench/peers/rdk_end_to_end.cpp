// SPDX-License-Identifier: Apache-2.0
// From produce() to consumer_poll() of another thread at a steady rate by librdkafka, as `ottla bench end-to-end`.
//   rdk_end_to_end BOOT [--topic T] [--n N] [--size B] [--rate RECORDS_PER_S] [-X k=v]...   (-X: of both clients)
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include <atomic>
#include <cstring>
#include <thread>
#include "rdk.hpp"
int main(int argc, char** argv) {
    if (argc < 2) return 2;
    std::string topic = "bench";
    int64_t n = 10000;
    size_t size = 100;
    double rate = 1000;
    Settings both{{"bootstrap.servers", argv[1]}};
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
            both.push_back(setting(v));
    }
    auto of_producer = both, of_consumer = both;
    of_producer.insert(of_producer.end(), {{"linger.ms", "0"}, {"acks", "-1"}, {"enable.idempotence", "true"}});
    of_consumer.insert(of_consumer.end(), {{"group.id", "bench"}, {"enable.auto.commit", "false"}});
    rd_kafka_t* producer = make_client(RD_KAFKA_PRODUCER, of_producer);
    rd_kafka_t* consumer = make_client(RD_KAFKA_CONSUMER, of_consumer);
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
    print_times("end-to-end", n, u0, u1, std::move(times));
    _exit(0);
}
