// SPDX-License-Identifier: Apache-2.0
// Fields: a record as the accumulator puts it into batches. For the accumulator's own files.
#pragma once

#include <ottla/protocol/record_batch.hpp>

#include "client/producer/accumulator.hpp"

namespace ottla::client {

// What a record takes besides its payload, about.
inline constexpr std::size_t record_overhead = 32;

inline protocol::NullableSpan nullable(BytesView view) noexcept {
    return view.is_null() ? protocol::NullableSpan() : protocol::NullableSpan(view.span());
}

inline BytesView view_of(const protocol::NullableSpan& span) noexcept { return span ? BytesView(*span) : BytesView(); }

// A record on its way into a batch: from append(), or from another batch.
struct Accumulator::Fields {
    Fields() = default;
    Fields(const Record& record, std::span<const protocol::RecordHeaderView> header_views, std::int64_t now) noexcept
        : key(nullable(record.key)),
          value(nullable(record.value)),
          headers(header_views),
          timestamp_ms(record.timestamp_ms < 0 ? now : record.timestamp_ms),
          now_ms(now),
          opaque(record.opaque),
          is_of_now(record.timestamp_ms < 0) {
        count_payload();
    }

    protocol::NullableSpan key;
    protocol::NullableSpan value;
    std::span<const protocol::RecordHeaderView> headers;
    std::int64_t timestamp_ms = 0;
    std::int64_t now_ms = 0;
    std::size_t payload_bytes = 0;
    void* opaque = nullptr;
    bool is_of_now = false;  // the timestamp is that of its coming
    bool is_awaited = false;
    bool is_moved = false;  // it has its place in the queue already

    // Of a record that lies in a batch; `headers` holds what `headers` of the answer refers to.
    static Fields of(const protocol::RecordView& record, const DeliveryDues::Reader& due,
                     std::vector<protocol::RecordHeaderView>& headers) {
        headers.clear();
        protocol::RecordHeaders rest = record.headers;
        for (protocol::RecordHeaderView h; rest.next(h);) headers.push_back(h);
        Fields fields;
        fields.key = record.key;
        fields.value = record.value;
        fields.headers = headers;
        fields.timestamp_ms = fields.now_ms = due.timestamp_ms();
        fields.opaque = due.opaque();
        fields.is_moved = true;
        fields.count_payload();
        return fields;
    }

    // What a batch of it alone takes, at most.
    std::size_t bytes_bound() const noexcept {
        return protocol::RecordBatchHeader::size + payload_bytes + record_overhead + headers.size() * 10;
    }

    void count_payload() noexcept {
        payload_bytes = (key ? key->size() : 0) + (value ? value->size() : 0);
        for (const auto& h : headers) payload_bytes += h.key.size() + (h.value ? h.value->size() : 0);
    }
};

}  // namespace ottla::client
