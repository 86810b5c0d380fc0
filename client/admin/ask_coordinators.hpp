// SPDX-License-Identifier: Apache-2.0
// Asking the coordinators of groups: each for all of its groups, all at the same time, coordinators that move followed
// until the deadline. What is asked is for a Call to say:
//
//   struct DeleteGroupsCall {
//       using Question = GroupResult;                                   // has `group_id` and `error`
//       using Request = protocol::DeleteGroupsRequest;
//       protocol::VersionRange versions() const;
//       static constexpr std::string_view about = "deleting";           // before the group in errors
//       static std::size_t groups_max(std::int16_t version);            // that one request may name
//       Request request(const std::vector<const Question*>&, std::int16_t version) const;
//       Error take(Question&, const Response&, std::int16_t version) const;  // retriable: it is asked again
//   };
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "client/admin/admin_core.hpp"
#include "client/admin/group_coordinators.hpp"
#include "client/runtime/side_by_side.hpp"

namespace ottla::client {

// How many groups a request names at most, where it may name many.
inline constexpr std::size_t many_groups = 1000;

// The group of that id in an answer about several; null when it was left out.
template <class Groups>
auto* group_in(const Groups& groups, const std::string& id) {
    const auto at = std::ranges::find_if(groups, [&](const auto& group) { return group.group_id == id; });
    return at == groups.end() ? nullptr : &*at;
}

inline Error left_out_of_answer() { return Error::of(ErrorCode::bad_message, "the broker left it out of its answer"); }

template <class Call>
class GroupQuestions {
public:
    using Question = typename Call::Question;
    using Request = typename Call::Request;
    using Response = typename Request::Response;
    using Indices = std::vector<std::size_t>;

    GroupQuestions(std::vector<Question> questions, Call call)
        : questions_(std::move(questions)),
          call_(std::move(call)),
          open_(questions_.size(), true) {}

    const Call& call() const { return call_; }
    bool is_done() const {
        return std::ranges::none_of(open_, [](bool open) { return open; });
    }
    std::vector<Question> take_all() { return std::move(questions_); }

    std::vector<std::string> without(const GroupCoordinators& coordinators) const {
        std::set<std::string> names;
        for (std::size_t i = 0; i < questions_.size(); ++i)
            if (open_[i] && !coordinators.of(questions_[i].group_id)) names.insert(questions_[i].group_id);
        return {names.begin(), names.end()};
    }
    // Who minds what is open. A request may name a group once only: its second question waits for the next round.
    std::map<BrokerId, Indices> by_coordinator(const GroupCoordinators& coordinators) const {
        std::map<BrokerId, Indices> all;
        std::set<std::string_view> named;
        for (std::size_t i = 0; i < questions_.size(); ++i) {
            const Node* node = open_[i] ? coordinators.of(questions_[i].group_id) : nullptr;
            if (node && named.insert(questions_[i].group_id).second) all[node->id].push_back(i);
        }
        return all;
    }
    Request request(const Indices& asked, std::int16_t version) const {
        std::vector<const Question*> chosen;
        for (const auto i : asked) chosen.push_back(&questions_[i]);
        return call_.request(chosen, version);
    }
    void take(const Indices& asked, const Response& answer, std::int16_t version, GroupCoordinators& coordinators) {
        for (const auto i : asked) settle(i, call_.take(questions_[i], answer, version), coordinators);
    }
    // The coordinator could not be asked.
    void failed(const Indices& asked, const Error& error, GroupCoordinators& coordinators) {
        for (const auto i : asked) settle(i, error, coordinators);
    }
    // There is no coordinator to ask.
    void not_found(const std::map<std::string, Error>& errors, GroupCoordinators& coordinators) {
        for (std::size_t i = 0; i < questions_.size(); ++i) {
            const auto at = errors.find(questions_[i].group_id);
            if (open_[i] && at != errors.end()) settle(i, at->second, coordinators);
        }
    }
    void give_up() {
        for (std::size_t i = 0; i < questions_.size(); ++i)
            if (open_[i])
                finish(i, Error::of(ErrorCode::timed_out,
                                    "no answer in time; the last reason: " + to_string(questions_[i].error)));
    }

private:
    void settle(std::size_t i, Error error, GroupCoordinators& coordinators) {
        if (!error.is_retriable()) return finish(i, std::move(error));
        if (error.code() != ErrorCode::coordinator_load_in_progress &&
            error.code() != ErrorCode::unstable_offset_commit)
            coordinators.forget(questions_[i].group_id);
        // That the time is up says less than what kept us until then.
        auto& reason = questions_[i].error;
        if (error.code() != ErrorCode::timed_out || reason.code() == ErrorCode::none) reason = std::move(error);
    }
    void finish(std::size_t i, Error error) {
        auto& q = questions_[i];
        open_[i] = false;
        q.error = error.code() == ErrorCode::none
                      ? std::move(error)
                      : error.with_context(fmt::format("{} group '{}'", Call::about, q.group_id));
    }

