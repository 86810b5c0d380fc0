// SPDX-License-Identifier: Apache-2.0
#include "client/group/offset_requests.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace ottla::client {
namespace {

using protocol::OffsetCommitRequest;
using protocol::OffsetCommitResponse;
using protocol::OffsetFetchRequest;
using protocol::OffsetFetchResponse;
using protocol::VersionRange;
constexpr VersionRange offset_commit_versions{2, 10};
constexpr VersionRange offset_fetch_versions{1, 10};
static_assert(OffsetCommitRequest::versions.contains(offset_commit_versions));
static_assert(OffsetFetchRequest::versions.contains(offset_fetch_versions));
constexpr std::int16_t last_by_name = 9;
constexpr std::int16_t first_stable = 7;
constexpr std::int16_t first_with_groups = 8;

Uuid id_in(const OfferedIds& offered, const std::string& topic) {
    const auto at = offered.ids.find(topic);
    return at == offered.ids.end() ? Uuid() : at->second;
}

bool concerns_the_group(ErrorCode code) {
    switch (code) {
        case ErrorCode::illegal_generation:
        case ErrorCode::unknown_member_id:
        case ErrorCode::fenced_member_epoch:
        case ErrorCode::fenced_instance_id:
        case ErrorCode::group_authorization_failed:
        case ErrorCode::invalid_group_id:
        case ErrorCode::group_id_not_found: return true;
        default: return false;
    }
}

template <class Topics>
void take_offsets(const Topics& topics, OpenOffsets& open, const OfferedIds& offered, Error& last) {
    for (const auto& topic : topics)
        for (const auto& p : topic.partitions) {
            std::string name;
            if constexpr (requires { topic.topic_id; })
                name = offered.name_of(topic.name, topic.topic_id);
            else
                name = topic.name;
            const auto at = open.find({name, p.partition_index});
            if (at == open.end()) continue;
            auto& tp = *at->second;
            const auto code = static_cast<ErrorCode>(p.error_code);
            // Who does not know the topic (yet) cannot say that nothing is committed. Of an id that is out of date the
            // next attempt knows better.
            if (is_retriable(code) && code != ErrorCode::unknown_topic_or_partition) {
                last = tp.error = Error::of(code);
                continue;
            }
            const bool fine = code == ErrorCode::none;
            tp.error = fine ? Error()
                            : Error::of(code).with_context(
                                  fmt::format("the committed offset of {}[{}]", name, p.partition_index));
            tp.offset = fine && p.committed_offset >= 0 ? Offset(p.committed_offset) : Offset::invalid();
            tp.leader_epoch.reset();
            if (p.committed_leader_epoch >= 0) tp.leader_epoch = p.committed_leader_epoch;
            tp.metadata = p.metadata.value_or(std::string());
            open.erase(at);
        }
}

}  // namespace

OpenOffsets all_open(std::vector<TopicPartition>& partitions) {
    OpenOffsets open;
    for (auto& tp : partitions) open[{tp.topic, tp.partition}] = &tp;
    return open;
}

VersionRange OfferedIds::commit_versions() const noexcept {
    return {offset_commit_versions.min, complete ? offset_commit_versions.max : last_by_name};
}

VersionRange OfferedIds::fetch_versions() const noexcept {
    return {offset_fetch_versions.min, complete ? offset_fetch_versions.max : last_by_name};
}

std::string OfferedIds::name_of(const std::string& name, const Uuid& id) const {
    if (!name.empty()) return name;
    const auto at = std::ranges::find(ids, id, [](const auto& entry) { return entry.second; });
    return at == ids.end() ? std::string() : at->first;
}

OffsetCommitRequest commit_request(const std::string& group, const MemberIdentity& who,
                                   const std::optional<std::string>& instance_id, const OpenOffsets& open,
                                   const OfferedIds& offered) {
    OffsetCommitRequest request;
    request.group_id = group;
    request.generation_id_or_member_epoch = who.generation;
    request.member_id = who.member_id;
    if (who.generation >= 0) request.group_instance_id = instance_id;
    for (const auto& [key, tp] : open) {
        if (request.topics.empty() || request.topics.back().name != key.first) {
            auto& topic = request.topics.emplace_back();
            topic.name = key.first;
            topic.topic_id = id_in(offered, key.first);
        }
        auto& to = request.topics.back().partitions.emplace_back();
        to.partition_index = key.second;
        to.committed_offset = tp->offset.value();
        to.committed_leader_epoch = tp->leader_epoch.value_or(-1);
        to.committed_metadata = tp->metadata;
    }
    return request;
}

Result<void> take_commits(const OffsetCommitResponse& answer, bool waits_for_rebalance, OpenOffsets& open,
                          const OfferedIds& offered, Error& last) {
    for (const auto& topic : answer.topics) {
        const auto name = offered.name_of(topic.name, topic.topic_id);
        for (const auto& p : topic.partitions) {
            const auto at = open.find({name, p.partition_index});
            if (at == open.end()) continue;
            const auto code = static_cast<ErrorCode>(p.error_code);
            if (concerns_the_group(code)) return Error::of(code);
            const bool topic_is_gone =
                code == ErrorCode::unknown_topic_or_partition || code == ErrorCode::unknown_topic_id;
            // The epoch has moved on, which the answer to a heartbeat tells.
            const bool is_behind = code == ErrorCode::stale_member_epoch ||
                                   (waits_for_rebalance && code == ErrorCode::rebalance_in_progress);
            if ((is_retriable(code) || is_behind) && !topic_is_gone) {
                last = at->second->error = Error::of(code);
                continue;
            }
            at->second->error =
                code == ErrorCode::none
                    ? Error()
                    : Error::of(code).with_context(fmt::format("commit of {}[{}]", name, p.partition_index));
            open.erase(at);
        }
    }
    return ok();
}

OffsetFetchRequest fetch_request(const std::string& group, const MemberIdentity& who, const OpenOffsets& open,
                                 const OfferedIds& offered, std::int16_t version) {
    OffsetFetchRequest request;
    request.require_stable = version >= first_stable;
    if (version >= first_with_groups) {
        auto& to = request.groups.emplace_back();
        to.group_id = group;
        if (who.generation >= 0) {
            to.member_id = who.member_id;
            to.member_epoch = who.generation;
        }
        for (const auto& [key, tp] : open) {
            if (to.topics->empty() || to.topics->back().name != key.first) {
                auto& topic = to.topics->emplace_back();
                topic.name = key.first;
                topic.topic_id = id_in(offered, key.first);
            }
            to.topics->back().partition_indexes.push_back(key.second);
        }
        return request;
    }
    request.group_id = group;
    for (const auto& [key, tp] : open) {
        if (request.topics->empty() || request.topics->back().name != key.first)
            request.topics->emplace_back().name = key.first;
        request.topics->back().partition_indexes.push_back(key.second);
    }
    return request;
}

Result<void> take_committed(const OffsetFetchResponse& answer, std::int16_t version, OpenOffsets& open,
                            const OfferedIds& offered, Error& last) {
    last = Error::of(ErrorCode::coordinator_load_in_progress, "partitions were left out of the answer");
    if (version < first_with_groups) {
        if (answer.error_code != 0) return Error::of(static_cast<ErrorCode>(answer.error_code));
        take_offsets(answer.topics, open, offered, last);
    } else if (!answer.groups.empty()) {
        const auto& group = answer.groups.front();
        if (group.error_code != 0) return Error::of(static_cast<ErrorCode>(group.error_code));
        take_offsets(group.topics, open, offered, last);
    }
    return ok();
}

}  // namespace ottla::client
