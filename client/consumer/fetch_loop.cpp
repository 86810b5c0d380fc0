// SPDX-License-Identifier: Apache-2.0
// The fetch loop of one broker: asks for all partitions that are to be fetched from it, hands on what comes, and goes
// on at once with what follows, while the application reads.
#include <fmt/format.h>
#include <ottla/protocol/big_endian.hpp>
#include <ottla/protocol/reader.hpp>
#include <ottla/protocol/record_batch.hpp>
#include <ottla/protocol/writer.hpp>

#include "client/consumer/fetcher.hpp"

namespace ottla::client {
namespace {

using protocol::FetchRequest;
using protocol::FetchResponse;
constexpr protocol::VersionRange versions{4, 18};
static_assert(FetchRequest::versions.contains(versions));
// From here on topics go by their ids (KIP-516).
constexpr std::int16_t first_with_ids = 13;

// Calls `each` with the headers of the whole batches there are.
template <class Each>
void walk_batches(ByteSpan records, Each each) {
    while (records.size() >= protocol::RecordBatchHeader::size) {
        const auto header = protocol::RecordBatchHeader::read(records.data());
        if (header.length < 0 || header.total_size() > records.size() || header.last_offset_delta < 0) break;
        each(header);
        records = records.subspan(header.total_size());
    }
}

}  // namespace

awaitable<void> Fetcher::fetch_loop(std::shared_ptr<Fetcher> self, BrokerId broker) {
    auto& runtime = self->cluster_->runtime();
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
            // An error that came at once must not be asked for again at once.
            co_await watch.wait_until(runtime.timers(), runtime.now() + self->config_.common.retry_backoff);
            continue;
        }
        auto call = self->make_call(broker, self->plan(broker));
        if (call.asked.empty()) continue;
        runtime.log(DebugContext::fetch).debug("{} partitions are asked for from broker {}", call.asked.size(), broker);
        const auto fetched = co_await self->fetch_once(std::move(*channel), call);
        if (self->closed_) break;
        if (fetched)
            self->no_trouble();
        else
            self->on_fetch_failed(call, fetched.error());
    }
    self->loops_.erase(broker);
    // The leader may have come back in between.
    self->wake();
}

std::vector<FetchState::Partition*> Fetcher::plan(BrokerId broker) {
    // Even without room something is fetched when nothing is left to read: who keeps messages must not stand still.
    if (budget_->room() <= 0 && queue_->unread() > 0) return {};
    FetchState::Limits limits{};
    limits.partition_bytes_max = config_.partition_fetch_bytes_max;
    limits.queued_bytes_max =
        config_.prefetch_bytes_max / static_cast<std::int64_t>(std::max<std::size_t>(state_.size(), 1));
    return state_.plan(broker, cluster_->metadata(), cluster_->runtime().now(), limits);
}

Fetcher::FetchCall Fetcher::make_call(BrokerId broker, const std::vector<FetchState::Partition*>& partitions) {
    FetchCall call;
    call.broker = broker;
    auto& request = call.request;
    request.max_wait_ms = static_cast<std::int32_t>(config_.fetch_wait_max.count());
    request.min_bytes = config_.fetch_bytes_min;
    const auto room = std::max<std::int64_t>(budget_->room(), config_.partition_fetch_bytes_max);
    request.max_bytes = static_cast<std::int32_t>(std::min<std::int64_t>(config_.fetch_bytes_max, room));
    request.isolation_level = static_cast<std::int8_t>(config_.isolation_level);
    request.rack_id = config_.common.client_rack;
    for (auto* p : partitions) {
        const auto& name = *p->slot->topic;
        if (request.topics.empty() || request.topics.back().topic != name) {
            auto& topic = request.topics.emplace_back();
            topic.topic = name;
            const TopicInfo* info = cluster_->metadata().topic(std::string_view(name));
            if (info) topic.topic_id = info->id;
            if (topic.topic_id.is_zero())
                call.all_have_ids = false;
            else
                call.names[topic.topic_id] = name;
        }
        auto& out = request.topics.back().partitions.emplace_back();
        out.partition = p->slot->partition;
        const auto* info = cluster_->metadata().partition(name, p->slot->partition);
        out.current_leader_epoch = info ? info->leader_epoch : -1;
        out.fetch_offset = p->position;
        out.partition_max_bytes = config_.partition_fetch_bytes_max;
        p->in_flight = true;
        call.asked.push_back({name, p->slot->partition, p->turn});
    }
    return call;
}

