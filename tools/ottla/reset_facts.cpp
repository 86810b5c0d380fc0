// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/reset_facts.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "tools/ottla/topic_common.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {
namespace {

using ResetKey = std::pair<std::string, std::int32_t>;

std::map<ResetKey, std::int64_t> committed_by(Admin& admin, const std::string& group) {
    const auto offsets = expect(admin.list_group_offsets({{group}}, within_time()), "asking for the offsets");
    if (offsets.front().error.code() != ErrorCode::none) throw Exception(offsets.front().error);
    std::map<ResetKey, std::int64_t> committed;
    for (const auto& tp : offsets.front().partitions)
        if (tp.offset.is_absolute()) committed[{tp.topic, tp.partition}] = tp.offset.value();
    return committed;
}

Error no_such_partition(const std::string& topic, std::int32_t partition, std::size_t count) {
    return Error::of(ErrorCode::unknown_partition,
                     fmt::format("topic '{}' has {} partitions, and no partition {}", topic, count, partition));
}

// In order. Throws for what is not there.
std::set<ResetKey> existing(Admin& admin, const std::vector<TopicScope>& scopes) {
    std::set<std::string> names;
    for (const auto& scope : scopes) names.insert(scope.topic);
    std::map<std::string, std::size_t> counts;
    for (const auto& topic :
         expect(admin.describe_topics({names.begin(), names.end()}, within_time()), "asking for the topics")) {
        if (topic.error.code() != ErrorCode::none)
            throw Exception(topic.error.with_context(fmt::format("topic '{}'", topic.name)));
        counts[topic.name] = topic.partitions.size();
    }
    std::set<ResetKey> keys;
    for (const auto& scope : scopes) {
        const auto count = counts[scope.topic];
        for (const auto partition : scope.partitions)
            if (static_cast<std::size_t>(partition) >= count)
                throw Exception(no_such_partition(scope.topic, partition, count));
        for (std::int32_t p = 0; static_cast<std::size_t>(p) < count; ++p)
            if (scope.has(scope.topic, p)) keys.emplace(scope.topic, p);
    }
    return keys;
}

// One place in each partition; null for one whose leader could not be asked, which then has its error.
std::vector<std::optional<ListedOffset>> ask_places(Admin& admin, std::vector<ResetPlace>& places, Offset place) {
    std::vector<TopicPartition> asked;
    for (const auto& p : places) asked.emplace_back(p.topic, p.partition, place);
    const auto listed = expect(admin.list_offsets(std::move(asked), within_time()), "asking for offsets");
    std::vector<std::optional<ListedOffset>> found(places.size());
    for (std::size_t i = 0; i < places.size(); ++i) {
        const Error& error = listed[i].partition.error;
        if (error.code() == ErrorCode::none)
            found[i] = listed[i];
        else
            places[i].error = error;
    }
    return found;
}

void learn_bounds(Admin& admin, std::vector<ResetPlace>& places) {
    const auto starts = ask_places(admin, places, Offset::beginning());
    const auto ends = ask_places(admin, places, Offset::end());
    for (std::size_t i = 0; i < places.size(); ++i) {
        if (starts[i]) places[i].facts.start = starts[i]->partition.offset.value();
        if (ends[i]) places[i].facts.end = ends[i]->partition.offset.value();
    }
}

void decide(ResetPlace& place, const ResetTarget& target) {
    if (place.error.code() != ErrorCode::none) return;
    place.step = plan_reset(target, place.facts);
    if (!place.step.offset)
        place.error =
            Error::of(ErrorCode::no_offset, fmt::format("{}[{}]: {}", place.topic, place.partition, place.step.note));
}

std::vector<ResetPlace> places_for(const std::set<ResetKey>& keys, const std::map<ResetKey, std::int64_t>& committed) {
    std::vector<ResetPlace> places;
    for (const auto& key : keys) {
        auto& place = places.emplace_back();
        place.topic = key.first;
        place.partition = key.second;
        if (const auto at = committed.find(key); at != committed.end()) place.facts.committed = at->second;
    }
    return places;
}

}  // namespace

std::vector<ResetPlace> planned(Admin& admin, const std::string& group, const std::vector<TopicScope>& scopes,
                                const ResetTarget& target) {
    const auto committed = committed_by(admin, group);
    std::set<ResetKey> keys;
    if (scopes.empty())
        for (const auto& [key, offset] : committed) keys.insert(key);
    else
        keys = existing(admin, scopes);
    if (keys.empty())
        throw Exception(
            Error::of(ErrorCode::no_offset,
                      fmt::format("group '{}' has nothing committed: name the topics with --topic", group)));
    auto places = places_for(keys, committed);
    learn_bounds(admin, places);
    if (target.kind == ResetTarget::Kind::time) {
        const auto found = ask_places(admin, places, std::max<std::int64_t>(0, target.value));
        for (std::size_t i = 0; i < places.size(); ++i)
            if (found[i] && found[i]->partition.offset.is_absolute())
                places[i].facts.at_time = found[i]->partition.offset.value();
    }
    for (auto& place : places) decide(place, target);
    return places;
}

std::vector<ResetPlace> planned(Admin& admin, const std::string& group, const std::vector<TopicPartition>& wanted) {
    std::map<ResetKey, std::int64_t> offsets;
    std::map<std::string, TopicScope> scopes_by_topic;
    for (const auto& tp : wanted) {
        offsets[{tp.topic, tp.partition}] = tp.offset.value();
        auto& scope = scopes_by_topic[tp.topic];
        scope.topic = tp.topic;
        scope.partitions.push_back(tp.partition);
    }
    std::vector<TopicScope> scopes;
    for (auto& [topic, scope] : scopes_by_topic) scopes.push_back(std::move(scope));
    auto places = places_for(existing(admin, scopes), committed_by(admin, group));
    learn_bounds(admin, places);
    for (auto& place : places) decide(place, {ResetTarget::Kind::offset, offsets.at({place.topic, place.partition})});
    return places;
}

}  // namespace ottla::tools
