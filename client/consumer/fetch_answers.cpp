// SPDX-License-Identifier: Apache-2.0
// What the answer to a fetch brings: records for the queue, another place to read from, errors.
#include <fmt/format.h>
#include <ottla/protocol/record_batch.hpp>

#include "client/consumer/fetcher.hpp"

namespace ottla::client {
namespace {

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

void Fetcher::on_answer(FetchCall& call, const FetchSession& session, protocol::FetchResponse& response,
                        std::shared_ptr<const ChargedBytes> body) {
    if (closed_) return;
    for (const auto& n : response.node_endpoints)
        if (n.port > 0 && n.port <= 65535)
            cluster_->add_broker(n.node_id,
                                 BrokerInfo{net::Endpoint(n.host, static_cast<std::uint16_t>(n.port)), n.rack});
    std::map<std::pair<std::string_view, std::int32_t>, protocol::FetchResponse::PartitionData*> answers;
    for (auto& topic : response.responses)
        for (auto& p : topic.partitions) answers[{topic.topic, p.partition_index}] = &p;
    Answer answer;
    answer.broker = call.broker;
    answer.body = std::move(body);
    for (const auto& asked : call.asked) {
        const auto& topic = *asked.slot->topic;
        auto* p = state_.find(topic, asked.slot->partition, asked.turn);
        if (!p) continue;
        p->in_flight = false;
        if (!p->is_placed() || p->position != asked.position) {
            // Its topic was made anew meanwhile: this is of the old one, or of a place in the new one that nobody
            // chose.
            wake();
            continue;
        }
        answer.leader_epoch = asked.leader_epoch;
        const auto at = answers.find({topic, asked.slot->partition});
        if (at != answers.end()) {
            on_partition(*p, *at->second, answer);
        } else if (const auto* marks = session.unchanged(topic, asked.slot->partition)) {
            protocol::FetchResponse::PartitionData nothing_new;
            nothing_new.high_watermark = marks->high_watermark;
            nothing_new.last_stable_offset = marks->last_stable_offset;
            nothing_new.log_start_offset = marks->log_start_offset;
            on_partition(*p, nothing_new, answer);
        } else {
            // Left out though it was asked for: not to be asked again at once.
            p->not_before = cluster_->runtime().now() + config_.fetch_error_backoff;
        }
    }
    if (state_.needs_checks(cluster_->metadata())) wake();
}

void Fetcher::on_partition(FetchState::Partition& p, protocol::FetchResponse::PartitionData& data,
                           const Answer& answer) {
    if (data.error_code != 0) return on_partition_error(p, data, answer);
    p.told = ErrorCode::none;
    p.not_before = {};
    const bool committed = config_.isolation_level == IsolationLevel::read_committed;
    const auto end = committed && data.last_stable_offset >= 0 ? data.last_stable_offset : data.high_watermark;
    if (data.log_start_offset >= 0) p.slot->low_watermark = data.log_start_offset;
    p.slot->high_watermark = end;
    p.high_watermark = data.high_watermark;
    p.last_stable_offset = data.last_stable_offset;
    if (const auto& parted = data.diverging_epoch; parted.epoch >= 0 || parted.end_offset >= 0)
        return on_epoch_end(p, {parted.epoch, parted.end_offset}, answer.leader_epoch);
    if (data.records && !data.records->empty())
        on_records(p, data, answer);
    else
        p.slot->stuck_by = ErrorCode::none;
    if (data.preferred_read_replica >= 0 && data.preferred_read_replica != answer.broker)
        return on_preferred_replica(p, data.preferred_read_replica);
    if (config_.partition_eof && p.position >= end) tell_end(p);
}

void Fetcher::tell_end(FetchState::Partition& p) {
    if (p.end_told == p.position) return;
    p.end_told = p.position;
    PartitionEof event;
    event.topic = *p.slot->topic;
    event.partition = p.slot->partition;
    event.offset = p.position;
    push(Notice{p.slot, p.turn, std::move(event)});
}

// KIP-392: the leader knows of a replica that is nearer.
void Fetcher::on_preferred_replica(FetchState::Partition& p, BrokerId replica) {
    const auto now = cluster_->runtime().now();
    if (!cluster_->metadata().broker(replica)) {
        cluster_->request_refresh("a replica to read from is not known");
        p.not_before = now + config_.common.retry_backoff;
        return;
    }
    cluster_->runtime()
        .log(DebugContext::fetch)
        .debug("{}[{}] is read from broker {}, which is nearer", *p.slot->topic, p.slot->partition, replica);
    state_.read_from(p, replica, now + config_.common.metadata_max_age);
    wake();
}

void Fetcher::on_records(FetchState::Partition& p, protocol::FetchResponse::PartitionData& data, const Answer& answer) {
    const Bytes* records = data.records->bytes();
    std::int64_t end = -1;
    std::int64_t count = 0;
    std::int32_t epoch = -1;
    const auto add = [&](const protocol::RecordBatchHeader& header) {
        end = header.next_offset();
        epoch = header.leader_epoch;
        if (!header.is_control()) count += std::max(header.count, 0);
        on_batch(p, header, answer.broker);
    };
    if (records) walk_batches(records->span(), add);
    if (end <= p.position) {
        // Nothing that leads further: broken, or cut off although the first batch always comes whole (KIP-74).
        p.not_before = cluster_->runtime().now() + config_.fetch_error_backoff;
        tell_standstill(p, Error::of(ErrorCode::corrupt_message,
                                     fmt::format("{}[{}]@{}: {} bytes hold no whole record batch that leads further",
                                                 *p.slot->topic, p.slot->partition, p.position, data.records->size())));
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
    p.last_epoch = epoch;
    p.checked_epoch = std::max(p.checked_epoch, answer.leader_epoch);
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

void Fetcher::on_partition_error(FetchState::Partition& p, const protocol::FetchResponse::PartitionData& data,
                                 const Answer& answer) {
    const auto code = static_cast<ErrorCode>(data.error_code);
    const auto& topic = *p.slot->topic;
    const auto now = cluster_->runtime().now();
    if (const base::Log& log = cluster_->runtime().log(DebugContext::fetch); log.enabled(base::LogLevel::debug))
        log.debug("{}[{}]@{}: {}", topic, p.slot->partition, p.position, to_string(Error::of(code)));
    if (p.replica == answer.broker) {
        // What a follower says of a position, or of an epoch, need not be so: the leader is asked.
        state_.leave_replica(p, now, config_.common.retry_backoff_max);
        return wake();
    }
    p.not_before = now + config_.fetch_error_backoff;
    if (code == ErrorCode::offset_out_of_range) {
        if (p.last_epoch >= 0) {
            // So says a leader, too, that knows nothing of the epoch: the position alone is asked for.
            p.last_epoch = -1;
            p.not_before = {};
            return;
        }
        const auto placed = state_.on_out_of_range(p, now, config_.common.retry_backoff_max);
        if (!placed) tell(p, placed.error(), p.position, false);
        return wake();
    }
    if (needs_metadata_refresh(code) || code == ErrorCode::unknown_leader_epoch ||
        code == ErrorCode::offset_not_available)
        return on_leader_error(p, data, code);
    const bool lasting = code == ErrorCode::topic_authorization_failed;
    if (lasting) p.phase = FetchState::Partition::Phase::stopped;
    tell_error(p, code, !lasting);
}

// Said once for as long as it lasts.
void Fetcher::tell_error(FetchState::Partition& p, ErrorCode code, bool goes_on) {
    if (std::exchange(p.told, code) == code) return;
    auto error =
        Error::of(code).with_context(fmt::format("fetching {}[{}]@{}", *p.slot->topic, p.slot->partition, p.position));
    if (goes_on) return tell_standstill(p, std::move(error));
    tell(p, std::move(error), p.position, false);
}

// Another leads, or this one has not heard of it yet. KIP-951: it may know who.
void Fetcher::on_leader_error(FetchState::Partition& p, const protocol::FetchResponse::PartitionData& data,
                              ErrorCode code) {
    // The disk of the leader: another may never take over.
    if (code == ErrorCode::kafka_storage_error)
        tell_error(p, code, true);
    else
        note_standstill(p, code);
    const auto& hint = data.current_leader;
    if (cluster_->apply_leader_hint(*p.slot->topic, p.slot->partition, hint.leader_id, hint.leader_epoch)) {
        p.not_before = {};
        return;
    }
    p.not_before = cluster_->runtime().now() + config_.common.retry_backoff;
    cluster_->request_refresh("the leader of a partition has changed");
}

}  // namespace ottla::client
