// SPDX-License-Identifier: Apache-2.0
#include "client/producer/partitioner.hpp"

#include <iterator>

#include "base/assert.hpp"

namespace ottla::client {

namespace {
constexpr PartitionerRow rows[] = {
    {Partitioner::consistent, partition_by_crc32, false, false, Spread::sticky},
    {Partitioner::consistent_random, partition_by_crc32, true, true, Spread::sticky},
    {Partitioner::murmur2, partition_by_murmur2, false, false, Spread::sticky},
    {Partitioner::murmur2_random, partition_by_murmur2, true, false, Spread::sticky},
    {Partitioner::fnv1a, partition_by_fnv1a, false, false, Spread::sticky},
    {Partitioner::fnv1a_random, partition_by_fnv1a, true, false, Spread::sticky},
    {Partitioner::random, nullptr, true, true, Spread::random},
    {Partitioner::round_robin, nullptr, true, true, Spread::in_turn},
};
}  // namespace

const PartitionerRow& partitioner_row(Partitioner id) noexcept {
    const auto i = static_cast<std::size_t>(id);
    OTTLA_ASSERT(i < std::size(rows) && rows[i].id == id);
    return rows[i];
}

}  // namespace ottla::client
