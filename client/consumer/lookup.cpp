// SPDX-License-Identifier: Apache-2.0
// How a partition gets its place to start from: the topic is waited for, then its leaders are asked.
#include <algorithm>
#include <functional>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "client/consumer/fetcher.hpp"
#include "client/group/offset_calls.hpp"

namespace ottla::client {
namespace {

// A lookup and what came of its questions.
struct OpenLookup {
    FetchState::Lookup lookup;
    std::optional<OffsetQuestion> low;
    std::optional<OffsetQuestion> high;
    std::optional<OffsetQuestion> aged;

    bool wants_low() const { return !lookup.by_age && (lookup.place.is_tail() || lookup.place == Offset::beginning()); }
    bool wants_high() const { return lookup.by_age || lookup.place.is_tail() || lookup.place == Offset::end(); }
    bool is_complete() const { return (!wants_low() || low) && (!wants_high() || high) && (!lookup.by_age || aged); }
    void take(const OffsetQuestion& answer) {
        (answer.timestamp == OffsetQuestion::earliest ? low
         : answer.timestamp == OffsetQuestion::latest ? high
                                                      : aged) = answer;
    }
    Result<std::int64_t> position() const {
        for (const auto* answer : {&low, &high, &aged})
            if (*answer && (*answer)->error.code() != ErrorCode::none) return (*answer)->error;
        // Nothing is that young: what comes from now on.
        if (lookup.by_age) return aged->offset >= 0 ? aged->offset : high->offset;
        if (lookup.place.is_tail()) return std::max(low->offset, high->offset - lookup.place.tail_count());
        if (lookup.place.is_absolute()) return lookup.place.value();
        return low ? low->offset : high->offset;
    }
};

}  // namespace

// What was fetched of the old one is still handed out, before it is told where reading goes on. (Where a group assigned
// the partition, the group's committed offset counts: it seeks there.)
void Fetcher::look_at_topics() {
    for (const auto* p : state_.take_made_anew(cluster_->metadata())) {
        if (p->phase != FetchState::Partition::Phase::stopped) continue;
        tell(*p,
             Error::of(ErrorCode::inconsistent_topic_id,
                       fmt::format("topic '{}' was deleted and made anew; {}[{}] was read up to offset {} of the old "
                                   "one, and auto.offset.reset=error forbids choosing another; seek to one",
                                   *p->slot->topic, *p->slot->topic, p->slot->partition, *p->lost_position)),
             *p->lost_position, false);
    }
}

awaitable<void> Fetcher::lookup(std::shared_ptr<Fetcher> self, std::string topic,
                                std::vector<FetchState::Lookup> lookups) {
    auto& runtime = self->cluster_->runtime();
    const auto deadline = runtime.deadline(self->config_.common.socket_timeout);
    Result<void> known = co_await self->cluster_->wait_for_topic(topic, deadline);
    if (self->closed_) co_return;
    std::map<std::int32_t, OpenLookup> open;  // by partition
    std::vector<OffsetQuestion> questions;
    // Times below 0 are words.
    const auto begins_at = std::max<std::int64_t>(runtime.wall_ms() - self->config_.offset_reset_age.count(), 0);
    for (auto& l : lookups) {
        OpenLookup next{std::move(l), {}, {}, {}};
        const std::int32_t partition = next.lookup.partition;
        if (known && next.is_complete()) {
            self->place(next.lookup, next.position());
            continue;
        }
        if (next.wants_low()) questions.emplace_back(topic, partition, OffsetQuestion::earliest);
        if (next.wants_high()) questions.emplace_back(topic, partition, OffsetQuestion::latest);
        if (next.lookup.by_age) questions.emplace_back(topic, partition, begins_at);
        open.emplace(partition, std::move(next));
    }
    self->wake();
    if (known && !questions.empty()) {
        // Each begins as soon as its own questions are answered, whatever becomes of the others.
        std::function<void(const OffsetQuestion&)> on_answer = [&](const OffsetQuestion& answer) {
            const auto at = open.find(answer.partition);
            if (at == open.end() || self->closed_) return;
            at->second.take(answer);
            if (!at->second.is_complete()) return;
            self->place(at->second.lookup, at->second.position());
            open.erase(at);
            self->wake();
        };
        const auto asked = co_await list_offsets(self->cluster_, std::move(questions), self->config_.isolation_level,
                                                 deadline, std::move(on_answer));
        if (!asked) known = asked.error();
    }
    if (self->closed_) co_return;
    if (known)
        self->no_trouble();
    else
        for (const auto& [partition, left] : open) self->lookup_failed(left.lookup, known.error());
    self->wake();
}

awaitable<void> Fetcher::lookup_committed(std::shared_ptr<Fetcher> self, std::vector<FetchState::Lookup> lookups) {
    const auto deadline = self->cluster_->runtime().deadline(self->config_.common.socket_timeout);
    std::vector<TopicPartition> asked;
    for (const auto& l : lookups) asked.emplace_back(l.topic, l.partition);
    auto answer = co_await fetch_committed(self->coordinator_, std::move(asked), deadline);
    if (self->closed_) co_return;
    if (answer) self->no_trouble();
    for (std::size_t i = 0; i < lookups.size(); ++i) {
        const auto& l = lookups[i];
        auto* p = self->state_.find(l.topic, l.partition, l.turn);
        if (!p || p->phase != FetchState::Partition::Phase::looking_up) continue;
        const Error error = answer ? (*answer)[i].error : answer.error();
        if (error.code() != ErrorCode::none) {
            self->lookup_failed(l, error);
            continue;
        }
        std::optional<std::int64_t> offset;
        if ((*answer)[i].offset.is_absolute()) offset = (*answer)[i].offset.value();
        if (offset) p->slot->group_committed = *offset;
        const auto placed = self->state_.on_committed(*p, offset, (*answer)[i].leader_epoch.value_or(-1));
        if (!placed) self->tell(*p, placed.error(), Offset::invalid(), false);
    }
    self->wake();
}

void Fetcher::place(const FetchState::Lookup& l, const Result<std::int64_t>& found) {
    auto* p = state_.find(l.topic, l.partition, l.turn);
    if (!p || p->phase != FetchState::Partition::Phase::looking_up) return;
    if (!found) return lookup_failed(l, found.error());
    const std::int64_t position = *found;
    if (p->lost_position) tell_moved(*p, p->lost_by, *p->lost_position, position);
    cluster_->runtime()
        .log(DebugContext::fetch)
        .debug("{}[{}] is read from offset {} on", l.topic, l.partition, position);
    state_.on_place(*p, position);
    // Only in place of "not known yet": the application may have been handed messages, or have sought, since.
    auto unknown = p->slot->position.load();
    if (unknown < 0) p->slot->position.compare_exchange_strong(unknown, position);
}

void Fetcher::lookup_failed(const FetchState::Lookup& l, const Error& error) {
    auto* p = state_.find(l.topic, l.partition, l.turn);
    if (!p || p->phase != FetchState::Partition::Phase::looking_up) return;
    if (error == ErrorCode::closed) return;
    // The leader of a group may know of partitions before this member does.
    const bool too_new = error == ErrorCode::unknown_partition && coordinator_;
    if (too_new) cluster_->request_refresh("a partition is not known yet");
    const bool lasting = error == ErrorCode::topic_authorization_failed ||
                         error == ErrorCode::invalid_topic_exception || error == ErrorCode::group_authorization_failed;
    if (error == ErrorCode::all_brokers_down)
        cannot_connect(error);
    else
        trouble(error);
    if (lasting)
        p->phase = FetchState::Partition::Phase::stopped;
    else
        state_.lookup_again(*p, cluster_->runtime().now() + config_.common.retry_backoff_max);
    if (too_new) return;
    // Said once for as long as it lasts.
    if (std::exchange(p->told, error.code()) != error.code()) tell(*p, error, l.place, !lasting);
}

}  // namespace ottla::client
