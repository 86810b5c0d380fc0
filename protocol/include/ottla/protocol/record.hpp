// SPDX-License-Identifier: Apache-2.0
// Reading the records of a batch (format v2): views into the batch's bytes, nothing is copied or allocated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <ottla/bytes.hpp>
#include <ottla/protocol/varint.hpp>

namespace ottla::protocol {

// A key or value: null is nullopt, empty is an empty span.
using NullableSpan = std::optional<ByteSpan>;

struct RecordHeaderView {
    std::string_view key;
    NullableSpan value;

    RecordHeaderView() noexcept = default;
    RecordHeaderView(std::string_view k, NullableSpan v) noexcept : key(k), value(v) {}
};

// The headers of one record, in order; a key may come more than once.
class RecordHeaders {
public:
    RecordHeaders() noexcept = default;
    RecordHeaders(std::size_t count, const std::uint8_t* begin, const std::uint8_t* end) noexcept
        : count_(count),
          next_(begin),
          end_(end) {}

    // How many the record says it has, less those that next() has given.
    std::size_t count() const noexcept { return count_; }
    bool empty() const noexcept { return count_ == 0; }

    // The headers that are left, as they are encoded.
    ByteSpan bytes() const noexcept { return {next_, end_}; }
    // The next header; false after the last one, and when the bytes are malformed.
    bool next(RecordHeaderView& out) noexcept {
        if (count_ == 0) return false;
        VarintCursor header(next_, end_);
        const std::int64_t key_size = header.varint();
        const std::uint8_t* const key = header.take(key_size);
        const std::int64_t value_size = header.varint();
        const std::uint8_t* const value = value_size == -1 ? nullptr : header.take(value_size);
        if (header.failed()) [[unlikely]] {
            count_ = 0;
            return false;
        }
        out.key = {reinterpret_cast<const char*>(key), static_cast<std::size_t>(key_size)};
        out.value.reset();
        if (value_size >= 0) out.value.emplace(value, static_cast<std::size_t>(value_size));
        next_ = header.position();
        --count_;
        return true;
    }
    // The remaining bytes are exactly `count()` headers. Walks them all.
    bool well_formed() const noexcept;

private:
    std::size_t count_ = 0;
    const std::uint8_t* next_ = nullptr;
    const std::uint8_t* end_ = nullptr;
};

struct RecordView {
    std::int64_t offset;
    std::int64_t timestamp;
    NullableSpan key;
    NullableSpan value;
    RecordHeaders headers;
};

// Walks the records of one batch, on uncompressed bytes:
//
//   RecordReader records = batch.records();
//   for (RecordView r; records.next(r);) use(r);
//   if (!records.complete()) …the batch is malformed from here on
class RecordReader {
public:
    // What every record of a batch shares. `log_append_timestamp` overrides the records' own.
    struct Base {
        std::int64_t offset = 0;
        std::int64_t timestamp = 0;
        std::optional<std::int64_t> log_append_timestamp;
    };
    // The least that a record takes: length, attributes, four deltas and lengths, number of headers.
    static constexpr std::size_t record_size_min = 7;

    RecordReader(ByteSpan records, std::int32_t count, const Base& base) noexcept
        : next_(records.data()),
          end_(records.data() + records.size()),
          left_(count),
          offset_(static_cast<std::uint64_t>(base.offset)),
          timestamp_(static_cast<std::uint64_t>(base.log_append_timestamp.value_or(base.timestamp))),
          timestamp_delta_mask_(base.log_append_timestamp ? 0 : ~std::uint64_t{0}) {}

    // The next record; false after the last one, and when the bytes are malformed. Headers are not looked into.
    bool next(RecordView& out) noexcept {
        if (left_ <= 0) return false;
        VarintCursor outer(next_, end_);
        const std::int64_t length = outer.varint();
        const std::uint8_t* const begin = outer.take(length);
        if (begin == nullptr || length < static_cast<std::int64_t>(record_size_min) - 1) [[unlikely]]
            return fail();
        const std::uint8_t* const end = begin + length;
        VarintCursor record(begin + 1, end);  // attributes: none are in use
        // Deltas are whatever the bytes say: sums wrap.
        const auto timestamp_delta = static_cast<std::uint64_t>(record.varint());
        const auto offset_delta = static_cast<std::uint64_t>(record.varint());
        out.timestamp = static_cast<std::int64_t>(timestamp_ + (timestamp_delta & timestamp_delta_mask_));
        out.offset = static_cast<std::int64_t>(offset_ + offset_delta);
        load_span(record, out.key);
        load_span(record, out.value);
        const std::int64_t headers = record.varint();
        // A header takes two bytes at least.
        if (record.failed() || headers < 0 || headers > record.left() / 2 || (headers == 0 && record.left() != 0))
            [[unlikely]]
            return fail();
        out.headers = RecordHeaders(static_cast<std::size_t>(headers), record.position(), end);
        next_ = end;
        --left_;
        return true;
    }

    // Every record that the batch announced was read, and nothing stands behind the last.
    bool complete() const noexcept { return left_ == 0 && next_ == end_; }
    bool failed() const noexcept { return left_ < 0; }

private:
    static void load_span(VarintCursor& from, NullableSpan& out) noexcept {
        const std::int64_t size = from.varint();
        if (size == -1) {
            out.reset();
        } else if (const std::uint8_t* const at = from.take(size)) {
            out.emplace(at, static_cast<std::size_t>(size));
        }
    }
    bool fail() noexcept {
        left_ = -1;
        return false;
    }

    const std::uint8_t* next_;
    const std::uint8_t* end_;
    std::int32_t left_;  // -1 after a failure
    std::uint64_t offset_;
    std::uint64_t timestamp_;
    std::uint64_t timestamp_delta_mask_;
};

}  // namespace ottla::protocol