awaitable<Result<void>> Fetcher::fetch_once(Channel channel, FetchCall& call) {
    auto version = channel->pick(protocol::ApiKey::fetch, versions);
    if (!version) co_return version.error();
    if (!call.all_have_ids) *version = std::min<std::int16_t>(*version, first_with_ids - 1);
    protocol::Writer writer(1024, &cluster_->runtime().pool());
    if (auto written = encode(writer, call.request, *version); !written) co_return written.error();
    const auto deadline = cluster_->runtime().deadline(config_.fetch_wait_max + config_.common.socket_timeout);
    auto body = co_await channel->exchange(protocol::ApiKey::fetch, *version, writer.finish(), deadline);
    if (!body) co_return body.error();
    FetchResponse response;
    protocol::Reader reader(*body);
    if (auto read = decode(reader, response, *version); !read)
        co_return read.error().with_context(fmt::format("fetch from {}", net::to_string(channel->endpoint())));
    if (*version >= first_with_ids)
        for (auto& topic : response.responses) topic.topic = call.names[topic.topic_id];
    on_answer(call, response, std::make_shared<const ChargedBytes>(std::move(*body), budget_));
    if (response.error_code != 0) co_return Error::of(static_cast<ErrorCode>(response.error_code));
    co_return ok();
}

void Fetcher::on_fetch_failed(const FetchCall& call, const Error& error) {
    trouble(error);
    cluster_->runtime()
        .log(DebugContext::fetch)
        .debug("a fetch from broker {} failed: {}", call.broker, to_string(error));
    cluster_->request_refresh("a fetch failed");
    for (const auto& asked : call.asked) {
        auto* p = state_.find(asked.topic, asked.partition, asked.turn);
        if (!p) continue;
        p->in_flight = false;
        p->not_before = cluster_->runtime().now() + config_.fetch_error_backoff;
    }
}

void Fetcher::on_answer(FetchCall& call, FetchResponse& response, std::shared_ptr<const ChargedBytes> body) {
    if (closed_) return;
    for (const auto& n : response.node_endpoints)
        if (n.port > 0 && n.port <= 65535)
            cluster_->add_broker(n.node_id,
                                 BrokerInfo{net::Endpoint(n.host, static_cast<std::uint16_t>(n.port)), n.rack});
    std::map<std::pair<std::string_view, std::int32_t>, FetchResponse::PartitionData*> answers;
    for (auto& topic : response.responses)
        for (auto& p : topic.partitions) answers[{topic.topic, p.partition_index}] = &p;
    for (const auto& asked : call.asked) {
        auto* p = state_.find(asked.topic, asked.partition, asked.turn);
        if (!p) continue;
        p->in_flight = false;
        const auto at = answers.find({asked.topic, asked.partition});
        if (at != answers.end())
            on_partition(*p, *at->second, {call.broker, body});
        else
            // Left out though it was asked for: not to be asked again at once.
            p->not_before = cluster_->runtime().now() + config_.fetch_error_backoff;
    }
}

void Fetcher::on_partition(FetchState::Partition& p, FetchResponse::PartitionData& data, const Answer& answer) {
    if (data.error_code != 0) return on_partition_error(p, data);
    p.told = ErrorCode::none;
    p.not_before = {};
    const bool committed = config_.isolation_level == IsolationLevel::read_committed;
    const auto end = committed && data.last_stable_offset >= 0 ? data.last_stable_offset : data.high_watermark;
    if (data.log_start_offset >= 0) p.slot->low_watermark = data.log_start_offset;
    p.slot->high_watermark = end;
    p.high_watermark = data.high_watermark;
    p.last_stable_offset = data.last_stable_offset;
    if (data.records && !data.records->empty()) on_records(p, data, answer);
    if (config_.partition_eof && p.position >= end && p.end_told != p.position) {
        p.end_told = p.position;
        PartitionEof event;
        event.topic = *p.slot->topic;
        event.partition = p.slot->partition;
        event.offset = p.position;
        push(Notice{p.slot, p.turn, std::move(event)});
    }
}

