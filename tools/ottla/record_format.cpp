// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/record_format.hpp"

#include <cctype>
#include <ctime>
#include <optional>

#include <fmt/format.h>

#include "base/base64.hpp"

namespace ottla::tools {

class RecordFormat::Parser {
public:
    Parser(std::string_view text, bool inside_headers) : text_(text), inside_headers_(inside_headers) {}

    Result<std::vector<Piece>> run() {
        while (at_ < text_.size()) {
            const char c = text_[at_++];
            if (c == '%') {
                if (auto done = percent(); done.has_error()) return done.error();
            } else if (c == '\\') {
                if (auto done = escape(); done.has_error()) return done.error();
            } else {
                literal(c);
            }
        }
        return std::move(pieces_);
    }

private:
    Error wrong(std::string_view what) const {
        return Error::of(
            ErrorCode::invalid_argument,
            fmt::format("-f: {} at character {} of '{}'; 'ottla consume --help' lists the letters", what, at_, text_));
    }

    void literal(char c) {
        if (pieces_.empty() || pieces_.back().what != What::literal) pieces_.emplace_back();
        pieces_.back().text += c;
    }

    Result<void> escape() {
        if (at_ == text_.size()) return wrong("a lone \\");
        switch (const char c = text_[at_++]) {
            case 'n': literal('\n'); break;
            case 't': literal('\t'); break;
            case 'r': literal('\r'); break;
            case '0': literal('\0'); break;
            case '\\': literal('\\'); break;
            case 'x': {
                unsigned value = 0;
                for (int i = 0; i < 2; ++i, ++at_) {
                    if (at_ == text_.size() || !std::isxdigit(static_cast<unsigned char>(text_[at_])))
                        return wrong("\\x without two hexadecimal digits");
                    const char digit = text_[at_];
                    value = value * 16 + static_cast<unsigned>(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
                }
                literal(static_cast<char>(value));
                break;
            }
            default: return wrong(fmt::format("\\{} means nothing", c));
        }
        return {};
    }

    Result<void> percent() {
        if (at_ == text_.size()) return wrong("a lone %");
        const char letter = text_[at_++];
        if (letter == '%') {
            literal('%');
            return {};
        }
        Piece piece;
        const auto what = meaning(letter);
        if (!what) return wrong(fmt::format("%{} means nothing{}", letter, inside_headers_ ? " inside %h{}" : ""));
        piece.what = *what;
        if (at_ < text_.size() && text_[at_] == '{') {
            auto inside = braces();
            if (inside.has_error()) return inside.error();
            if (auto done = modify(piece, *inside); done.has_error()) return done.error();
        }
        pieces_.push_back(std::move(piece));
        return {};
    }

    std::optional<What> meaning(char letter) const {
        switch (letter) {
            case 'k': return What::key;
            case 'v': return What::value;
            case 'K': return What::key_size;
            case 'V': return What::value_size;
            default: break;
        }
        if (inside_headers_) return {};
        switch (letter) {
            case 't': return What::topic;
            case 'p': return What::partition;
            case 'o': return What::offset;
            case 'e': return What::leader_epoch;
            case 'd': return What::timestamp;
            case 'h': return What::plain_headers;
            case 'T': return What::topic_size;
            case 'H': return What::header_count;
            case 'i': return What::number;
            default: return {};
        }
    }

    // What stands between this brace and the one that closes it.
    Result<std::string_view> braces() {
        const std::size_t begin = ++at_;
        for (int depth = 1; at_ < text_.size(); ++at_) {
            if (text_[at_] == '{') ++depth;
            if (text_[at_] == '}' && --depth == 0) return text_.substr(begin, at_++ - begin);
        }
        return wrong("a { without its }");
    }

    Result<void> modify(Piece& piece, std::string_view how) {
        if (piece.what == What::plain_headers) {
            auto inside = Parser(how, true).run();
            if (inside.has_error()) return inside.error();
            piece.what = What::headers;
            piece.inside = std::move(*inside);
            return {};
        }
        if (piece.what == What::timestamp && how.starts_with("strftime[") && how.ends_with("]")) {
            piece.text = how.substr(9, how.size() - 10);
            return {};
        }
        if (piece.what == What::key || piece.what == What::value) {
            if (how == "hex") {
                piece.encoding = Encoding::hex;
                return {};
            }
            if (how == "base64") {
                piece.encoding = Encoding::base64;
                return {};
            }
        }
        return wrong(fmt::format("{{{}}} means nothing here", how));
    }

    std::string_view text_;
    std::size_t at_ = 0;
    bool inside_headers_;
    std::vector<Piece> pieces_;
};

Result<RecordFormat> RecordFormat::parse(std::string_view text) {
    auto pieces = Parser(text, false).run();
    if (pieces.has_error()) return pieces.error();
    RecordFormat format;
    format.pieces_ = std::move(*pieces);
    return format;
}

namespace {

std::int64_t size_of(BytesView bytes) { return bytes.is_null() ? -1 : static_cast<std::int64_t>(bytes.size()); }

template <class Integer>
void append_number(Integer number, std::string& to) {
    const fmt::format_int digits(number);
    to.append(digits.data(), digits.size());
}

void append_time(std::int64_t timestamp_ms, const std::string& format, std::string& to) {
    const auto seconds = static_cast<std::time_t>(timestamp_ms / 1000);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    char text[256];
    to.append(text, std::strftime(text, sizeof text, format.c_str(), &utc));
}

}  // namespace

void RecordFormat::append(BytesView bytes, Encoding encoding, std::string& to) {
    switch (encoding) {
        case Encoding::plain: to += bytes.text(); break;
        case Encoding::base64: to += base::base64_encode(bytes.span()); break;
        case Encoding::hex:
            for (const std::uint8_t byte : bytes.span()) fmt::format_to(std::back_inserter(to), "{:02x}", byte);
            break;
    }
}

void RecordFormat::append(const Header& header, const std::vector<Piece>& pieces, std::string& to) {
    for (const Piece& piece : pieces) {
        switch (piece.what) {
            case What::key: append(BytesView(header.name), piece.encoding, to); break;
            case What::value: append(header.value, piece.encoding, to); break;
            case What::key_size: append_number(header.name.size(), to); break;
            case What::value_size: append_number(size_of(header.value), to); break;
            default: to += piece.text; break;
        }
    }
}

void RecordFormat::append(const Message& message, std::string& to) {
    ++number_;
    for (const Piece& piece : pieces_) {
        switch (piece.what) {
            case What::literal: to += piece.text; break;
            case What::topic: to += message.topic(); break;
            case What::partition: append_number(message.partition(), to); break;
            case What::offset: append_number(message.offset(), to); break;
            case What::leader_epoch: append_number(message.leader_epoch(), to); break;
            case What::key: append(message.key(), piece.encoding, to); break;
            case What::value: append(message.value(), piece.encoding, to); break;
            case What::topic_size: append_number(message.topic().size(), to); break;
            case What::key_size: append_number(size_of(message.key()), to); break;
            case What::value_size: append_number(size_of(message.value()), to); break;
            case What::header_count: append_number(message.header_count(), to); break;
            case What::number: append_number(number_, to); break;
            case What::timestamp:
                if (piece.text.empty())
                    append_number(message.timestamp_ms(), to);
                else
                    append_time(message.timestamp_ms(), piece.text, to);
                break;
            case What::headers:
                for (const Header& header : message.headers()) append(header, piece.inside, to);
                break;
            case What::plain_headers: {
                std::string_view between;
                for (const Header& header : message.headers()) {
                    to += between;
                    to += header.name;
                    to += '=';
                    to += header.value.text();
                    between = ",";
                }
                break;
            }
        }
    }
}

}  // namespace ottla::tools
