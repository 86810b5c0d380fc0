// SPDX-License-Identifier: Apache-2.0
// ConsumerProtocol: regular expressions: who begins and ends to use one, when they are looked at again, and what they
// match.
#include "broker/groups/consumer_protocol.hpp"
#include "broker/groups/consumer_records.hpp"
#include "broker/groups/topic_hash.hpp"

namespace ottla::broker::groups {

// One that others use was looked at when they came.
Result<void> ConsumerProtocol::check_regex(const Step& step) const {
    const std::string& regex = step.next.profile.regex;
    if (regex.empty() || regex == step.old.profile.regex || group_.users_of(regex) != 0) return ok();
    const auto pattern = TopicPattern::compile(regex);
    return pattern ? ok() : Result<void>(pattern.error());
}

// True: what the member reads has changed, as far as is known by now.
bool ConsumerProtocol::change_regex(const Step& step) {
    const std::string& old = step.old.profile.regex;
    const std::string& next = step.next.profile.regex;
    has_new_regex_ = !next.empty() && !group_.regexes().contains(next);
    if (old == next) return false;
    const bool was_used = group_.find(step.replaced.empty() ? step.old.id : step.replaced) != nullptr;
    if (!old.empty() && was_used && group_.users_of(old) == 1) turn_.write(regex_tombstone(group_.id(), old));
    return next.empty() || group_.regexes().contains(next);
}

// They are resolved together, so the first tells of all.
bool ConsumerProtocol::has_regexes_to_resolve(std::int64_t topics_changed_at) const {
    if (has_new_regex_) return true;
    if (group_.regexes().empty()) return false;
    const ResolvedRegex& resolved = group_.regexes().begin()->second;
    const std::int64_t age_ms = turn_.wall_ms - resolved.timestamp_ms;
    if (age_ms > turn_.settings.consumer.regex_refresh_interval_ms) return true;
    return resolved.version < topics_changed_at && age_ms > regex_refresh_min_ms;
}

void ConsumerProtocol::resolved(const RegexRun::Resolved& found, std::int64_t version) {
    ConsumerGroup::Names names;
    for (const auto& [id, member] : group_.members())
        names.insert(member.profile.topics.begin(), member.profile.topics.end());
    bool has_changed = false;
    for (const auto& [regex, topics] : found) {
        if (group_.users_of(regex) == 0) continue;
        names.insert(topics.begin(), topics.end());
        const auto known = group_.regexes().find(regex);
        if (known == group_.regexes().end() ? !topics.empty() : known->second.topics != topics) has_changed = true;
        RegexRecord record = regex_tombstone(group_.id(), regex);
        auto& value = record.value.emplace();
        value.topics.assign(topics.begin(), topics.end());
        value.version = version;
        value.timestamp = turn_.wall_ms;
        turn_.write(std::move(record));
    }
    for (const auto& [regex, known] : group_.regexes()) {
        if (!found.contains(regex) && group_.users_of(regex) != 0)
            names.insert(known.topics.begin(), known.topics.end());
    }
    const std::int64_t hash = topics_hash(names, image_);
    if (has_changed || hash != group_.metadata_hash()) write_epoch(group_.next_epoch(), hash);
}

}  // namespace ottla::broker::groups
