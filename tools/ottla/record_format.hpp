// SPDX-License-Identifier: Apache-2.0
// RecordFormat: how `ottla consume -f` prints a record. The letters are those of rpk and kcl:
//   %t topic  %p partition  %o offset  %e leader epoch  %d timestamp (ms)  %d{strftime[%F %T]} in UTC
//   %k key  %v value  %h headers as k=v,k=v  %h{%k: %v } each header so
//   %T %K %V lengths of topic, key, value (-1: null)  %H how many headers  %i counts from 1
//   %k{hex} %k{base64} and the same for %v  %% a percent sign; \n \t \r \\ \0 \xNN as in C.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <ottla/message.hpp>

namespace ottla::tools {

class RecordFormat {
public:
    // invalid_argument names what is wrong and where.
    static Result<RecordFormat> parse(std::string_view);

    void append(const Message&, std::string& to);

private:
    enum class What : std::uint8_t {
        literal,
        topic,
        partition,
        offset,
        leader_epoch,
        timestamp,
        key,
        value,
        headers,
        topic_size,
        key_size,
        value_size,
        header_count,
        number,
        plain_headers,
    };
    enum class Encoding : std::uint8_t { plain, hex, base64 };
    struct Piece {
        What what = What::literal;
        Encoding encoding = Encoding::plain;
        std::string text;           // of a literal; the strftime format of a timestamp
        std::vector<Piece> inside;  // of headers
    };
    class Parser;

    static void append(BytesView, Encoding, std::string& to);
    static void append(const Header&, const std::vector<Piece>&, std::string& to);

    std::vector<Piece> pieces_;
    std::uint64_t number_ = 0;
};

}  // namespace ottla::tools
