// SPDX-License-Identifier: Apache-2.0
// How a partition gets its place to start from: the topic is waited for, then its leaders are asked.
#include <fmt/format.h>

#include "client/consumer/fetcher.hpp"

namespace ottla::client {
namespace {

const OffsetQuestion* answer_to(const std::vector<OffsetQuestion>& answers, std::int32_t partition,
                                std::int64_t timestamp) {
    for (const auto& a : answers)
        if (a.partition == partition && a.timestamp == timestamp) return &a;
    return nullptr;
}

}  // namespace

awaitable<void> Fetcher::lookup(std::shared_ptr<Fetcher> self, std::string topic,
                                std::vector<FetchState::Lookup> lookups) {
    auto& runtime = self->cluster_->runtime();
    const auto deadline = runtime.deadline(self->config_.common.socket_timeout);
    std::vector<OffsetQuestion> questions;
    for (const auto& l : lookups) {
        const bool tail = l.place.is_tail();
        if (tail || l.place == Offset::beginning())
            questions.emplace_back(topic, l.partition, OffsetQuestion::earliest);
        if (tail || l.place == Offset::end()) questions.emplace_back(topic, l.partition, OffsetQuestion::latest);
    }
    Result<void> known = co_await self->cluster_->wait_for_topic(topic, deadline);
    std::vector<OffsetQuestion> answers;
    if (known && !questions.empty()) {
        auto asked =
            co_await list_offsets(self->cluster_, std::move(questions), self->config_.isolation_level, deadline);
        if (asked)
            answers = std::move(*asked);
        else
            known = asked.error();
    }
    if (self->closed_) co_return;
    for (const auto& l : lookups) {
        if (known)
            self->place(l, answers);
        else
            self->lookup_failed(l, known.error());
    }
    if (known) self->no_trouble();
    self->wake();
}

void Fetcher::place(const FetchState::Lookup& l, const std::vector<OffsetQuestion>& answers) {
    auto* p = state_.find(l.topic, l.partition, l.turn);
    if (!p || p->phase != FetchState::Partition::Phase::looking_up) return;
    std::int64_t position = l.place.value();
    if (!l.place.is_absolute()) {
        const auto* low = answer_to(answers, l.partition, OffsetQuestion::earliest);
        const auto* high = answer_to(answers, l.partition, OffsetQuestion::latest);
        for (const auto* a : {low, high})
            if (a && a->error.code() != ErrorCode::none) return lookup_failed(l, a->error);
        if (l.place.is_tail())
            position = std::max(low->offset, high->offset - l.place.tail_count());
        else
            position = l.place == Offset::beginning() ? low->offset : high->offset;
    }
    if (p->lost_position) {
        const auto text = fmt::format("{}[{}] has no offset {} (any more, or yet); auto.offset.reset goes on at {}",
                                      l.topic, l.partition, *p->lost_position, position);
        cluster_->runtime().log().warn("{}", text);
        tell(*p, Error::of(ErrorCode::offset_out_of_range, text), *p->lost_position, true);
    }
    state_.on_place(*p, position);
    // Only in place of "not known yet": the application may have been handed messages, or have sought, since.
    auto unknown = p->slot->position.load();
    if (unknown < 0) p->slot->position.compare_exchange_strong(unknown, position);
}

void Fetcher::lookup_failed(const FetchState::Lookup& l, const Error& error) {
    auto* p = state_.find(l.topic, l.partition, l.turn);
    if (!p || p->phase != FetchState::Partition::Phase::looking_up) return;
    if (error == ErrorCode::closed) return;
    const bool lasting = error == ErrorCode::topic_authorization_failed || error == ErrorCode::invalid_topic_exception;
    if (error == ErrorCode::all_brokers_down)
        cannot_connect(error);
    else
        trouble(error);
    if (lasting)
        p->phase = FetchState::Partition::Phase::stopped;
    else
        state_.lookup_again(*p, cluster_->runtime().now() + config_.common.retry_backoff_max);
    // Said once for as long as it lasts.
    if (std::exchange(p->told, error.code()) != error.code()) tell(*p, error, l.place, !lasting);
}

}  // namespace ottla::client
