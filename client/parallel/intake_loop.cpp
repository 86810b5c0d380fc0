// SPDX-License-Identifier: Apache-2.0
// What the polling thread does, round by round.
#include <algorithm>

#include <fmt/format.h>

#include "client/parallel/intake.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

// Of a wait in which nothing is to be done.
constexpr auto round_max = 1s;
// While it closes: what is running ends without telling.
constexpr auto closing_round_max = 20ms;

}  // namespace

Intake::Intake(std::shared_ptr<ConsumerCore> core, const ParallelConsumerConfig& config, std::shared_ptr<WorkDesk> desk,
               std::shared_ptr<Poke> poke, std::shared_ptr<ParallelHookCalls> hooks)
    : core_(std::move(core)),
      config_(config),
      desk_(std::move(desk)),
      poke_(std::move(poke)),
      hooks_(std::move(hooks)),
      commits_(std::make_shared<Commits>(config.metadata_bytes)),
      consumer_(core_) {}

Result<void> Intake::subscribe() {
    RebalanceCallbacks callbacks;
    callbacks.assigned = [this](Consumer& c, std::span<const TopicPartition> p) { on_assigned(c, p); };
    callbacks.revoked = [this](Consumer& c, std::span<const TopicPartition> p) { on_revoked(c, p); };
    callbacks.lost = [this](Consumer&, std::span<const TopicPartition> p) { on_lost(p); };
    return consumer_.subscribe(topics(), std::move(callbacks));
}

std::vector<std::string> Intake::topics() const {
    auto all = config_.topics;
    for (const auto& retry : config_.retry_topics) all.push_back(retry.topic);
    return all;
}

void Intake::run() {
    next_commit_ = core_->runtime().now() + config_.commit_interval;
    while (turn()) {
    }
    finish();
}

bool Intake::turn() {
    if (closing_ != Closing::no && has_ended_work()) return false;
    pause_and_resume();
    const auto now = core_->runtime().now();
    const auto next = [this] { return look(); };
    const auto came = core_->wait<Result<MessageBatch>>(next_look(now) - now, next);
    if (!take_in_what(came)) return false;
    const auto after = core_->runtime().now();
    if (is_commit_due(after)) commit(after);
    return true;
}

std::optional<Result<MessageBatch>> Intake::look() {
    // Whatever pokes, and however often: the group must hear that somebody polls.
    const bool is_poked = poke_->take();
    auto came = core_->next_batch();
    if (!came && is_poked) return Result<MessageBatch>(MessageBatch());
    return came;
}

bool Intake::take_in_what(const std::optional<Result<MessageBatch>>& came) {
    if (core_->is_closed()) return false;
    if (came && !*came) {
        log().warn("{}", to_string(came->error()));
        if (came->error().is_fatal()) {
            const std::lock_guard lock(assigned_mutex_);
            failure_ = came->error();
            return false;
        }
    } else if (came && !(*came)->empty()) {
        take_in(**came);
    }
    if (letters_) letters_->send_again(core_->runtime().now());
    if (on_work_) on_work_();
    return true;
}

bool Intake::is_commit_due(base::TimePoint now) const {
    const bool is_enough =
        config_.commit_every > 0 && desk_->done_since_commit() >= static_cast<std::uint64_t>(config_.commit_every);
    return now >= next_commit_ || is_enough || commits_->at_once;
}

base::TimePoint Intake::next_look(base::TimePoint now) const {
    if (commits_->at_once) return now;
    auto at = std::min(next_commit_, now + round_max);
    if (closing_ != Closing::no) at = std::min({at, now + closing_round_max, work_until_.load()});
    for (const auto& [key, a] : assigned_)
        if (a.gate && a.gate->opens_at() > now) at = std::min(at, a.gate->opens_at());
    if (letters_) at = std::min(at, letters_->next_due().value_or(at));
    if (on_work_) at = std::min(at, desk_->next_due().value_or(at));
    return std::max(at, now);
}

void Intake::take_in(const MessageBatch& batch) {
    const auto found = assigned_.find({std::string(batch.topic()), batch.partition()});
    if (found == assigned_.end()) return;
    auto& a = found->second;
    const auto first = batch[0].offset();
    if (first < desk_->next_offset(a.number)) {
        log().warn("{}[{}] is read again from {}: its log was cut, or somebody has sought", batch.topic(),
                   batch.partition(), first);
        desk_->end({&a.number, 1});
        const std::lock_guard lock(assigned_mutex_);
        a.number = desk_->begin(PartitionProgress(OffsetMap(first)), a.gate.has_value());
        a.committed = -1;
    }
    desk_->add(a.number, batch, a.gate ? pass_gate(a, batch) : batch.size());
}

