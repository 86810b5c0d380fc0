// SPDX-License-Identifier: Apache-2.0
// Records as lines of JSON, there and back, and how far a replay has come.
#include "tools/ottla/record_line.hpp"

#include <filesystem>
#include <fstream>

#include <unistd.h>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "client/consumer/fetched_records.hpp"
#include "tools/ottla/record_json.hpp"
#include "tools/ottla/replay_state.hpp"

namespace ottla::tools {
namespace {

using MaybeBytes = std::optional<std::string>;

std::string encoded(const std::vector<std::pair<std::string, MaybeBytes>>& headers) {
    std::string bytes;
    for (const auto& [name, value] : headers) {
        bytes += static_cast<char>(name.size() * 2);
        bytes += name;
        bytes += value ? static_cast<char>(value->size() * 2) : '\x01';
        bytes += value.value_or("");
    }
    return bytes;
}

std::string line_of(const MaybeBytes& key, const MaybeBytes& value,
                    const std::vector<std::pair<std::string, MaybeBytes>>& headers) {
    auto pin = std::make_shared<FetchedRecords>();
    pin->topic = std::make_shared<const std::string>("orders");
    pin->partition = 3;
    const auto bytes = encoded(headers);
    MessageView::Parts parts;
    parts.offset = 42;
    parts.timestamp_ms = 1'700'000'000'123;
    if (key) parts.key = BytesView(*key);
    if (value) parts.value = BytesView(*value);
    parts.headers = reinterpret_cast<const std::uint8_t*>(bytes.data());
    parts.headers_size = static_cast<std::uint32_t>(bytes.size());
    parts.header_count = static_cast<std::uint32_t>(headers.size());
    std::string line;
    append_json_line(Message(MessageView(parts), std::move(pin)), line);
    return line;
}

TEST(RecordLine, gives_back_what_was_printed) {
    const std::vector<MaybeBytes> all = {
        std::nullopt,           "",         "plain",       "\"quoted\\\n\t\x01", "gr\xc3\xbc\xc3\x9f",
        std::string("a\0b", 3), "\xff\xfe", "\xed\xa0\x80"};
    for (const auto& key : all) {
        for (const auto& value : all) {
            std::vector<std::pair<std::string, MaybeBytes>> headers = {{"h", value}, {"h", key}, {"", ""}};
            const auto read = read_record_line(line_of(key, value, headers)).value();
            EXPECT_EQ(read.topic, "orders");
            EXPECT_EQ(read.partition, 3);
            EXPECT_EQ(read.timestamp_ms, 1'700'000'000'123);
            EXPECT_EQ(read.key, key);
            EXPECT_EQ(read.value, value);
            EXPECT_EQ(read.headers, headers);
            std::vector<Header> views;
            const Record record = read.record("copy", views);
            EXPECT_EQ(record.topic, "copy");
            EXPECT_EQ(record.key.is_null(), !key);
            EXPECT_EQ(record.value.text(), value.value_or(""));
            EXPECT_EQ(record.headers.size(), 3U);
        }
    }
}

TEST(RecordLine, gives_back_any_bytes) {
    base::Random random(7);
    const auto bytes = [&]() -> MaybeBytes {
        if (random.chance(0.1)) return std::nullopt;
        std::string text(random.below(60), ' ');
        for (char& c : text) c = static_cast<char>(random.chance(0.5) ? random.below(256) : 'a' + random.below(26));
        return text;
    };
    for (int i = 0; i < 2000; ++i) {
        const auto key = bytes();
        const auto value = bytes();
        const auto read = read_record_line(line_of(key, value, {{"n", value}})).value();
        ASSERT_EQ(read.key, key);
        ASSERT_EQ(read.value, value);
        ASSERT_EQ(read.headers.front().second, value);
    }
}

TEST(RecordLine, what_is_wrong_is_told) {
    const std::pair<const char*, const char*> table[] = {
        {"", "not JSON"},
        {"{", "not JSON"},
        {"7", "no object"},
        {R"({"value":"v"})", "either 'key' or 'key_base64'"},
        {R"({"key":"k","key_base64":"aw==","value":"v"})", "either 'key' or 'key_base64'"},
        {R"({"key":"k","value":7})", "'value' is no text"},
        {R"({"key":"k","value_base64":"a"})", "'value_base64' is not base64"},
        {R"({"key":"k","value":"v","partition":-2})", "'partition' is not a whole number"},
        {R"({"key":"k","value":"v","partition":3000000000})", "'partition' is not a whole number"},
        {R"({"key":"k","value":"v","timestamp":1.5})", "'timestamp' is not a whole number"},
        {R"({"key":"k","value":"v","topic":7})", "'topic' is no text"},
        {R"({"key":"k","value":"v","headers":{}})", "'headers' is no array"},
        {R"({"key":"k","value":"v","headers":[7]})", "a header is no object"},
        {R"({"key":"k","value":"v","headers":[{"key":null,"value":""}]})", "null for its key"},
        {R"({"key":"k","value":"v","headers":[{"key":"h"}]})", "either 'value' or 'value_base64'"},
    };
    for (const auto& [line, says] : table) {
        const auto read = read_record_line(line);
        ASSERT_TRUE(read.has_error()) << line;
        EXPECT_NE(read.error().text().find(says), std::string::npos) << line << ": " << read.error().text();
    }
    const auto least = read_record_line(R"({"key":null,"value":""})").value();
    EXPECT_EQ(least.partition, -1);
    EXPECT_EQ(least.timestamp_ms, -1);
}

TEST(ReplayState, is_kept_and_read_back) {
    const auto path =
        (std::filesystem::temp_directory_path() / ("ottla-replay-" + std::to_string(::getpid()))).string();
    EXPECT_FALSE(load_replay_state(path));
    ReplayState state;
    state.cluster_id = "c1";
    state.topic = "or\"ders";
    state.topic_id = "id";
    state.choice = "key=\n";
    state.tail_crc = 0xffffffff;
    state.file_bytes = 1'234'567'890'123;
    state.offsets = {{0, 17}, {12, 0}};
    save_replay_state(path, state);
    const auto read = load_replay_state(path).value();
    EXPECT_EQ(differs(read, state), "");
    EXPECT_EQ(read.tail_crc, state.tail_crc);
    EXPECT_EQ(read.file_bytes, state.file_bytes);
    EXPECT_EQ(read.offsets, state.offsets);
    for (
        const char* wrong :
        {"", "[]", "{}", R"({"topic":"t","file_bytes":1,"offsets":{}})",
         R"({"cluster_id":"c","topic":"t","topic_id":"i","choice":"","tail_crc":1,"file_bytes":-1,"offsets":{}})",
         R"({"cluster_id":"c","topic":"t","topic_id":"i","choice":"","tail_crc":1,"file_bytes":1,"offsets":{"x":1}})",
         R"({"cluster_id":"c","topic":"t","topic_id":"i","choice":"","file_bytes":1,"offsets":{}})",
         R"({"cluster_id":"c","topic":"t","topic_id":"i","choice":"","tail_crc":1,"file_bytes":1,"offsets":{"1":"x"}})"}) {
        std::ofstream(path, std::ios::trunc) << wrong;
        EXPECT_THROW((void)load_replay_state(path), std::runtime_error) << wrong;
    }
    std::filesystem::remove(path);
}

TEST(ReplayState, of_something_else_is_told) {
    ReplayState saved;
    saved.cluster_id = "c1";
    saved.topic = "t";
    saved.topic_id = "i";
    saved.choice = "key=";
    const auto why = [&](std::string ReplayState::*member) {
        ReplayState now = saved;
        now.*member = "other";
        return differs(saved, now);
    };
    EXPECT_EQ(why(&ReplayState::cluster_id), "of another cluster, 'c1' and not 'other'");
    EXPECT_EQ(why(&ReplayState::topic), "of another topic, 't' and not 'other'");
    EXPECT_EQ(why(&ReplayState::topic_id), "of another topic of this name, 'i' and not 'other'");
    EXPECT_EQ(why(&ReplayState::choice), "of another choice, 'key=' and not 'other'");
}

TEST(ReplayState, a_file_is_known_by_its_last_4_KiB) {
    const auto path = (std::filesystem::temp_directory_path() / ("ottla-tail-" + std::to_string(::getpid()))).string();
    const auto crc_of = [&](const std::string& text, std::uint64_t bytes) {
        std::ofstream(path, std::ios::trunc | std::ios::binary) << text;
        return tail_crc_of(path, bytes);
    };
    EXPECT_EQ(crc_of("", 0), 0U);
    EXPECT_EQ(crc_of("abc", 3), crc_of("abcmore", 3));
    EXPECT_NE(crc_of("abc", 3), crc_of("abd", 3));
    const std::string tail(4096, 't');
    EXPECT_EQ(crc_of("one" + tail, 4099), crc_of("two" + tail, 4099));
    EXPECT_THROW((void)crc_of("abc", 4), std::runtime_error);
    std::filesystem::remove(path);
}

}  // namespace
}  // namespace ottla::tools
