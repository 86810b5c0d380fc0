// SPDX-License-Identifier: Apache-2.0
// ottla topic add-partitions TOPIC... -p TOTAL: how many there are to be, not how many more.
#include <limits>
#include <memory>

#include <CLI/CLI.hpp>

#include "tools/ottla/numbers.hpp"
#include "tools/ottla/topic_common.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

namespace {
struct AddOptions : TopicOptions {
    std::int32_t total = 0;
};
}  // namespace

Action declare_topic_add_partitions(CLI::App& app) {
    auto options = std::make_shared<AddOptions>();
    add_topic_options(app, *options, true);
    app.add_option("-p,--partitions", options->total, "How many partitions there are to be afterwards")
        ->required()
        ->check(whole_number(1, std::numeric_limits<std::int32_t>::max()));
    return [options](Session& session) {
        std::vector<NewPartitions> wanted;
        for (const std::string& topic : options->topics) wanted.emplace_back(topic, options->total);
        Admin admin = open_admin(*options);
        const auto results = expect(admin.create_partitions(std::move(wanted), within_time()), "adding partitions");
        return print_results(session, *options, "topic add-partitions", "extended", results);
    };
}

}  // namespace ottla::tools
