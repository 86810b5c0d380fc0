// SPDX-License-Identifier: Apache-2.0
// Encoder: writes a message into a Writer. Lives in registers while the walk is inlined around it; only the slow
// paths touch the Writer.
#pragma once

#include <bit>
#include <cstring>

#include <ottla/protocol/writer.hpp>

#include "protocol/codec/walk.hpp"

namespace ottla::protocol::detail {

class Encoder {
public:
    static constexpr bool in_order = false;

    explicit Encoder(Writer& writer, WriteFailure& failure) : writer_(&writer), failure_(&failure) { resume(); }
    void finish() { writer_->at_ = at_; }

    // All fields of a message or nested struct.
    template <class T>
    void fields(const T& s, std::int16_t v) {
        static_assert(Walk<T>::unasked <= Writer::unasked);
        ensure(0);
        Walk<T>::fields(*this, s, v);
    }

    template <class T>
    void value(const char*, const T& v) {
        put(v);
    }

    template <class... T>
    void values(Named<T>... fields) {
        (put(fields.value), ...);
    }

    void string(const char* name, const std::string& s, bool compact) {
        ensure(s.size());
        if (compact) {
            put_varint(static_cast<std::uint32_t>(s.size() + 1));
        } else {
            if (s.size() > 32767) [[unlikely]]
                failure_->set(name, too_long, ErrorCode::invalid_argument);
            put(static_cast<std::int16_t>(s.size()));
        }
        put_raw(s.data(), s.size());
    }
    void string(const char* name, const std::optional<std::string>& s, bool compact, bool nullable) {
        if (s) [[likely]]
            return string(name, *s, compact);
        null<std::int16_t>(name, compact, nullable);
    }
    void bytes(const char*, const Bytes& b, bool compact) {
        if (b.size() < Writer::splice_at_least) [[likely]]
            return short_bytes(b, compact);
        put_length(b.size(), compact);
        finish();
        writer_->splice(b);
        resume();
    }
    void bytes(const char*, const Records& r, bool compact) {
        const Bytes* b = r.bytes();
        if (b && b->size() < Writer::splice_at_least) [[likely]]
            return short_bytes(*b, compact);
        put_length(r.size(), compact);
        finish();
        writer_->splice(r);
        resume();
    }
    template <class T>
    void bytes(const char* name, const std::optional<T>& b, bool compact, bool nullable) {
        if (b) [[likely]]
            return bytes(name, *b, compact);
        null<std::int32_t>(name, compact, nullable);
    }

    template <class T>
    void array(const char* name, const std::vector<T>& items, bool compact, std::int16_t v) {
        if constexpr (is_fixed<T>) {
            ensure(items.size() * fixed_size<T>);
            put_length(items.size(), compact);
            for (const T& item : items) put(item);
        } else if (items.empty()) [[likely]] {  // asked once for many elements, or often for none
            put_length(0, compact);
        } else {
            put_length(items.size(), compact);
            for (const T& item : items) element(name, item, compact, v);
            ensure(0);
        }
    }
    template <class T>
    void array(const char* name, const std::optional<std::vector<T>>& items, bool compact, bool nullable,
               std::int16_t v) {
        if (items) [[likely]]
            return array(name, *items, compact, v);
        null<std::int32_t>(name, compact, nullable);
    }

    template <class T>
    void structure(const char*, const T& s, std::int16_t v) {
        fields(s, v);
        ensure(0);
    }
    template <class T>
    void structure(const char* name, const std::optional<T>& s, bool nullable, std::int16_t v) {
        if (nullable) value(name, static_cast<std::int8_t>(s ? 1 : -1));
        if (s) return structure(name, *s, v);
        if (!nullable) failure_->set(name, is_null, ErrorCode::invalid_argument);
    }
    template <class T>
    void tagged_structure(const char* name, const std::optional<T>& s, bool nullable, std::int16_t v) {
        if (nullable) value(name, static_cast<std::int8_t>(s ? 1 : 0));
        if (s) return structure(name, *s, v);
        if (!nullable) failure_->set(name, is_null, ErrorCode::invalid_argument);
    }

    template <class T, class D>
    void absent(const char* name, const T& value, const D& by_default, bool ignorable) {
        if (!ignorable && !is_default(value, by_default)) [[unlikely]]
            failure_->set(name, lacks_field, ErrorCode::unsupported_version);
    }

    template <class M>
    void tag_section(const M& m, std::int16_t v) {
        if constexpr (Walk<M>::has_tags) {
            CountTags counted;
            Walk<M>::tags(counted, m, v);
            if (counted.count == 0 && m.unknown_tagged_fields.empty()) [[likely]]
                return none();
            finish();
            write_tags(*writer_, *failure_, m, v);
            resume();
        } else {
            if (m.unknown_tagged_fields.empty()) [[likely]]
                return none();
            finish();
            write_unknown(*writer_, *failure_, m.unknown_tagged_fields);
            resume();
        }
    }
    template <class M>
    void no_tag_section(const M& m) {
        if (!m.unknown_tagged_fields.empty()) [[unlikely]]
            failure_->set("unknown_tagged_fields", lacks_field, ErrorCode::unsupported_version);
    }

private:
    // How many known tagged fields have a value of their own.
    struct CountTags {
        std::uint32_t count = 0;

