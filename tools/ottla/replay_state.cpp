// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/replay_state.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <fmt/format.h>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/crc32c.hpp"
#include "tools/ottla/partitions_of.hpp"

namespace ottla::tools {
namespace {

constexpr std::size_t tail_bytes_max = 4096;

std::int64_t natural_in(const boost::json::value& value) {
    const auto* number = value.if_int64();
    if (!number || *number < 0) throw std::runtime_error("a number is wrong");
    return *number;
}

ReplayState parse_state(const std::string& text) {
    boost::system::error_code failed;
    const auto json = boost::json::parse(text, failed);
    if (failed || !json.is_object()) throw std::runtime_error("it is no JSON object");
    const auto& object = json.get_object();
    const auto text_in = [&](const char* name) {
        const auto* found = object.if_contains(name);
        if (!found || !found->is_string()) throw std::runtime_error(fmt::format("it lacks {}", name));
        return std::string(found->get_string());
    };
    const auto* bytes = object.if_contains("file_bytes");
    const auto* offsets = object.if_contains("offsets");
    const auto* crc = object.if_contains("tail_crc");
    if (!bytes || !crc || !offsets || !offsets->is_object())
        throw std::runtime_error("it lacks file_bytes, tail_crc or offsets");
    ReplayState state;
    state.cluster_id = text_in("cluster_id");
    state.topic = text_in("topic");
    state.topic_id = text_in("topic_id");
    state.choice = text_in("choice");
    state.tail_crc = static_cast<std::uint32_t>(natural_in(*crc));
    state.file_bytes = static_cast<std::uint64_t>(natural_in(*bytes));
    for (const auto& [name, offset] : offsets->get_object()) {
        std::int32_t partition = 0;
        const auto [stopped, error] = std::from_chars(name.data(), name.data() + name.size(), partition);
        if (error != std::errc() || stopped != name.data() + name.size() || partition < 0)
            throw std::runtime_error("a partition is no number");
        state.offsets[partition] = natural_in(offset);
    }
    return state;
}

}  // namespace

ReplayState replay_state_of(const Connection& connection, const std::string& topic, std::string choice) {
    const auto metadata = metadata_of(to_config(connection), topic);
    (void)partitions_in(metadata, topic);
    ReplayState state;
    state.cluster_id = metadata.cluster_id;
    state.topic = topic;
    state.topic_id = to_string(metadata.topic(topic)->id);
    state.choice = std::move(choice);
    return state;
}

std::string differs(const ReplayState& saved, const ReplayState& now) {
    const auto other = [](std::string_view what, const std::string& then, const std::string& is) {
        return then == is ? std::string() : fmt::format("of another {}, '{}' and not '{}'", what, then, is);
    };
    for (auto& why :
         {other("cluster", saved.cluster_id, now.cluster_id), other("topic", saved.topic, now.topic),
          other("topic of this name", saved.topic_id, now.topic_id), other("choice", saved.choice, now.choice)})
        if (!why.empty()) return why;
    return {};
}

std::uint32_t tail_crc_of(const std::string& path, std::uint64_t bytes) {
    std::string tail(static_cast<std::size_t>(std::min<std::uint64_t>(bytes, tail_bytes_max)), '\0');
    std::ifstream in(path, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(bytes - tail.size()));
    in.read(tail.data(), static_cast<std::streamsize>(tail.size()));
    if (!in || static_cast<std::size_t>(in.gcount()) != tail.size())
        throw std::runtime_error(fmt::format("{}: it can't be read up to byte {}", path, bytes));
    return base::crc32c(as_bytes(tail));
}

std::optional<ReplayState> load_replay_state(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in && !std::filesystem::exists(path)) return std::nullopt;
    if (!in) throw std::runtime_error(path + ": it can't be read");
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    try {
        return parse_state(text);
    } catch (const std::runtime_error& e) {
        throw std::runtime_error(
            fmt::format("{} is not the progress of a replay ({}): remove it to begin anew", path, e.what()));
    }
}

void save_replay_state(const std::string& path, const ReplayState& state) {
    boost::json::object object;
    object["cluster_id"] = state.cluster_id;
    object["topic"] = state.topic;
    object["topic_id"] = state.topic_id;
    object["choice"] = state.choice;
    object["file_bytes"] = static_cast<std::int64_t>(state.file_bytes);
    object["tail_crc"] = static_cast<std::int64_t>(state.tail_crc);
    boost::json::object offsets;
    for (const auto& [partition, offset] : state.offsets) offsets[std::to_string(partition)] = offset;
    object["offsets"] = std::move(offsets);
    const auto next = path + ".new";
    std::ofstream out(next, std::ios::binary | std::ios::trunc);
    out << boost::json::serialize(object) << "\n";
    out.close();
    if (!out || std::rename(next.c_str(), path.c_str()) != 0) throw std::runtime_error(path + ": it can't be written");
}

}  // namespace ottla::tools
