// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>

#include <ottla/protocol/json.hpp>
#include <ottla/protocol/messages.hpp>
#include <ottla/protocol/reader.hpp>
#include <ottla/protocol/writer.hpp>

namespace ottla::protocol {
namespace {

template <class T>
Result<T> read_whole(Reader& bytes, std::int16_t version) {
    T message;
    if (auto read = ottla::protocol::decode(bytes, message, version); !read) return read.error();
    if (auto end = bytes.end(T::message_name); !end) return end.error();
    return message;
}

template <class T>
Result<void> transcode(Reader& bytes, std::int16_t version, boost::json::value& json, Writer& again) {
    auto message = read_whole<T>(bytes, version);
    if (!message) return message.error();
    auto made = to_json(*message, version, json.storage());
    if (!made) return made.error();
    json = std::move(*made);
    return ottla::protocol::encode(again, *message, version);
}

template <class T>
Result<boost::json::value> decode(Reader& bytes, std::int16_t version) {
    auto message = read_whole<T>(bytes, version);
    if (!message) return message.error();
    return to_json(*message, version);
}

template <class T>
Result<void> encode(const boost::json::value& json, std::int16_t version, Writer& out) {
    T message;
    if (auto read = from_json(json, message, version); !read) return read;
    return ottla::protocol::encode(out, message, version);
}

template <class T>
constexpr std::int16_t key_of() {
    if constexpr (requires { T::api_key; }) return T::api_key;
    return -1;
}

constexpr MessageInfo messages[] = {
#define OTTLA_MESSAGE(Name, type) \
    {#Name, type, Name::versions, key_of<Name>(), &transcode<Name>, &decode<Name>, &encode<Name>},
#include <ottla/protocol/message_table.inc>
#undef OTTLA_MESSAGE
};

}  // namespace

std::span<const MessageInfo> all_messages() noexcept { return messages; }

const MessageInfo* find_message(std::string_view name) noexcept {
    const auto* found = std::lower_bound(std::begin(messages), std::end(messages), name,
                                         [](const MessageInfo& m, std::string_view n) { return m.name < n; });
    return found != std::end(messages) && found->name == name ? found : nullptr;
}

}  // namespace ottla::protocol
