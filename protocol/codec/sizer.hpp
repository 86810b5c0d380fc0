// SPDX-License-Identifier: Apache-2.0
// Sizer: how many bytes a message takes.
#pragma once

#include "protocol/codec/walk.hpp"

namespace ottla::protocol::detail {

class Sizer {
public:
    static constexpr bool in_order = false;

    std::size_t size() const { return size_; }
    const WriteFailure& failure() const { return failure_; }

    template <class T>
    OTTLA_INLINE void value(const char*, const T&) {
        size_ += fixed_size<T>;
    }

    OTTLA_INLINE void string(const char* name, const std::string& s, bool compact) {
        blob(name, s.size(), compact, 32767);
    }
    OTTLA_INLINE void string(const char* name, const std::optional<std::string>& s, bool compact, bool nullable) {
        s ? string(name, *s, compact) : null_blob(name, compact ? 1 : 2, nullable);
    }
    template <class T>
    OTTLA_INLINE void bytes(const char* name, const T& b, bool compact) {
        blob(name, b.size(), compact, 0x7fffffff);
    }
    template <class T>
    OTTLA_INLINE void bytes(const char* name, const std::optional<T>& b, bool compact, bool nullable) {
        b ? bytes(name, *b, compact) : null_blob(name, compact ? 1 : 4, nullable);
    }

    template <class T>
    OTTLA_INLINE void array(const char* name, const std::vector<T>& items, bool compact, std::int16_t v) {
        size_ += compact ? varint_size(static_cast<std::uint32_t>(items.size() + 1)) : 4;
        if constexpr (is_fixed<T>) {
            size_ += items.size() * fixed_size<T>;
        } else {
            for (const T& item : items) element(name, item, compact, v);
        }
    }
    template <class T>
    OTTLA_INLINE void array(const char* name, const std::optional<std::vector<T>>& items, bool compact, bool nullable,
                            std::int16_t v) {
        items ? array(name, *items, compact, v) : null_blob(name, compact ? 1 : 4, nullable);
    }

    template <class T>
    OTTLA_INLINE void structure(const char*, const T& s, std::int16_t v) {
        Walk<T>::fields(*this, s, v);
    }
    template <class T>
    OTTLA_INLINE void structure(const char* name, const std::optional<T>& s, bool nullable, std::int16_t v) {
        if (nullable) size_ += 1;
        s ? structure(name, *s, v) : null_blob(name, 0, nullable);
    }
    template <class T>
    OTTLA_INLINE void tagged_structure(const char* name, const std::optional<T>& s, bool nullable, std::int16_t v) {
        structure(name, s, nullable, v);
    }

    template <class T, class D>
    OTTLA_INLINE void absent(const char* name, const T& value, const D& by_default, bool ignorable) {
        if (!ignorable && !is_default(value, by_default))
            failure_.set(name, lacks_field, ErrorCode::unsupported_version);
    }

    template <class M>
    OTTLA_INLINE void tag_section(const M& m, std::int16_t v) {
        if constexpr (Walk<M>::has_tags) {
            size_ += tags(m, v, failure_);
        } else if (m.unknown_tagged_fields.empty()) {
            size_ += 1;
        } else {
            Tags counted;
            counted.unknown(m.unknown_tagged_fields);
            size_ += counted.total();
        }
    }
    template <class M>
    OTTLA_INLINE void no_tag_section(const M& m) {
        if (!m.unknown_tagged_fields.empty())
            failure_.set("unknown_tagged_fields", lacks_field, ErrorCode::unsupported_version);
    }

private:
    friend class Encoder;

    // Adds up the tagged fields that are to be written.
    struct Tags {
        std::uint32_t count = 0;
        std::size_t size = 0;
        WriteFailure failure;

        template <class T, class D, class F>
        void tagged(std::uint32_t tag, const T& value, const D& by_default, F&& field) {
            if (is_default(value, by_default)) return;
            Sizer body;
            field(body);
            add(tag, body.size());
            if (body.failure_.reason) failure = body.failure_;
        }
        void unknown(const TaggedFields& fields) {
            for (const TaggedField& field : fields) add(field.tag, field.data.size());
        }
        void add(std::uint32_t tag, std::size_t bytes) {
            ++count;
            size += varint_size(tag) + varint_size(static_cast<std::uint32_t>(bytes)) + bytes;
        }
        std::size_t total() const { return varint_size(count) + size; }
    };

    template <class M>
    [[gnu::noinline]] static std::size_t tags(const M& m, std::int16_t v, WriteFailure& failure) {
        Tags tags;
        Walk<M>::tags(tags, m, v);
        tags.unknown(m.unknown_tagged_fields);
        if (tags.failure.reason) failure.set(tags.failure.field, tags.failure.reason, tags.failure.code);
        return tags.total();
    }

    OTTLA_INLINE void element(const char* name, const std::string& s, bool compact, std::int16_t) {
        string(name, s, compact);
    }
    OTTLA_INLINE void element(const char* name, const Bytes& b, bool compact, std::int16_t) { bytes(name, b, compact); }
    template <class T>
    OTTLA_INLINE void element(const char*, const T& s, bool, std::int16_t v) {
        Walk<T>::fields(*this, s, v);
    }

    // Lengths before strings are int16, before bytes int32, or varints.
    OTTLA_INLINE void blob(const char* name, std::size_t bytes, bool compact, std::size_t most) {
        size_ += bytes;
        if (compact) {
            size_ += varint_size(static_cast<std::uint32_t>(bytes + 1));
        } else {
            size_ += most == 32767 ? 2 : 4;
            if (bytes > most) [[unlikely]]
                failure_.set(name, too_long, ErrorCode::invalid_argument);
        }
    }
    OTTLA_INLINE void null_blob(const char* name, std::size_t bytes, bool nullable) {
        size_ += bytes;
        if (!nullable) [[unlikely]]
            failure_.set(name, is_null, ErrorCode::invalid_argument);
    }

    std::size_t size_ = 0;
    WriteFailure failure_;
};

}  // namespace ottla::protocol::detail
