// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/replay_state.hpp"

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

namespace ottla::tools {
namespace {

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
    const auto* topic = object.if_contains("topic");
    const auto* bytes = object.if_contains("file_bytes");
    const auto* offsets = object.if_contains("offsets");
    if (!topic || !topic->is_string() || !bytes || !offsets || !offsets->is_object())
        throw std::runtime_error("it lacks topic, file_bytes or offsets");
    ReplayState state;
    state.topic = std::string(topic->get_string());
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
    object["topic"] = state.topic;
    object["file_bytes"] = static_cast<std::int64_t>(state.file_bytes);
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
