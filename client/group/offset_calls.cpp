// SPDX-License-Identifier: Apache-2.0
#include "client/group/offset_calls.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "client/group/offset_requests.hpp"

namespace ottla::client {
namespace {

Error as_told(ErrorCode code, const std::string& group, const MemberIdentity& who) {
    const bool group_has_gone = code == ErrorCode::group_id_not_found && who.generation >= 0;
    if (code == ErrorCode::illegal_generation || code == ErrorCode::unknown_member_id ||
        code == ErrorCode::fenced_member_epoch || group_has_gone)
        return Error::of(ErrorCode::assignment_lost,
                         fmt::format("commit: group '{}' does not count this consumer as a member any more ({}): the "
                                     "partitions may be another's",
                                     group, name(code)));
    auto error = Error::of(code).with_context(fmt::format("commit: group '{}'", group));
    return code == ErrorCode::fenced_instance_id ? error.as_fatal() : error;
}

// What must not be committed any more is told so, and is not open from then on.
void drop_what_is_over(const CommitTerms& terms, OpenOffsets& open) {
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

// The answer to a heartbeat tells the member how it stands: with a new epoch, or out of the group.
bool is_of_the_epoch(const Error& error) {
    return error == ErrorCode::stale_member_epoch || error == ErrorCode::unknown_member_id ||
           error == ErrorCode::fenced_member_epoch || error == ErrorCode::illegal_generation;
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
    OpenOffsets open = all_open(offsets);
    Error last;
    for (bool more = true; more;) {
        if (const auto member = terms.identity(); !member) co_return member.error();
        drop_what_is_over(terms, open);
        if (open.empty()) break;
        auto channel = co_await Coordinator::connect(coordinator, Line::group, deadline);
        if (!channel) {
            last = channel.error();
            if (!last.is_retriable()) co_return last.with_context("commit");
            more = co_await pause(*coordinator, backoff, last, deadline);
            continue;
        }
        // The connection may have taken its time.
        const auto who = terms.identity();
        if (!who) co_return who.error();
        drop_what_is_over(terms, open);
        if (open.empty()) break;
        const auto ids = OfferedIds::of(open, terms.id_of);
        auto request = commit_request(coordinator->group(), *who, terms.instance_id, open, ids);
        const auto until = std::min(deadline, cluster.runtime().deadline(cluster.config().socket_timeout));
        auto answer = co_await cluster.call(std::move(*channel), std::move(request), ids.commit_versions(), until);
        if (!answer) {
            last = answer.error();
            if (!last.is_retriable()) co_return last.with_context("commit");
            more = co_await pause(*coordinator, backoff, last, deadline);
            continue;
        }
        last = Error::of(ErrorCode::bad_message, "the broker left partitions out of its answer");
        const bool waits = cluster.runtime().now() < terms.rebalance_until;
        const auto taken = take_commits(*answer, waits, open, ids, last);
        if (std::ranges::any_of(offsets, [](const auto& tp) { return tp.error == ErrorCode::unknown_topic_id; }))
            cluster.request_refresh("a topic has another id by now");
        if (!taken) {
            const auto code = taken.error().code();
            if (!terms.on_refused(code, *who)) co_return as_told(code, coordinator->group(), *who);
            last = Error::of(ErrorCode::rebalance_in_progress);
        }
        if (open.empty()) break;
        more = co_await pause(*coordinator, backoff, last, deadline);
    }
    if (!open.empty() && open.size() == all_open(offsets).size())
        co_return took_too_long("commit", coordinator->group(), last);
    for (auto& [key, tp] : open) tp->error = took_too_long("commit", coordinator->group(), last);
    co_return std::move(offsets);
}

awaitable<Result<std::vector<TopicPartition>>> fetch_committed(std::shared_ptr<Coordinator> coordinator,
                                                               std::vector<TopicPartition> partitions,
                                                               TimePoint deadline) {
    auto& cluster = coordinator->cluster();
    Backoff backoff(cluster.config().retry_backoff, cluster.config().retry_backoff_max);
    OpenOffsets open = all_open(partitions);
    Error last;
    const auto id_of = [&cluster](const std::string& topic) { return cluster.metadata().id_of(topic); };
    while (!open.empty()) {
        auto channel = co_await Coordinator::connect(coordinator, Line::group, deadline);
        last = channel ? Error() : channel.error();
        if (channel) {
            const auto ids = OfferedIds::of(open, id_of);
            const auto version = (*channel)->pick(protocol::ApiKey::offset_fetch, ids.fetch_versions());
            if (!version) co_return version.error();
            auto request = fetch_request(coordinator->group(), coordinator->member(), open, ids, *version);
            const auto until = std::min(deadline, cluster.runtime().deadline(cluster.config().socket_timeout));
            auto answer = co_await (*channel)->call(std::move(request), *version, until);
            if (!answer) {
                last = answer.error();
            } else if (const auto taken = take_committed(*answer, *version, open, ids, last); !taken) {
                last = taken.error();
            }
            if (last == ErrorCode::unknown_topic_id) cluster.request_refresh("a topic has another id by now");
        }
        if (open.empty()) break;
        if (!last.is_retriable() && !is_of_the_epoch(last))
            co_return last.with_context(fmt::format("the committed offsets of group '{}'", coordinator->group()));
        const bool again = co_await pause(*coordinator, backoff, last, deadline);
        if (!again) co_return took_too_long("committed offsets", coordinator->group(), last);
    }
    co_return std::move(partitions);
}

}  // namespace ottla::client
