// SPDX-License-Identifier: Apache-2.0
// The send loop on the way out: which batches go now, whole and numbered, in which requests.
#include <algorithm>

#include "client/producer/send_loop.hpp"
#include "client/runtime/spawn.hpp"

namespace ottla::client {

// Whether the batch can go with others for the same broker, up to the size of a request, or in one more request.
bool SendLoop::may_load(const Accumulator::Plan::Ready& ready, TimePoint now, TimePoint& next) {
    Leader& leader = leaders_[ready.leader];
    if (ready.wants_numbers && !may_number(*ready.queue)) return false;
    if (!may_send(ready.leader, leader, now, next)) return false;
    if (leader.planned == 0 || leader.planned_bytes + ready.bytes > config_.message_bytes_max) {
        if (leader.in_flight + leader.planned >= config_.common.max_in_flight) return false;
        ++leader.planned;
        leader.planned_bytes = 0;
    }
    leader.planned_bytes += ready.bytes;
    return true;
}

bool SendLoop::goes_along(const Accumulator::Plan::Ready& lingering) {
    Leader& leader = leaders_[lingering.leader];
    if (leader.planned == 0 || leader.planned_bytes + lingering.bytes > config_.message_bytes_max) return false;
    if (lingering.wants_numbers && !may_number(*lingering.queue)) return false;
    leader.planned_bytes += lingering.bytes;
    return true;
}

void SendLoop::load(BatchPtr batch) {
    const BrokerId id = batch->home->leader;
    Leader& leader = leaders_[id];
    if (auto sealed = seal(*batch); !sealed) {
        accumulator_.land(*batch->home, batch->place);
        return report_failed(std::move(batch), sealed.error());
    }
    const std::size_t bytes = batch->sealed.size();
    // A batch that was open may have grown since it was planned; then the request is larger by that rather than one
    // more.
    const bool may_be_one_more = leader.in_flight + 1 < config_.common.max_in_flight;
    if (may_be_one_more && !leader.load.empty() && leader.load_bytes + bytes > config_.message_bytes_max)
        send(id, leader);
    leader.load_bytes += bytes;
    leader.load.push_back(std::move(batch));
}

bool SendLoop::may_number(PartitionQueue& queue) {
    if (!config_.idempotence || !queue.sequences.needs_id()) return true;
    if (producer_id_.id >= 0 && producer_id_.id != queue.sequences.producer_id()) {
        queue.sequences.begin(producer_id_.id, producer_id_.epoch);
        runtime()
            .log(DebugContext::eos)
            .debug("a partition begins with producer id {}, epoch {}", producer_id_.id, producer_id_.epoch);
        return true;
    }
    if (accumulator_.refusal().is_fatal()) {
        has_hopeless_ = true;
        return false;
    }
    if (!std::exchange(asks_producer_id_, true))
        spawn(cluster_->runtime().executor(), get_producer_id(shared_from_this()));
    return false;
}

bool SendLoop::may_send(BrokerId id, Leader& leader, TimePoint now, TimePoint& next) {
    if (leader.connecting) return false;
    if (leader.not_before > now) {
        next = std::min(next, leader.not_before);
        return false;
    }
    Channel channel = cluster_->connection(id);
    if (!channel) {
        leader.connecting = true;
        spawn(cluster_->runtime().executor(), connect(shared_from_this(), id));
        // It may be there at once: the connection that asked for the metadata.
        channel = cluster_->connection(id);
        if (leader.connecting || !channel) return false;
    }
    // What the broker throttles waits here, where it can still be in one batch with others.
    if (channel->paused_until() > now) {
        next = std::min(next, channel->paused_until());
        return false;
    }
    return true;
}

Result<void> SendLoop::seal(Batch& batch) {
    if (batch.packing) {
        if (batch.packing->error.code() != ErrorCode::none) return batch.packing->error;
        batch.sealed = std::move(batch.packing->packed);
        batch.packing.reset();
    }
    if (!batch.sealed.empty() && batch.numbers.any() && !batch.is_stamped) stamp(batch);
    if (batch.sealed.empty()) seal_first(batch);
    return ok();
}

void SendLoop::seal_first(Batch& batch) {
    protocol::BatchStamp stamp;
    stamp.producer_id = batch.numbers.producer_id;
    stamp.producer_epoch = batch.numbers.epoch;
    stamp.base_sequence = batch.numbers.first;
    batch.sealed = batch.builder.finish(stamp);
    batch.is_stamped = true;
}

// Its numbers into a batch that is whole already. In a copy, if it has been sent: the bytes may still be on their way.
void SendLoop::stamp(Batch& batch) {
    if (batch.has_been_sent()) {
        Buffer copy = cluster_->runtime().pool().take(batch.sealed.size());
        copy.append(batch.sealed.span());
        batch.sealed = std::move(copy);
    }
    const auto& numbers = batch.numbers;
    protocol::patch_producer(batch.sealed.writable(), numbers.producer_id, numbers.epoch, numbers.first);
    protocol::patch_crc(batch.sealed.writable());
    batch.is_stamped = true;
}

void SendLoop::send(BrokerId id, Leader& leader) {
    const Channel channel = cluster_->connection(id);
    auto flight = std::make_shared<Flight>();
    flight->broker = id;
    flight->channel = channel;
    flight->batches = std::exchange(leader.load, {});
    leader.load_bytes = 0;
    // Nobody waits longer for the answer than for the last of the records.
    TimePoint deadline = TimePoint::min();
    for (const BatchPtr& batch : flight->batches) {
        deadline = std::max(deadline, batch->expires);
        const TopicInfo* info = cluster_->metadata().topic(*batch->topic);
        flight->sent.push_back({batch->topic, info ? info->id : Uuid{}, batch->partition});
        flight->seats.push_back({batch->home, batch->place, batch->numbers});
        ++batch->attempts;
        count(id, *batch);
    }
    const auto fail_all = [&](const Error& error) {
        for (std::size_t i = 0; i < flight->batches.size(); ++i) failed(*flight, i, error, false);
    };
    if (!channel) return fail_all(Error::of(ErrorCode::transport));

    auto versions = produce_versions;
    if (!ProduceCall::have_ids(flight->batches, cluster_->metadata())) versions.max = first_produce_by_id - 1;
    const auto version = channel->pick(protocol::ApiKey::produce, versions);
    if (!version) return fail_all(version.error());
    flight->version = *version;
    auto body = call_.encode(flight->batches, cluster_->metadata(), *version, cluster_->runtime().pool());
    if (!body) return fail_all(body.error());

    deadline = std::min(deadline, cluster_->runtime().deadline(config_.common.socket_timeout));
    if (config_.acks == Acks::none) {
        auto told = [self = shared_from_this(), flight](const Result<void>& written, bool may_have_left) {
            self->on_written(flight, written, may_have_left);
        };
        if (auto posted =
                channel->post(protocol::ApiKey::produce, *version, std::move(*body), deadline, std::move(told));
            !posted)
            return fail_all(posted.error());
    }
    ++leader.in_flight;
    flight->place = flights_.insert(flights_.end(), flight);
    flight->may_have_left = true;
    if (config_.acks == Acks::none) return;
    channel->send(
        protocol::ApiKey::produce, *version, std::move(*body), deadline,
        [self = shared_from_this(), flight](Result<Bytes> answer) { self->on_answer(flight, std::move(answer)); });
}

void SendLoop::tell_hook(BatchEvent::Stage stage, BrokerId broker, const Batch& batch, Offset base_offset,
                         bool is_retried, const Error& error) {
    BatchEvent event;
    event.stage = stage;
    event.topic = *batch.topic;
    event.partition = batch.partition;
    event.broker_id = broker;
    event.records = batch.count();
    event.payload_bytes = batch.payload_bytes;
    event.bytes = batch.sealed.size();
    event.attempt = batch.attempts;
    event.base_offset = base_offset;
    event.is_retried = is_retried;
    event.error = error;
    runtime().hooks().tell(&Hooks::on_batch, event);
}

void SendLoop::count(BrokerId id, const Batch& batch) {
    if (const base::Log& log = runtime().log(DebugContext::msg); log.enabled(base::LogLevel::debug))
        log.debug("topic '{}' partition {}: {} records in {} bytes to broker {}, attempt {}", *batch.topic,
                  batch.partition, batch.count(), batch.sealed.size(), id, batch.attempts);
    if (runtime().hooks().wants(&Hooks::on_batch))
        tell_hook(BatchEvent::Stage::sent, id, batch, Offset(), false, Error());
    batch.home->records_sent += batch.count();
    batch.home->bytes_sent += batch.payload_bytes;
    records_sent_ += batch.count();
    record_bytes_sent_ += batch.payload_bytes;
    if (!keeps_windows_) return;
    TopicWindows& windows = windows_[*batch.topic];
    windows.bytes.add(static_cast<std::int64_t>(batch.sealed.size()));
    windows.records.add(static_cast<std::int64_t>(batch.count()));
    if (BrokerObserver* observer = cluster_->observer(id))
        observer->stats.queued.add(micros(runtime().now() - batch.created));
}

}  // namespace ottla::client
