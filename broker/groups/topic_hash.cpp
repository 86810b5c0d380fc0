// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/topic_hash.hpp"

#include <algorithm>
#include <bit>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "broker/groups/utf16.hpp"

namespace ottla::broker::groups {
namespace {

// The bytes that are hashed, little-endian: XXH3 of 64 bits, without a seed.
class HashedBytes {
public:
    void byte(std::uint8_t value) { bytes_.push_back(value); }
    void int32(std::uint32_t value) { little(value, 4); }
    void int64(std::uint64_t value) { little(value, 8); }
    // Its UTF-16 units, and then how many they are.
    void text(std::string_view utf8) {
        const std::uint32_t units = units_of(utf8);
        for_each_utf16_unit(utf8, [this](std::uint16_t unit) { little(unit, 2); });
        int32(units);
    }
    static std::uint32_t units_of(std::string_view utf8) {
        std::uint32_t units = 0;
        for_each_utf16_unit(utf8, [&units](std::uint16_t) { ++units; });
        return units;
    }
    std::uint64_t hash() const noexcept { return XXH3_64bits(bytes_.data(), bytes_.size()); }

private:
    void little(std::uint64_t value, int bytes) {
        for (int i = 0; i < bytes; ++i) byte(static_cast<std::uint8_t>(value >> (8 * i)));
    }
    std::vector<std::uint8_t> bytes_;
};

std::uint64_t half(const Uuid& id, std::size_t from) {
    std::uint64_t value = 0;
    for (std::size_t i = from; i < from + 8; ++i) value = (value << 8) | id.bytes[i];
    return value;
}

std::vector<std::string> racks_of(const PartitionImage& partition, const MetadataImage& image) {
    std::vector<std::string> racks;
    for (const auto replica : partition.replicas) {
        const BrokerImage* const broker = image.broker(replica);
        if (broker && broker->rack) racks.push_back(*broker->rack);
    }
    std::ranges::sort(racks);
    return racks;
}

std::uint64_t topic_hash(const TopicImage& topic, const MetadataImage& image) {
    HashedBytes bytes;
    bytes.byte(0);  // the version of all this
    bytes.int64(half(topic.id, 0));
    bytes.int64(half(topic.id, 8));
    bytes.text(topic.name);
    bytes.int32(static_cast<std::uint32_t>(topic.partitions.size()));
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
        bytes.int32(static_cast<std::uint32_t>(i));
        for (const auto& rack : racks_of(topic.partitions[i], image)) {
            bytes.int32(HashedBytes::units_of(rack));
            bytes.text(rack);
        }
    }
    return bytes.hash();
}

}  // namespace

std::int64_t topics_hash(const std::set<std::string, std::less<>>& names, const MetadataImage& image) {
    HashedBytes bytes;
    bool is_empty = true;
    for (const auto& name : names) {
        const auto topic = image.topic(name);
        if (!topic) continue;
        bytes.int64(topic_hash(*topic, image));
        is_empty = false;
    }
    return is_empty ? 0 : std::bit_cast<std::int64_t>(bytes.hash());
}

}  // namespace ottla::broker::groups
