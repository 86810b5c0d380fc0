// SPDX-License-Identifier: Apache-2.0
// Offset commits one after the other by librdkafka, as `ottla bench commit` makes them.
//   rdk_commit BOOT [--topic T] [--n N] [-X k=v]...
#include <librdkafka/rdkafka.h>
#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>
#include "use.hpp"
int main(int argc, char** argv) {
    if (argc < 2) return 2;
    std::string topic = "bench";
    int64_t n = 20000;
    char err[512];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    auto set = [&](const std::string& k, const std::string& v) {
        if (rd_kafka_conf_set(conf, k.c_str(), v.c_str(), err, sizeof err)) {
            fprintf(stderr, "%s\n", err);
            exit(2);
        }
    };
    set("bootstrap.servers", argv[1]);
    for (int i = 2; i + 1 < argc; i += 2) {
        std::string a = argv[i], v = argv[i + 1];
        if (a == "--topic")
            topic = v;
        else if (a == "--n")
            n = atoll(v.c_str());
        else if (a == "-X")
            set(v.substr(0, v.find('=')), v.substr(v.find('=') + 1));
    }
    set("group.id", topic);
    set("enable.auto.commit", "false");
    rd_kafka_t* rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, err, sizeof err);
    if (!rk) return 1;
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_topic_partition_list_t* l = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t* one = rd_kafka_topic_partition_list_add(l, topic.c_str(), 0);
    std::vector<int64_t> times;
    Use u0{};
    for (int64_t i = -std::max<int64_t>(n / 10, 1); i < n; ++i) {
        if (i == 0) {
            times.clear();
            u0 = use();
        }
        one->offset = i < 0 ? 0 : i;
        const int64_t began = now();
        rd_kafka_resp_err_t failed = rd_kafka_commit(rk, l, 0);
        for (int again = 0; failed && i < 0 && again < 50; ++again) {  // the coordinator is still looked for
            usleep(100000);
            failed = rd_kafka_commit(rk, l, 0);
        }
        if (failed) {
            fprintf(stderr, "commit: %s\n", rd_kafka_err2str(failed));
            return 1;
        }
        times.push_back(now() - began);
    }
    const Use u1 = use();
    std::sort(times.begin(), times.end());
    auto q = [&](double p) {
        return (double)times[std::min(times.size() - 1, (size_t)(p * (double)times.size()))] / 1e3;
    };
    const double s = (double)(u1.t - u0.t) / 1e9, m = (double)n;
    printf("RESULT mode=commit n=%.0f secs=%.4f msgs_s=%.0f cpu_s_per_M=%.4f p50_us=%.1f p99_us=%.1f p999_us=%.1f\n", m,
           s, m / s, (u1.u - u0.u + u1.s - u0.s) / m * 1e6, q(.5), q(.99), q(.999));
    fflush(stdout);
    _exit(0);
}
