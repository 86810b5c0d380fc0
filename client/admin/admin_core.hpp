// SPDX-License-Identifier: Apache-2.0
// AdminCore: what an Admin handle holds. The calls themselves are coroutines, a file per subject.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include <ottla/admin.hpp>

#include "client/cluster/cluster.hpp"

namespace ottla::client {

class AdminCore : public std::enable_shared_from_this<AdminCore> {
public:
    static std::shared_ptr<AdminCore> make(std::shared_ptr<Runtime>, CommonConfig);

    Runtime& runtime() noexcept { return *runtime_; }
    const std::shared_ptr<Cluster>& cluster() noexcept { return cluster_; }
    // In a child of fork() it always is.
    bool is_closed() const noexcept { return closed_ || runtime_->is_of_parent(); }
    // False: it was closed before.
    bool begin_close() noexcept { return !runtime_->is_of_parent() && !closed_.exchange(true); }
    Error closed_error(std::string_view call) const;
    static awaitable<Result<std::string>> statistics(std::shared_ptr<AdminCore> self);
    // Begun by the call itself; the awaitable only waits.
    static awaitable<Result<void>> close(std::shared_ptr<AdminCore> self);

private:
    AdminCore(std::shared_ptr<Runtime>, CommonConfig);
    static awaitable<Result<void>> wait_for_end(std::shared_ptr<AdminCore> self);

    std::shared_ptr<Runtime> runtime_;
    std::shared_ptr<Cluster> cluster_;
    const TimePoint began_;
    std::atomic<bool> closed_{false};
};

using AdminPtr = std::shared_ptr<AdminCore>;

// Who can answer a request.
enum class Target : std::uint8_t { any, controller };

// One request to a broker that can answer it, tried again while that is of use and there is time: another broker
// when one is lost, the controller looked up anew when `moved(answer)` says that it was the wrong one.
template <class Request, class Moved>
awaitable<Result<typename Request::Response>> ask(AdminPtr admin, Target target, Request request,
                                                  protocol::VersionRange ours, TimePoint deadline, Moved moved) {
    auto& cluster = *admin->cluster();
    auto& runtime = admin->runtime();
    Backoff backoff(cluster.config().retry_backoff, cluster.config().retry_backoff_max);
    for (;;) {
        Result<Channel> channel = Error();
        if (target == Target::controller)
            channel = co_await cluster.connect_controller(deadline);
        else
            channel = co_await cluster.connect_any(deadline);
        Result<typename Request::Response> answer = Error();
        if (channel) {
            auto again = request;
            answer = co_await cluster.call(std::move(*channel), std::move(again), ours, deadline);
        } else {
            answer = channel.error();
        }
        const bool lost = !answer && answer.error().is_retriable();
        const bool wrong = answer && moved(*answer);
        if ((!lost && !wrong) || runtime.now() >= deadline) co_return answer;
        runtime.log(DebugContext::admin)
            .debug("{} is tried again: {}", protocol::name(static_cast<protocol::ApiKey>(Request::api_key)),
                   wrong ? "another broker is the controller" : "the broker was lost");
        if (wrong) {
            std::optional<std::vector<std::string>> none(std::in_place);
            const auto refreshed = co_await cluster.fetch_metadata(std::move(none), deadline);
            if (!refreshed && !refreshed.error().is_retriable()) co_return refreshed.error();
        }
        co_await runtime.timers().wait_until(std::min(deadline, runtime.now() + backoff.next(runtime.random())));
    }
}

// The error of one item of an answer: Kafka's code with the broker's sentence, if it gave one.
Error item_error(std::int16_t code, const std::optional<std::string>& message, std::string_view item);

awaitable<Result<std::vector<TopicResult>>> create_topics(AdminPtr, std::vector<NewTopic>, AdminOptions);
awaitable<Result<std::vector<TopicResult>>> delete_topics(AdminPtr, std::vector<std::string>, AdminOptions);
awaitable<Result<std::vector<TopicResult>>> create_partitions(AdminPtr, std::vector<NewPartitions>, AdminOptions);
awaitable<Result<std::vector<TopicMetadata>>> describe_topics(AdminPtr, std::vector<std::string>, AdminOptions);
awaitable<Result<std::vector<TopicListing>>> list_topics(AdminPtr, AdminOptions);
awaitable<Result<ClusterDescription>> describe_cluster(AdminPtr, AdminOptions);
awaitable<Result<std::vector<ConfigResult>>> describe_configs(AdminPtr, std::vector<ConfigResource>, AdminOptions);
awaitable<Result<std::vector<ConfigResult>>> incremental_alter_configs(AdminPtr, std::vector<ResourceAlterations>,
                                                                       AdminOptions);
awaitable<Result<std::vector<ListedOffset>>> list_offsets(AdminPtr, std::vector<TopicPartition>, AdminOptions);
awaitable<Result<std::vector<TopicPartition>>> delete_records(AdminPtr, std::vector<TopicPartition>, AdminOptions);
awaitable<Result<std::vector<BrokerLogDirs>>> describe_log_dirs(AdminPtr, std::vector<std::int32_t>, AdminOptions);
awaitable<Result<GroupList>> list_groups(AdminPtr, GroupFilter, AdminOptions);
awaitable<Result<std::vector<GroupDescription>>> describe_groups(AdminPtr, std::vector<std::string>, AdminOptions);
awaitable<Result<std::vector<GroupResult>>> delete_groups(AdminPtr, std::vector<std::string>, AdminOptions);
awaitable<Result<std::vector<GroupOffsets>>> list_group_offsets(AdminPtr, std::vector<GroupOffsets>, AdminOptions);
awaitable<Result<std::vector<GroupOffsets>>> alter_group_offsets(AdminPtr, std::vector<GroupOffsets>, AdminOptions);
awaitable<Result<std::vector<GroupOffsets>>> delete_group_offsets(AdminPtr, std::vector<GroupOffsets>, AdminOptions);
awaitable<Result<std::vector<RemovedMember>>> remove_group_members(AdminPtr, MembersToRemove, AdminOptions);

}  // namespace ottla::client
