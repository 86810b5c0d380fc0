// SPDX-License-Identifier: Apache-2.0
// Asking the leaders of partitions: one request to each leader for all its partitions, leaders that move followed until
// the deadline. What is asked is for a Call to say:
//
//   struct ListOffsetsCall {
//       using Request = protocol::ListOffsetsRequest;
//       protocol::VersionRange versions() const;
//       static constexpr std::string_view about = "offset of";          // before the partition in errors
//       Request begin() const;                                          // all but the partitions and the time
//       void ask(const Question&, std::int32_t leader_epoch, auto& partition) const;
//       void take(Question&, const auto& partition_answer) const;       // one without an error
//       void on_answer(const Question&) const;                          // may be left out; each is settled once
//   };
//
// A Question has `topic`, `partition` and `error`.
#pragma once

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "client/cluster/cluster.hpp"

namespace ottla::client {

template <class Question, class Call>
class LeaderQuestions {
public:
    using Request = typename Call::Request;
    using Response = typename Request::Response;
    using Indices = std::vector<std::size_t>;

    LeaderQuestions(std::vector<Question> questions, Call call)
        : questions_(std::move(questions)),
          call_(std::move(call)),
          open_(questions_.size(), true) {}

    bool is_done() const {
        return std::ranges::none_of(open_, [](bool open) { return open; });
    }
    std::vector<Question> take_all() && { return std::move(questions_); }
    std::set<std::string> topics() const {
        std::set<std::string> names;
        for (const auto& q : questions_) names.insert(q.topic);
        return names;
    }
    void finish_topic(const std::string& topic, const Error& error) {
        for (std::size_t i = 0; i < questions_.size(); ++i)
            if (questions_[i].topic == topic) finish(i, error);
    }
    void give_up() {
        for (std::size_t i = 0; i < questions_.size(); ++i)
            if (open_[i])
                finish(i, Error::of(ErrorCode::timed_out,
                                    "no answer in time; the last reason: " + to_string(questions_[i].error)));
    }

    // Who leads what is open. A request may name a partition once only: its second question waits for the next round.
    std::map<BrokerId, Indices> by_leader(const MetadataCache& metadata, bool& again) {
        std::map<BrokerId, Indices> leaders;
        std::set<std::pair<std::string_view, std::int32_t>> named;
        for (std::size_t i = 0; i < questions_.size(); ++i) {
            if (!open_[i]) continue;
            const auto& q = questions_[i];
            const TopicInfo* topic = metadata.topic(std::string_view(q.topic));
            const PartitionInfo* info = metadata.partition(q.topic, q.partition);
            if (topic && topic->error == ErrorCode::none && !info) {
                finish(i, Error::of(ErrorCode::unknown_partition,
                                    fmt::format("the topic has {} partitions", topic->partitions.size())));
            } else if (!info || info->leader == no_broker) {
                questions_[i].error = Error::of(ErrorCode::leader_not_available);
                again = true;
            } else if (named.emplace(q.topic, q.partition).second) {
                leaders[info->leader].push_back(i);
            }
        }
        return leaders;
    }

    Request request(const Indices& asked, const MetadataCache& metadata) const {
        Request request = call_.begin();
        for (const auto i : asked) {
            const auto& q = questions_[i];
            if (request.topics.empty() || request.topics.back().name != q.topic)
                request.topics.emplace_back().name = q.topic;
            const auto* info = metadata.partition(q.topic, q.partition);
            auto& partition = request.topics.back().partitions.emplace_back();
            partition.partition_index = q.partition;
            call_.ask(q, info ? info->leader_epoch : -1, partition);
        }
        return request;
    }

    // True when a leader was asked in vain and is to be looked up again.
    bool take(const Indices& asked, const Response& answer) {
        bool again = false;
        using Answer = std::remove_cvref_t<decltype(answer.topics.front().partitions.front())>;
        std::map<std::pair<std::string_view, std::int32_t>, const Answer*> found;
        for (const auto& t : answer.topics)
            for (const auto& p : t.partitions) found[{t.name, p.partition_index}] = &p;
        for (const auto i : asked) {
            auto& q = questions_[i];
            const auto at = found.find({q.topic, q.partition});
            if (at == found.end()) {
                finish(i, Error::of(ErrorCode::bad_message, "the broker left the partition out of its answer"));
                continue;
            }
            const auto code = static_cast<ErrorCode>(at->second->error_code);
            if (code == ErrorCode::none) {
                call_.take(q, *at->second);
                finish(i, Error());
            } else if (is_retriable(code)) {
                q.error = Error::of(code);
                again = true;
            } else {
                finish(i, Error::of(code));
            }
        }
        return again;
    }
    // Nobody could be asked. True when it may be tried again.
    bool failed(const Indices& asked, const Error& error, bool again) {
        for (const auto i : asked) {
            if (again)
                questions_[i].error = error;
            else
                finish(i, error);
        }
        return again;
    }

private:
    void finish(std::size_t i, Error error) {
        auto& q = questions_[i];
        open_[i] = false;
        q.error = error.code() == ErrorCode::none
                      ? std::move(error)
                      : error.with_context(fmt::format("{} {}[{}]", Call::about, q.topic, q.partition));
        if constexpr (requires { call_.on_answer(q); }) call_.on_answer(q);
    }

    std::vector<Question> questions_;
    Call call_;
    std::vector<bool> open_;
};

// The same questions in the same order, each with its answer or its error. Fails only when the client is closed.
template <class Question, class Call>
awaitable<Result<std::vector<Question>>> ask_leaders(std::shared_ptr<Cluster> cluster, std::vector<Question> questions,
                                                     Call call, TimePoint deadline) {
    const protocol::VersionRange versions = call.versions();
    LeaderQuestions<Question, Call> work(std::move(questions), std::move(call));
    auto& timers = cluster->runtime().timers();
    Backoff backoff(cluster->config().retry_backoff, cluster->config().retry_backoff_max);

    const auto topics = work.topics();
    for (const auto& topic : topics) {
        const auto known = co_await cluster->wait_for_topic(topic, deadline);
        if (!known) work.finish_topic(topic, known.error());
    }
    while (!work.is_done() && !cluster->is_closed()) {
        bool again = false;
        const auto leaders = work.by_leader(cluster->metadata(), again);
        for (const auto& [leader, asked] : leaders) {
            auto channel = co_await cluster->connect(leader, deadline);
            if (!channel) {
                again = work.failed(asked, channel.error(), true);
                continue;
            }
            auto request = work.request(asked, cluster->metadata());
            const auto until = std::min(deadline, cluster->runtime().deadline(cluster->config().socket_timeout));
            // How long the broker may take over it.
            const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(until - timers.now()).count();
            request.timeout_ms =
                static_cast<std::int32_t>(std::clamp<std::int64_t>(wait, 0, std::numeric_limits<std::int32_t>::max()));
            auto answer = co_await cluster->call(std::move(*channel), std::move(request), versions, until);
            const bool more =
                answer ? work.take(asked, *answer) : work.failed(asked, answer.error(), answer.error().is_retriable());
            again = more || again;
        }
        if (!again) continue;
        if (timers.now() >= deadline) {
            work.give_up();
            break;
        }
        cluster->request_refresh("the leader of a partition is looked for");
        Watch watch(cluster->changes(), cluster->runtime().executor());
        const auto wait = timers.now() + backoff.next(cluster->runtime().random());
        co_await watch.wait_until(timers, std::min(deadline, wait));
    }
    if (cluster->is_closed()) co_return Error::of(ErrorCode::closed);
    co_return std::move(work).take_all();
}

}  // namespace ottla::client
