// SPDX-License-Identifier: Apache-2.0
// Offset commits one after the other by librdkafka, as `ottla bench commit` makes them.
//   rdk_commit BOOT [--topic T] [--n N] [-X k=v]...
#include <unistd.h>
#include "rdk.hpp"
int main(int argc, char** argv) {
    if (argc < 2) return 2;
    std::string topic = "bench";
    int64_t n = 20000;
    Settings settings{{"bootstrap.servers", argv[1]}};
    for (int i = 2; i + 1 < argc; i += 2) {
        std::string a = argv[i], v = argv[i + 1];
        if (a == "--topic")
            topic = v;
        else if (a == "--n")
            n = atoll(v.c_str());
        else if (a == "-X")
            settings.push_back(setting(v));
    }
    settings.insert(settings.end(), {{"group.id", topic}, {"enable.auto.commit", "false"}});
    rd_kafka_t* rk = make_client(RD_KAFKA_CONSUMER, settings);
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
    print_times("commit", n, u0, use(), std::move(times));
    _exit(0);
}
