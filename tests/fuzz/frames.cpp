// SPDX-License-Identifier: Apache-2.0
// What a stranger sends to the port: any bytes in any pieces are cut into frames, and each frame's request header is
// read. No frame is above the limit, none overlaps another, an error is final.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include <ottla/protocol/api_key.hpp>
#include <ottla/protocol/messages/request_header.hpp>
#include <ottla/protocol/reader.hpp>

#include "net/frame_buffer.hpp"

namespace {

using namespace ottla;

void expect(bool condition) {
    if (!condition) std::abort();
}

void read_header(const Bytes& frame) {
    protocol::Reader start(frame);
    const auto key = static_cast<protocol::ApiKey>(start.int16());
    const std::int16_t version = start.int16();
    if (start.failed() || !protocol::versions(key).contains(version)) return;
    protocol::Reader reader(frame);
    protocol::RequestHeader header;
    if (!decode(reader, header, protocol::request_header_version(key, version))) return;
    expect(header.request_api_version == version);
    expect(reader.position() + reader.remaining() == frame.size());
}

}  // namespace

// The first byte decides the limit, the second the size of reads.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::size_t frame_max = std::size_t{1} << (data[0] % 24);
    const std::size_t step = 1 + data[1];
    ByteSpan stream(data + 2, size - 2);
    static base::BufferPool pool(1 << 20);
    net::FrameBuffer frames(pool, frame_max);
    std::vector<Bytes> held;
    std::size_t cut = 0;
    while (!stream.empty()) {
        const auto room = frames.prepare();
        expect(!room.empty());
        const std::size_t count = std::min({room.size(), step, stream.size()});
        std::copy_n(stream.data(), count, room.data());
        frames.commit(count);
        stream = stream.subspan(count);
        for (;;) {
            auto frame = frames.next();
            if (!frame) {
                expect(!frames.next());
                expect(!net::describe_garbage(frames.peek()).empty());
                return 0;
            }
            if (!frame->has_value()) break;
            const Bytes& bytes = **frame;
            expect(bytes.size() <= frame_max);
            expect(std::equal(bytes.begin(), bytes.end(), data + 2 + cut + 4));
            cut += 4 + bytes.size();
            read_header(bytes);
            if (held.size() < 8) held.push_back(bytes);
        }
        expect(cut + frames.pending() + stream.size() == size - 2);
    }
    std::size_t at = 2;
    for (const Bytes& bytes : held) {  // nobody wrote over them
        expect(std::equal(bytes.begin(), bytes.end(), data + at + 4));
        at += 4 + bytes.size();
    }
    return 0;
}
