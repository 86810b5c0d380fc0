// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/check_message.hpp"

#include <cstdio>
#include <cstdlib>

#include <ottla/protocol/reader.hpp>
#include <ottla/protocol/writer.hpp>

#include "tests/support/counted_memory.hpp"

namespace ottla::tests {

bool check_message(const protocol::MessageInfo& info, const Bytes& frame, std::int16_t version) {
    using namespace ottla::protocol;
    const auto holds = [&](bool condition, const char* what) {
        if (condition) return;
        std::fprintf(stderr, "%.*s v%d: %s\n", static_cast<int>(info.name.size()), info.name.data(), version, what);
        std::abort();
    };
    const std::size_t most = 64 * frame.size() + 64 * 1024;
    AnyMessage message(info);
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
    AnyMessage again(info);
    holds(decode(reader, again, version).has_value(), "what was encoded can't be decoded");
    holds(reader.remaining() == 0, "decoding leaves bytes over");
    holds(encode(writer, again, version).has_value(), "what was decoded again can't be encoded");
    holds(writer.finish().flatten().value() == once, "encoding is not stable");
    holds(encoded_size(message, version).value() == once.size(), "the size is not that of the bytes");
    return true;
}

}  // namespace ottla::tests
