// SPDX-License-Identifier: Apache-2.0
// Members of groups by librdkafka, in one process; the same lines as `ottla bench members`, which see.
//   rdk_members BOOT [--topic T] [--group G] [--members N] [-X k=v]...
#include <signal.h>
#include <time.h>
#include <unistd.h>
#include <atomic>
#include <cstring>
#include <mutex>
#include <thread>
#include "rdk.hpp"
static std::atomic<bool> g_stop{false};
static std::mutex g_out;
static void say(const char* what) {
    std::lock_guard l(g_out);
    printf("%s %lld\n", what, (long long)now());
    fflush(stdout);
}
static void say(const std::string& name, char sign, const rd_kafka_topic_partition_list_t* l) {
    std::string s;
    for (int i = 0; i < l->cnt; ++i) s += (i ? "," : "") + std::to_string(l->elems[i].partition);
    std::lock_guard g(g_out);
    printf("EVENT %lld %s %c %s\n", (long long)now(), name.c_str(), sign, s.c_str());
    fflush(stdout);
}
static void rebalance(rd_kafka_t* rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t* l, void* opaque) {
    const auto& name = *(const std::string*)opaque;
    const bool cooperative = !strcmp(rd_kafka_rebalance_protocol(rk), "COOPERATIVE");
    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        if (cooperative)
            rd_kafka_error_destroy(rd_kafka_incremental_assign(rk, l));
        else
            rd_kafka_assign(rk, l);
        say(name, '+', l);
        return;
    }
    say(name, '-', l);
    if (cooperative)
        rd_kafka_error_destroy(rd_kafka_incremental_unassign(rk, l));
    else
        rd_kafka_assign(rk, nullptr);
}
int main(int argc, char** argv) {
    if (argc < 2) return 2;
    std::string boot = argv[1], topic = "bench", group = "bench";
    int members = 1;
    Settings settings;
    for (int i = 2; i + 1 < argc; i += 2) {
        std::string a = argv[i], v = argv[i + 1];
        if (a == "--topic")
            topic = v;
        else if (a == "--group")
            group = v;
        else if (a == "--members")
            members = atoi(v.c_str());
        else if (a == "-X")
            settings.push_back(setting(v));
    }
    settings.emplace_back("bootstrap.servers", boot);
    settings.emplace_back("group.id", group);
    signal(SIGTERM, [](int) { g_stop = true; });
    std::vector<std::string> names;
    for (int m = 0; m < members; ++m) names.push_back(group + "/" + std::to_string(m));
    std::vector<rd_kafka_t*> all;
    for (auto& name : names)
        all.push_back(make_client(RD_KAFKA_CONSUMER, settings, [&name](rd_kafka_conf_t* conf) {
            rd_kafka_conf_set_rebalance_cb(conf, rebalance);
            rd_kafka_conf_set_opaque(conf, &name);
        }));
    say("BEGIN");
    std::vector<std::thread> threads;
    std::atomic<bool> leaving{false};
    for (auto* rk : all) {
        threads.emplace_back([rk, &topic, &leaving] {
            rd_kafka_topic_partition_list_t* l = rd_kafka_topic_partition_list_new(1);
            rd_kafka_topic_partition_list_add(l, topic.c_str(), -1);
            rd_kafka_subscribe(rk, l);
            rd_kafka_topic_partition_list_destroy(l);
            while (!g_stop) {
                if (auto* m = rd_kafka_consumer_poll(rk, 20)) rd_kafka_message_destroy(m);
            }
            if (!leaving.exchange(true)) say("LEAVING");
            rd_kafka_consumer_close(rk);
        });
    }
    for (auto& t : threads) t.join();
    say("END");
    _exit(0);
}
