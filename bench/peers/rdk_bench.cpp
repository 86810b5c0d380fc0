// SPDX-License-Identifier: Apache-2.0
// librdkafka benchmark client. One result line "RESULT k=v ..." on stdout.
//   rdk_bench produce BOOT [--n N] [--size B] [--parts P] [--part rr|ua|key] [--copy 0|1] [-X k=v]...
//   rdk_bench latency BOOT [--n N] [--size B] [--parts P] [--rate MSG_PER_S] [-X k=v]...
//   rdk_bench consume BOOT [--n N] [--parts P] [--api poll|batch] [--group G] [--begin 1] [-X k=v]...
// --topic T (default bench). CPU is getrusage of this process over the timed part only.
#include <librdkafka/rdkafka.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>
#include "gen.hpp"
#include "use.hpp"
using namespace std::string_literals;
static long peak_kb() {
    rusage r;
    getrusage(RUSAGE_SELF, &r);
    return r.ru_maxrss;
}
static std::atomic<int64_t> g_done{0}, g_err{0};
static std::vector<int64_t> g_lat;
static bool g_measure = false;
static void dr(rd_kafka_t*, const rd_kafka_message_t* m, void*) {
    if (m->err) g_err++;
    if (g_measure) {
        int64_t t0 = (int64_t)(intptr_t)m->_private;
        g_lat.push_back(now() - t0);
    }
    g_done.store(g_done.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}
int main(int argc, char** argv) {
    if (argc == 3 && std::string(argv[1]) == "values") {  // those of produce, a line each
        const size_t bytes = (size_t)atoll(argv[2]);
        Rng rng(7);
        for (size_t i = 0; i < std::clamp<size_t>((4u << 20) / (bytes ? bytes : 1), 64, 16384); ++i)
            puts(json_record(rng, bytes, i).c_str());
        return 0;
    }
    if (argc < 3) {
        fprintf(stderr, "see the head of rdk_bench.cpp\n");
        return 2;
    }
    std::string mode = argv[1], boot = argv[2], topic = "bench", part = "rr", api = "batch", group = "g1";
    int64_t n = 1000000;
    size_t size = 100;
    int parts = 1;
    int copy = 1;
    bool begin = false;
    double rate = 10000;
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    char err[512];
    auto set = [&](const std::string& k, const std::string& v) {
        if (rd_kafka_conf_set(conf, k.c_str(), v.c_str(), err, sizeof err)) {
            fprintf(stderr, "%s\n", err);
            exit(2);
        }
    };
    set("bootstrap.servers", boot);
    bool assign = true;
    for (int i = 3; i < argc; ++i) {
        std::string a = argv[i];
        if (i + 1 >= argc) {
            fprintf(stderr, "bad %s\n", a.c_str());
            return 2;
        }
        std::string v = argv[++i];
        if (a == "--n")
            n = atoll(v.c_str());
        else if (a == "--size")
            size = (size_t)atoll(v.c_str());
        else if (a == "--parts")
            parts = atoi(v.c_str());
        else if (a == "--part")
            part = v;
        else if (a == "--copy")
            copy = atoi(v.c_str());
        else if (a == "--rate")
            rate = atof(v.c_str());
        else if (a == "--api")
            api = v;
        else if (a == "--group") {
            group = v;
            assign = false;
        } else if (a == "--topic")
            topic = v;
        else if (a == "--begin")
            begin = v == "1";
        else if (a == "-X") {
            auto e = v.find('=');
            set(v.substr(0, e), v.substr(e + 1));
        } else {
            fprintf(stderr, "bad %s\n", a.c_str());
            return 2;
        }
    }
    if (mode == "consume") {
        set("group.id", group);
        set("enable.auto.commit", "false");
        set("auto.offset.reset", "earliest");
        rd_kafka_t* rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, err, sizeof err);
        if (!rk) {
            fprintf(stderr, "%s\n", err);
            return 1;
        }
        rd_kafka_poll_set_consumer(rk);
        rd_kafka_topic_partition_list_t* l = rd_kafka_topic_partition_list_new(parts);
        if (assign) {
            for (int p = 0; p < parts; ++p)
                rd_kafka_topic_partition_list_add(l, topic.c_str(), p)->offset = begin ? RD_KAFKA_OFFSET_BEGINNING : 0;
            rd_kafka_assign(rk, l);
        } else {
            rd_kafka_topic_partition_list_add(l, topic.c_str(), -1);
            rd_kafka_subscribe(rk, l);
        }
        rd_kafka_queue_t* q = rd_kafka_queue_get_consumer(rk);
        std::vector<rd_kafka_message_t*> ms(1000);
        int64_t got = 0, bytes = 0;
        uint64_t sum = 0;
        Use u0{};
        bool started = false;
        int64_t base = 0;
        int idle = 0;
        while (got - base < n) {
            ssize_t k;
            if (api == "batch")
                k = rd_kafka_consume_batch_queue(q, 1000, ms.data(), ms.size());
            else {
                ms[0] = rd_kafka_consumer_poll(rk, 1000);
                k = ms[0] ? 1 : 0;
            }
            if (k <= 0) {
                if (++idle > 5) break;
                continue;
            }
            for (ssize_t i = 0; i < k; ++i) {
                auto* m = ms[(size_t)i];
                if (m->err) {
                    if (m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
                        fprintf(stderr, "consume: %s\n", rd_kafka_message_errstr(m));
                        g_err++;
                    }
                } else {
                    ++got;
                    bytes += (int64_t)m->len;
                    if (m->len) sum += ((unsigned char*)m->payload)[0] + ((unsigned char*)m->payload)[m->len - 1];
                }
                rd_kafka_message_destroy(m);
            }
            if (!started && got) {
                started = true;
                base = got;
                bytes = 0;
                u0 = use();
            }
        }
        Use u1 = use();
        double s = (double)(u1.t - u0.t) / 1e9, m = (double)(got - base);
        printf(
            "RESULT mode=consume n=%.0f secs=%.4f msgs_s=%.0f mb_s=%.2f cpu_s_per_M=%.4f user_s_per_M=%.4f "
            "sys_s_per_M=%.4f cs_per_K=%.3f rss_mb=%.1f err=%ld sum=%lu\n",
            m, s, m / s, (double)bytes / s / 1e6, (u1.u - u0.u + u1.s - u0.s) / m * 1e6, (u1.u - u0.u) / m * 1e6,
            (u1.s - u0.s) / m * 1e6, (double)(u1.cs - u0.cs) / m * 1e3, peak_kb() / 1024.0, g_err.load(), sum % 1000);
        fflush(stdout);
        _exit(0);
    }
    rd_kafka_conf_set_dr_msg_cb(conf, dr);
    rd_kafka_t* rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, err, sizeof err);
    if (!rk) {
        fprintf(stderr, "%s\n", err);
        return 1;
    }
    rd_kafka_topic_t* rkt = rd_kafka_topic_new(rk, topic.c_str(), nullptr);
    size_t pool = std::clamp<size_t>((4u << 20) / (size ? size : 1), 64, 16384);
    std::vector<std::string> pay;
    Rng rng(7);
    for (size_t i = 0; i < pool; ++i) pay.push_back(json_record(rng, size, i));
    auto prod = [&](int64_t i, void* op) {
        auto& p = pay[(size_t)i % pool];
        int32_t pt = part == "rr" ? (int32_t)(i % parts) : RD_KAFKA_PARTITION_UA;
        uint64_t key = (uint64_t)i * 0x9e3779b97f4a7c15ull;
        return rd_kafka_produce(rkt, pt, copy ? RD_KAFKA_MSG_F_COPY : 0, p.data(), p.size(),
                                part == "key" ? &key : nullptr, part == "key" ? 8 : 0, op);
    };
    for (int i = 0; i < parts * 4; ++i) prod(i, nullptr);
    while (g_done < parts * 4) rd_kafka_poll(rk, 100);
    g_done = 0;
    if (mode == "produce") {
        Use u0 = use();
        int64_t full = 0;
        for (int64_t i = 0; i < n; ++i) {
            while (prod(i, nullptr) == -1) {
                if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
                    fprintf(stderr, "produce: %s\n", rd_kafka_err2str(rd_kafka_last_error()));
                    return 1;
                }
                ++full;
                rd_kafka_poll(rk, 5);
            }
            if ((i & 255) == 0) rd_kafka_poll(rk, 0);
        }
        while (g_done < n) rd_kafka_poll(rk, 10);
        Use u1 = use();
        double s = (double)(u1.t - u0.t) / 1e9, m = (double)n;
        printf(
            "RESULT mode=produce n=%.0f secs=%.4f msgs_s=%.0f mb_s=%.2f cpu_s_per_M=%.4f user_s_per_M=%.4f "
            "sys_s_per_M=%.4f cs_per_K=%.3f rss_mb=%.1f err=%ld full=%ld\n",
            m, s, m / s, m * (double)size / s / 1e6, (u1.u - u0.u + u1.s - u0.s) / m * 1e6, (u1.u - u0.u) / m * 1e6,
            (u1.s - u0.s) / m * 1e6, (double)(u1.cs - u0.cs) / m * 1e3, peak_kb() / 1024.0, g_err.load(), full);
    } else {
        prctl(PR_SET_TIMERSLACK, 1);
        g_lat.reserve((size_t)n);
        std::atomic<bool> stop{false};
        std::thread poller([&] {
            while (!stop) rd_kafka_poll(rk, 50);
        });
        int64_t warm = n / 10;
        Use u0 = use();
        int64_t t0 = now();
        double step = 1e9 / rate;
        int64_t late = 0;
        for (int64_t i = 0; i < n + warm; ++i) {
            if (i == warm) {
                while (g_done < warm) usleep(200);
                g_measure = true;
                u0 = use();
                t0 = now() - (int64_t)(step * (double)i);
            }
            int64_t due = t0 + (int64_t)(step * (double)i), t = now();
            if (t < due) {
                timespec ts{due / 1000000000, due % 1000000000};
                clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, nullptr);
            } else if (t > due + 1000000)
                ++late;
            while (prod(i, (void*)(intptr_t)now()) == -1) usleep(100);  // latency from the actual call
        }
        while (g_done < n + warm) usleep(500);
        Use u1 = use();
        stop = true;
        poller.join();
        auto v = g_lat;
        std::sort(v.begin(), v.end());
        auto q = [&](double p) { return (double)v[std::min(v.size() - 1, (size_t)(p * (double)v.size()))] / 1e3; };
        double m = (double)n, s = (double)(u1.t - u0.t) / 1e9;
        printf(
            "RESULT mode=latency n=%.0f secs=%.4f msgs_s=%.0f p50_us=%.1f p90_us=%.1f p99_us=%.1f p999_us=%.1f "
            "max_us=%.1f cpu_s_per_M=%.4f cpu_pct=%.1f rss_mb=%.1f err=%ld late=%ld\n",
            m, s, m / s, q(.5), q(.9), q(.99), q(.999), (double)v.back() / 1e3, (u1.u - u0.u + u1.s - u0.s) / m * 1e6,
            (u1.u - u0.u + u1.s - u0.s) / s * 100, peak_kb() / 1024.0, g_err.load(), late);
    }
    fflush(stdout);
    _exit(0);
}
