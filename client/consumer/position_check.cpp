// SPDX-License-Identifier: Apache-2.0
// How a position is checked when another leads (KIP-320): its log may be another where ours was read, and then shorter.
#include <map>
#include <utility>

#include <ottla/protocol/messages/offset_for_leader_epoch_request.hpp>
#include <ottla/protocol/messages/offset_for_leader_epoch_response.hpp>

#include "client/consumer/fetcher.hpp"
#include "client/runtime/spawn.hpp"

namespace ottla::client {
namespace {

using CheckRequest = protocol::OffsetForLeaderEpochRequest;
using CheckResponse = protocol::OffsetForLeaderEpochResponse;
// Before version 3 a consumer may not ask.
constexpr protocol::VersionRange check_versions{3, 4};
static_assert(CheckRequest::versions.contains(check_versions));

CheckRequest check_request(const std::vector<FetchState::Check>& checks) {
    CheckRequest request;
    request.replica_id = -1;
    for (const auto& check : checks) {
        if (request.topics.empty() || request.topics.back().topic != *check.slot->topic)
            request.topics.emplace_back().topic = *check.slot->topic;
        auto& to = request.topics.back().partitions.emplace_back();
        to.partition = check.slot->partition;
        to.current_leader_epoch = check.leader_epoch;
        to.leader_epoch = check.last_epoch;
    }
    return request;
}

bool cannot_be_asked(const Error& error) {
    return error == ErrorCode::unsupported_feature || error == ErrorCode::unsupported_version;
}

}  // namespace

void Fetcher::start_checks() {
    auto& runtime = cluster_->runtime();
    for (auto& [leader, checks] : state_.take_checks(cluster_->metadata(), runtime.now()))
        spawn(runtime.executor(), check_positions(shared_from_this(), leader, std::move(checks)));
}

awaitable<void> Fetcher::check_positions(std::shared_ptr<Fetcher> self, BrokerId leader,
                                         std::vector<FetchState::Check> checks) {
    auto& runtime = self->cluster_->runtime();
    const auto deadline = runtime.deadline(self->config_.common.socket_timeout);
    Result<CheckResponse> answer = Error::of(ErrorCode::transport);
    auto channel = co_await self->cluster_->connect(leader, deadline);
    if (channel) {
        auto request = check_request(checks);
        answer = co_await self->cluster_->call(std::move(*channel), std::move(request), check_versions, deadline);
    } else {
        answer = channel.error();
    }
    if (self->closed_) co_return;
    std::map<std::pair<std::string_view, std::int32_t>, const CheckResponse::EpochEndOffset*> ends;
    if (answer)
        for (const auto& topic : answer->topics)
            for (const auto& p : topic.partitions) ends[{topic.topic, p.partition}] = &p;
    for (const auto& check : checks) {
        auto* p = self->state_.find(*check.slot->topic, check.slot->partition, check.turn);
        if (!p || p->phase != FetchState::Partition::Phase::checking) continue;
        const auto at = ends.find({*check.slot->topic, check.slot->partition});
        const bool is_answered = at != ends.end();
        const auto code = is_answered ? static_cast<ErrorCode>(at->second->error_code) : ErrorCode::none;
        const Error error = !answer ? answer.error() : Error::of(code);
        if (is_answered && code == ErrorCode::none) {
            self->on_epoch_end(*p, {at->second->leader_epoch, at->second->end_offset}, check.leader_epoch);
        } else if (cannot_be_asked(error) || (is_answered && !error.is_retriable())) {
            // Nobody says that the position is bad. What else is wrong, fetching will tell.
            self->on_epoch_end(*p, {}, check.leader_epoch);
        } else {
            self->state_.check_again(*p, runtime.now() + self->config_.common.retry_backoff);
            self->cluster_->request_refresh("a position could not be checked");
        }
    }
    self->wake();
}

void Fetcher::on_epoch_end(FetchState::Partition& p, FetchState::EpochEnd end, std::int32_t leader_epoch) {
    const auto from = p.position;
    const auto moved = state_.on_epoch_end(p, end, leader_epoch);
    if (!moved)
        tell(p, moved.error(), from, false);
    else if (*moved)
        tell_moved(p, ErrorCode::log_truncation, from, p.position);
}

}  // namespace ottla::client
