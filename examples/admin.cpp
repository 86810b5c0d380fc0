// SPDX-License-Identifier: Apache-2.0
// Makes a topic, describes it, gives it more partitions and deletes it again: admin BROKERS TOPIC
#include <cstdio>
#include <string>

#include <ottla/admin.hpp>

namespace {

template <class Results>
bool all_well(const char* what, const Results& results) {
    if (!results) {
        std::fprintf(stderr, "%s: %s\n", what, to_string(results.error()).c_str());
        return false;
    }
    for (const auto& r : *results) {
        if (r.error.code() == ottla::ErrorCode::none) continue;
        std::fprintf(stderr, "%s: %s\n", what, to_string(r.error).c_str());
        return false;
    }
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: admin BROKERS TOPIC\n");
        return 2;
    }
    const std::string topic = argv[2];
    auto admin = ottla::Admin::create({{"bootstrap.servers", argv[1]}});
    if (!admin) {
        std::fprintf(stderr, "%s\n", to_string(admin.error()).c_str());
        return 1;
    }

    ottla::NewTopic wanted(topic, 3);
    wanted.configs["retention.ms"] = "3600000";
    if (!all_well("create", admin->create_topics({wanted}))) return 1;

    const auto cluster = admin->describe_cluster();
    if (!cluster) return 1;
    std::printf("cluster %s has %zu brokers\n", cluster->cluster_id.c_str(), cluster->nodes.size());

    const auto described = admin->describe_topics({topic});
    if (!all_well("describe", described)) return 1;
    for (const auto& p : described->front().partitions) std::printf("%s\n", to_string(p).c_str());

    ottla::ConfigResource resource(ottla::ResourceType::topic, topic);
    resource.keys = {"retention.ms"};
    const auto configs = admin->describe_configs({resource});
    if (!all_well("describe configs", configs)) return 1;
    for (const auto& entry : configs->front().entries)
        std::printf("%s=%s (%s)\n", entry.name.c_str(), entry.value.value_or("null").c_str(),
                    std::string(to_string(entry.source)).c_str());

    if (!all_well("add partitions", admin->create_partitions({{topic, 5}}))) return 1;
    if (!all_well("delete", admin->delete_topics({topic}))) return 1;
    std::printf("done\n");
}
