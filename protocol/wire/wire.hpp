// SPDX-License-Identifier: Apache-2.0
// What `ottla wire` and `ottla-wire` do, without the command line: messages by name between bytes and JSON.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>

#include <boost/json/value.hpp>

#include <ottla/result.hpp>

namespace ottla::protocol {

class Reader;
class Writer;
struct MessageInfo;

// Reads the whole of `bytes`, makes JSON of it in the memory of `json`, and writes it again.
Result<void> transcode(const MessageInfo&, Reader& bytes, std::int16_t version, boost::json::value& json,
                       Writer& again);

struct WireMessage {
    std::string name;
    int version = 0;
    bool hex = false;  // the bytes are hexadecimal text; spaces and line ends in it do not count
};

// Bytes on `in` → one line of JSON. Returns 0, or 1 after a sentence on `err`.
int wire_decode(const WireMessage&, std::istream& in, std::ostream& out, std::ostream& err);
// JSON on `in` → bytes, or a line of hexadecimal.
int wire_encode(const WireMessage&, std::istream& in, std::ostream& out, std::ostream& err);
// NAME<TAB>VERSION<TAB>HEX a line → NAME<TAB>VERSION<TAB>JSON<TAB>HEX, the last being what was decoded, encoded
// again; or ERROR<TAB>reason. Goes on to the end of `in`.
int wire_lines(std::istream& in, std::ostream& out);
// NAME<TAB>TYPE<TAB>API KEY or -<TAB>VERSIONS a line.
int wire_list(std::ostream& out);

}  // namespace ottla::protocol
