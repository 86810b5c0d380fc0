// SPDX-License-Identifier: Apache-2.0
#include "broker/log/directory_files.hpp"

#include <charconv>
#include <utility>

#include <fmt/core.h>
#include <boost/json.hpp>

#include "broker/log/text_lines.hpp"

namespace ottla::broker::log {
namespace {

Error corrupt(std::string_view file, std::string_view why) {
    return Error::of(ErrorCode::corrupt_storage, fmt::format("{}: {}", file, why));
}

template <std::integral T>
bool parse_number(std::string_view text, T& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size();
}

// "key=value" lines as Java's Properties writes them, as far as our values go: comments, blanks, '\' before a sign.
std::map<std::string, std::string, std::less<>> parse_properties(std::string_view text) {
    std::map<std::string, std::string, std::less<>> values;
    while (!text.empty()) {
        const auto end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
        while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
        const auto equals = line.find('=');
        if (line.empty() || line.front() == '#' || line.front() == '!' || equals == std::string_view::npos) continue;
        std::string value;
        for (const char c : line.substr(equals + 1)) {
            if (c != '\\' && (c != ' ' || !value.empty())) value += c;
        }
        value.erase(value.find_last_not_of(" \r") + 1);
        values.insert_or_assign(std::string(line.substr(0, equals)), std::move(value));
    }
    return values;
}

}  // namespace

Result<MetaProperties> MetaProperties::parse(std::string_view text) {
    const auto values = parse_properties(text);
    const auto value = [&](std::string_view key) -> std::string_view {
        const auto found = values.find(key);
        return found == values.end() ? std::string_view{} : std::string_view(found->second);
    };
    if (value("version") != "1") {
        return corrupt("meta.properties", fmt::format("version is '{}', not 1", value("version")));
    }
    MetaProperties properties;
    properties.cluster_id = value("cluster.id");
    if (properties.cluster_id.empty()) return corrupt("meta.properties", "cluster.id is missing");
    if (!parse_number(value("node.id"), properties.node_id)) {
        return corrupt("meta.properties", fmt::format("node.id is '{}', not a number", value("node.id")));
    }
    if (!value("directory.id").empty()) {
        const auto id = Uuid::parse(value("directory.id"));
        if (!id) return corrupt("meta.properties", fmt::format("directory.id: {}", id.error().text()));
        properties.directory_id = *id;
    }
    return properties;
}

std::string MetaProperties::to_text() const {
    return fmt::format("node.id={}\ndirectory.id={}\nversion=1\ncluster.id={}\n", node_id, to_string(directory_id),
                       cluster_id);
}

Result<Uuid> parse_partition_metadata(std::string_view text) {
    TextLines lines(text, "partition.metadata");
    if (!lines.next(2) || lines.word(0) != "version:") return lines.error("is not version 0");
    if (lines.word(1) != "0") return lines.version_error(1);
    if (!lines.next(2) || lines.word(0) != "topic_id:") return lines.error("is not a topic_id");
    const auto id = Uuid::parse(lines.word(1));
    if (!id) return lines.error("is not a topic_id");
    return *id;
}

std::string partition_metadata_text(const Uuid& topic_id) {
    return fmt::format("version: 0\ntopic_id: {}", to_string(topic_id));
}

Result<std::int64_t> parse_clean_shutdown(std::string_view text) {
    boost::system::error_code failed;
    const auto parsed = boost::json::parse(text, failed);
    if (failed || !parsed.is_object()) return corrupt(".kafka_cleanshutdown", "not a JSON object");
    const auto* version = parsed.as_object().if_contains("version");
    const auto* epoch = parsed.as_object().if_contains("brokerEpoch");
    if (!version || !version->is_int64() || version->as_int64() != 0 || !epoch || !epoch->is_int64()) {
        return corrupt(".kafka_cleanshutdown", "not version 0 with a brokerEpoch");
    }
    return epoch->as_int64();
}

std::string clean_shutdown_text(std::int64_t broker_epoch) {
    return fmt::format(R"({{"version":0,"brokerEpoch":{}}})", broker_epoch);
}

std::optional<TopicPartitionName> parse_partition_directory(std::string_view name) {
    const auto dash = name.rfind('-');
    if (dash == std::string_view::npos || dash == 0) return std::nullopt;
    TopicPartitionName parsed{std::string(name.substr(0, dash)), 0};
    const auto digits = name.substr(dash + 1);
    if (digits.empty() || digits.front() == '-' || !parse_number(digits, parsed.partition)) return std::nullopt;
    return parsed;
}

std::string partition_directory(std::string_view topic, std::int32_t partition) {
    return fmt::format("{}-{}", topic, partition);
}

Result<OffsetCheckpoint> parse_offset_checkpoint(std::string_view text) {
    TextLines lines(text, "offset checkpoint");
    const auto count = lines.begin_checkpoint();
    if (!count) return count.error();
    OffsetCheckpoint offsets;
    for (std::int64_t i = 0; i < *count; ++i) {
        TopicPartitionName name;
        std::int64_t offset = 0;
        if (!lines.next(3) || !lines.number(1, name.partition) || !lines.number(2, offset)) {
            return lines.error("is not '<topic> <partition> <offset>'");
        }
        name.topic = lines.word(0);
        if (!offsets.emplace(std::move(name), offset).second) return lines.error("names a partition again");
    }
    if (!lines.at_end()) return lines.error("is one too many");
    return offsets;
}

std::string offset_checkpoint_text(const OffsetCheckpoint& offsets) {
    std::string text = fmt::format("0\n{}\n", offsets.size());
    for (const auto& [name, offset] : offsets) text += fmt::format("{} {} {}\n", name.topic, name.partition, offset);
    return text;
}

Result<QuorumState> QuorumState::parse(std::string_view text) {
    boost::system::error_code failed;
    const auto parsed = boost::json::parse(text, failed);
    const auto* object = parsed.if_object();
    if (failed || !object) return corrupt("quorum-state", "not a JSON object");
    const auto number = [object](const char* key, auto& out) {
        const auto* value = object->if_contains(key);
        using Number = std::remove_reference_t<decltype(out)>;
        if (!value || !value->is_int64() || !std::in_range<Number>(value->as_int64())) return false;
        out = static_cast<Number>(value->as_int64());
        return true;
    };
    QuorumState state;
    if (!number("data_version", state.data_version) || state.data_version < 0 || state.data_version > 1)
        return corrupt("quorum-state", "data_version is not 0 or 1");
    if (!number("leaderId", state.leader_id) || !number("leaderEpoch", state.leader_epoch) ||
        !number("votedId", state.voted_id)) {
        return corrupt("quorum-state", "leaderId, leaderEpoch or votedId is missing or no number of 32 bits");
    }
    if (state.data_version == 1) return state;
    const auto* voters = object->if_contains("currentVoters");
    if (!voters || !voters->is_array()) return corrupt("quorum-state", "currentVoters is missing");
    for (const auto& voter : voters->as_array()) {
        const auto* id = voter.is_object() ? voter.as_object().if_contains("voterId") : nullptr;
        if (!id || !id->is_int64() || !std::in_range<std::int32_t>(id->as_int64())) {
            return corrupt("quorum-state", "a voter has no voterId of 32 bits");
        }
        state.voters.push_back(static_cast<std::int32_t>(id->as_int64()));
    }
    return state;
}

std::string QuorumState::to_text() const {
    if (data_version == 1) {
        return fmt::format(
            "{{\"leaderId\":{},\"leaderEpoch\":{},\"votedId\":{},\"votedDirectoryId\":\"{}\",\"data_version\":1}}",
            leader_id, leader_epoch, voted_id, to_string(Uuid{}));
    }
    std::string list;
    for (const auto voter : voters) list += fmt::format("{}{{\"voterId\":{}}}", list.empty() ? "" : ",", voter);
    return fmt::format(
        "{{\"clusterId\":\"\",\"leaderId\":{},\"leaderEpoch\":{},\"votedId\":{},\"appliedOffset\":0,"
        "\"currentVoters\":[{}],\"data_version\":0}}",
        leader_id, leader_epoch, voted_id, list);
}

}  // namespace ottla::broker::log
