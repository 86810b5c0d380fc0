// SPDX-License-Identifier: Apache-2.0
#include "client/cluster/list_offsets.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <set>

#include <fmt/format.h>
#include <ottla/protocol/messages/list_offsets_request.hpp>
#include <ottla/protocol/messages/list_offsets_response.hpp>

namespace ottla::client {
namespace {

using protocol::ListOffsetsRequest;
using protocol::ListOffsetsResponse;
constexpr protocol::VersionRange versions{1, 11};
static_assert(ListOffsetsRequest::versions.contains(versions));

enum class State : std::uint8_t { open, done };

struct Work {
    std::vector<OffsetQuestion> questions;
    std::vector<State> states;

    void finish(std::size_t i, Error error) {
        auto& q = questions[i];
        states[i] = State::done;
        q.error = error.code() == ErrorCode::none
                      ? std::move(error)
                      : error.with_context(fmt::format("offset of {}[{}]", q.topic, q.partition));
    }
    bool is_done() const {
        return std::ranges::all_of(states, [](State s) { return s == State::done; });
    }
};

ListOffsetsRequest request_for(const Work& work, const std::vector<std::size_t>& asked, IsolationLevel isolation,
                               const MetadataCache& metadata) {
    ListOffsetsRequest request;
    request.replica_id = -1;
    request.isolation_level = static_cast<std::int8_t>(isolation);
    for (const auto i : asked) {
        const auto& q = work.questions[i];
        if (request.topics.empty() || request.topics.back().name != q.topic)
            request.topics.emplace_back().name = q.topic;
        auto& p = request.topics.back().partitions.emplace_back();
        p.partition_index = q.partition;
        p.timestamp = q.timestamp;
        const auto* info = metadata.partition(q.topic, q.partition);
        p.current_leader_epoch = info ? info->leader_epoch : -1;
    }
    return request;
}

// True when a leader was asked in vain and is to be looked up again.
bool take(Work& work, const std::vector<std::size_t>& asked, const ListOffsetsResponse& answer) {
    bool again = false;
    std::map<std::pair<std::string_view, std::int32_t>, const ListOffsetsResponse::ListOffsetsPartitionResponse*> found;
    for (const auto& t : answer.topics)
        for (const auto& p : t.partitions) found[{t.name, p.partition_index}] = &p;
    for (const auto i : asked) {
        auto& q = work.questions[i];
        const auto at = found.find({q.topic, q.partition});
        if (at == found.end()) {
            work.finish(i, Error::of(ErrorCode::bad_message, "the broker left the partition out of its answer"));
            continue;
        }
        const auto code = static_cast<ErrorCode>(at->second->error_code);
        if (code == ErrorCode::none) {
            q.offset = at->second->offset;
            q.found_timestamp = at->second->timestamp;
            q.leader_epoch = at->second->leader_epoch;
            work.finish(i, Error());
        } else if (is_retriable(code)) {
            q.error = Error::of(code);
            again = true;
        } else {
            work.finish(i, Error::of(code));
        }
    }
    return again;
}

}  // namespace

awaitable<Result<std::vector<OffsetQuestion>>> list_offsets(std::shared_ptr<Cluster> cluster,
                                                            std::vector<OffsetQuestion> questions,
                                                            IsolationLevel isolation, TimePoint deadline) {
    Work work;
    work.questions = std::move(questions);
    work.states.assign(work.questions.size(), State::open);
    auto& timers = cluster->runtime().timers();
    Backoff backoff(cluster->config().retry_backoff, cluster->config().retry_backoff_max);

    std::set<std::string> topics;
    for (const auto& q : work.questions) topics.insert(q.topic);
    for (const auto& topic : topics) {
        const auto known = co_await cluster->wait_for_topic(topic, deadline);
        if (known) continue;
        for (std::size_t i = 0; i < work.questions.size(); ++i)
            if (work.questions[i].topic == topic) work.finish(i, known.error());
    }
    while (!work.is_done() && !cluster->is_closed()) {
        std::map<BrokerId, std::vector<std::size_t>> by_leader;
        // A request may name a partition once only: its second question waits for the next round.
        std::set<std::pair<std::string_view, std::int32_t>> named;
        bool again = false;
        for (std::size_t i = 0; i < work.questions.size(); ++i) {
            if (work.states[i] == State::done) continue;
            const auto& q = work.questions[i];
            const TopicInfo* topic = cluster->metadata().topic(std::string_view(q.topic));
            const PartitionInfo* info = cluster->metadata().partition(q.topic, q.partition);
            if (topic && topic->error == ErrorCode::none && !info) {
                work.finish(i, Error::of(ErrorCode::unknown_partition,
                                         fmt::format("the topic has {} partitions", topic->partitions.size())));
            } else if (!info || info->leader == no_broker) {
                work.questions[i].error = Error::of(ErrorCode::leader_not_available);
                again = true;
            } else if (named.emplace(q.topic, q.partition).second) {
                by_leader[info->leader].push_back(i);
            }
        }
        for (const auto& [leader, asked] : by_leader) {
            auto channel = co_await cluster->connect(leader, deadline);
            if (!channel) {
                for (const auto i : asked) work.questions[i].error = channel.error();
                again = true;
                continue;
            }
            auto request = request_for(work, asked, isolation, cluster->metadata());
            const auto until = std::min(deadline, cluster->runtime().deadline(cluster->config().socket_timeout));
            // How long the broker may look in remote storage, from version 10 on.
            const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(until - timers.now()).count();
            request.timeout_ms =
                static_cast<std::int32_t>(std::clamp<std::int64_t>(wait, 0, std::numeric_limits<std::int32_t>::max()));
            auto answer = co_await cluster->call(std::move(*channel), std::move(request), versions, until);
            if (answer) {
                again = take(work, asked, *answer) || again;
            } else if (answer.error().is_retriable()) {
                for (const auto i : asked) work.questions[i].error = answer.error();
                again = true;
            } else {
                for (const auto i : asked) work.finish(i, answer.error());
            }
        }
        if (!again) continue;
        if (timers.now() >= deadline) {
            for (std::size_t i = 0; i < work.questions.size(); ++i)
                if (work.states[i] == State::open)
                    work.finish(i, Error::of(ErrorCode::timed_out, "no answer in time; the last reason: " +
                                                                       to_string(work.questions[i].error)));
            break;
        }
        cluster->request_refresh("the leader of a partition is looked for");
        Watch watch(cluster->changes(), cluster->runtime().executor());
        const auto wait = timers.now() + backoff.next(cluster->runtime().random());
        co_await watch.wait_until(timers, std::min(deadline, wait));
    }
    if (cluster->is_closed()) co_return Error::of(ErrorCode::closed);
    co_return std::move(work.questions);
}

}  // namespace ottla::client
