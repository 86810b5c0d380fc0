// SPDX-License-Identifier: Apache-2.0
// ottla topic delete-records TOPIC:PARTITION:OFFSET...: the records before the offset go. The offset may be `end`, and
// all of it may stand in the file that kafka-delete-records.sh takes.
#include <charconv>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <CLI/CLI.hpp>

#include "tools/ottla/output.hpp"
#include "tools/ottla/topic_common.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

namespace {

struct DeleteRecordsOptions : TopicOptions {
    std::vector<std::string> places;
    std::string file;
};

template <class Number>
bool read_number(std::string_view text, Number& out) {
    const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && stopped == text.data() + text.size() && out >= 0;
}

TopicPartition parse_place(const std::string& text) {
    const auto last = text.rfind(':');
    const auto first = last == std::string::npos || last == 0 ? std::string::npos : text.rfind(':', last - 1);
    TopicPartition place;
    std::int64_t offset = 0;
    const std::string_view view(text);
    const bool parts = first != std::string::npos && first != 0 &&
                       read_number(view.substr(first + 1, last - first - 1), place.partition);
    if (!parts || (view.substr(last + 1) != "end" && !read_number(view.substr(last + 1), offset)))
        throw UsageError(fmt::format("{}: a place is TOPIC:PARTITION:OFFSET, where the offset may be end", text));
    place.topic = view.substr(0, first);
    place.offset = view.substr(last + 1) == "end" ? Offset::end() : Offset(offset);
    return place;
}

// {"partitions": [{"topic": "orders", "partition": 0, "offset": 42}], "version": 1}; -1: to the end.
std::vector<TopicPartition> read_places(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw UsageError(fmt::format("--file {}: it can't be read", path));
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    boost::system::error_code failed;
    const auto json = boost::json::parse(text, failed);
    if (failed) throw UsageError(fmt::format("--file {}: no JSON: {}", path, failed.message()));
    std::vector<TopicPartition> places;
    try {
        for (const auto& one : json.at("partitions").as_array()) {
            TopicPartition place;
            place.topic = std::string_view(one.at("topic").as_string());
            place.partition = one.at("partition").to_number<std::int32_t>();
            const auto offset = one.at("offset").to_number<std::int64_t>();
            if (place.partition < 0 || offset < -1)
                throw UsageError(
                    fmt::format("--file {}: {}:{}:{} is no place", path, place.topic, place.partition, offset));
            place.offset = offset == -1 ? Offset::end() : Offset(offset);
            places.push_back(std::move(place));
        }
    } catch (const UsageError&) {
        throw;
    } catch (const std::exception&) {
        throw UsageError(fmt::format(
            R"(--file {}: it should hold {{"partitions": [{{"topic": "orders", "partition": 0, "offset": 42}}]}})",
            path));
    }
    return places;
}

// The outcome of each place, in order. An absent topic is told at once, and keeps nobody else waiting.
std::vector<TopicPartition> delete_where_known(Admin& admin, std::vector<TopicPartition> places) {
    std::set<std::string> names;
    for (const TopicPartition& place : places) names.insert(place.topic);
    std::map<std::string, Error> absent;
    for (const TopicMetadata& topic :
         expect(admin.describe_topics({names.begin(), names.end()}, within_time()), "asking for the topics"))
        if (topic.error.code() != ErrorCode::none) absent.emplace(topic.name, topic.error);
    std::vector<TopicPartition> asked;
    for (const TopicPartition& place : places)
        if (!absent.contains(place.topic)) asked.push_back(place);
    std::vector<TopicPartition> answers;
    if (!asked.empty()) answers = expect(admin.delete_records(std::move(asked), within_time()), "deleting records");
    auto answer = answers.begin();
    for (TopicPartition& place : places) {
        if (const auto unknown = absent.find(place.topic); unknown != absent.end())
            place.error = unknown->second;
        else
            place = *answer++;
    }
    return places;
}

int delete_records(Session& session, const DeleteRecordsOptions& options) {
    std::vector<TopicPartition> places;
    for (const std::string& text : options.places) places.push_back(parse_place(text));
    if (!options.file.empty())
        for (auto& place : read_places(options.file)) places.push_back(std::move(place));
    if (places.empty()) throw UsageError("there is nothing to delete: give TOPIC:PARTITION:OFFSET or --file");
    Admin admin = open_admin(options);
    const auto results = delete_where_known(admin, std::move(places));
    bool failed = false;
    boost::json::array array;
    std::vector<std::vector<std::string>> rows;
    rows.push_back({"TOPIC", "PARTITION", "BEGINS AT"});
    for (const TopicPartition& result : results) {
        const bool bad = complain("topic delete-records", result.topic, result.error);
        failed |= bad;
        boost::json::object object;
        object["topic"] = result.topic;
        object["partition"] = result.partition;
        object["low_watermark"] = bad ? boost::json::value(nullptr) : boost::json::value(result.offset.value());
        object["error"] = to_json(result.error);
        array.emplace_back(std::move(object));
        if (!bad)
            rows.push_back({result.topic, std::to_string(result.partition), std::to_string(result.offset.value())});
    }
    return print_answer(session, options, array, rows, failed);
}

}  // namespace

Action declare_topic_delete_records(CLI::App& app) {
    auto options = std::make_shared<DeleteRecordsOptions>();
    add_topic_options(app, *options, false);
    app.add_option("places", options->places, "Which records: those before OFFSET, which may be end")
        ->type_name("TOPIC:PARTITION:OFFSET");
    app.add_option("--file", options->file, "The same in the JSON that kafka-delete-records.sh takes");
    return [options](Session& session) { return delete_records(session, *options); };
}

}  // namespace ottla::tools
