// SPDX-License-Identifier: Apache-2.0
// Decoder: fills a message from a Reader. Lives in registers while the walk is inlined around it. After a failure
// both ends are null, so that every further read fails, too, and loops stop.
#pragma once

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include <ottla/protocol/reader.hpp>

#include "protocol/codec/walk.hpp"

namespace ottla::protocol::detail {

class Decoder {
public:
    static constexpr bool in_order = false;

    explicit Decoder(Reader& reader) : at_(reader.at_), end_(reader.end_), reader_(&reader) {}
    void finish() {
        if (!reader_->failed()) reader_->at_ = at_;
    }

    template <class T>
    void value(const char*, T& v) {
        if (remaining() < fixed_size<T>) [[unlikely]] {
            v = T{};
            return fail(ends_early);
        }
        take(v);
    }

    template <class... T>
    void values(Named<T>... fields) {
        if (remaining() < fixed_sizes<T...>) [[unlikely]]
            return fail(ends_early);
        (take(fields.value), ...);
    }

    void string(const char*, std::string& s, bool compact) {
        const std::int64_t n = string_length(compact);
        if (n < 0) [[unlikely]]
            return fail(null_not_allowed);
        assign(s, static_cast<std::size_t>(n));
    }
    void string(const char*, std::optional<std::string>& s, bool compact, bool nullable) {
        const std::int64_t n = string_length(compact);
        if (n < 0) return null(s, nullable);
        if (!s) s.emplace();
        assign(*s, static_cast<std::size_t>(n));
    }
    template <class T>
    void bytes(const char*, T& b, bool compact) {
        const std::int64_t n = length(compact);
        if (n < 0) [[unlikely]]
            return fail(null_not_allowed);
        slice(b, static_cast<std::size_t>(n));
    }
    template <class T>
    void bytes(const char*, std::optional<T>& b, bool compact, bool nullable) {
        const std::int64_t n = length(compact);
        if (n < 0) return null(b, nullable);
        slice(b.emplace(), static_cast<std::size_t>(n));
    }

    template <class T>
    void array(const char*, std::vector<T>& items, bool compact, std::int16_t v) {
        const std::int64_t count = length(compact);
        if (count < 0) [[unlikely]]
            return fail(null_not_allowed);
        elements(items, static_cast<std::size_t>(count), compact, v);
    }
    template <class T>
    void array(const char*, std::optional<std::vector<T>>& items, bool compact, bool nullable, std::int16_t v) {
        const std::int64_t count = length(compact);
        if (count < 0) return null(items, nullable);
        if (!items) items.emplace();
        elements(*items, static_cast<std::size_t>(count), compact, v);
    }

    template <class T>
    void structure(const char*, T& s, std::int16_t v) {
        Walk<T>::fields(*this, s, v);
    }
    template <class T>
    void structure(const char*, std::optional<T>& s, bool nullable, std::int16_t v) {
        std::int8_t mark = 1;
        if (nullable) value("", mark);
        marked(s, mark >= 0, v);
    }
    template <class T>
    void tagged_structure(const char*, std::optional<T>& s, bool nullable, std::int16_t v) {
        marked(s, !nullable || varint() != 0, v);
    }

    template <class T, class D>
    void absent(const char*, T& value, const D& by_default, bool) {
        set_default(value, by_default);
    }

    template <class M>
    void tag_section(M& m, std::int16_t v) {
        if constexpr (Walk<M>::has_tags) {
            ResetTags reset;
            Walk<M>::tags(reset, m, v);
        }
        m.unknown_tagged_fields.clear();
        const std::uint32_t count = varint();
        if (count != 0) [[unlikely]]
            *this = read_tags(*this, m, v, count);
    }
    template <class M>
    void no_tag_section(M& m) {
        m.unknown_tagged_fields.clear();
    }

private:
    static constexpr const char* ends_early = "the bytes end too early";
    static constexpr const char* null_not_allowed = "null where this version has none";
    static constexpr const char* too_large = "the bytes would take more memory than their size allows";
    // A claim of more elements than this is not believed before that many have been read.
    static constexpr std::size_t believed_count = 1024;
    static constexpr std::uint32_t tags_max = 1024;

    struct Raw {
        const std::uint8_t* at;  // null: malformed
        std::uint32_t value;
    };

