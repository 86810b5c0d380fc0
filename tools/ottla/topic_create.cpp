// SPDX-License-Identifier: Apache-2.0
// ottla topic create TOPIC... [-p N] [-r N] [-c KEY=VALUE]
#include <cstdint>
#include <limits>
#include <memory>

#include <CLI/CLI.hpp>

#include "tools/ottla/numbers.hpp"
#include "tools/ottla/topic_common.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

namespace {

struct CreateOptions : TopicOptions {
    std::int32_t partitions = -1;
    std::int16_t replicas = -1;
    std::vector<std::string> configs;
    bool validate_only = false;
    bool if_not_exists = false;
};

std::vector<NewTopic> wanted(const CreateOptions& options) {
    std::vector<NewTopic> topics;
    for (const std::string& name : options.topics) {
        NewTopic& topic = topics.emplace_back(name, options.partitions, options.replicas);
        for (const std::string& config : options.configs) {
            const auto equals = config.find('=');
            if (equals == std::string::npos) throw UsageError("-c " + config + ": a topic setting is KEY=VALUE");
            topic.configs[config.substr(0, equals)] = config.substr(equals + 1);
        }
    }
    return topics;
}

int create(Session& session, const CreateOptions& options) {
    auto asked = within_time();
    asked.validate_only = options.validate_only;
    auto topics = wanted(options);
    Admin admin = open_admin(options);
    auto results = expect(admin.create_topics(std::move(topics), asked), "asking for the topics");
    if (options.if_not_exists)
        for (TopicResult& result : results)
            if (result.error == ErrorCode::topic_already_exists) result.error = Error();
    return print_results(session, options, "topic create", options.validate_only ? "could create" : "created", results);
}

}  // namespace

Action declare_topic_create(CLI::App& app) {
    auto options = std::make_shared<CreateOptions>();
    add_topic_options(app, *options, true);
    app.add_option("-p,--partitions", options->partitions, "How many partitions; without it, what the cluster says")
        ->check(whole_number(1, std::numeric_limits<std::int32_t>::max()));
    app.add_option("-r,--replicas", options->replicas, "On how many brokers each; without it, what the cluster says")
        ->check(whole_number(1, std::numeric_limits<std::int16_t>::max()));
    app.add_option("-c,--config", options->configs, "A topic setting, KEY=VALUE; may be repeated")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    app.add_flag("--if-not-exists", options->if_not_exists, "A topic that exists is fine");
    app.add_flag("--dry-run", options->validate_only, "Only check whether it could be done");
    return [options](Session& session) { return create(session, *options); };
}

}  // namespace ottla::tools
