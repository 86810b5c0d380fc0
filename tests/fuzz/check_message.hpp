// SPDX-License-Identifier: Apache-2.0
// What must hold when any bytes are decoded as any message: memory stays within the budget of the frame, and what
// was understood can be written, read and written again to the same bytes.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string_view>

#include <ottla/protocol/messages.hpp>
#include <ottla/protocol/reader.hpp>
#include <ottla/protocol/writer.hpp>

#include "tests/support/counted_memory.hpp"

namespace ottla::tests {

inline void expect(bool condition, const char* what, std::string_view message, std::int16_t version) {
    if (condition) return;
    std::fprintf(stderr, "%.*s v%d: %s\n", static_cast<int>(message.size()), message.data(), version, what);
    std::abort();
}

// Returns whether the bytes were understood.
template <class T>
bool check_message(const Bytes& frame, std::int16_t version) {
    using namespace ottla::protocol;
    const auto holds = [&](bool condition, const char* what) { expect(condition, what, T::message_name, version); };
    const std::size_t most = 64 * frame.size() + 64 * 1024;
    T message;
    bool understood = false;
    for (int round = 0; round < 2; ++round) {  // the second time into what the first has left
        const std::size_t before = live_memory();
        reset_peak_memory();
        Reader reader(frame);
        { understood = decode(reader, message, version).has_value(); }
        holds(peak_memory() <= before + most, "decoding takes more than 64 times the frame and 64 KiB");
    }
    if (!understood) return false;
    Writer writer;
    holds(encode(writer, message, version).has_value(), "what was decoded can't be encoded");
    const Bytes once = writer.finish().flatten().value();
    Reader reader(once);
    T again;
    holds(decode(reader, again, version).has_value(), "what was encoded can't be decoded");
    holds(reader.remaining() == 0, "decoding leaves bytes over");
    holds(encode(writer, again, version).has_value(), "what was decoded again can't be encoded");
    holds(writer.finish().flatten().value() == once, "encoding is not stable");
    holds(encoded_size(message, version).value() == once.size(), "the size is not that of the bytes");
    return true;
}

struct CheckedMessage {
    std::string_view name;
    std::string_view type;
    ottla::protocol::VersionRange versions;
    bool (*check)(const Bytes&, std::int16_t);
};

inline constexpr CheckedMessage checked_messages[] = {
#define OTTLA_MESSAGE(Name, type) {#Name, type, protocol::Name::versions, &check_message<protocol::Name>},
#include <ottla/protocol/message_table.inc>
#undef OTTLA_MESSAGE
};

}  // namespace ottla::tests
