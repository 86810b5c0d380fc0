// SPDX-License-Identifier: Apache-2.0
#include "broker/log/dump/java_text.hpp"

#include <algorithm>

namespace ottla::broker::log::dump {
namespace {

struct Sequence {
    std::size_t bytes;
    bool valid;
};

// A second byte within [low, high] can follow the first.
struct SecondByte {
    std::uint8_t low, high;
};

SecondByte second_of(std::uint8_t first) {
    switch (first) {
        case 0xE0: return {0xA0, 0xBF};
        case 0xF0: return {0x90, 0xBF};
        case 0xF4: return {0x80, 0x8F};
        default: return {0x80, 0xBF};
    }
}

Sequence sequence_at(ByteSpan bytes) {
    const std::uint8_t first = bytes[0];
    if (first < 0x80) return {1, true};
    if (first < 0xC2 || first > 0xF4) return {1, false};
    const std::size_t wanted = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    const auto [low, high] = second_of(first);
    std::size_t have = 1;
    if (bytes.size() > 1 && bytes[1] >= low && bytes[1] <= high) {
        ++have;
        while (have < std::min(wanted, bytes.size()) && (bytes[have] & 0xC0) == 0x80) ++have;
    }
    // Half of a surrogate pair: all three bytes are one fault to Java.
    const bool surrogate = have == 3 && first == 0xED && bytes[1] >= 0xA0;
    return {have, have == wanted && !surrogate};
}

}  // namespace

void append_java_text(ByteSpan bytes, std::string& out) {
    while (!bytes.empty()) {
        const Sequence next = sequence_at(bytes);
        if (next.valid)
            out += as_text(bytes.first(next.bytes));
        else
            out += "\xEF\xBF\xBD";
        bytes = bytes.subspan(next.bytes);
    }
}

}  // namespace ottla::broker::log::dump
