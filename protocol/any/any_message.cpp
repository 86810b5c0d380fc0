// SPDX-License-Identifier: Apache-2.0
#include <ottla/protocol/any_message.hpp>

#include <algorithm>
#include <iterator>

#include <ottla/protocol/messages.hpp>

namespace ottla::protocol {
namespace {

template <class T>
constexpr MessageInfo info(std::string_view name, std::string_view type) {
    MessageInfo about{name, type, T::versions, -1, {}, {}, {}, {}, {}};
    if constexpr (requires { T::api_key; }) about.api_key = T::api_key;
    about.make = [] { return static_cast<void*>(new T()); };
    about.destroy = [](void* m) noexcept { delete static_cast<T*>(m); };
    about.decode = [](Reader& reader, void* m, std::int16_t v) { return decode(reader, *static_cast<T*>(m), v); };
    about.encode = [](Writer& writer, const void* m, std::int16_t v) {
        return encode(writer, *static_cast<const T*>(m), v);
    };
    about.encoded_size = [](const void* m, std::int16_t v) { return encoded_size(*static_cast<const T*>(m), v); };
    return about;
}

constexpr MessageInfo messages[] = {
#define OTTLA_MESSAGE(Name, type) info<Name>(#Name, type),
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
