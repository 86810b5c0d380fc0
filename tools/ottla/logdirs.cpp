// SPDX-License-Identifier: Apache-2.0
// ottla logdirs: each broker's directories, the room in them, and the partitions they hold.
#include <algorithm>
#include <limits>
#include <memory>

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <CLI/CLI.hpp>

#include "tools/ottla/numbers.hpp"
#include "tools/ottla/output.hpp"
#include "tools/ottla/topic_common.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

namespace {

struct LogDirsOptions : TopicOptions {
    std::vector<std::int32_t> brokers;

    bool wants(const std::string& topic) const {
        return topics.empty() || std::find(topics.begin(), topics.end(), topic) != topics.end();
    }
};

boost::json::value bytes_or_null(std::int64_t bytes) {
    if (bytes < 0) return nullptr;
    return bytes;
}

boost::json::object directory_json(const LogDirDescription& directory, const LogDirsOptions& options) {
    boost::json::array partitions;
    for (const ReplicaOnDisk& replica : directory.replicas) {
        if (!options.wants(replica.topic)) continue;
        boost::json::object p;
        p["topic"] = replica.topic;
        p["partition"] = replica.partition;
        p["bytes"] = replica.bytes;
        p["offset_lag"] = replica.offset_lag;
        p["future"] = replica.is_future;
        partitions.emplace_back(std::move(p));
    }
    boost::json::object object;
    object["path"] = directory.path;
    object["error"] = to_json(directory.error);
    object["total_bytes"] = bytes_or_null(directory.total_bytes);
    object["usable_bytes"] = bytes_or_null(directory.usable_bytes);
    object["cordoned"] = directory.is_cordoned;
    object["partitions"] = std::move(partitions);
    return object;
}

std::string directory_text(std::int32_t broker, const LogDirDescription& directory, const LogDirsOptions& options) {
    std::vector<std::vector<std::string>> rows;
    rows.push_back({"TOPIC", "PARTITION", "BYTES", "LAG"});
    std::int64_t bytes = 0;
    for (const ReplicaOnDisk& replica : directory.replicas) {
        if (!options.wants(replica.topic)) continue;
        bytes += replica.bytes;
        rows.push_back({replica.topic, std::to_string(replica.partition), std::to_string(replica.bytes),
                        std::to_string(replica.offset_lag) + (replica.is_future ? " (future)" : "")});
    }
    std::string title =
        fmt::format("broker {}  {}  {} partitions of {} bytes", broker, directory.path, rows.size() - 1, bytes);
    if (directory.usable_bytes >= 0)
        title += fmt::format("  {} of {} bytes free", directory.usable_bytes, directory.total_bytes);
    return title + (directory.is_cordoned ? "  cordoned\n" : "\n") + (rows.size() > 1 ? columns(rows) : "");
}

// True when something is wrong with the broker or one of its directories.
bool complain_of(const BrokerLogDirs& broker) {
    const auto say = [&](const Error& error) {
        if (error.code() == ErrorCode::none) return false;
        std::fputs(fmt::format("ottla logdirs: broker {}: {}\n", broker.broker, to_string(error)).c_str(), stderr);
        return true;
    };
    bool bad = say(broker.error);
    for (const auto& directory : broker.directories) bad |= say(directory.error);
    return bad;
}

int show_log_dirs(Session& session, const LogDirsOptions& options) {
    Admin admin = open_admin(options);
    const auto brokers = expect(admin.describe_log_dirs(options.brokers, within_time()), "asking the brokers");
    bool failed = false;
    std::string between;
    boost::json::array array;
    for (const BrokerLogDirs& broker : brokers) {
        failed |= complain_of(broker);
        boost::json::array directories;
        for (const LogDirDescription& directory : broker.directories) {
            directories.emplace_back(directory_json(directory, options));
            if (options.json() || directory.error.code() != ErrorCode::none) continue;
            session.out.print(between + directory_text(broker.broker, directory, options));
            between = "\n";
        }
        boost::json::object object;
        object["broker"] = broker.broker;
        object["error"] = to_json(broker.error);
        object["directories"] = std::move(directories);
        array.emplace_back(std::move(object));
    }
    if (options.json()) print_json(session, array);
    return failed ? exit_failure : exit_ok;
}

}  // namespace

Action declare_logdirs(CLI::App& app) {
    auto options = std::make_shared<LogDirsOptions>();
    add_topic_options(app, *options, false);
    app.add_option("--brokers", options->brokers, "Only these; commas may part them")
        ->delimiter(',')
        ->type_name("ID")
        ->check(whole_number(0, std::numeric_limits<std::int32_t>::max()));
    app.add_option("--topics", options->topics, "Only the partitions of these; commas may part them")
        ->delimiter(',')
        ->type_name("TOPIC");
    return [options](Session& session) { return show_log_dirs(session, *options); };
}

}  // namespace ottla::tools
