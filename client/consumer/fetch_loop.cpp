// SPDX-License-Identifier: Apache-2.0
// The fetch loop of one broker: asks for all partitions that are to be fetched from it, hands on what comes, and goes
// on at once with what follows, while the application reads. One request at a time.
#include <fmt/format.h>
#include <ottla/protocol/reader.hpp>
#include <ottla/protocol/writer.hpp>

#include "client/consumer/fetcher.hpp"

namespace ottla::client {
namespace {

using protocol::FetchRequest;
using protocol::FetchResponse;
static_assert(FetchRequest::versions.contains(fetch_versions));
// From here on requests carry the epoch of the last record (KIP-595), and topics go by their ids (KIP-516).
constexpr std::int16_t first_with_last_epoch = 12;
constexpr std::int16_t first_with_ids = 13;

bool is_of_session(ErrorCode code) noexcept {
    return code == ErrorCode::fetch_session_id_not_found || code == ErrorCode::invalid_fetch_session_epoch ||
           code == ErrorCode::fetch_session_topic_id_error;
}

}  // namespace

awaitable<void> Fetcher::fetch_loop(std::shared_ptr<Fetcher> self, BrokerId broker, std::shared_ptr<Loop> loop) {
    auto& runtime = self->cluster_->runtime();
    FetchSession& session = loop->session;
    Watch watch(self->wake_, runtime.executor());
    watch.add(self->cluster_->changes());
    while (!self->closed_ && self->state_.has_work(broker, self->cluster_->metadata())) {
        if (self->plan(broker).empty()) {
            self->queue_->loop_waits();
            if (self->plan(broker).empty()) {
                co_await watch.wait_until(runtime.timers(), self->state_.next_time(runtime.now()));
                continue;
            }
        }
        const auto deadline = runtime.deadline(self->config_.common.connection_setup_timeout);
        auto channel = co_await self->cluster_->connect(broker, deadline);
        if (self->closed_) break;
        if (!channel) {
            self->cannot_connect(channel.error());
            self->cluster_->request_refresh("a leader cannot be reached");
            self->state_.drop_replica(broker);
            self->wake();
            // An error that came at once must not be asked for again at once.
            const auto until = runtime.now() + self->config_.common.retry_backoff;
            for (bool woken = true; woken && !self->closed_;)
                woken = co_await watch.wait_until(runtime.timers(), until);
            continue;
        }
        auto call = self->make_call(broker, *channel, session);
        if (call.asked.empty()) continue;
        runtime.log(DebugContext::fetch).debug("{} partitions are asked for from broker {}", call.asked.size(), broker);
        loop->is_asking = true;
        const auto fetched = co_await self->fetch_once(std::move(*channel), call, session);
        loop->is_asking = false;
        if (self->closed_) break;
        if (fetched)
            self->no_trouble();
        else
            self->on_fetch_failed(call, fetched.error());
    }
    if (self->closed_) co_return;  // see end_sessions()
    self->close_session(broker, session);
    self->loops_.erase(broker);
    // The leader may have come back in between.
    self->wake();
}

std::vector<FetchState::Partition*> Fetcher::plan(BrokerId broker) {
    // Even without room something is fetched when nothing is left to read: who keeps messages must not stand still.
    if (budget_->room() <= 0 && (queue_->unread() > 0 || unpacker_.is_busy())) return {};
    FetchState::Limits limits{};
    limits.partition_bytes_max = config_.partition_fetch_bytes_max;
    limits.queued_bytes_max =
        config_.prefetch_bytes_max / static_cast<std::int64_t>(std::max<std::size_t>(state_.size(), 1));
    return state_.plan(broker, cluster_->metadata(), cluster_->runtime().now(), limits);
}

std::int32_t Fetcher::bytes_to_ask() const {
    // Each broker has its share, so that one that keeps us waiting does not hold up the others.
    const auto share = config_.prefetch_bytes_max / static_cast<std::int64_t>(std::max<std::size_t>(loops_.size(), 1));
    const auto room = std::min(budget_->room() - bytes_asked_, share);
    const auto least = std::max<std::int64_t>(room, config_.partition_fetch_bytes_max);
    return static_cast<std::int32_t>(std::min<std::int64_t>(config_.fetch_bytes_max, least));
}

Fetcher::FetchCall Fetcher::make_call(BrokerId broker, const Channel& channel, FetchSession& session) {
    FetchCall call;
    call.broker = broker;
    // Without a version in common the answer is the error.
    const auto version = channel->pick(protocol::ApiKey::fetch, fetch_versions);
    call.version = version ? *version : std::int16_t{-1};
    const auto& metadata = cluster_->metadata();
    bool all_have_ids = true;
    std::vector<FetchSession::Item> items;
    for (auto* p : plan(broker)) {
        auto& item = items.emplace_back();
        item.topic = p->slot->topic;
        if (const TopicInfo* topic = metadata.topic(std::string_view(*item.topic))) item.topic_id = topic->id;
        all_have_ids = all_have_ids && !item.topic_id.is_zero();
        const auto* info = metadata.partition(*item.topic, p->slot->partition);
        item.wanted.partition = p->slot->partition;
        item.wanted.current_leader_epoch = info ? info->leader_epoch : -1;
        item.wanted.fetch_offset = p->position;
        if (call.version >= first_with_last_epoch) item.wanted.last_fetched_epoch = p->last_epoch;
        item.wanted.partition_max_bytes = config_.partition_fetch_bytes_max;
        p->in_flight = true;
        call.asked.push_back({p->slot, p->turn, p->position, item.wanted.current_leader_epoch});
    }
    if (!all_have_ids) call.version = std::min<std::int16_t>(call.version, first_with_ids - 1);
    auto& request = call.request;
    request.max_wait_ms = static_cast<std::int32_t>(config_.fetch_wait_max.count());
    request.min_bytes = config_.fetch_bytes_min;
    request.max_bytes = bytes_to_ask();
    request.isolation_level = static_cast<std::int8_t>(config_.isolation_level);
    request.rack_id = config_.common.client_rack;
    session.ask(std::move(items), call.version >= first_with_ids, request);
    return call;
}

awaitable<Result<void>> Fetcher::fetch_once(Channel channel, FetchCall& call, FetchSession& session) {
    const auto failed = [&session](Error error) {
        session.on_failure();
        return error;
    };
    if (call.version < 0) co_return failed(channel->pick(protocol::ApiKey::fetch, fetch_versions).error());
    protocol::Writer writer(1024, &cluster_->runtime().pool());
    if (auto written = encode(writer, call.request, call.version); !written) co_return failed(written.error());
    const auto deadline = cluster_->runtime().deadline(config_.fetch_wait_max + config_.common.socket_timeout);
    bytes_asked_ += call.request.max_bytes;
    auto body = co_await channel->exchange(protocol::ApiKey::fetch, call.version, writer.finish(), deadline);
    bytes_asked_ -= call.request.max_bytes;
    if (!body) co_return failed(body.error());
    FetchResponse response;
    protocol::Reader reader(*body);
    if (auto read = decode(reader, response, call.version); !read)
        co_return failed(read.error().with_context(fmt::format("fetch from {}", net::to_string(channel->endpoint()))));
    const bool was_full = session.was_full();
    if (auto taken = session.take(response); !taken) {
        // Of a session that is over, nothing was served: all of it is asked for at once.
        if (was_full || !is_of_session(taken.error().code())) co_return taken.error();
        cluster_->runtime()
            .log(DebugContext::fetch)
            .debug("broker {} has no such fetch session any more: {}", call.broker, to_string(taken.error()));
        for (const auto& asked : call.asked)
            if (auto* p = state_.find(*asked.slot->topic, asked.slot->partition, asked.turn)) p->in_flight = false;
        co_return ok();
    }
    on_answer(call, session, response, std::make_shared<const ChargedBytes>(std::move(*body), budget_));
    co_return ok();
}

void Fetcher::on_fetch_failed(const FetchCall& call, const Error& error) {
    trouble(error);
    cluster_->runtime()
        .log(DebugContext::fetch)
        .debug("a fetch from broker {} failed: {}", call.broker, to_string(error));
    cluster_->request_refresh("a fetch failed");
    state_.drop_replica(call.broker);
    for (const auto& asked : call.asked) {
        auto* p = state_.find(*asked.slot->topic, asked.slot->partition, asked.turn);
        if (!p) continue;
        p->in_flight = false;
        p->not_before = cluster_->runtime().now() + config_.fetch_error_backoff;
    }
    wake();
}

}  // namespace ottla::client
