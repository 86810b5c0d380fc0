// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/unruly_answers.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace ottla::test {

namespace {

using protocol::ApiKey;
using Verdict = broker::RequestHook::Verdict;

constexpr std::size_t old_metadata_most = 12;

// Before anything is written, and after.
constexpr ErrorCode refusals[] = {ErrorCode::not_leader_or_follower, ErrorCode::not_enough_replicas,
                                  ErrorCode::request_timed_out, ErrorCode::leader_not_available};
constexpr ErrorCode denials[] = {ErrorCode::not_leader_or_follower, ErrorCode::not_enough_replicas_after_append,
                                 ErrorCode::request_timed_out, ErrorCode::kafka_storage_error};

template <class Visit>
void each_partition(protocol::ProduceResponse& answer, Visit&& visit) {
    for (auto& topic : answer.responses)
        for (auto& partition : topic.partition_responses) visit(partition);
}

}  // namespace

UnrulyAnswers::UnrulyAnswers(Simulation& simulation)
    : simulation_(simulation),
      random_(simulation.chance()),
      refused_(share(0.1)),
      cut_before_(share(0.03)),
      cut_after_(share(0.03)),
      throttled_(share(0.1)),
      late_(share(0.1)),
      denied_(share(0.3)),
      without_leader_(share(1.5)),
      without_endpoint_(share(1.0)),
      old_(share(0.7)) {}

bool UnrulyAnswers::happens(const char* kind, double share) {
    if (!active_ || !random_.chance(share)) return false;
    simulation_.note_fault(kind);
    return true;
}

// What waited here would be overtaken by the next Produce of its connection, which no broker lets happen.
asio::awaitable<Verdict> UnrulyAnswers::before(broker::RequestContext& context, ApiKey api) {
    Verdict verdict;
    if (api != ApiKey::produce) co_return verdict;
    auto& produced = connections_[std::string(context.peer)].produced;
    request_of_[&context] = produced.size();
    produced.push_back(simulation_.loop.timers.now());
    if (happens("cut before the append", cut_before_)) {
        verdict.kind = Verdict::disconnect;
    } else if (happens("refused", refused_)) {
        verdict.kind = Verdict::answer_error;
        verdict.error = refusals[random_.below(std::size(refusals))];
    }
    co_return verdict;
}

asio::awaitable<Verdict> UnrulyAnswers::after(broker::RequestContext& context, protocol::ProduceResponse& answer) {
    Verdict verdict;
    if (happens("cut after the append", cut_after_)) {
        verdict.kind = Verdict::disconnect;
        co_return verdict;
    }
    leave_out_leaders(answer);
    if (happens("denied after the append", denied_)) deny(answer);
    auto& timers = simulation_.loop.timers;
    if (happens("answered late", late_))
        co_await timers.wait_for(std::chrono::milliseconds(random_.between(1, 600)));
    else if (happens("answered seconds late", late_ / 3))
        co_await timers.wait_for(std::chrono::milliseconds(random_.between(1'000, 12'000)));
    if (happens("throttled", throttled_)) throttle(context, answer);
    co_return verdict;
}

void UnrulyAnswers::throttle(const broker::RequestContext& context, protocol::ProduceResponse& answer) {
    answer.throttle_time_ms = static_cast<std::int32_t>(random_.between(1, random_.chance(0.5) ? 50 : 3'000));
    const auto until = simulation_.loop.timers.now() + std::chrono::milliseconds(answer.throttle_time_ms);
    connections_[std::string(context.peer)].throttled.push_back({request_of_.at(&context), until});
}

void UnrulyAnswers::deny(protocol::ProduceResponse& answer) {
    const ErrorCode code = denials[random_.below(std::size(denials))];
    each_partition(answer, [&](auto& partition) {
        if (partition.error_code != 0 || random_.chance(0.3)) return;
        partition.error_code = static_cast<std::int16_t>(code);
        partition.base_offset = -1;
    });
}

void UnrulyAnswers::leave_out_leaders(protocol::ProduceResponse& answer) {
    bool any = false;
    each_partition(answer, [&](const auto& partition) { any = any || partition.current_leader.leader_id >= 0; });
    if (!any) return;
    simulation_.note_fault("(leader told)");
    if (happens("leader not told", without_leader_)) {
        each_partition(answer, [](auto& partition) { partition.current_leader = {}; });
        answer.node_endpoints.clear();
    } else if (happens("leader without address", without_endpoint_)) {
        answer.node_endpoints.clear();
    }
}

asio::awaitable<Verdict> UnrulyAnswers::after(broker::RequestContext&, protocol::MetadataResponse& answer) {
    metadata_.push_back(answer);
    if (metadata_.size() > old_metadata_most) metadata_.pop_front();
    if (happens("old metadata", old_)) answer = metadata_[random_.below(metadata_.size())];
    co_return Verdict();
}

void UnrulyAnswers::check_throttling(std::int64_t in_flight_max, std::vector<std::string>& failures) const {
    for (const auto& [peer, connection] : connections_)
        for (const auto& [request, until] : connection.throttled) {
            const std::size_t next = request + static_cast<std::size_t>(in_flight_max);
            if (next >= connection.produced.size() || connection.produced[next] >= until) continue;
            const auto early = std::chrono::duration_cast<std::chrono::milliseconds>(until - connection.produced[next]);
            failures.push_back(
                fmt::format("{} was throttled, and produced {} ms before its time", peer, early.count()));
        }
}

}  // namespace ottla::test