    struct ResetTags {
        template <class T, class D, class F>
        void tagged(std::uint32_t, T& value, const D& by_default, F&&) {
            set_default(value, by_default);
        }
    };

    // Reads the one tagged field whose tag it is.
    struct ReadTag {
        Decoder& decoder;
        std::uint32_t tag;
        bool known = false;

        template <class T, class D, class F>
        void tagged(std::uint32_t which, T&, const D&, F&& field) {
            if (which != tag) return;
            known = true;
            field(decoder);
        }
    };

    template <class M>
    [[gnu::noinline]] static Decoder read_tags(Decoder d, M& m, std::int16_t v, std::uint32_t count) {
        if (count > tags_max) {
            d.fail("a struct with more than 1024 tagged fields");
            return d;
        }
        for (std::uint32_t i = 0; i < count && d.end_; ++i) {
            const std::uint32_t tag = d.varint();
            const std::uint32_t size = d.varint();
            if (size > d.remaining()) {
                d.fail("a tagged field reaches past the end");
                break;
            }
            if constexpr (Walk<M>::has_tags) {
                const std::uint8_t* const end = std::exchange(d.end_, d.at_ + size);
                ReadTag read{d, tag};
                Walk<M>::tags(read, m, v);
                if (d.end_ && read.known && d.at_ != d.end_) d.fail("a tagged field is longer than its value");
                if (d.end_) d.end_ = end;
                if (read.known) continue;
            }
            if (d.end_) d.keep_unknown(m.unknown_tagged_fields, tag, size);
        }
        return d;
    }
    void keep_unknown(TaggedFields&, std::uint32_t tag, std::size_t size);

    std::size_t remaining() const { return static_cast<std::size_t>(end_ - at_); }
    void fail(const char* reason) {
        failed(reader_, at_, reason);
        at_ = end_ = nullptr;
    }
    [[gnu::cold, gnu::noinline]] static void failed(Reader*, const std::uint8_t* at, const char* reason);
    [[gnu::noinline]] static Raw slow_varint(const std::uint8_t* at, const std::uint8_t* end);

    template <class T>
    void take(T& v) {
        if constexpr (std::is_same_v<T, bool>) {
            v = *at_ != 0;
        } else if constexpr (std::is_same_v<T, Uuid>) {
            std::memcpy(v.bytes.data(), at_, 16);
        } else if constexpr (std::is_same_v<T, double>) {
            v = std::bit_cast<double>(load_big_endian<std::uint64_t>(at_));
        } else {
            v = load_big_endian<T>(at_);
        }
        at_ += fixed_size<T>;
    }
    std::uint32_t varint() {
        if (at_ != end_ && *at_ < 0x80) [[likely]]
            return *at_++;
        const Raw raw = slow_varint(at_, end_);
        if (!raw.at) {
            fail("a varint is cut off or longer than 5 bytes");
            return 0;
        }
        at_ = raw.at;
        return raw.value;
    }
    // -1 for null.
    std::int64_t length(bool compact) {
        if (compact) return std::int64_t{varint()} - 1;
        std::int32_t n = 0;
        value("", n);
        return n;
    }
    std::int64_t string_length(bool compact) {
        if (compact) return std::int64_t{varint()} - 1;
        std::int16_t n = 0;
        value("", n);
        return n;
    }

    template <class T>
    void null(std::optional<T>& value, bool nullable) {
        value.reset();
        if (!nullable) [[unlikely]]
            fail(null_not_allowed);
    }
    template <class T>
    void marked(std::optional<T>& s, bool present, std::int16_t v) {
        if (!present) return s.reset();
        if (!s) s.emplace();
        Walk<T>::fields(*this, *s, v);
    }

    // Takes memory from the budget of the frame before it is allocated.
    bool charge(std::size_t bytes) {
        if (bytes > reader_->budget_) [[unlikely]] {
            fail(too_large);
            return false;
        }
        reader_->budget_ -= bytes;
        return true;
    }
    void assign(std::string& s, std::size_t n) {
        if (n > remaining()) [[unlikely]]
            return fail(ends_early);
        // A string that grows takes at least twice what it had.
        if (n > s.capacity() && !charge(std::max(n, 2 * s.capacity()) + 1)) [[unlikely]]
            return;
        s.assign(reinterpret_cast<const char*>(at_), n);
        at_ += n;
    }
    void slice(Bytes& b, std::size_t n) {
        if (n > remaining()) [[unlikely]]
            return fail(ends_early);
        b = reader_->frame_.slice({at_, n});
        at_ += n;
    }
    void slice(Records& r, std::size_t n) {
        Bytes b;
        slice(b, n);
        r = std::move(b);
    }

