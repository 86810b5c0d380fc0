// SPDX-License-Identifier: Apache-2.0
// The send loop on the way back: what brokers answer, and what becomes of batches that have no answer.
#include <algorithm>

#include <fmt/format.h>

#include "client/producer/send_loop.hpp"
#include "net/throttling.hpp"

namespace ottla::client {

namespace {

std::string where(const Batch& batch) { return fmt::format("topic '{}' partition {}", *batch.topic, batch.partition); }

}  // namespace

void SendLoop::on_answer(const FlightPtr& flight, Result<Bytes> answer) {
    flights_.erase(flight->place);
    --leaders_[flight->broker].in_flight;
    Error left_out = Error::of(ErrorCode::bad_message).with_context("the broker's answer leaves the partition out");
    if (answer) {
        const auto answers = call_.decode(std::move(*answer), flight->version, flight->sent);
        if (call_.oddity().kinds != 0) tell_oddity(*flight, call_.oddity());
        if (answers) {
            const auto& response = call_.response();
            for (const auto& node : response.node_endpoints)
                if (node.port > 0 && node.port <= 65535)
                    cluster_->add_broker(
                        node.node_id,
                        BrokerInfo{net::Endpoint(node.host, static_cast<std::uint16_t>(node.port)), node.rack});
            if (flight->version >= net::first_throttled_produce)
                flight->channel->pause(protocol::ApiKey::produce, std::chrono::milliseconds(response.throttle_time_ms));
            for (const auto& one : *answers) apply(*flight, one);
            finish_delivered();
        } else {
            left_out = answers.error();
        }
    } else {
        left_out = answer.error();
    }
    for (std::size_t i = 0; i < flight->seats.size(); ++i)
        if (flight->seats[i].queue) failed(*flight, i, left_out, false);
    signal_.notify();
}

// With acks=0 a request is over when the system has taken it.
void SendLoop::on_written(const FlightPtr& flight, const Result<void>& written, bool may_have_left) {
    flights_.erase(flight->place);
    --leaders_[flight->broker].in_flight;
    flight->may_have_left = may_have_left;
    for (std::size_t i = 0; i < flight->batches.size(); ++i) {
        if (!written) {
            failed(*flight, i, written.error(), false);
            continue;
        }
        landings_.push_back({std::exchange(flight->seats[i].queue, nullptr), flight->seats[i].place});
        BatchPtr batch = std::move(flight->batches[i]);
        if (!batch) continue;
        if (runtime().hooks().wants(&Hooks::on_batch))
            tell_hook(BatchEvent::Stage::acknowledged, flight->broker, *batch, Offset(), false, Error());
        delivered_.emplace_back(std::move(batch), Outcome::delivered(-1, -1));
    }
    finish_delivered();
    signal_.notify();
}

// The next one will be as odd: what is told once says what there is to say.
void SendLoop::tell_oddity(const Flight& flight, const ProduceCall::Oddity& oddity) {
    Leader& leader = leaders_[flight.broker];
    if (leader.odd_on.lock() != flight.channel) leader.odd_kinds = 0;
    leader.odd_on = flight.channel;
    const bool is_news = (oddity.kinds & ~leader.odd_kinds) != 0;
    leader.odd_kinds |= oddity.kinds;
    if (is_news)
        runtime()
            .log(DebugContext::msg)
            .warn(
                "broker {} at {}: its answer to Produce does not fit the request: {}; what has no answer is sent again",
                flight.broker, to_string(flight.channel->endpoint()), oddity.text);
}

void SendLoop::apply(Flight& flight, const ProduceCall::Answer& answer) {
    const auto& said = *answer.partition;
    Seat& seat = flight.seats[answer.batch];
    if (!seat.queue) return;  // said twice
    const auto code = static_cast<ErrorCode>(said.error_code);
    if (code == ErrorCode::none || code == ErrorCode::duplicate_sequence_number) {
        PartitionQueue& queue = *std::exchange(seat.queue, nullptr);
        queue.sequences.delivered(seat.numbers);
        landings_.push_back({&queue, seat.place});
        if (const base::Log& log = runtime().log(DebugContext::msg); log.enabled(base::LogLevel::debug))
            log.debug("topic '{}' partition {}: written from offset {} on", *flight.sent[answer.batch].topic,
                      said.index, said.base_offset);
        BatchPtr batch = std::move(flight.batches[answer.batch]);
        if (batch && runtime().hooks().wants(&Hooks::on_batch))
            tell_hook(BatchEvent::Stage::acknowledged, flight.broker, *batch,
                      said.base_offset >= 0 ? Offset(said.base_offset) : Offset(), false, Error());
        if (batch)
            delivered_.emplace_back(std::move(batch), Outcome::delivered(said.base_offset, said.log_append_time_ms));
        return;
    }
    const std::string& topic = *flight.sent[answer.batch].topic;
    const bool has_hint =
        said.current_leader.leader_id >= 0 &&
        cluster_->apply_leader_hint(topic, said.index, said.current_leader.leader_id, said.current_leader.leader_epoch);
    if (has_hint) learn_leaders(topic);
    Error error = Error::of(code);
    // Many brokers say what the code says.
    const std::string_view text = said.error_message ? std::string_view(*said.error_message) : std::string_view();
    if (!text.empty() && error.text() != text) error = error.with_context(text);
    if (needs_metadata_refresh(code) && !has_hint) cluster_->request_refresh("a leader has moved");
    failed(flight, answer.batch, std::move(error), has_hint);
}

// What one answer has delivered, together: the application's threads are at the accumulator's mutex all the time.
void SendLoop::finish_delivered() {
    accumulator_.land(landings_);
    landings_.clear();
    // Callbacks may come back here.
    std::vector<Reporter::Ended> delivered;
    delivered.swap(delivered_);
    if (!delivered.empty()) reporter_.report(delivered);
    delivered.swap(delivered_);
}

void SendLoop::failed(Flight& flight, std::size_t index, Error error, bool at_once) {
    Seat& seat = flight.seats[index];
    PartitionQueue& queue = *std::exchange(seat.queue, nullptr);
    BatchPtr batch = std::move(flight.batches[index]);
    if (!batch) {  // it was reported while in flight
        accumulator_.land(queue, seat.place);
        return settle_numbers(&queue, seat.numbers, true);
    }
    if (flight.may_have_left && leaves_open(error.code())) batch->possibly_persisted = true;
    if (error == ErrorCode::transport || error == ErrorCode::closed) cluster_->request_refresh("a connection was lost");
    const auto tell = [&](bool is_retried) {
        if (runtime().hooks().wants(&Hooks::on_batch))
            tell_hook(BatchEvent::Stage::failed, flight.broker, *batch, Offset(), is_retried, error);
    };
    if (is_too_large(error.code()) && batch->count() > 1) {
        tell(true);
        split_later(std::move(batch));
        return;
    }
    const bool is_numbers = seat.numbers.any() && refuses_numbers(error.code());
    bool is_retried =
        is_numbers ? is_numbered_again(*batch, error) : is_worth_retrying(error) && batch->attempts <= config_.retries;
    const TimePoint now = cluster_->runtime().now();
    if (is_retried && batch->expires <= now) {
        is_retried = false;
        batch->last_error = std::move(error);
        error = timed_out(*batch);
    }
    tell(is_retried && !stopped_);
    if (stopped_ || !is_retried) {
        accumulator_.land(queue, seat.place);
        return report_failed(std::move(batch), std::move(error));
    }
    const bool waits = !at_once && !batch->waits_its_turn;
    const TimePoint at = waits ? now + batch->backoff.next(cluster_->runtime().random()) : now;
    if (const base::Log& log = runtime().log(DebugContext::msg); log.enabled(base::LogLevel::debug))
        log.debug("{}: attempt {} failed, trying again: {}", where(*batch), batch->attempts, to_string(error));
    batch->last_error = std::move(error);
    accumulator_.retry(std::move(batch), at);
}

// When nothing of the partition is in flight: what follows it must not come before its second half. The halves have the
// numbers that the whole had: should it have been written, when the limit was higher perhaps, their first is refused.
void SendLoop::split_later(BatchPtr batch) {
    if (const base::Log& log = runtime().log(DebugContext::msg); log.enabled(base::LogLevel::debug))
        log.debug("{}: {} records are too large for the broker as one batch, and are split", where(*batch),
                  batch->count());
    batch->is_oversized = batch->waits_its_turn = true;
    accumulator_.retry(std::move(batch), cluster_->runtime().now());
}

bool SendLoop::is_numbered_again(Batch& batch, const Error& error) {
    Sequences& sequences = batch.home->sequences;
    const auto verdict = sequences.refused(batch.numbers, batch.went_first, batch.possibly_persisted);
    if (verdict == Sequences::Verdict::again) {
        batch.waits_its_turn = true;
        return true;
    }
    // Where another has written under our id, no epoch of it is ours any more.
    if (error == ErrorCode::invalid_producer_epoch) sequences.spend_id();
    accumulator_.take_numbers_back(*batch.home);
    if (verdict == Sequences::Verdict::give_up) return false;
    batch.numbers = Numbers();
    return true;
}

void SendLoop::report_failed(BatchPtr batch, Error error) {
    if (batch->partition >= 0 && error != ErrorCode::message_timed_out) error = error.with_context(where(*batch));
    give_up(std::move(batch), std::move(error));
}

void SendLoop::give_up(BatchPtr batch, Error error) {
    const bool possibly = batch->possibly_persisted;
    if (const base::Log& log = runtime().log(DebugContext::msg); log.enabled(base::LogLevel::debug))
        log.debug("{}: {} records are given up after {} attempts: {}", where(*batch), batch->count(), batch->attempts,
                  to_string(error));
    settle_numbers(batch->home, batch->numbers, possibly);
    reporter_.report(std::move(batch), Outcome::failed(std::move(error), possibly));
}

void SendLoop::settle_numbers(PartitionQueue* queue, const Numbers& numbers, bool possibly_persisted) {
    if (!queue || !numbers.any()) return;
    queue->sequences.given_up(numbers, possibly_persisted);
    if (queue->sequences.begins_anew()) accumulator_.take_numbers_back(*queue);
}

Error SendLoop::timed_out(const Batch& batch) const {
    const Error& lately = last_error_.code() != ErrorCode::none ? last_error_ : cluster_->last_error();
    const Error& last = batch.last_error.code() != ErrorCode::none ? batch.last_error : lately;
    return Error::of(ErrorCode::message_timed_out,
                     fmt::format("{}: not delivered within delivery.timeout.ms ({}){}",
                                 batch.partition >= 0 ? where(batch) : fmt::format("topic '{}'", *batch.topic),
                                 config_.delivery_timeout.count(),
                                 last.code() == ErrorCode::none ? "" : "; the last error: " + to_string(last)));
}

// The answer may still come: until then the partition stays as it is, so that nothing overtakes.
TimePoint SendLoop::expire_in_flight(TimePoint now) {
    TimePoint next = TimePoint::max();
    for (const FlightPtr& flight : flights_)
        for (BatchPtr& batch : flight->batches) {
            if (!batch) continue;
            if (batch->expires > now) {
                next = std::min(next, batch->expires);
                continue;
            }
            Error error = timed_out(*batch);
            report_in_flight(*flight, std::move(batch), std::move(error));
        }
    return next;
}

void SendLoop::report_in_flight(const Flight& flight, BatchPtr batch, Error error) {
    if (runtime().hooks().wants(&Hooks::on_batch))
        tell_hook(BatchEvent::Stage::failed, flight.broker, *batch, Offset(), false, error);
    reporter_.report(std::move(batch), Outcome::failed(std::move(error), true));
}

}  // namespace ottla::client
