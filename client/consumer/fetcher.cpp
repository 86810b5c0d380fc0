// SPDX-License-Identifier: Apache-2.0
#include "client/consumer/fetcher.hpp"

#include <fmt/format.h>

#include "client/runtime/spawn.hpp"

namespace ottla::client {

Fetcher::Fetcher(std::shared_ptr<Cluster> cluster, ConsumerConfig config, std::shared_ptr<FetchQueue> queue,
                 std::shared_ptr<Coordinator> coordinator)
    : cluster_(std::move(cluster)),
      config_(std::move(config)),
      queue_(std::move(queue)),
      coordinator_(std::move(coordinator)),
      state_(config_.offset_reset, coordinator_ != nullptr, config_.whole_topics),
      unpacker_(
          {config_.check_crcs, config_.common.receive_message_bytes_max}, cluster_->runtime().pool(),
          cluster_->runtime().executor(), [this] { return cluster_->runtime().workers(); },
          [this](FetchQueue::Item item) { hand_on(std::move(item)); }),
      keeps_windows_(config_.common.statistics_interval.count() > 0),
      began_(cluster_->runtime().now()) {}

void Fetcher::start() {
    // Called from whichever thread gives memory back, even when the consumer is gone by then.
    budget_ = std::make_shared<MemoryBudget>(config_.prefetch_bytes_max, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        asio::post(self->cluster_->runtime().executor(), [weak] {
            if (const auto there = weak.lock()) there->wake();
        });
    });
    cluster_->runtime().attach_logs([this](LogEvent&& line) { return on_log(std::move(line)); });
    spawn(cluster_->runtime().executor(), supervise_loop(shared_from_this()));
    if (config_.common.statistics_interval.count() > 0)
        spawn(cluster_->runtime().executor(), emit_statistics(shared_from_this()));
}

Fetcher::~Fetcher() {
    unpacker_.forget();
    if (!cluster_->runtime().is_of_parent()) cluster_->runtime().detach_logs();
}

// Any thread. Whoever polls by a coroutine waits on the loop.
bool Fetcher::on_log(LogEvent&& line) {
    if (!queue_->push(std::move(line))) return false;
    if (wake_posted_.exchange(true)) return true;
    asio::post(cluster_->runtime().executor(), [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        self->wake_posted_ = false;
        self->arrivals_.notify();
    });
    return true;
}

void Fetcher::apply(const std::vector<Delivery::Change>& changes) {
    using Kind = Delivery::Change::Kind;
    if (closed_) return;
    for (const auto& change : changes) {
        const auto& slot = *change.slot;
        if (const base::Log& log = cluster_->runtime().log(DebugContext::consumer); log.enabled(base::LogLevel::debug))
            log.debug("{}[{}]: {} {}", *slot.topic, slot.partition,
                      change.kind == Kind::remove ? "unassigned"
                      : change.kind == Kind::add  ? "assigned, from"
                                                  : "sought to",
                      change.kind == Kind::remove ? std::string() : to_string(change.where));
        Result<void> placed = ok();
        if (change.kind == Kind::remove) {
            state_.remove(slot);
            cluster_->drop_topic(*slot.topic);
        } else if (change.kind == Kind::add) {
            cluster_->use_topic(*slot.topic);
            placed = state_.add(change.slot, change.turn, change.where, change.epoch);
        } else {
            placed = state_.seek(slot, change.turn, change.where, change.epoch);
        }
        auto* p = state_.find(*slot.topic, slot.partition, change.turn);
        if (!p) continue;
        if (change.flaw.code() != ErrorCode::none) {
            p->not_before = cluster_->runtime().now() + config_.fetch_error_backoff;
            warn_of_standstill(*p, change.flaw);
        } else {
            p->warned_by = ErrorCode::none;
        }
        if (!placed) tell(*p, placed.error(), Offset::invalid(), false);
    }
    wake();
}

void Fetcher::wake() { wake_.notify(); }

void Fetcher::push(FetchQueue::Item item) { unpacker_.push(std::move(item)); }

void Fetcher::hand_on(FetchQueue::Item item) {
    queue_->push(std::move(item));
    arrivals_.notify();
}

void Fetcher::tell(const FetchState::Partition& p, Error error, Offset at, bool goes_on) {
    PartitionError event;
    event.topic = *p.slot->topic;
    event.partition = p.slot->partition;
    event.offset = at;
    event.error = std::move(error);
    event.goes_on = goes_on;
    push(Notice{p.slot, p.turn, std::move(event)});
}