    template <class T>
    static std::size_t smallest(bool compact, std::int16_t v) {
        if constexpr (std::is_same_v<T, std::string>) {
            return compact ? 1 : 2;
        } else if constexpr (std::is_same_v<T, Bytes>) {
            return compact ? 1 : 4;
        } else {
            return std::max<std::size_t>(1, Walk<T>::smallest(v));
        }
    }

    template <class T>
    void elements(std::vector<T>& items, std::size_t count, bool compact, std::int16_t v) {
        if constexpr (is_fixed<T>) {
            if (count * fixed_size<T> > remaining()) [[unlikely]]
                return fail(ends_early);
            if (!resize(items, count)) [[unlikely]]
                return;
            for (std::size_t i = 0; i < count; ++i) {
                T item;
                take(item);
                items[i] = item;
            }
        } else {
            if (count * smallest<T>(compact, v) > remaining()) [[unlikely]]
                return fail(ends_early);
            const std::uint8_t* const start = at_;
            std::size_t done = 0;
            if (!resize(items, std::min(count, std::max(believed_count, items.capacity())))) [[unlikely]]
                return;
            while (true) {
                T* item = items.data() + done;
                T* const last = items.data() + items.size();
                for (; item != last; ++item) {
                    element(*item, compact, v);
                    if (!end_) [[unlikely]]
                        return;
                }
                done = items.size();
                if (done == count) [[likely]]
                    return;
                if (!grow(items, count, static_cast<std::size_t>(at_ - start))) return;
            }
        }
    }
    template <class T>
    bool resize(std::vector<T>& items, std::size_t count) {
        if (count > items.capacity()) {
            if (!charge(count * sizeof(T))) [[unlikely]]
                return false;
            items.reserve(count);
        }
        items.resize(count);
        return true;
    }
    // Makes room for as many more as the average element so far promises; all of them in a valid frame of like ones.
    template <class T>
    bool grow(std::vector<T>& items, std::size_t count, std::size_t bytes_so_far) {
        const std::size_t had = items.capacity();
        if (!grow_by_average(reader_, items, count, bytes_so_far, remaining())) {
            fail(too_large);
            return false;
        }
        if (items.capacity() != had) reader_->budget_ += had * sizeof(T);
        return true;
    }
    template <class T>
    [[gnu::noinline]] static bool grow_by_average(Reader* reader, std::vector<T>& items, std::size_t count,
                                                  std::size_t bytes_so_far, std::size_t bytes_left) {
        const std::size_t done = items.size();
        const std::size_t average = std::max<std::size_t>(1, bytes_so_far / done);
        const std::size_t expected = done + bytes_left / average + bytes_left / average / 8 + 64;
        const std::size_t target = std::min(count, std::max(expected, done + done / 2));
        const std::size_t charged = target > items.capacity() ? target * sizeof(T) : 0;
        if (charged > reader->budget_) return false;
        reader->budget_ -= charged;
        items.reserve(target);
        items.resize(target);
        return true;
    }

    void element(std::string& s, bool compact, std::int16_t) { string("", s, compact); }
    void element(Bytes& b, bool compact, std::int16_t) { bytes("", b, compact); }
    template <class T>
    void element(T& s, bool, std::int16_t v) {
        Walk<T>::fields(*this, s, v);
    }

    const std::uint8_t* at_;
    const std::uint8_t* end_;
    Reader* reader_;
};

template <class T>
Result<void> decode_message(Reader& reader, T& m, std::int16_t version) {
    if (!T::versions.contains(version)) return no_such_version(T::message_name, T::versions, version);
    Decoder decoder(reader);
    Walk<T>::fields(decoder, m, version);
    decoder.finish();
    if (reader.failed()) [[unlikely]]
        return reader.result(std::string(T::message_name) + " v" + std::to_string(version));
    return ok();
}

}  // namespace ottla::protocol::detail
