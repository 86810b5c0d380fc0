// SPDX-License-Identifier: Apache-2.0
// Messages chosen at run time by their name. In a target of its own, ottla::any_message, for it knows all of them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <ottla/protocol/version_range.hpp>
#include <ottla/result.hpp>

namespace ottla::protocol {

class Reader;
class Writer;

struct MessageInfo {
    std::string_view name;
    // "request", "response", "header", "data", "metadata", "coordinator-key", "coordinator-value"
    std::string_view type;
    VersionRange versions;
    std::int16_t api_key;  // -1 when the spec has none

    // What AnyMessage does with the struct of this name.
    void* (*make)();
    void (*destroy)(void*) noexcept;
    Result<void> (*decode)(Reader&, void*, std::int16_t version);
    Result<void> (*encode)(Writer&, const void*, std::int16_t version);
    Result<std::size_t> (*encoded_size)(const void*, std::int16_t version);
};

// All messages with versions, in the order of their names.
std::span<const MessageInfo> all_messages() noexcept;
// Null when this release has no such message.
const MessageInfo* find_message(std::string_view name) noexcept;

// A message of any kind, at its defaults when made. `info` is one of all_messages().
class AnyMessage {
public:
    explicit AnyMessage(const MessageInfo& info) : info_(&info), value_(info.make(), info.destroy) {}
    const MessageInfo& info() const noexcept { return *info_; }
    void* value() noexcept { return value_.get(); }
    const void* value() const noexcept { return value_.get(); }

private:
    const MessageInfo* info_;
    std::unique_ptr<void, void (*)(void*) noexcept> value_;
};

// As for every message.
inline Result<void> decode(Reader& reader, AnyMessage& message, std::int16_t version) {
    return message.info().decode(reader, message.value(), version);
}
inline Result<void> encode(Writer& writer, const AnyMessage& message, std::int16_t version) {
    return message.info().encode(writer, message.value(), version);
}
inline Result<std::size_t> encoded_size(const AnyMessage& message, std::int16_t version) {
    return message.info().encoded_size(message.value(), version);
}

}  // namespace ottla::protocol
