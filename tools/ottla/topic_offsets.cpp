// SPDX-License-Identifier: Apache-2.0
// ottla topic offsets TOPIC...: one offset of each partition: where it ends, where it begins, the record with the
// largest timestamp, or the first from a time on.
#include <charconv>
#include <memory>

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <CLI/CLI.hpp>

#include "tools/ottla/output.hpp"
#include "tools/ottla/topic_common.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

namespace {

struct OffsetsOptions : TopicOptions {
    std::string time = "latest";
};

Offset parse_time(const std::string& text) {
    if (text == "earliest") return Offset::beginning();
    if (text == "latest") return Offset::end();
    if (text == "max-timestamp") return at_max_timestamp;
    std::int64_t ms = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, ms);
    if (error != std::errc() || stopped != end || ms < 0)
        throw UsageError(fmt::format(
            "--time {}: a time is earliest, latest, max-timestamp, or milliseconds since 1970-01-01 UTC", text));
    return ms;
}

// Of every partition, in order; one without a leader is not asked for, and has its error.
std::vector<ListedOffset> offsets_of(Admin& admin, const TopicMetadata& topic, Offset time) {
    std::vector<TopicPartition> asked;
    for (const PartitionMetadata& partition : topic.partitions)
        if (partition.leader >= 0) asked.emplace_back(topic.name, partition.id, time);
    std::vector<ListedOffset> found;
    if (!asked.empty()) found = expect(admin.list_offsets(std::move(asked), within_time()), "asking for offsets");
    for (const PartitionMetadata& partition : topic.partitions) {
        if (partition.leader >= 0) continue;
        auto& none = found.emplace_back();
        none.partition = TopicPartition(topic.name, partition.id);
        none.partition.error = Error::of(ErrorCode::leader_not_available);
    }
    std::ranges::sort(found, {}, [](const ListedOffset& at) { return at.partition.partition; });
    return found;
}

boost::json::value number_or_null(std::int64_t number) {
    if (number < 0) return nullptr;
    return number;
}

boost::json::object offset_json(const ListedOffset& at) {
    boost::json::object object;
    object["partition"] = at.partition.partition;
    object["offset"] = number_or_null(at.partition.offset.value());
    object["timestamp"] = number_or_null(at.timestamp_ms);
    object["error"] = to_json(at.partition.error);
    return object;
}

int list_offsets_of_topics(Session& session, const OffsetsOptions& options) {
    const Offset time = parse_time(options.time);
    Admin admin = open_admin(options);
    const auto topics = expect(admin.describe_topics(options.topics, within_time()), "asking for the topics");
    bool failed = false;
    boost::json::array array;
    std::vector<std::vector<std::string>> rows;
    rows.push_back({"TOPIC", "PARTITION", "OFFSET", "TIMESTAMP"});
    const auto number = [](std::int64_t n) { return n < 0 ? std::string("-") : std::to_string(n); };
    for (const TopicMetadata& topic : topics) {
        boost::json::array partitions;
        const bool bad = complain("topic offsets", topic.name, topic.error);
        failed |= bad;
        const auto listed = bad ? std::vector<ListedOffset>() : offsets_of(admin, topic, time);
        for (const ListedOffset& at : listed) {
            failed |= complain("topic offsets", topic.name, at.partition.error);
            partitions.emplace_back(offset_json(at));
            if (at.partition.error.code() == ErrorCode::none)
                rows.push_back({topic.name, std::to_string(at.partition.partition), number(at.partition.offset.value()),
                                number(at.timestamp_ms)});
        }
        boost::json::object object;
        object["name"] = topic.name;
        object["error"] = to_json(topic.error);
        object["partitions"] = std::move(partitions);
        array.emplace_back(std::move(object));
    }
    return print_answer(session, options, array, rows, failed);
}

}  // namespace

Action declare_topic_offsets(CLI::App& app) {
    auto options = std::make_shared<OffsetsOptions>();
    add_topic_options(app, *options, true);
    app.add_option(
           "-t,--time", options->time,
           "earliest, latest, max-timestamp, or milliseconds since 1970-01-01 UTC: the first record from then on")
        ->capture_default_str();
    return [options](Session& session) { return list_offsets_of_topics(session, *options); };
}

}  // namespace ottla::tools
