// SPDX-License-Identifier: Apache-2.0
// The limit to measure the generated codec by: one message at one version, written out by hand for it, into and out
// of the same structs, with the same bounds checks but no versions, defaults, budgets or names.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <ottla/protocol/messages/fetch_response.hpp>
#include <ottla/protocol/messages/metadata_response.hpp>
#include <ottla/protocol/messages/produce_request.hpp>
#include <ottla/protocol/reader.hpp>

namespace ottla::straight_line {

using protocol::FetchResponse;
using protocol::MetadataResponse;
using protocol::ProduceRequest;

struct In {
    const std::uint8_t* at;
    const std::uint8_t* end;
    const Bytes& frame;
    bool bad = false;

    explicit In(const Bytes& bytes) : at(bytes.data()), end(at + bytes.size()), frame(bytes) {}

    template <class T>
    T number() {
        if (static_cast<std::size_t>(end - at) < sizeof(T)) [[unlikely]] {
            bad = true;
            return T{};
        }
        const T v = protocol::detail::load_big_endian<T>(at);
        at += sizeof(T);
        return v;
    }
    std::uint32_t varint() {
        std::uint32_t v = 0;
        for (unsigned shift = 0; shift < 35; shift += 7) {
            if (at == end) break;
            const std::uint8_t byte = *at++;
            v |= static_cast<std::uint32_t>(byte & 0x7f) << shift;
            if (byte < 0x80) [[likely]]
                return v;
        }
        bad = true;
        return 0;
    }
    ByteSpan view(std::size_t n) {
        if (static_cast<std::size_t>(end - at) < n) [[unlikely]] {
            bad = true;
            return {};
        }
        at += n;
        return {at - n, n};
    }
    void text(std::string& s) {
        const ByteSpan b = view(varint() - 1);
        s.assign(reinterpret_cast<const char*>(b.data()), b.size());
    }
    template <class T>
    std::size_t count(std::vector<T>& items) {
        const std::size_t n = varint() - 1;
        if (n > static_cast<std::size_t>(end - at)) [[unlikely]] {
            bad = true;
            items.clear();
        } else {
            items.resize(n);
        }
        return items.size();
    }
    void ids(std::vector<std::int32_t>& out) {
        count(out);
        for (auto& id : out) id = number<std::int32_t>();
    }
    void tags() {
        for (std::uint32_t n = varint(); n > 0 && !bad; --n) {
            varint();
            view(varint());
        }
    }
};

struct Out {
    std::uint8_t* at;

