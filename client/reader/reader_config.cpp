// SPDX-License-Identifier: Apache-2.0
// What a ReaderConfig says, in the consumer's words.
#include <fmt/format.h>

#include "client/reader/reader_config.hpp"

namespace ottla::client {
namespace {

Error wrong(std::string text) { return Error::of(ErrorCode::invalid_argument, "ReaderConfig::" + std::move(text)); }

Result<void> check_topics(const ReaderConfig& r, bool in_group) {
    if (!in_group && !r.group_topics.empty()) return wrong("group_topics needs a group_id");
    if (!r.topic.empty() && !r.group_topics.empty()) return wrong("topic and group_topics: give one of them");
    if (r.topic.empty() && r.group_topics.empty()) return wrong("topic is empty: what is to be read?");
    if (!in_group && r.partition < 0) return wrong(fmt::format("partition is {}: from 0 up", r.partition));
    return ok();
}

}  // namespace

Result<ReaderSettings> reader_settings(const ReaderConfig& r) {
    ReaderSettings s;
    std::vector<Config::Entry> entries = {{"fetch.min.bytes", r.min_bytes},
                                          {"max.partition.fetch.bytes", r.max_bytes},
                                          {"fetch.wait.max.ms", r.max_wait.count()}};
    if (!r.brokers.empty()) entries.emplace_back("bootstrap.servers", r.brokers);
    if (!r.group_id.empty()) entries.emplace_back("group.id", r.group_id);
    const auto& more = r.config.entries();
    s.is_member = !r.group_id.empty() || more.contains("group.id");
    if (auto fine = check_topics(r, s.is_member); !fine) return fine.error();
    if (s.is_member) {
        if (r.start_offset != Offset::beginning() && r.start_offset != Offset::end())
            return wrong(
                fmt::format("start_offset is {}: a group begins at beginning or end", to_string(r.start_offset)));
        if (more.contains("enable.auto.offset.store"))
            return wrong("config sets enable.auto.offset.store: the reader itself knows what is done");
        entries.emplace_back("auto.offset.reset", r.start_offset == Offset::end() ? "latest" : "earliest");
        entries.emplace_back("enable.auto.offset.store", false);
        entries.emplace_back("enable.auto.commit", r.commit_interval.count() > 0);
        if (r.commit_interval.count() > 0) entries.emplace_back("auto.commit.interval.ms", r.commit_interval.count());
    }
    for (const auto& [name, value] : more) entries.emplace_back(name, value);
    for (const Config::Entry& entry : entries)
        if (auto set = s.config.set(entry.name, entry.value); !set) return set.error();
    return s;
}

}  // namespace ottla::client
