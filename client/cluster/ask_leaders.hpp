// SPDX-License-Identifier: Apache-2.0
// Asking the leaders of partitions: one request to each leader for all its partitions, all leaders at the same time,
// leaders that move followed until the deadline. A topic that is not there, or a leader that hangs, holds up no other.
// What is asked is for a Call to say:
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
#include "client/runtime/spawn.hpp"

namespace ottla::client {

// Which questions can be asked now, and what became of them. Pure.
template <class Question, class Call>
class LeaderQuestions {
public:
    using Request = typename Call::Request;
    using Response = typename Request::Response;
    using Indices = std::vector<std::size_t>;

    LeaderQuestions(std::vector<Question> questions, Call call, std::uint64_t metadata_version)
        : questions_(std::move(questions)),
          call_(std::move(call)),
          metadata_before_(metadata_version),
          ways_(questions_.size()) {}

    bool is_done() const {
        return std::ranges::all_of(ways_, [](const Way& way) { return way.stage == Stage::settled; });
    }
    std::vector<Question> take_all() && { return std::move(questions_); }
    std::set<std::string> topics() const {
        std::set<std::string> names;
        for (const auto& q : questions_) names.insert(q.topic);
        return names;
    }
    // The topic is known, or never will be.
    void open_topic(const std::string& topic) {
        for (std::size_t i = 0; i < questions_.size(); ++i)
            if (questions_[i].topic == topic && ways_[i].stage == Stage::without_topic) ways_[i].stage = Stage::open;
    }
    void finish_topic(const std::string& topic, const Error& error) {
        for (std::size_t i = 0; i < questions_.size(); ++i)
            if (questions_[i].topic == topic) finish(i, error);
    }
    // What would be asked once more. All else has the same deadline, and says itself what kept it.
    void give_up() {
        for (std::size_t i = 0; i < questions_.size(); ++i)
            if (ways_[i].stage == Stage::open)
                finish(i, Error::of(ErrorCode::timed_out,
                                    "no answer in time; the last reason: " + to_string(questions_[i].error)));
    }

    // What can be asked now, by leader: one request at a time for each. It may name a partition once only, whose second
    // question waits for the next. Those whose partition has no leader are put into `leaderless`.
    std::map<BrokerId, Indices> take_ready(const MetadataCache& metadata, TimePoint now, Indices& leaderless) {
        std::map<BrokerId, Indices> leaders;
        std::set<std::pair<std::string_view, std::int32_t>> named;
        for (std::size_t i = 0; i < questions_.size(); ++i) {
            const Way& way = ways_[i];
            if (way.stage != Stage::open || (way.not_before > now && way.metadata_seen == metadata.version())) continue;
            const auto& q = questions_[i];
            const TopicInfo* topic = metadata.topic(std::string_view(q.topic));
            const PartitionInfo* info = metadata.partition(q.topic, q.partition);
            // What was known before the call may be from before the partition was made.
            if (!info && topic && topic->error == ErrorCode::none && topic->version > metadata_before_) {
                finish(i, Error::of(ErrorCode::unknown_partition,
                                    fmt::format("the topic has {} partitions", topic->partitions.size())));
            } else if (!info || info->leader == no_broker) {
                questions_[i].error = Error::of(ErrorCode::leader_not_available);
                leaderless.push_back(i);
            } else if (!busy_.contains(info->leader) && named.emplace(q.topic, q.partition).second) {
                leaders[info->leader].push_back(i);
                ways_[i].stage = Stage::under_way;
            }
        }
        for (const auto& [leader, asked] : leaders) busy_.insert(leader);
        return leaders;
    }
    // That request has ended; first of all.
    void is_free(BrokerId leader) { busy_.erase(leader); }
    // They are asked again from then on, or when there is other metadata than this.
    void put_off(const Indices& unanswered, TimePoint until, std::uint64_t metadata_version) {
        for (const auto i : unanswered)
            if (ways_[i].stage != Stage::settled) ways_[i] = Way{Stage::open, until, metadata_version};
    }
    // When something that was put off can be asked.
    TimePoint next_time(TimePoint now) const {
        TimePoint next = TimePoint::max();
        for (const Way& way : ways_)
            if (way.stage == Stage::open && way.not_before > now) next = std::min(next, way.not_before);
        return next;
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
    enum class Stage : std::uint8_t { without_topic, open, under_way, settled };
    struct Way {
        Stage stage = Stage::without_topic;
        TimePoint not_before{};
        std::uint64_t metadata_seen = 0;
    };

    void finish(std::size_t i, Error error) {
        auto& q = questions_[i];
        ways_[i].stage = Stage::settled;
        q.error = error.code() == ErrorCode::none
                      ? std::move(error)
                      : error.with_context(fmt::format("{} {}[{}]", Call::about, q.topic, q.partition));
        if constexpr (requires { call_.on_answer(q); }) call_.on_answer(q);
    }

    std::vector<Question> questions_;
    Call call_;
    const std::uint64_t metadata_before_;
    std::vector<Way> ways_;
    std::set<BrokerId> busy_;
};

// What the coroutines of one call share: one for the call, one for each topic, one for each request.
template <class Question, class Call>
struct LeaderLookup {
    using Questions = LeaderQuestions<Question, Call>;
    using Ptr = std::shared_ptr<LeaderLookup>;