    template <class T>
    void number(T v) {
        protocol::detail::store_big_endian(at, v);
        at += sizeof v;
    }
    void varint(std::uint32_t v) {
        for (; v >= 0x80; v >>= 7) *at++ = static_cast<std::uint8_t>(v | 0x80);
        *at++ = static_cast<std::uint8_t>(v);
    }
    void raw(const void* from, std::size_t n) {
        std::memcpy(at, from, n);
        at += n;
    }
    void text(const std::string& s) {
        varint(static_cast<std::uint32_t>(s.size() + 1));
        raw(s.data(), s.size());
    }
    void ids(const std::vector<std::int32_t>& ids) {
        varint(static_cast<std::uint32_t>(ids.size() + 1));
        for (const auto id : ids) number(id);
    }
};

// Version 12.
inline bool decode(const Bytes& frame, MetadataResponse& m) {
    In in(frame);
    m.throttle_time_ms = in.number<std::int32_t>();
    in.count(m.brokers);
    for (auto& b : m.brokers) {
        b.node_id = in.number<std::int32_t>();
        in.text(b.host);
        b.port = in.number<std::int32_t>();
        in.view(in.varint() == 0 ? 0 : 1);  // no racks here
        in.tags();
    }
    if (!m.cluster_id) m.cluster_id.emplace();
    in.text(*m.cluster_id);
    m.controller_id = in.number<std::int32_t>();
    in.count(m.topics);
    for (auto& t : m.topics) {
        t.error_code = in.number<std::int16_t>();
        if (!t.name) t.name.emplace();
        in.text(*t.name);
        const ByteSpan id = in.view(16);
        if (in.bad) return false;
        std::memcpy(t.topic_id.bytes.data(), id.data(), 16);
        t.is_internal = in.number<std::uint8_t>() != 0;
        in.count(t.partitions);
        for (auto& p : t.partitions) {
            p.error_code = in.number<std::int16_t>();
            p.partition_index = in.number<std::int32_t>();
            p.leader_id = in.number<std::int32_t>();
            p.leader_epoch = in.number<std::int32_t>();
            in.ids(p.replica_nodes);
            in.ids(p.isr_nodes);
            in.ids(p.offline_replicas);
            in.tags();
        }
        t.topic_authorized_operations = in.number<std::int32_t>();
        in.tags();
    }
    in.tags();
    return !in.bad && in.at == in.end;
}

inline std::size_t encode(std::uint8_t* buffer, const MetadataResponse& m) {
    Out out{buffer};
    out.number(m.throttle_time_ms);
    out.varint(static_cast<std::uint32_t>(m.brokers.size() + 1));
    for (const auto& b : m.brokers) {
        out.number(b.node_id);
        out.text(b.host);
        out.number(b.port);
        out.varint(0);
        out.varint(0);
    }
    out.text(*m.cluster_id);
    out.number(m.controller_id);
    out.varint(static_cast<std::uint32_t>(m.topics.size() + 1));
    for (const auto& t : m.topics) {
        out.number(t.error_code);
        out.text(*t.name);
        out.raw(t.topic_id.bytes.data(), 16);
        *out.at++ = t.is_internal ? 1 : 0;
        out.varint(static_cast<std::uint32_t>(t.partitions.size() + 1));
        for (const auto& p : t.partitions) {
            out.number(p.error_code);
            out.number(p.partition_index);
            out.number(p.leader_id);
            out.number(p.leader_epoch);
            out.ids(p.replica_nodes);
            out.ids(p.isr_nodes);
            out.ids(p.offline_replicas);
            out.varint(0);
        }
        out.number(t.topic_authorized_operations);
        out.varint(0);
    }
    out.varint(0);
    return static_cast<std::size_t>(out.at - buffer);
}

// Version 12, no aborted transactions, nothing tagged.
inline bool decode(const Bytes& frame, FetchResponse& m) {
    In in(frame);
    m.throttle_time_ms = in.number<std::int32_t>();
    m.error_code = in.number<std::int16_t>();
    m.session_id = in.number<std::int32_t>();
    in.count(m.responses);
    for (auto& t : m.responses) {
        in.text(t.topic);
        in.count(t.partitions);
        for (auto& p : t.partitions) {
            p.partition_index = in.number<std::int32_t>();
            p.error_code = in.number<std::int16_t>();
            p.high_watermark = in.number<std::int64_t>();
            p.last_stable_offset = in.number<std::int64_t>();
            p.log_start_offset = in.number<std::int64_t>();
            if (!p.aborted_transactions) p.aborted_transactions.emplace();
            in.count(*p.aborted_transactions);
            p.preferred_read_replica = in.number<std::int32_t>();
            p.records = frame.slice(in.view(in.varint() - 1));
            in.tags();
        }
        in.tags();
    }
    in.tags();
    return !in.bad && in.at == in.end;
}

inline std::size_t encode(std::uint8_t* buffer, const FetchResponse& m) {
    Out out{buffer};
    out.number(m.throttle_time_ms);
    out.number(m.error_code);
    out.number(m.session_id);
    out.varint(static_cast<std::uint32_t>(m.responses.size() + 1));
    for (const auto& t : m.responses) {
        out.text(t.topic);
        out.varint(static_cast<std::uint32_t>(t.partitions.size() + 1));
        for (const auto& p : t.partitions) {
            out.number(p.partition_index);
            out.number(p.error_code);
            out.number(p.high_watermark);
            out.number(p.last_stable_offset);
            out.number(p.log_start_offset);
            out.varint(1);
            out.number(p.preferred_read_replica);
            const Bytes& records = *p.records->bytes();
            out.varint(static_cast<std::uint32_t>(records.size() + 1));
            out.raw(records.data(), records.size());
            out.varint(0);
        }
        out.varint(0);
    }
    out.varint(0);
    return static_cast<std::size_t>(out.at - buffer);
}

// Version 9, no transactional id.
inline bool decode(const Bytes& frame, ProduceRequest& m) {
    In in(frame);
    m.transactional_id.reset();
    in.varint();
    m.acks = in.number<std::int16_t>();
    m.timeout_ms = in.number<std::int32_t>();
    in.count(m.topic_data);
    for (auto& t : m.topic_data) {
        in.text(t.name);
        in.count(t.partition_data);
        for (auto& p : t.partition_data) {
            p.index = in.number<std::int32_t>();
            p.records = frame.slice(in.view(in.varint() - 1));
            in.tags();
        }
        in.tags();
    }
    in.tags();
    return !in.bad && in.at == in.end;
}

inline std::size_t encode(std::uint8_t* buffer, const ProduceRequest& m) {
    Out out{buffer};
    out.varint(0);
    out.number(m.acks);
    out.number(m.timeout_ms);
    out.varint(static_cast<std::uint32_t>(m.topic_data.size() + 1));
    for (const auto& t : m.topic_data) {
        out.text(t.name);
        out.varint(static_cast<std::uint32_t>(t.partition_data.size() + 1));
        for (const auto& p : t.partition_data) {
            out.number(p.index);
            const Bytes& records = *p.records->bytes();
            out.varint(static_cast<std::uint32_t>(records.size() + 1));
            out.raw(records.data(), records.size());
            out.varint(0);
        }
        out.varint(0);
    }
    out.varint(0);
    return static_cast<std::size_t>(out.at - buffer);
}

}  // namespace ottla::straight_line
