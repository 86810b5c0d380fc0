// SPDX-License-Identifier: Apache-2.0
#include "protocol/codec/walk.hpp"

#include <algorithm>
#include <iterator>

#include "protocol/codec/decoder.hpp"
#include "protocol/codec/encoder.hpp"

namespace ottla::protocol::detail {

Error WriteFailure::error(std::string_view message, std::int16_t version) const {
    return Error::of(code, std::string(message) + " v" + std::to_string(version) + ": field '" + field + "' " + reason);
}

Error no_such_version(std::string_view message, VersionRange versions, std::int16_t version) {
    return Error::of(ErrorCode::unsupported_version,
                     std::string(message) + " has no version " + std::to_string(version) + ", only " +
                         std::to_string(versions.min) + " to " + std::to_string(versions.max));
}

void Encoder::Tags::unknown_before(std::uint64_t tag) {
    for (; next < others.size() && others[next].tag <= tag; ++next) {
        const TaggedField& field = others[next];
        if (field.tag == tag || (next > 0 && others[next - 1].tag >= field.tag))
            failure.set("unknown_tagged_fields", "repeats a tag or is not in rising order",
                        ErrorCode::invalid_argument);
        writer.unsigned_varint(field.tag);
        writer.unsigned_varint(static_cast<std::uint32_t>(field.data.size()));
        writer.splice(field.data);
    }
}

void Encoder::write_unknown(Writer& writer, WriteFailure& failure, const TaggedFields& fields) {
    writer.unsigned_varint(static_cast<std::uint32_t>(fields.size()));
    Tags{writer, failure, fields}.unknown_before(std::uint64_t{1} << 32);
}

void Decoder::failed(Reader* reader, const std::uint8_t* at, const char* reason) {
    if (reader->failed()) return;
    if (at) reader->at_ = at;
    reader->fail(reason);
}

Decoder::Raw Decoder::slow_varint(const std::uint8_t* at, const std::uint8_t* end) {
    std::uint32_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        if (at == end) return {nullptr, 0};
        const std::uint8_t byte = *at++;
        value |= static_cast<std::uint32_t>(byte & 0x7f) << shift;
        if (byte < 0x80) return {at, value};
    }
    return {nullptr, 0};
}

void Decoder::keep_unknown(TaggedFields& fields, std::uint32_t tag, std::size_t size) {
    if (fields.size() == fields.capacity()) {
        const std::size_t grown = std::max<std::size_t>(4, 2 * fields.capacity());
        if (!charge(grown * sizeof(TaggedField))) return;
        fields.reserve(grown);
    }
    // The wire has them in rising order; a peer that does not keep to it is understood all the same.
    if (!fields.insert({tag, reader_->frame_.slice({at_, size})})) return fail("a tagged field is repeated");
    at_ += size;
}

}  // namespace ottla::protocol::detail
