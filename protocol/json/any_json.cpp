// SPDX-License-Identifier: Apache-2.0
#include <iterator>

#include <ottla/protocol/any_message.hpp>
#include <ottla/protocol/json.hpp>

namespace ottla::protocol {
namespace {

// In the order of all_messages().
struct JsonOf {
    Result<boost::json::value> (*write)(const void*, std::int16_t version, boost::json::storage_ptr);
    Result<void> (*read)(const boost::json::value&, void*, std::int16_t version);
};

template <class T>
constexpr JsonOf json_of = {
    [](const void* m, std::int16_t version, boost::json::storage_ptr memory) {
        return to_json(*static_cast<const T*>(m), version, std::move(memory));
    },
    [](const boost::json::value& json, void* m, std::int16_t version) {
        return from_json(json, *static_cast<T*>(m), version);
    },
};

constexpr JsonOf messages[] = {
#define OTTLA_MESSAGE(Name, type) json_of<Name>,
#include <ottla/protocol/message_table.inc>
#undef OTTLA_MESSAGE
};

const JsonOf& of(const AnyMessage& message) noexcept { return messages[&message.info() - all_messages().data()]; }

}  // namespace

Result<boost::json::value> to_json(const AnyMessage& message, std::int16_t version, boost::json::storage_ptr memory) {
    return of(message).write(message.value(), version, std::move(memory));
}

Result<void> from_json(const boost::json::value& json, AnyMessage& message, std::int16_t version) {
    return of(message).read(json, message.value(), version);
}

}  // namespace ottla::protocol
