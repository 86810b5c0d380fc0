// SPDX-License-Identifier: Apache-2.0
#include "client/cluster/metadata_call.hpp"

namespace ottla::client {

awaitable<Result<protocol::MetadataResponse>> ask_metadata(std::shared_ptr<Cluster> cluster,
                                                           std::optional<std::vector<std::string>> topics,
                                                           TimePoint deadline) {
    auto& runtime = cluster->runtime();
    Backoff backoff(cluster->config().retry_backoff, cluster->config().retry_backoff_max);
    for (;;) {
        auto asked = topics;
        auto answer = co_await cluster->fetch_metadata(std::move(asked), deadline);
        if (answer || !answer.error().is_retriable() || runtime.now() >= deadline) co_return answer;
        co_await runtime.timers().wait_until(std::min(deadline, runtime.now() + backoff.next(runtime.random())));
    }
}

awaitable<Result<Metadata>> metadata_call(std::shared_ptr<Cluster> cluster, std::optional<std::string> topic,
                                          TimePoint deadline) {
    std::optional<std::vector<std::string>> topics;
    if (topic) topics.emplace().push_back(std::move(*topic));
    auto answer = co_await ask_metadata(std::move(cluster), std::move(topics), deadline);
    if (!answer) co_return answer.error();
    co_return to_public(*answer);
}

}  // namespace ottla::client
