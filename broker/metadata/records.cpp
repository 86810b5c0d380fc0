// SPDX-License-Identifier: Apache-2.0
#include "broker/metadata/records.hpp"

#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include <ottla/protocol/reader.hpp>
#include <ottla/protocol/writer.hpp>

namespace ottla::broker {
namespace {

constexpr std::uint32_t frame_version = 1;

template <class Record>
std::int16_t version_to_write(const Record& record) {
    if constexpr (std::is_same_v<Record, protocol::BrokerRegistrationChangeRecord>) {
        // Kafka writes the lowest that holds what is set.
        if (record.cordoned_log_dirs) return 3;
        if (!record.log_dirs.empty()) return 2;
        return record.in_controlled_shutdown != 0 ? 1 : 0;
    } else {
        return Record::versions.max;
    }
}

template <class Record>
Result<MetadataRecord> decode_as(protocol::Reader& reader, std::int16_t version) {
    Record record;
    if (auto read = decode(reader, record, version); !read) return read.error();
    if (auto whole = reader.end("metadata record"); !whole) return whole.error();
    return MetadataRecord(std::move(record));
}

using DecodeFunction = Result<MetadataRecord> (*)(protocol::Reader&, std::int16_t);

template <std::size_t... I>
Result<MetadataRecord> decode_any(protocol::Reader& reader, std::uint32_t key, std::uint32_t version,
                                  std::index_sequence<I...>) {
    DecodeFunction found = nullptr;
    bool known_version = false;
    const auto look = [&]<class Record>(std::type_identity<Record>) {
        if (static_cast<std::uint32_t>(Record::api_key) != key) return;
        found = &decode_as<Record>;
        known_version = version <= static_cast<std::uint32_t>(Record::versions.max);
    };
    (look(std::type_identity<std::variant_alternative_t<I, MetadataRecord>>{}), ...);
    if (!found || !known_version) {
        return Error::of(ErrorCode::bad_message,
                         fmt::format("metadata record {} version {} is not known", key, version));
    }
    return found(reader, static_cast<std::int16_t>(version));
}

}  // namespace

Result<Bytes> encode_record(const MetadataRecord& any) {
    protocol::Writer writer(128);
    const auto written = std::visit(
        [&]<class Record>(const Record& record) {
            const std::int16_t version = version_to_write(record);
            writer.unsigned_varint(frame_version);
            writer.unsigned_varint(static_cast<std::uint32_t>(Record::api_key));
            writer.unsigned_varint(static_cast<std::uint32_t>(version));
            return encode(writer, record, version);
        },
        any);
    if (!written) return written.error();
    return writer.finish().flatten();
}

Result<MetadataRecord> decode_record(Bytes bytes) {
    protocol::Reader reader(std::move(bytes));
    const auto frame = reader.unsigned_varint();
    const auto key = reader.unsigned_varint();
    const auto version = reader.unsigned_varint();
    if (reader.failed() || frame != frame_version) {
        return Error::of(ErrorCode::bad_message,
                         fmt::format("a metadata record has no frame of version {}", frame_version));
    }
    return decode_any(reader, key, version, std::make_index_sequence<std::variant_size_v<MetadataRecord>>{});
}

}  // namespace ottla::broker