    std::vector<Question> questions_;
    Call call_;
    std::vector<bool> open_;
};

// The groups of one coordinator.
template <class Call>
awaitable<void> ask_coordinator(AdminPtr admin, std::shared_ptr<GroupQuestions<Call>> work,
                                std::shared_ptr<GroupCoordinators> coordinators, BrokerId broker,
                                std::vector<std::size_t> groups, TimePoint deadline) {
    auto& cluster = *admin->cluster();
    auto channel = co_await cluster.connect(broker, deadline);
    Error failure = channel ? Error() : channel.error();
    std::int16_t version = 0;
    if (channel) {
        const auto picked =
            (*channel)->pick(static_cast<protocol::ApiKey>(Call::Request::api_key), work->call().versions());
        if (picked)
            version = *picked;
        else
            failure = picked.error();
    }
    if (failure.code() != ErrorCode::none) {
        work->failed(groups, failure, *coordinators);
        co_return;
    }
    const auto at_once = Call::groups_max(version);
    for (std::size_t from = 0; from < groups.size(); from += at_once) {
        const auto until = std::min(from + at_once, groups.size());
        const std::vector<std::size_t> asked(groups.begin() + static_cast<std::ptrdiff_t>(from),
                                             groups.begin() + static_cast<std::ptrdiff_t>(until));
        auto request = work->request(asked, version);
        const auto by = std::min(deadline, cluster.runtime().deadline(cluster.config().socket_timeout));
        const auto answer = co_await (*channel)->call(std::move(request), version, by);
        if (answer)
            work->take(asked, *answer, version, *coordinators);
        else
            work->failed(asked, answer.error(), *coordinators);
    }
}

// The same questions in the same order, each with its answer or its error. Fails only when the client is closed.
template <class Call>
awaitable<Result<std::vector<typename Call::Question>>> ask_coordinators(
    AdminPtr admin, std::shared_ptr<GroupCoordinators> coordinators, std::vector<typename Call::Question> questions,
    Call call, TimePoint deadline) {
    auto& cluster = *admin->cluster();
    auto& runtime = admin->runtime();
    Backoff backoff(cluster.config().retry_backoff, cluster.config().retry_backoff_max);
    const auto work = std::make_shared<GroupQuestions<Call>>(std::move(questions), std::move(call));
    while (!work->is_done() && !cluster.is_closed()) {
        auto unknown = work->without(*coordinators);
        const auto missing = co_await GroupCoordinators::find(coordinators, unknown, deadline);
        if (missing) {
            work->not_found(*missing, *coordinators);
        } else {
            std::map<std::string, Error> every;
            for (auto& group : unknown) every.emplace(std::move(group), missing.error());
            work->not_found(every, *coordinators);
        }
        SideBySide all(runtime);
        const auto by_broker = work->by_coordinator(*coordinators);
        for (const auto& [broker, asked] : by_broker)
            all.start(ask_coordinator(admin, work, coordinators, broker, asked, deadline));
        co_await all.wait();
        if (work->is_done()) break;
        if (runtime.now() >= deadline) {
            work->give_up();
            break;
        }
        co_await runtime.timers().wait_until(std::min(deadline, runtime.now() + backoff.next(runtime.random())));
    }
    if (cluster.is_closed()) co_return admin->closed_error("asking the coordinators of groups");
    co_return work->take_all();
}

}  // namespace ottla::client
