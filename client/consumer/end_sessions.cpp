// SPDX-License-Identifier: Apache-2.0
// How fetch sessions end: brokers have room for so many, and one that nobody ends keeps its place for minutes
// (KIP-227).
#include <ottla/protocol/writer.hpp>

#include "client/consumer/fetcher.hpp"
#include "client/runtime/spawn.hpp"

namespace ottla::client {

// Without waiting for the answer: the broker forgets the session sooner or later by itself.
void Fetcher::close_session(BrokerId broker, FetchSession& session) {
    const auto channel = cluster_->connection(broker);
    const auto request = session.close();
    if (!channel || !channel->is_open() || !request) return;
    const auto version = channel->pick(protocol::ApiKey::fetch, fetch_versions);
    protocol::Writer writer(256, &cluster_->runtime().pool());
    if (!version || !encode(writer, *request, *version)) return;
    channel->send(protocol::ApiKey::fetch, *version, writer.finish(),
                  cluster_->runtime().deadline(config_.common.socket_timeout), [](const Result<Bytes>&) {});
}

awaitable<Result<void>> Fetcher::ask_to_end(std::shared_ptr<Fetcher> self, BrokerId broker, protocol::FetchRequest last,
                                            Line line, TimePoint until) {
    const auto channel = co_await self->cluster_->connect(broker, until, line);
    if (!channel) co_return channel.error();
    const auto version = (*channel)->pick(protocol::ApiKey::fetch, fetch_versions);
    if (!version) co_return version.error();
    protocol::Writer writer(256, &self->cluster_->runtime().pool());
    if (auto written = encode(writer, last, *version); !written) co_return written.error();
    const auto answer = co_await (*channel)->exchange(protocol::ApiKey::fetch, *version, writer.finish(), until);
    if (!answer) co_return answer.error();
    co_return ok();
}

awaitable<void> Fetcher::end_session(std::shared_ptr<Fetcher> self, BrokerId broker, protocol::FetchRequest last,
                                     Line line, TimePoint until) {
    const auto ended = co_await ask_to_end(self, broker, std::move(last), line, until);
    if (!ended)
        self->cluster_->runtime()
            .log(DebugContext::fetch)
            .debug("the fetch session with broker {} was not ended: {}", broker, to_string(ended.error()));
    --self->sessions_to_end_;
    self->closing_.notify();
}

awaitable<void> Fetcher::end_sessions(std::shared_ptr<Fetcher> self, TimePoint until) {
    Runtime& runtime = self->cluster_->runtime();
    const auto now = runtime.now();
    // Whoever closes has other things to do in that time.
    until = std::min(now + self->config_.fetch_wait_max, now + (std::max(until, now) - now) / 2);
    for (const auto& [broker, loop] : self->loops_) {
        const auto channel = self->cluster_->connection(broker);
        auto last = loop->session.close();
        if (!last || !channel || !channel->is_open()) continue;
        ++self->sessions_to_end_;
        // A broker answers in order, and the fetch that is under way may wait there for records.
        const Line line = loop->is_asking ? Line::group : Line::data;
        spawn(runtime.executor(), end_session(self, broker, std::move(*last), line, until));
    }
    Watch watch(self->closing_, runtime.executor());
    while (self->sessions_to_end_ > 0 && runtime.now() < until) co_await watch.wait_until(runtime.timers(), until);
}

}  // namespace ottla::client