void Fetcher::on_records(FetchState::Partition& p, FetchResponse::PartitionData& data, const Answer& answer) {
    const Bytes* records = data.records->bytes();
    std::int64_t end = -1;
    std::int64_t count = 0;
    const auto add = [&](const protocol::RecordBatchHeader& header) {
        end = header.next_offset();
        if (!header.is_control()) count += std::max(header.count, 0);
        on_batch(p, header, answer.broker);
    };
    if (records) walk_batches(records->span(), add);
    if (end <= p.position) {
        // Nothing that leads further: broken, or cut off although the first batch always comes whole (KIP-74).
        p.not_before = cluster_->runtime().now() + config_.fetch_error_backoff;
        tell(p,
             Error::of(ErrorCode::corrupt_message,
                       fmt::format("{}[{}]: the {} bytes at offset {} hold no whole record batch", *p.slot->topic,
                                   p.slot->partition, data.records->size(), p.position)),
             p.position, true);
        return;
    }
    FetchedChunk chunk;
    chunk.slot = p.slot;
    chunk.turn = p.turn;
    chunk.from_offset = p.position;
    chunk.records = *records;
    chunk.record_count = count;
    chunk.response = answer.body;
    data.records.reset();
    if (data.aborted_transactions)
        for (const auto& a : *data.aborted_transactions) chunk.aborted.push_back({a.producer_id, a.first_offset});
    std::ranges::sort(chunk.aborted, {}, &AbortedRange::first_offset);
    if (const base::Log& log = cluster_->runtime().log(DebugContext::fetch); log.enabled(base::LogLevel::debug))
        log.debug("{}[{}]: {} records in {} bytes from offset {} on, up to {}", *p.slot->topic, p.slot->partition,
                  count, chunk.records.size(), p.position, end);
    p.position = end;
    chunk.enter();
    push(std::move(chunk));
}

void Fetcher::on_batch(const FetchState::Partition& p, const protocol::RecordBatchHeader& header, BrokerId broker) {
    if (HookCalls& hooks = cluster_->runtime().hooks(); hooks.wants(&Hooks::on_batch)) {
        BatchEvent event;
        event.stage = BatchEvent::Stage::fetched;
        event.topic = *p.slot->topic;
        event.partition = p.slot->partition;
        event.broker_id = broker;
        event.records = static_cast<std::size_t>(std::max(header.count, 0));
        event.bytes = header.total_size();
        event.base_offset = header.base_offset;
        hooks.tell(&Hooks::on_batch, event);
    }
    if (!keeps_windows_) return;
    TopicWindows& windows = windows_[*p.slot->topic];
    windows.bytes.add(static_cast<std::int64_t>(header.total_size()));
    windows.records.add(header.count);
}

void Fetcher::on_partition_error(FetchState::Partition& p, const FetchResponse::PartitionData& data) {
    const auto code = static_cast<ErrorCode>(data.error_code);
    const auto& topic = *p.slot->topic;
    if (const base::Log& log = cluster_->runtime().log(DebugContext::fetch); log.enabled(base::LogLevel::debug))
        log.debug("{}[{}]@{}: {}", topic, p.slot->partition, p.position, to_string(Error::of(code)));
    p.not_before = cluster_->runtime().now() + config_.fetch_error_backoff;
    if (code == ErrorCode::offset_out_of_range) {
        const auto placed = state_.on_out_of_range(p, cluster_->runtime().now(), config_.common.retry_backoff_max);
        if (!placed) tell(p, placed.error(), p.position, false);
        return wake();
    }
    if (needs_metadata_refresh(code) || code == ErrorCode::unknown_leader_epoch ||
        code == ErrorCode::offset_not_available) {
        const auto& hint = data.current_leader;
        const bool news = cluster_->apply_leader_hint(topic, p.slot->partition, hint.leader_id, hint.leader_epoch);
        if (news)
            p.not_before = {};
        else
            p.not_before = cluster_->runtime().now() + config_.common.retry_backoff;
        cluster_->request_refresh("the leader of a partition has changed");
        return;
    }
    const bool lasting = code == ErrorCode::topic_authorization_failed;
    if (lasting) p.phase = FetchState::Partition::Phase::stopped;
    if (std::exchange(p.told, code) != code)
        tell(p, Error::of(code).with_context(fmt::format("fetching {}[{}]@{}", topic, p.slot->partition, p.position)),
             p.position, !lasting);
}

}  // namespace ottla::client
