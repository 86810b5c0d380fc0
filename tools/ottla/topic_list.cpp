// SPDX-License-Identifier: Apache-2.0
// ottla topic list
#include <memory>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <CLI/CLI.hpp>

#include "tools/ottla/output.hpp"
#include "tools/ottla/topic_common.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

namespace {

struct ListOptions : TopicOptions {
    bool internal = false;
};

int list(Session& session, const ListOptions& options) {
    auto asked = within_time();
    asked.include_internal = options.internal;
    Admin admin = open_admin(options);
    const auto topics = expect(admin.list_topics(asked), "asking for the topics");
    if (!options.json()) {
        for (const TopicListing& topic : topics) session.out.print(topic.name + "\n");
        return exit_ok;
    }
    boost::json::array array;
    for (const TopicListing& topic : topics) {
        boost::json::object object;
        object["name"] = topic.name;
        object["id"] = to_json(topic.id);
        object["internal"] = topic.is_internal;
        array.emplace_back(std::move(object));
    }
    print_json(session, array);
    return exit_ok;
}

}  // namespace

Action declare_topic_list(CLI::App& app) {
    auto options = std::make_shared<ListOptions>();
    add_topic_options(app, *options, false);
    app.add_flag("--internal", options->internal, "Also the cluster's own topics");
    return [options](Session& session) { return list(session, *options); };
}

}  // namespace ottla::tools