std::size_t Intake::pass_gate(Assigned& a, const MessageBatch& batch) {
    std::size_t count = 0;
    {
        const std::lock_guard lock(assigned_mutex_);
        count = a.gate->pass({batch.begin(), batch.end()}, core_->runtime().now(), core_->runtime().wall_ms());
    }
    if (count == batch.size()) return count;
    // It is paused in the next turn. What is not due must not lie in the buffers: it would hold up what is.
    const TopicPartition from(std::string(batch.topic()), batch.partition(), Offset(batch[count].offset()));
    if (auto sought = consumer_.seek(from); !sought) log().warn("{}", to_string(sought.error()));
    return count;
}

std::optional<DelayGate> Intake::gate_of(const std::string& topic) const {
    const auto found = std::ranges::find(config_.retry_topics, topic, &RetryTopic::topic);
    if (found == config_.retry_topics.end()) return std::nullopt;
    return DelayGate(found->delay);
}

void Intake::pause_and_resume() {
    const bool is_open = closing_ == Closing::no && desk_->wants_more();
    std::vector<TopicPartition> pause;
    std::vector<TopicPartition> resume;
    const auto now = core_->runtime().now();
    const std::lock_guard lock(assigned_mutex_);
    for (auto& [key, a] : assigned_) {
        const bool is_to_pause = !is_open || a.is_held || (a.gate && a.gate->opens_at() > now);
        if (is_to_pause == a.is_paused) continue;
        a.is_paused = is_to_pause;
        (is_to_pause ? pause : resume).emplace_back(key.first, key.second);
    }
    // All of them are assigned: only this thread changes that.
    if (!pause.empty()) (void)consumer_.pause(pause).has_value();
    if (!resume.empty()) (void)consumer_.resume(resume).has_value();
}

bool Intake::has_ended_work() {
    const auto now = core_->runtime().now();
    // What is left is for the commits and the group.
    if (now >= work_until_.load()) return true;
    if (closing_ == Closing::drain) return desk_->is_empty();
    std::vector<WorkDesk::Partition> all;
    for (const auto& [key, a] : assigned_) all.push_back(a.number);
    desk_->stop(all);
    return desk_->is_idle(all);
}

void Intake::finish() {
    // Gives everything back: that is where it is committed.
    if (auto closed = consumer_.close(std::max<std::chrono::nanoseconds>(call_timeout(), 100ms)); !closed)
        log().warn("closing: {}", to_string(closed.error()));
    desk_->close();
}

void Intake::close(base::TimePoint work_until, base::TimePoint until, CloseMode mode) {
    work_until_ = work_until;
    close_until_ = until;
    closing_ = mode == CloseMode::drain ? Closing::drain : Closing::stop;
    poke_->give();
}

std::optional<Error> Intake::failure() const {
    const std::lock_guard lock(assigned_mutex_);
    return failure_;
}

std::uint64_t Intake::lag_of(const Key& key, std::int64_t watermark) const {
    const auto ends = consumer_.get_watermark_offsets(key.first, key.second);
    if (watermark < 0 || !ends || !ends->high.is_absolute()) return 0;
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, ends->high.value() - watermark));
}

void Intake::fill(ParallelStats& s) const {
    s.commits = commits_->done;
    s.commit_failures = commits_->failed;
    s.commits_without_map = commits_without_map_;
    s.maps_unreadable = maps_unreadable_;
    if (letters_) {
        s.dead_letters = letters_->counts().dead;
        s.retry_letters = letters_->counts().retries;
        s.dead_letter_failures = letters_->counts().failed;
    }
    const auto now = core_->runtime().now();
    const std::lock_guard lock(assigned_mutex_);
    for (const auto& [key, a] : assigned_) {
        const auto view = desk_->view(a.number);
        s.beyond_watermark += view.taken - view.unfinished;
        s.lag += lag_of(key, view.watermark);
        if (view.unfinished == 0 || view.watermark != a.watermark) continue;
        s.watermark_age =
            std::max(s.watermark_age, std::chrono::duration_cast<std::chrono::milliseconds>(now - a.moved_at));
    }
}

std::string Intake::describe() const {
    std::string text;
    const auto now = core_->runtime().now();
    const std::lock_guard lock(assigned_mutex_);
    for (const auto& [key, a] : assigned_) {
        const auto view = desk_->view(a.number);
        text += fmt::format("\n{}[{}]: {} of {} records up to {} not done, lowest {}, committed {}{}", key.first,
                            key.second, view.unfinished, view.taken, view.next, view.watermark, a.committed,
                            a.is_held                            ? ", paused: its map is near metadata_bytes"
                            : a.gate && a.gate->opens_at() > now ? ", paused: its next record is not due yet"
                            : a.is_paused                        ? ", paused: the buffers are full"
                                                                 : "");
    }
    return text;
}

}  // namespace ottla::client
