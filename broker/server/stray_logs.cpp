// SPDX-License-Identifier: Apache-2.0
#include "broker/server/stray_logs.hpp"

namespace ottla::broker {
namespace {

using log::LogDirectory;

Result<void> set_strays_aside_in(LogDirectory& directory, const MetadataImage& image, std::int32_t broker,
                                 base::Random& random, const base::Log& messages,
                                 std::vector<log::TopicPartitionName>& into) {
    const auto found = directory.partitions();
    if (!found) return found.error();
    bool any = false;
    for (const auto& one : *found) {
        if (!is_stray(image, broker, one)) continue;
        auto aside = directory.set_aside(one.name, random.uuid(), LogDirectory::Aside::stray);
        if (!aside) return aside.error();
        messages.warn("{}-{} is not what the metadata knows under this name: it is set aside as '{}'", one.name.topic,
                      one.name.partition, *aside);
        into.push_back(one.name);
        any = true;
    }
    return any ? directory.disk().sync_directory(directory.path()) : ok();
}

}  // namespace

bool is_stray(const MetadataImage& image, std::int32_t broker, const LogDirectory::Found& found) {
    if (found.name.topic == "__cluster_metadata") return false;
    const auto topic = image.topic(found.name.topic);
    const auto* partition = topic ? topic->partition(found.name.partition) : nullptr;
    if (!partition || !partition->has_replica(broker)) return true;
    // Without an id nothing was ever appended: it may as well be that topic's.
    return !found.topic_id.is_zero() && found.topic_id != topic->id;
}

std::vector<log::TopicPartitionName> set_strays_aside(const log::LogDirectories& directories,
                                                      const MetadataImage& image, std::int32_t broker,
                                                      base::Random& random, base::Log messages) {
    std::vector<log::TopicPartitionName> strays;
    for (LogDirectory* directory : directories.served()) {
        if (directory->offline()) continue;
        const auto done = set_strays_aside_in(*directory, image, broker, random, messages, strays);
        // What is left there would be taken for another's.
        if (!done) directory->take_offline(done.error());
    }
    return strays;
}

}  // namespace ottla::broker
