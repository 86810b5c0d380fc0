// SPDX-License-Identifier: Apache-2.0
// Batch: records of one partition on their way to the broker, and what each of them is to be told in the end.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ottla/producer.hpp>
#include <ottla/protocol/record_batch_builder.hpp>

#include "base/clock.hpp"
#include "client/cluster/backoff.hpp"
#include "client/producer/delivery_dues.hpp"
#include "client/producer/packer.hpp"
#include "client/producer/sequences.hpp"

namespace ottla::client {

using base::TimePoint;

struct PartitionQueue;

// The order of a partition's batches, in which they are sent the first time.
using Place = std::uint64_t;

struct Batch {
    Batch(std::size_t bytes_max, protocol::RecordBatchBuilder::Checksum checksum, const Backoff& retry_backoff)
        : builder(Buffer(), bytes_max, checksum),
          backoff(retry_backoff) {}

    std::size_t count() const noexcept { return dues.count(); }
    // Records whose reports are events.
    std::size_t events() const noexcept { return dues.events(); }
    // As new.
    void clear() {
        dues.clear();
        builder.reset(Buffer());
        sealed = Buffer();
        packing.reset();
        wanted.clear();
        topic.reset();
        home = nullptr;
        partition = any_partition;
        payload_bytes = held_bytes = 0;
        began_ms = 0;
        attempts = 0;
        numbers = Numbers();
        has_place = is_stamped = is_oversized = is_awaited = waits_its_turn = possibly_persisted = false;
        last_error = Error();
    }

    std::shared_ptr<const std::string> topic;
    std::int32_t partition = any_partition;
    PartitionQueue* home = nullptr;  // null while the topic's partitions are not known
    // While records are added; empty once `sealed` is there.
    protocol::RecordBatchBuilder builder;
    DeliveryDues dues;
    std::size_t payload_bytes = 0;
    std::size_t held_bytes = 0;  // of the queue's limit: the memory it takes (accumulator_memory.cpp)
    // Only while the partitions are not known: which one each record asked for.
    std::vector<std::int32_t> wanted;

    TimePoint created{};        // when the first record came
    std::int64_t began_ms = 0;  // by the wall clock, when the first came that has that time; else 0
    TimePoint expires = TimePoint::max();

    // In work, or done and not sent yet; null before, and where nothing is compressed.
    std::shared_ptr<Packing> packing;
    // As it is sent, or, while it takes records, as far as it has come.
    std::size_t bytes() const noexcept {
        return !sealed.empty() ? sealed.size() : packing ? packing->packed.size() : builder.size();
    }
    bool is_packed() const noexcept { return !sealed.empty() || (packing && packing->is_done); }
    // As it is sent: whole and compressed, crc and all.
    Buffer sealed;
    // What `sealed` is numbered with, once it is stamped; none while there is nothing, or new ones are due.
    Numbers numbers;
    bool is_stamped = false;
    bool has_been_sent() const noexcept { return attempts > 0; }
    Place place = 0;  // from when it is sent first; anew after a split of one before it
    bool has_place = false;
    bool went_first = false;      // nothing of its partition before it was open when it was sent last
    bool waits_its_turn = false;  // to be sent again only when nothing of its partition is in flight
    bool is_oversized = false;    // for the broker: to be split
    bool is_awaited = false;      // somebody waits for one of its reports: it does not linger for long
    std::int64_t attempts = 0;
    Backoff backoff;
    // An attempt ended without an answer, or with one that leaves it open.
    bool possibly_persisted = false;
    Error last_error;
};
using BatchPtr = std::unique_ptr<Batch>;

}  // namespace ottla::client
