// SPDX-License-Identifier: Apache-2.0
#include "protocol/wire/wire.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <istream>
#include <iterator>
#include <ostream>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>

#include <ottla/protocol/any_message.hpp>
#include <ottla/protocol/json.hpp>
#include <ottla/protocol/reader.hpp>
#include <ottla/protocol/writer.hpp>

#include "protocol/wire/hex.hpp"

namespace ottla::protocol {
namespace {

namespace json = boost::json;

std::string read_all(std::istream& in) { return {std::istreambuf_iterator<char>(in), {}}; }

// The message, when this release has it in that version.
Result<const MessageInfo*> find(std::string_view name, int version) {
    const MessageInfo* info = find_message(name);
    if (!info) return Error::of(ErrorCode::invalid_argument, "there is no message '" + std::string(name) + "'");
    if (version < info->versions.min || version > info->versions.max)
        return Error::of(ErrorCode::unsupported_version,
                         std::string(name) + " has no version " + std::to_string(version) + ", only " +
                             std::to_string(info->versions.min) + " to " + std::to_string(info->versions.max));
    return info;
}

Result<void> decode_whole(Reader& bytes, AnyMessage& message, std::int16_t version) {
    if (auto read = decode(bytes, message, version); !read) return read;
    return bytes.end(message.info().name);
}

int failed(const Error& error, std::ostream& err) {
    err << "wire: " << error.text() << "\n";
    return 1;
}

// One line of wire_lines; reuses its memory from line to line.
class LineTranscoder {
public:
    // Appends the answer to `out`.
    void run(std::string_view line, std::string& out) {
        const std::size_t start = out.size();
        if (auto done = transcode(line, out); !done) {
            out.resize(start);
            out += "ERROR\t";
            append_one_line(done.error().text(), out);
        }
        out += '\n';
    }

private:
    static Result<void> bad(const char* why) { return Error::of(ErrorCode::invalid_argument, why); }

    Result<void> transcode(std::string_view line, std::string& out) {
        const auto first = line.find('\t');
        const auto second = first == line.npos ? line.npos : line.find('\t', first + 1);
        if (second == line.npos) return bad("the line is not NAME, VERSION and HEX with tabs between");
        const std::string_view version_text = line.substr(first + 1, second - first - 1);
        int version = -1;
        const auto parsed = std::from_chars(version_text.data(), version_text.data() + version_text.size(), version);
        if (version_text.empty() || parsed.ec != std::errc{} || parsed.ptr != version_text.data() + version_text.size())
            return bad("the version is not a number");
        const auto info = find(line.substr(0, first), version);
        if (!info) return info.error();
        auto bytes = parse_hex(line.substr(second + 1));
        if (!bytes) return bad("the bytes are not hexadecimal");

        json::monotonic_resource memory(block_.data(), block_.size());
        json::value value(&memory);
        Reader reader(std::move(*bytes));
        if (auto done = protocol::transcode(**info, reader, static_cast<std::int16_t>(version), value, writer_);
            !done) {
            writer_.finish();
            return done;
        }
        out.append(line.substr(0, second + 1));
        append_text(value, out);
        out += '\t';
        const Chain again = writer_.finish();
        for (const auto& piece : again.pieces()) append_hex(std::get<Bytes>(piece), out);
        return ok();
    }

    static void append_one_line(std::string_view text, std::string& out) {
        for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }

    std::array<unsigned char, 64 * 1024> block_;
    Writer writer_{4096};
};

}  // namespace

Result<void> transcode(const MessageInfo& info, Reader& bytes, std::int16_t version, json::value& value,
                       Writer& again) {
    AnyMessage message(info);
    if (auto read = decode_whole(bytes, message, version); !read) return read;
    auto made = to_json(message, version, value.storage());
    if (!made) return made.error();
    value = std::move(*made);
    return encode(again, message, version);
}

int wire_decode(const WireMessage& message, std::istream& in, std::ostream& out, std::ostream& err) {
    const auto info = find(message.name, message.version);
    if (!info) return failed(info.error(), err);
    std::string input = read_all(in);
    std::optional<Bytes> bytes = message.hex ? parse_hex(input) : Bytes::from(std::move(input));
    if (!bytes) return failed(Error::of(ErrorCode::invalid_argument, "the input is not hexadecimal"), err);
    Reader reader(std::move(*bytes));
    AnyMessage read(**info);
    const auto version = static_cast<std::int16_t>(message.version);
    if (auto done = decode_whole(reader, read, version); !done) return failed(done.error(), err);
    const auto value = to_json(read, version);
    if (!value) return failed(value.error(), err);
    out << to_text(*value) << '\n';
    return 0;
}

int wire_encode(const WireMessage& message, std::istream& in, std::ostream& out, std::ostream& err) {
    const auto info = find(message.name, message.version);
    if (!info) return failed(info.error(), err);
    boost::system::error_code bad_json;
    const json::value value = json::parse(read_all(in), bad_json);
    if (bad_json)
        return failed(Error::of(ErrorCode::invalid_argument, "the input is not JSON: " + bad_json.message()), err);
    AnyMessage read(**info);
    const auto version = static_cast<std::int16_t>(message.version);
    if (auto done = from_json(value, read, version); !done) return failed(done.error(), err);
    Writer writer;
    if (auto done = encode(writer, read, version); !done) return failed(done.error(), err);
    const auto bytes = writer.finish().flatten();
    if (!bytes) return failed(bytes.error(), err);
    if (message.hex) {
        std::string text;
        append_hex(*bytes, text);
        out << text << '\n';
    } else {
        out << bytes->text();
    }
    return 0;
}

int wire_lines(std::istream& in, std::ostream& out) {
    LineTranscoder transcoder;
    std::string line, answers;
    while (std::getline(in, line)) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (line.empty()) continue;
        transcoder.run(line, answers);
        if (answers.size() < 64 * 1024 && in.rdbuf()->in_avail() > 0) continue;
        out << answers;
        answers.clear();
        out.flush();
    }
    out << answers;
    out.flush();
    return out ? 0 : 1;
}

int wire_list(std::ostream& out) {
    for (const MessageInfo& info : all_messages()) {
        out << info.name << '\t' << info.type << '\t' << (info.api_key < 0 ? "-" : std::to_string(info.api_key)) << '\t'
            << info.versions.min;
        if (info.versions.max != info.versions.min) out << '-' << info.versions.max;
        out << '\n';
    }
    return out ? 0 : 1;
}

}  // namespace ottla::protocol
