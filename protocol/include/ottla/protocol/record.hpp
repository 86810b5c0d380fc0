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

    // The next header; false after the last one, and when the bytes are malformed.
    bool next(RecordHeaderView& out) noexcept;
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
          base_(base) {}

    // The next record; false after the last one, and when the bytes are malformed. Headers are not looked into.
    bool next(RecordView& out) noexcept {
        if (left_ <= 0) return false;
        const std::uint8_t* p = next_;
        const std::int64_t length = load_varint(p, end_);
        if (p == nullptr || length < static_cast<std::int64_t>(record_size_min) - 1 || length > end_ - p) [[unlikely]]
            return fail();
        const std::uint8_t* const record_end = p + length;
        ++p;  // attributes: none are in use
        const std::int64_t timestamp_delta = load_varint(p, record_end);
        if (p == nullptr) [[unlikely]]
            return fail();
        const std::int64_t offset_delta = load_varint(p, record_end);
        if (p == nullptr || !load_span(p, record_end, out.key) || !load_span(p, record_end, out.value)) [[unlikely]]
            return fail();
        const std::int64_t headers = load_varint(p, record_end);
        // A header takes two bytes at least.
        if (p == nullptr || headers < 0 || headers * 2 > record_end - p || (headers == 0 && p != record_end))
            [[unlikely]]
            return fail();
        // Deltas are whatever the bytes say: add without signed overflow.
        out.offset = wrapping_sum(base_.offset, offset_delta);
        out.timestamp =
            base_.log_append_timestamp ? *base_.log_append_timestamp : wrapping_sum(base_.timestamp, timestamp_delta);
        out.headers = RecordHeaders(static_cast<std::size_t>(headers), p, record_end);
        next_ = record_end;
        --left_;
        return true;
    }

    // Every record that the batch announced was read, and nothing stands behind the last.
    bool complete() const noexcept { return left_ == 0 && next_ == end_; }
    bool failed() const noexcept { return failed_; }

private:
    static std::int64_t wrapping_sum(std::int64_t a, std::int64_t b) noexcept {
        return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
    }
    static bool load_span(const std::uint8_t*& p, const std::uint8_t* end, NullableSpan& out) noexcept {
        const std::int64_t size = load_varint(p, end);
        if (p == nullptr || size > end - p) [[unlikely]]
            return false;
        if (size < 0) {
            out.reset();
            return size == -1;
        }
        out.emplace(p, static_cast<std::size_t>(size));
        p += size;
        return true;
    }
    bool fail() noexcept {
        failed_ = true;
        left_ = -1;
        return false;
    }

    const std::uint8_t* next_;
    const std::uint8_t* end_;
    std::int32_t left_;
    bool failed_ = false;
    Base base_;
};

}  // namespace ottla::protocol
