// SPDX-License-Identifier: Apache-2.0
// What the programs on librdkafka share: a client from settings, and times in a line.
#pragma once
#include <librdkafka/rdkafka.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>
#include "use.hpp"
using Settings = std::vector<std::pair<std::string, std::string>>;
inline std::pair<std::string, std::string> setting(const std::string& v) {  // "key=value", as after -X
    return {v.substr(0, v.find('=')), v.substr(v.find('=') + 1)};
}
// `tune` gets the configuration before the client is made. A wrong setting ends the program.
template <class Tune>
inline rd_kafka_t* make_client(rd_kafka_type_t type, const Settings& settings, Tune tune) {
    char err[512];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    for (auto& [k, v] : settings) {
        if (rd_kafka_conf_set(conf, k.c_str(), v.c_str(), err, sizeof err)) {
            fprintf(stderr, "%s\n", err);
            exit(2);
        }
    }
    tune(conf);
    rd_kafka_t* rk = rd_kafka_new(type, conf, err, sizeof err);
    if (!rk) {
        fprintf(stderr, "%s\n", err);
        exit(1);
    }
    if (type == RD_KAFKA_CONSUMER) rd_kafka_poll_set_consumer(rk);
    return rk;
}
inline rd_kafka_t* make_client(rd_kafka_type_t type, const Settings& settings) {
    return make_client(type, settings, [](rd_kafka_conf_t*) {});
}
// The RESULT line of n operations between u0 and u1 that took `times` ns each.
inline void print_times(const char* mode, int64_t n, const Use& u0, const Use& u1, std::vector<int64_t> times) {
    std::sort(times.begin(), times.end());
    auto q = [&](double p) {
        return (double)times[std::min(times.size() - 1, (size_t)(p * (double)times.size()))] / 1e3;
    };
    const double s = (double)(u1.t - u0.t) / 1e9, m = (double)n;
    printf("RESULT mode=%s n=%.0f secs=%.4f msgs_s=%.0f cpu_s_per_M=%.4f p50_us=%.1f p99_us=%.1f p999_us=%.1f\n", mode,
           m, s, m / s, (u1.u - u0.u + u1.s - u0.s) / m * 1e6, q(.5), q(.99), q(.999));
    fflush(stdout);
}