        template <class T, class D, class F>
        void tagged(std::uint32_t, const T& value, const D& by_default, F&&) {
            if (!is_default(value, by_default)) [[unlikely]]
                ++count;
        }
    };

    // Writes known and unknown tagged fields in rising order.
    struct Tags {
        Writer& writer;
        WriteFailure& failure;
        const TaggedFields& others;
        std::size_t next = 0;

        template <class T, class D, class F>
        void tagged(std::uint32_t tag, const T& value, const D& by_default, F&& field) {
            if (is_default(value, by_default)) return;
            unknown_before(tag);
            // Its length stands before it, so it is written apart first.
            Writer body(64);
            Encoder encoder(body, failure);
            field(encoder);
            encoder.finish();
            writer.unsigned_varint(tag);
            writer.unsigned_varint(static_cast<std::uint32_t>(body.size()));
            writer.splice(body.finish());
        }
        void unknown_before(std::uint64_t tag);
    };

    template <class M>
    [[gnu::noinline]] static void write_tags(Writer& writer, WriteFailure& failure, const M& m, std::int16_t v) {
        CountTags counted;
        Walk<M>::tags(counted, m, v);
        writer.unsigned_varint(counted.count + static_cast<std::uint32_t>(m.unknown_tagged_fields.size()));
        Tags tags{writer, failure, m.unknown_tagged_fields};
        Walk<M>::tags(tags, m, v);
        tags.unknown_before(std::uint64_t{1} << 32);
    }
    static void write_unknown(Writer&, WriteFailure&, const TaggedFields&);

    void element(const char* name, const std::string& s, bool compact, std::int16_t) { string(name, s, compact); }
    void element(const char* name, const Bytes& b, bool compact, std::int16_t) { bytes(name, b, compact); }
    template <class T>
    void element(const char*, const T& s, bool, std::int16_t v) {
        fields(s, v);
    }

    // Room for `count` bytes, and behind them for what a struct may write unasked (Writer::unasked): its fields of
    // fixed size and the lengths of the others. So there is one question per struct and one per text, array or bytes.
    void ensure(std::size_t count) {
        if (limit_ - at_ < static_cast<std::ptrdiff_t>(count)) [[unlikely]] {
            finish();
            writer_->more(count + Writer::unasked);
            resume();
        }
    }
    void resume() {
        if (writer_->limit_ - writer_->at_ < static_cast<std::ptrdiff_t>(Writer::unasked))
            writer_->more(Writer::unasked);
        at_ = writer_->at_;
        limit_ = writer_->limit_ - Writer::unasked;
    }
    void none() { *at_++ = 0; }

    void put_raw(const void* from, std::size_t count) {
        if (count != 0) [[likely]]
            std::memcpy(at_, from, count);
        at_ += count;
    }
    template <class T>
    void put(const T& v) {
        if constexpr (std::is_same_v<T, bool>) {
            *at_++ = v ? 1 : 0;
        } else if constexpr (std::is_same_v<T, Uuid>) {
            put_raw(v.bytes.data(), 16);
        } else if constexpr (std::is_same_v<T, double>) {
            put(std::bit_cast<std::uint64_t>(v));
        } else {
            store_big_endian(at_, v);
            at_ += sizeof v;
        }
    }
    void put_varint(std::uint32_t v) {
        while (v >= 0x80) [[unlikely]] {
            *at_++ = static_cast<std::uint8_t>(v | 0x80);
            v >>= 7;
        }
        *at_++ = static_cast<std::uint8_t>(v);
    }
    void put_length(std::size_t count, bool compact) {
        if (compact) {
            put_varint(static_cast<std::uint32_t>(count + 1));
        } else {
            put(static_cast<std::int32_t>(count));
        }
    }
    void short_bytes(const Bytes& b, bool compact) {
        ensure(b.size());
        put_length(b.size(), compact);
        put_raw(b.data(), b.size());
    }
    template <class Length>
    void null(const char* name, bool compact, bool nullable) {
        if (!nullable) [[unlikely]]
            failure_->set(name, is_null, ErrorCode::invalid_argument);
        if (compact) {
            *at_++ = 0;
        } else {
            put(Length{-1});
        }
    }

    std::uint8_t* at_;
    std::uint8_t* limit_;  // Writer::unasked bytes before the end
    Writer* writer_;
    WriteFailure* failure_;
};

template <class T>
Result<void> encode_message(Writer& writer, const T& m, std::int16_t version) {
    if (!T::versions.contains(version)) return no_such_version(T::message_name, T::versions, version);
    WriteFailure failure;
    Encoder encoder(writer, failure);
    encoder.fields(m, version);
    encoder.finish();
    if (failure.reason) [[unlikely]]
        return failure.error(T::message_name, version);
    return ok();
}

}  // namespace ottla::protocol::detail
