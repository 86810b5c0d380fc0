// SPDX-License-Identifier: Apache-2.0
// ottla topic delete TOPIC...
#include <memory>

#include <CLI/CLI.hpp>

#include "tools/ottla/topic_common.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

Action declare_topic_delete(CLI::App& app) {
    auto options = std::make_shared<TopicOptions>();
    add_topic_options(app, *options, true);
    return [options](Session& session) {
        Admin admin = open_admin(*options);
        const auto results = expect(admin.delete_topics(options->topics, within_time()), "deleting");
        return print_results(session, *options, "topic delete", "deleted", results);
    };
}

}  // namespace ottla::tools
