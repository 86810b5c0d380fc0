// SPDX-License-Identifier: Apache-2.0
// The topics of a group: patterns are matched against what there is, what is missing is told once, and the leader hears
// of every topic that grows.
#include <algorithm>

#include <fmt/format.h>

#include "client/cluster/metadata_call.hpp"
#include "client/group/group.hpp"
#include "client/runtime/spawn.hpp"

namespace ottla::client {
namespace {

// How soon a topic that does not exist is looked for again.
constexpr base::Duration missing_look = std::chrono::seconds(5);
// One that existed is taken for deleted when it was not there for so long.
constexpr base::Duration gone_after = std::chrono::seconds(5);
constexpr base::Duration new_topic_look = std::chrono::milliseconds(500);

std::vector<std::string> racks_of(const std::vector<BrokerId>& replicas, const MetadataCache& metadata) {
    std::vector<std::string> racks;
    for (const auto id : replicas)
        if (const auto* broker = metadata.broker(id); broker && broker->rack) racks.push_back(*broker->rack);
    std::ranges::sort(racks);
    racks.erase(std::unique(racks.begin(), racks.end()), racks.end());
    return racks;
}

}  // namespace

void Group::use_topics(std::set<std::string> wanted) {
    for (const auto& topic : wanted)
        if (!used_.contains(topic)) cluster_->use_topic(topic);
    for (const auto& topic : used_)
        if (!wanted.contains(topic)) cluster_->drop_topic(topic);
    used_ = std::move(wanted);
}

void Group::look_at_topics() {
    const auto now = runtime().now();
    std::set<std::string> wanted(membership_->topics().begin(), membership_->topics().end());
    std::vector<std::string> shared;
    for (const auto& [topic, partitions] : membership_->shared_topics()) shared.push_back(topic);
    wanted.insert(shared.begin(), shared.end());
    use_topics(std::move(wanted));
    if (!shared.empty()) membership_->on_metadata(describe_from_cache(shared));
    watch_topics();

    const auto told_after = missing_since_ + cluster_->config().metadata_propagation_max;
    bool is_missing = false;
    for (const auto& name : subscription_.names()) {
        const TopicInfo* info = cluster_->metadata().topic(std::string_view(name));
        const bool there = info && info->error == ErrorCode::none;
        if (there) {
            missing_.erase(name);
            continue;
        }
        is_missing = true;
        // It may have been created just now; but who may not read it need not wait to hear so.
        if (!info || (is_retriable(info->error) && now < told_after) || !missing_.insert(name).second) continue;
        app_.tell(Error::of(info->error, fmt::format("topic '{}' of the subscription: {}; it is read as soon as that "
                                                     "has changed",
                                                     name, v0::describe(info->error))));
    }
    if (!is_missing) {
        next_missing_look_ = TimePoint::max();
    } else if (next_missing_look_ == TimePoint::max() || now >= next_missing_look_) {
        next_missing_look_ = now + (now < told_after ? new_topic_look : missing_look);
        cluster_->request_refresh("a subscribed topic is missing");
    }
    if (wants_all_topics() && !matching_ && now >= next_match_) {
        matching_ = true;
        spawn(runtime().executor(), match_patterns(shared_from_this()));
    }
}

// A topic in use that is deleted, or made anew: what was read of the old one says nothing about the new.
void Group::watch_topics() {
    const auto now = runtime().now();
    next_gone_look_ = TimePoint::max();
    std::erase_if(seen_, [&](const auto& seen) { return !used_.contains(seen.first); });
    for (const auto& name : used_) {
        const TopicInfo* info = cluster_->metadata().topic(std::string_view(name));
        if (!info) continue;
        auto& seen = seen_[name];
        if (info->error == ErrorCode::unknown_topic_or_partition) {
            // A broker that has just started may not know of it yet.
            seen.gone_at = std::min(seen.gone_at, now + gone_after);
            if (now >= seen.gone_at)
                membership_->on_metadata(GroupTopics{{name, {}}});
            else
                next_gone_look_ = std::min(next_gone_look_, seen.gone_at);
        }
        if (info->error != ErrorCode::none) continue;
        seen.gone_at = TimePoint::max();
        if (info->id.is_zero()) continue;
        if (const auto before = std::exchange(seen.id, info->id); before.is_zero() || before == info->id) continue;
        runtime().log(DebugContext::cgrp).info("topic '{}' was deleted and made anew", name);
        app_.delivery->begin_anew(name);
        membership_->on_topic_made_anew(name);
    }
}

TimePoint Group::next_look() const {
    const bool matches = wants_all_topics() && !matching_;
    return std::min({next_missing_look_, next_gone_look_, matches ? next_match_ : TimePoint::max()});
}

GroupTopics Group::describe_from_cache(const std::vector<std::string>& topics) const {
    GroupTopics found;
    const auto& metadata = cluster_->metadata();
    for (const auto& name : topics) {
        const TopicInfo* info = metadata.topic(std::string_view(name));
        if (!info || info->error != ErrorCode::none) continue;
        auto& partitions = found[name];
        for (const auto& p : info->partitions) partitions.push_back(racks_of(p.replicas, metadata));
    }
    return found;
}

// As the leader: a topic that does not exist has no partitions.
awaitable<void> Group::describe(std::shared_ptr<Group> self, MembershipAction action) {
    auto names = std::get<DescribeTopics>(std::move(action.what)).topics;
    Result<GroupTopics> topics = GroupTopics();
    if (!names.empty()) {
        auto asked = std::optional(names);
        const auto answer = co_await ask_metadata(self->cluster_, std::move(asked), action.deadline);
        if (answer)
            topics = self->describe_from_cache(names);
        else
            topics = answer.error();
    }
    self->answered(action.call, std::move(topics));
}

std::optional<Uuid> Group::id_of(std::string_view topic) const {
    if (const auto assigned = membership_->assigned_id(topic)) return assigned;
    return cluster_->metadata().id_of(topic);
}

// Most are in the cache, since they were subscribed to by name.
awaitable<void> Group::name_topics(std::shared_ptr<Group> self, MembershipAction action) {
    TopicNames names;
    std::vector<Uuid> others;
    for (const auto& id : std::get<NameTopics>(action.what).ids)
        if (const TopicInfo* info = self->cluster_->metadata().topic(id))
            names.emplace(id, info->name);
        else
            others.push_back(id);
    Result<TopicNames> found = std::move(names);
    if (!others.empty()) {
        const auto answer = co_await self->cluster_->fetch_metadata_by_id(std::move(others), action.deadline);
        if (answer)
            for (const auto& topic : answer->topics) {
                if (topic.error_code == 0 && topic.name) found->emplace(topic.topic_id, *topic.name);
            }
        else if (found->empty())
            found = answer.error();
    }
    self->answered(action.call, std::move(found));
}

// Of a pattern that the coordinator matches, only to tell when it finds nothing; and who has partitions knows better.
bool Group::wants_all_topics() const {
    return subscription_.has_patterns() || (subscription_.can_judge_regex() && membership_->identity().generation > 0 &&
                                            app_.delivery->assignment().empty());
}

// Each once, until it has found something.
void Group::tell_idle_patterns(const std::vector<std::string>& topics) {
    auto idle = subscription_.idle_patterns(topics);
    for (const auto& pattern : idle)
        if (!idle_patterns_.contains(pattern))
            app_.tell(Error::of(ErrorCode::unknown_topic_or_partition,
                                fmt::format("no topic matches the pattern '{}' of the subscription; it is read as soon "
                                            "as there is one",
                                            pattern)));
    idle_patterns_ = std::set<std::string>(idle.begin(), idle.end());
}

awaitable<void> Group::match_patterns(std::shared_ptr<Group> self) {
    auto& runtime = self->runtime();
    const auto deadline = runtime.deadline(self->cluster_->config().socket_timeout);
    std::optional<std::vector<std::string>> all;
    const auto answer = co_await ask_metadata(self->cluster_, std::move(all), deadline);
    self->matching_ = false;
    self->next_match_ = runtime.now() + self->cluster_->config().metadata_max_age;
    if (!answer) self->next_match_ = runtime.now() + self->cluster_->config().retry_backoff_max;
    if (answer && !self->closing_) self->on_all_topics(*answer);
    self->wake_.notify();
}

void Group::on_all_topics(const protocol::MetadataResponse& answer) {
    if (!subscription_.has_patterns()) {
        std::vector<std::string> all;
        for (const auto& t : answer.topics)
            if (t.name && t.error_code == 0) all.push_back(*t.name);
        if (wants_all_topics()) tell_idle_patterns(all);
        return;
    }
    auto topics = subscription_.names();
    for (const auto& t : answer.topics)
        if (t.name && t.error_code == 0 && !t.is_internal && subscription_.matches(*t.name)) topics.push_back(*t.name);
    std::ranges::sort(topics);
    topics.erase(std::unique(topics.begin(), topics.end()), topics.end());
    tell_idle_patterns(topics);
    TopicSelection selection;
    selection.names = std::move(topics);
    membership_->subscribe(std::move(selection), runtime().now());
}

}  // namespace ottla::client
