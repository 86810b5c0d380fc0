// SPDX-License-Identifier: Apache-2.0
// ottla topic describe TOPIC...: partitions with leader, replicas and offsets.
#include <map>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <CLI/CLI.hpp>

#include "tools/ottla/output.hpp"
#include "tools/ottla/topic_common.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

namespace {

using Offsets = std::map<std::pair<std::string, std::int32_t>, std::int64_t>;

// Where every partition that has a leader begins or ends; one that could not be asked is left out.
Offsets offsets_at(Admin& admin, const std::vector<TopicMetadata>& topics, Offset place) {
    std::vector<TopicPartition> asked;
    for (const TopicMetadata& topic : topics)
        for (const PartitionMetadata& partition : topic.partitions)
            if (partition.leader >= 0) asked.emplace_back(topic.name, partition.id, place);
    Offsets found;
    if (asked.empty()) return found;
    const auto listed = admin.list_offsets(std::move(asked), within_time());
    if (listed.has_error()) return found;
    for (const ListedOffset& at : *listed)
        if (at.partition.error.code() == ErrorCode::none)
            found[{at.partition.topic, at.partition.partition}] = at.partition.offset.value();
    return found;
}

std::optional<std::int64_t> find(const Offsets& offsets, const std::string& topic, std::int32_t partition) {
    const auto at = offsets.find({topic, partition});
    if (at == offsets.end()) return {};
    return at->second;
}

boost::json::value describe_json(const TopicMetadata& topic, const Offsets& starts, const Offsets& ends) {
    const auto number = [](std::optional<std::int64_t> n) {
        return n ? boost::json::value(*n) : boost::json::value(nullptr);
    };
    const auto list = [](const std::vector<std::int32_t>& ids) {
        return boost::json::value(boost::json::array(ids.begin(), ids.end()));
    };
    boost::json::object object;
    object["name"] = topic.name;
    object["id"] = to_json(topic.id);
    object["internal"] = topic.is_internal;
    boost::json::array partitions;
    for (const PartitionMetadata& partition : topic.partitions) {
        boost::json::object p;
        p["partition"] = partition.id;
        p["leader"] = partition.leader;
        p["leader_epoch"] = partition.leader_epoch;
        p["replicas"] = list(partition.replicas);
        p["in_sync_replicas"] = list(partition.in_sync_replicas);
        p["offline_replicas"] = list(partition.offline_replicas);
        p["start_offset"] = number(find(starts, topic.name, partition.id));
        p["end_offset"] = number(find(ends, topic.name, partition.id));
        p["error"] = to_json(partition.error);
        partitions.emplace_back(std::move(p));
    }
    object["partitions"] = std::move(partitions);
    object["error"] = to_json(topic.error);
    return object;
}

std::string describe_text(const TopicMetadata& topic, const Offsets& starts, const Offsets& ends) {
    const auto number = [](std::optional<std::int64_t> n) { return n ? std::to_string(*n) : std::string("-"); };
    std::vector<std::vector<std::string>> rows;
    rows.push_back({"PARTITION", "LEADER", "EPOCH", "REPLICAS", "IN-SYNC", "START", "END"});
    for (const PartitionMetadata& p : topic.partitions)
        rows.push_back({std::to_string(p.id), p.leader < 0 ? "none" : std::to_string(p.leader),
                        std::to_string(p.leader_epoch), fmt::format("{}", fmt::join(p.replicas, ",")),
                        fmt::format("{}", fmt::join(p.in_sync_replicas, ",")), number(find(starts, topic.name, p.id)),
                        number(find(ends, topic.name, p.id))});
    return fmt::format("{}  id {}  {} partitions\n{}", topic.name, to_string(topic.id), topic.partitions.size(),
                       columns(rows));
}

int describe(Session& session, const TopicOptions& options) {
    Admin admin = open_admin(options);
    const auto topics = expect(admin.describe_topics(options.topics, within_time()), "asking for the topics");
    const Offsets starts = offsets_at(admin, topics, Offset::beginning());
    const Offsets ends = offsets_at(admin, topics, Offset::end());
    bool failed = false;
    std::string between;
    boost::json::array array;
    for (const TopicMetadata& topic : topics) {
        const bool bad = complain("topic describe", topic.name, topic.error);
        failed |= bad;
        if (options.json()) {
            array.push_back(describe_json(topic, starts, ends));
        } else if (!bad) {
            session.out.print(between + describe_text(topic, starts, ends));
            between = "\n";
        }
    }
    if (options.json()) print_json(session, array);
    return failed ? exit_failure : exit_ok;
}

}  // namespace

Action declare_topic_describe(CLI::App& app) {
    auto options = std::make_shared<TopicOptions>();
    add_topic_options(app, *options, true);
    return [options](Session& session) { return describe(session, *options); };
}

}  // namespace ottla::tools