    LeaderLookup(std::shared_ptr<Cluster> of, std::vector<Question> asked, Call how, TimePoint until)
        : cluster(std::move(of)),
          versions(how.versions()),
          questions(std::move(asked), std::move(how), cluster->metadata().version()),
          deadline(until),
          backoff(cluster->config().retry_backoff, cluster->config().retry_backoff_max) {}

    static awaitable<void> find_topic(Ptr self, std::string topic) {
        const auto known = co_await self->cluster->wait_for_topic(topic, self->deadline);
        if (self->is_over) co_return;
        if (known)
            self->questions.open_topic(topic);
        else
            self->questions.finish_topic(topic, known.error());
        self->progress.notify();
    }

    static awaitable<void> ask(Ptr self, BrokerId leader, typename Questions::Indices asked) {
        auto channel = co_await self->cluster->connect(leader, self->deadline);
        if (self->is_over) co_return;
        if (!channel) {
            self->questions.is_free(leader);
            self->questions.failed(asked, channel.error(), true);
            self->put_off(asked);
            co_return;
        }
        Cluster& cluster = *self->cluster;
        auto request = self->questions.request(asked, cluster.metadata());
        const auto until = std::min(self->deadline, cluster.runtime().deadline(cluster.config().socket_timeout));
        // How long the broker may take over it.
        const auto wait =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - cluster.runtime().now()).count();
        request.timeout_ms =
            static_cast<std::int32_t>(std::clamp<std::int64_t>(wait, 0, std::numeric_limits<std::int32_t>::max()));
        auto answer = co_await cluster.call(std::move(*channel), std::move(request), self->versions, until);
        if (self->is_over) co_return;
        self->questions.is_free(leader);
        const bool again = answer ? self->questions.take(asked, *answer)
                                  : self->questions.failed(asked, answer.error(), answer.error().is_retriable());
        if (again) self->put_off(asked);
        self->progress.notify();
    }

    void put_off(const typename Questions::Indices& unanswered) {
        Runtime& runtime = cluster->runtime();
        questions.put_off(unanswered, runtime.now() + backoff.next(runtime.random()), cluster->metadata().version());
        cluster->request_refresh("the leader of a partition is looked for");
        progress.notify();
    }

    const std::shared_ptr<Cluster> cluster;
    const protocol::VersionRange versions;
    Questions questions;
    const TimePoint deadline;
    Backoff backoff;
    Watched progress;
    bool is_over = false;  // whoever asked has gone
};

// The same questions in the same order, each with its answer or its error. Fails only when the client is closed.
template <class Question, class Call>
awaitable<Result<std::vector<Question>>> ask_leaders(std::shared_ptr<Cluster> cluster, std::vector<Question> questions,
                                                     Call call, TimePoint deadline) {
    using Lookup = LeaderLookup<Question, Call>;
    // While it asks, its topics are part of every refresh.
    struct Asker {
        explicit Asker(typename Lookup::Ptr l) : lookup(std::move(l)), topics(lookup->questions.topics()) {
            for (const auto& topic : topics) lookup->cluster->use_topic(topic);
        }
        ~Asker() {
            lookup->is_over = true;
            for (const auto& topic : topics) lookup->cluster->drop_topic(topic);
        }
        const typename Lookup::Ptr lookup;
        const std::set<std::string> topics;
    } asker(std::make_shared<Lookup>(cluster, std::move(questions), std::move(call), deadline));
    Lookup& lookup = *asker.lookup;
    auto& work = lookup.questions;
    auto& timers = cluster->runtime().timers();
    const auto executor = cluster->runtime().executor();
    Watch watch(lookup.progress, executor);
    watch.add(cluster->changes());

    for (const auto& topic : asker.topics) spawn(executor, Lookup::find_topic(asker.lookup, topic));
    while (!work.is_done() && !cluster->is_closed()) {
        typename Lookup::Questions::Indices leaderless;
        auto leaders = work.take_ready(cluster->metadata(), timers.now(), leaderless);
        for (auto& [leader, asked] : leaders) spawn(executor, Lookup::ask(asker.lookup, leader, std::move(asked)));
        if (!leaderless.empty()) lookup.put_off(leaderless);
        const TimePoint now = timers.now();
        if (now >= deadline) work.give_up();
        if (work.is_done()) break;
        co_await watch.wait_until(timers, now >= deadline ? TimePoint::max() : std::min(deadline, work.next_time(now)));
    }
    if (cluster->is_closed()) co_return Error::of(ErrorCode::closed);
    co_return std::move(work).take_all();
}

}  // namespace ottla::client