// Once for each place.
void Fetcher::warn_of_standstill(FetchState::Partition& p, const Error& error) {
    if (p.warned_by == error.code() && p.warned_at == p.position) return;
    p.warned_by = error.code();
    p.warned_at = p.position;
    cluster_->runtime()
        .log(DebugContext::fetch)
        .warn(
            "{}; nothing behind it is handed out, it is fetched again every {} ms until that is over, or somebody "
            "seeks",
            to_string(error),
            std::chrono::duration_cast<std::chrono::milliseconds>(config_.fetch_error_backoff).count());
}

void Fetcher::note_standstill(const FetchState::Partition& p, ErrorCode code) {
    p.slot->stuck_at = p.position;
    p.slot->stuck_by = code;
    queue_->something_is_stuck = true;
}

void Fetcher::tell_standstill(FetchState::Partition& p, Error error) {
    warn_of_standstill(p, error);
    tell(p, std::move(error), p.position, true);
}

std::string Fetcher::why_moved(const FetchState::Partition& p, ErrorCode why, std::int64_t from, std::int64_t to) {
    const auto where = fmt::format("{}[{}]", *p.slot->topic, p.slot->partition);
    if (why == ErrorCode::log_truncation)
        return fmt::format("{} was truncated to {}, below the position {}; it is read from there on", where, to, from);
    if (why == ErrorCode::inconsistent_topic_id)
        return fmt::format(
            "topic '{}' was deleted and made anew; {} was read up to offset {} of the old one, "
            "auto.offset.reset goes on at {} of the new one",
            *p.slot->topic, where, from, to);
    return fmt::format("{} has no offset {} (any more, or yet); auto.offset.reset goes on at {}", where, from, to);
}

void Fetcher::tell_moved(const FetchState::Partition& p, ErrorCode why, std::int64_t from, std::int64_t to) {
    const auto text = why_moved(p, why, from, to);
    cluster_->runtime().log(DebugContext::fetch).warn("{}", text);
    PartitionError event;
    event.topic = *p.slot->topic;
    event.partition = p.slot->partition;
    event.offset = from;
    event.moved_to = to;
    event.error = Error::of(why, text);
    event.goes_on = true;
    push(Notice{p.slot, p.turn, std::move(event)});
}

void Fetcher::tell(Event event) { push(Notice{nullptr, 0, std::move(event)}); }

void Fetcher::trouble(const Error& error) {
    in_trouble_ = true;
    queue_->set_trouble(to_string(error));
}

void Fetcher::cannot_connect(const Error& error) {
    trouble(error);
    if (cluster_->has_connection() || down_told_) return;
    down_told_ = true;
    push(Notice{nullptr, 0,
                error == ErrorCode::all_brokers_down
                    ? error
                    : Error::of(ErrorCode::all_brokers_down, "no broker can be reached: " + to_string(error))});
}

void Fetcher::no_trouble() {
    if (!in_trouble_) return;
    in_trouble_ = false;
    down_told_ = false;
    queue_->set_trouble({});
}

void Fetcher::start_lookups() {
    auto& runtime = cluster_->runtime();
    std::vector<FetchState::Lookup> committed;
    for (auto& [topic, lookups] : state_.take_lookups(runtime.now())) {
        std::vector<FetchState::Lookup> others;
        for (auto& l : lookups) (l.place == Offset::stored() ? committed : others).push_back(std::move(l));
        if (!others.empty()) spawn(runtime.executor(), lookup(shared_from_this(), topic, std::move(others)));
    }
    if (!committed.empty()) spawn(runtime.executor(), lookup_committed(shared_from_this(), std::move(committed)));
}

awaitable<void> Fetcher::supervise_loop(std::shared_ptr<Fetcher> self) {
    auto& runtime = self->cluster_->runtime();
    Watch watch(self->wake_, runtime.executor());
    watch.add(self->cluster_->changes());
    while (!self->closed_) {
        self->state_.drop_old_replicas(runtime.now());
        self->look_at_topics();
        self->start_lookups();
        self->start_checks();
        for (const auto source : self->state_.sources(self->cluster_->metadata())) {
            if (self->loops_.contains(source)) continue;
            auto loop = std::make_shared<Loop>();
            self->loops_.emplace(source, loop);
            spawn(runtime.executor(), fetch_loop(self, source, std::move(loop)));
        }
        const auto leaderless = self->state_.leaderless(self->cluster_->metadata());
        for (const auto* p : leaderless) self->note_standstill(*p, ErrorCode::leader_not_available);
        if (!leaderless.empty()) self->cluster_->request_refresh("a partition has no leader");
        co_await watch.wait_until(runtime.timers(), self->state_.next_time(runtime.now()));
    }
}

void Fetcher::close() {
    closed_ = true;
    unpacker_.forget();
    state_.clear();
    wake_.notify();
    arrivals_.notify();
    closing_.notify();
}

}  // namespace ottla::client
