// SPDX-License-Identifier: Apache-2.0
#include "client/group/offset_calls.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include <ottla/protocol/messages/offset_commit_request.hpp>
#include <ottla/protocol/messages/offset_commit_response.hpp>
#include <ottla/protocol/messages/offset_fetch_request.hpp>
#include <ottla/protocol/messages/offset_fetch_response.hpp>

namespace ottla::client {
namespace {

using protocol::OffsetCommitRequest;
using protocol::OffsetCommitResponse;
using protocol::OffsetFetchRequest;
using protocol::OffsetFetchResponse;
// From 10 on topics go by their ids.
constexpr protocol::VersionRange offset_commit_versions{2, 9};
constexpr protocol::VersionRange offset_fetch_versions{1, 9};
static_assert(OffsetCommitRequest::versions.contains(offset_commit_versions));
static_assert(OffsetFetchRequest::versions.contains(offset_fetch_versions));
constexpr std::int16_t first_stable = 7;
constexpr std::int16_t first_with_groups = 8;

using Key = std::pair<std::string, std::int32_t>;
using Open = std::map<Key, TopicPartition*>;

// Each partition once; of one named twice the last counts, as the first is told the same.
Open all_of(std::vector<TopicPartition>& partitions) {
    Open open;
    for (auto& tp : partitions) open[Key(tp.topic, tp.partition)] = &tp;
    return open;
}

OffsetCommitRequest commit_request(const std::string& group, const MemberIdentity& who, const CommitTerms& terms,
                                   const Open& open) {
    OffsetCommitRequest request;
    request.group_id = group;
    request.generation_id_or_member_epoch = who.generation;
    request.member_id = who.member_id;
    if (who.generation >= 0) request.group_instance_id = terms.instance_id;
    for (const auto& [key, tp] : open) {
        if (request.topics.empty() || request.topics.back().name != key.first)
            request.topics.emplace_back().name = key.first;
        auto& to = request.topics.back().partitions.emplace_back();
        to.partition_index = key.second;
        to.committed_offset = tp->offset.value();
        to.committed_leader_epoch = tp->leader_epoch.value_or(-1);
        to.committed_metadata = tp->metadata;
    }
    return request;
}

bool concerns_the_group(ErrorCode code) {
    switch (code) {
        case ErrorCode::illegal_generation:
        case ErrorCode::unknown_member_id:
        case ErrorCode::fenced_instance_id:
        case ErrorCode::group_authorization_failed:
        case ErrorCode::invalid_group_id:
        case ErrorCode::group_id_not_found: return true;
        default: return false;
    }
}

Error as_told(ErrorCode code, const std::string& group) {
    if (code == ErrorCode::illegal_generation || code == ErrorCode::unknown_member_id)
        return Error::of(ErrorCode::assignment_lost,
                         fmt::format("commit: group '{}' does not count this consumer as a member any more ({}): the "
                                     "partitions may be another's",
                                     group, name(code)));
    auto error = Error::of(code).with_context(fmt::format("commit: group '{}'", group));
    return code == ErrorCode::fenced_instance_id ? error.as_fatal() : error;
}

// What must not be committed any more is told so, and is not open from then on.
void drop_what_is_over(const CommitTerms& terms, Open& open) {
    std::erase_if(open, [&](const auto& entry) {
        auto& tp = *entry.second;
        if (!terms.is_ours(tp))
            tp.error = Error::of(ErrorCode::assignment_lost,
                                 fmt::format("{}[{}] is not assigned any more", tp.topic, tp.partition));
        else if (!terms.is_latest(tp))
            tp.error = Error::of(
                ErrorCode::cancelled,
                fmt::format("commit of {}[{}]: a later one has begun, which takes its place", tp.topic, tp.partition));
        else
            return false;
        return true;
    });
}

// What is still open after an answer is tried again. An error: the whole commit fails.
Result<void> take_commits(const OffsetCommitResponse& answer, bool waits_for_rebalance, Open& open, Error& last) {
    for (const auto& topic : answer.topics)
        for (const auto& p : topic.partitions) {
            const auto at = open.find(Key(topic.name, p.partition_index));
            if (at == open.end()) continue;
            const auto code = static_cast<ErrorCode>(p.error_code);
            if (concerns_the_group(code)) return Error::of(code);
            const bool again = is_retriable(code) || (waits_for_rebalance && code == ErrorCode::rebalance_in_progress);
            if (again && code != ErrorCode::unknown_topic_or_partition) {
                last = at->second->error = Error::of(code);
                continue;
            }
            at->second->error =
                code == ErrorCode::none
                    ? Error()
                    : Error::of(code).with_context(fmt::format("commit of {}[{}]", topic.name, p.partition_index));
            open.erase(at);
        }
    return ok();
}

OffsetFetchRequest fetch_request(const std::string& group, const Open& open, std::int16_t version) {
    OffsetFetchRequest request;
    request.require_stable = version >= first_stable;
    if (version >= first_with_groups) {
        auto& to = request.groups.emplace_back();
        to.group_id = group;
        for (const auto& [key, tp] : open) {
            if (to.topics->empty() || to.topics->back().name != key.first) to.topics->emplace_back().name = key.first;
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

template <class Topics>
void take_committed(const Topics& topics, Open& open, Error& last) {
    for (const auto& topic : topics)
        for (const auto& p : topic.partitions) {
            const auto at = open.find(Key(topic.name, p.partition_index));
            if (at == open.end()) continue;
            auto& tp = *at->second;
            const auto code = static_cast<ErrorCode>(p.error_code);
            if (is_retriable(code) && code != ErrorCode::unknown_topic_or_partition) {
                last = tp.error = Error::of(code);
                continue;
            }
            // Who does not know the topic (yet) cannot say that nothing is committed.
            const bool fine = code == ErrorCode::none;
            tp.error = fine ? Error()
                            : Error::of(code).with_context(
                                  fmt::format("the committed offset of {}[{}]", topic.name, p.partition_index));
            tp.offset = fine && p.committed_offset >= 0 ? Offset(p.committed_offset) : Offset::invalid();
            tp.leader_epoch.reset();
            if (p.committed_leader_epoch >= 0) tp.leader_epoch = p.committed_leader_epoch;
            tp.metadata = p.metadata.value_or(std::string());
            open.erase(at);
        }
}

Error took_too_long(std::string_view what, const std::string& group, const Error& last) {
    return Error::of(ErrorCode::timed_out,
                     fmt::format("{}: no answer from the coordinator of group '{}' in time{}", what, group,
                                 last.code() == ErrorCode::none ? "" : "; the last reason: " + to_string(last)));
}

// Before the next attempt. False: the time is up.
awaitable<bool> pause(Coordinator& coordinator, Backoff& backoff, const Error& why, TimePoint deadline) {
    if (is_elsewhere(why)) coordinator.forget();
    auto& runtime = coordinator.cluster().runtime();
    if (runtime.now() >= deadline || coordinator.cluster().is_closed()) co_return false;
    co_await runtime.timers().wait_until(std::min(deadline, runtime.now() + backoff.next(runtime.random())));
    co_return runtime.now() < deadline && !coordinator.cluster().is_closed();
}

}  // namespace

awaitable<Result<std::vector<TopicPartition>>> commit_offsets(std::shared_ptr<Coordinator> coordinator,
                                                              std::vector<TopicPartition> offsets, CommitTerms terms,
                                                              TimePoint deadline) {
    auto& cluster = coordinator->cluster();
    Backoff backoff(cluster.config().retry_backoff, cluster.config().retry_backoff_max);
    Open open = all_of(offsets);
    Error last;
    do {
        if (const auto member = terms.identity(); !member) co_return member.error();
        drop_what_is_over(terms, open);
        if (open.empty()) break;
        auto channel = co_await Coordinator::connect(coordinator, Line::group, deadline);
        if (!channel) {
            last = channel.error();
            if (!last.is_retriable()) co_return last.with_context("commit");
            continue;
        }
        // The connection may have taken its time.
        const auto who = terms.identity();
        if (!who) co_return who.error();
        drop_what_is_over(terms, open);
        if (open.empty()) break;
        auto request = commit_request(coordinator->group(), *who, terms, open);
        const auto until = std::min(deadline, cluster.runtime().deadline(cluster.config().socket_timeout));
        auto answer = co_await cluster.call(std::move(*channel), std::move(request), offset_commit_versions, until);
        if (!answer) {
            last = answer.error();
            if (!last.is_retriable()) co_return last.with_context("commit");
            continue;
        }
        last = Error::of(ErrorCode::bad_message, "the broker left partitions out of its answer");
        const bool waits = cluster.runtime().now() < terms.rebalance_until;
        if (const auto taken = take_commits(*answer, waits, open, last); !taken) {
            const auto code = taken.error().code();
            if (!terms.on_refused(code, *who)) co_return as_told(code, coordinator->group());
            last = Error::of(ErrorCode::rebalance_in_progress);
        }
        if (open.empty()) break;
    } while (co_await pause(*coordinator, backoff, last, deadline));
    if (!open.empty() && open.size() == all_of(offsets).size())
        co_return took_too_long("commit", coordinator->group(), last);
    for (auto& [key, tp] : open) tp->error = took_too_long("commit", coordinator->group(), last);
    co_return std::move(offsets);
}

awaitable<Result<std::vector<TopicPartition>>> fetch_committed(std::shared_ptr<Coordinator> coordinator,
                                                               std::vector<TopicPartition> partitions,
                                                               TimePoint deadline) {
    auto& cluster = coordinator->cluster();
    Backoff backoff(cluster.config().retry_backoff, cluster.config().retry_backoff_max);
    Open open = all_of(partitions);
    Error last;
    while (!open.empty()) {
        auto channel = co_await Coordinator::connect(coordinator, Line::group, deadline);
        last = channel ? Error() : channel.error();
        if (channel) {
            const auto version = (*channel)->pick(protocol::ApiKey::offset_fetch, offset_fetch_versions);
            if (!version) co_return version.error();
            auto request = fetch_request(coordinator->group(), open, *version);
            const auto until = std::min(deadline, cluster.runtime().deadline(cluster.config().socket_timeout));
            auto answer = co_await (*channel)->call(std::move(request), *version, until);
            if (!answer) {
                last = answer.error();
            } else {
                std::int16_t code = answer->error_code;
                if (*version >= first_with_groups && !answer->groups.empty()) code = answer->groups.front().error_code;
                last = Error::of(static_cast<ErrorCode>(code));
                if (code == 0) {
                    last = Error::of(ErrorCode::coordinator_load_in_progress, "partitions were left out of the answer");
                    if (*version < first_with_groups)
                        take_committed(answer->topics, open, last);
                    else if (!answer->groups.empty())
                        take_committed(answer->groups.front().topics, open, last);
                }
            }
        }
        if (open.empty()) break;
        if (!last.is_retriable())
            co_return last.with_context(fmt::format("the committed offsets of group '{}'", coordinator->group()));
        const bool again = co_await pause(*coordinator, backoff, last, deadline);
        if (!again) co_return took_too_long("committed offsets", coordinator->group(), last);
    }
    co_return std::move(partitions);
}

}  // namespace ottla::client
