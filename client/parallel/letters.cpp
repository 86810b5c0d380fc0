// SPDX-License-Identifier: Apache-2.0
#include "client/parallel/letters.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace ottla::client {
namespace {

// Between two lines on the same trouble.
constexpr auto quiet = std::chrono::seconds(10);

const char* advice(ErrorCode code) {
    switch (code) {
        case ErrorCode::unknown_topic:
        case ErrorCode::unknown_topic_or_partition: return "Create the topic. ";
        case ErrorCode::topic_authorization_failed: return "Allow this user to write to the topic. ";
        case ErrorCode::message_too_large:
            return "A letter is up to 2 KiB larger than its record: raise max.message.bytes of the topic, and "
                   "message.max.bytes in producer_config. ";
        default: return "";
    }
}

}  // namespace

// The records of one call of the handler.
struct Letters::Letter {
    LetterKind kind = LetterKind::dead;
    std::string topic;
    WorkCall call;
    std::string why;
    std::vector<char> is_written;      // each by the report of its own record
    std::atomic<std::size_t> open{0};  // reports to come
    std::atomic<bool> has_failed{false};
    Error error;  // the first since it was sent
    std::chrono::milliseconds delay{0};
    base::TimePoint due;
};

Letters::Letters(Producer producer, const ParallelConsumerConfig& c, std::shared_ptr<WorkDesk> desk,
                 const base::Clock& clock, base::Log log, Function<void()> poke,
                 std::shared_ptr<ParallelHookCalls> hooks)
    : producer_(std::move(producer)),
      dead_letter_topic_(c.dead_letter_topic),
      group_(c.group_id.empty() ? c.config.get("group.id").value_or("") : c.group_id),
      first_delay_(std::max(c.retry_delay, std::chrono::milliseconds(1))),
      delay_max_(std::max(c.retry_delay_max, first_delay_)),
      desk_(std::move(desk)),
      clock_(clock),
      log_(std::move(log)),
      poke_(std::move(poke)),
      hooks_(std::move(hooks)) {}

void Letters::send_dead(WorkCall call, std::string why) {
    begin(LetterKind::dead, dead_letter_topic_, std::move(call), std::move(why));
}

void Letters::send_to_retry(const std::string& topic, WorkCall call, std::string why) {
    begin(LetterKind::retry, topic, std::move(call), std::move(why));
}

void Letters::begin(LetterKind kind, const std::string& topic, WorkCall call, std::string why) {
    auto letter = std::make_shared<Letter>();
    letter->kind = kind;
    letter->topic = topic;
    letter->is_written.assign(call.items.size(), 0);
    letter->call = std::move(call);
    letter->why = std::move(why);
    letter->delay = first_delay_;
    send(letter);
}

void Letters::send(const LetterPtr& letter) {
    const auto self = shared_from_this();
    letter->has_failed = false;
    letter->error = Error();
    // Before reports come.
    std::vector<std::size_t> missing;
    for (std::size_t i = 0; i < letter->call.items.size(); ++i)
        if (letter->is_written[i] == 0) missing.push_back(i);
    // One more, so that reports that come at once do not end it before all are sent.
    letter->open = 1 + missing.size();
    for (const auto i : missing) {
        const auto& item = letter->call.items[i];
        const LetterHeaders headers(letter->kind, item, group_, letter->why);
        Record record;
        record.topic = letter->topic;
        record.key = item.key();
        record.value = item.value();
        record.headers = headers.headers();
        // Not by a coarse clock: a retry's delay counts from it.
        record.timestamp_ms = clock_.wall_ms();
        auto told = [self, letter, i](const DeliveryReport& report) {
            if (report) letter->is_written[i] = 1;
            self->on_report(letter, report.error);
        };
        if (auto taken = producer_.produce(record, std::move(told)); !taken) on_report(letter, taken.error());
    }
    if (--letter->open == 0) on_all(letter);
}

void Letters::on_report(const LetterPtr& letter, const Error& error) {
    if (error.code() == ErrorCode::none) {
        ++(letter->kind == LetterKind::dead ? dead_ : retries_);
    } else {
        ++failed_;
        if (!letter->has_failed.exchange(true)) {
            letter->error = error;
            complain(*letter, error);
        }
    }
    if (--letter->open == 0) on_all(letter);
}

void Letters::complain(const Letter& letter, const Error& error) {
    std::uint64_t unsaid = 0;
    {
        const std::lock_guard lock(waiting_mutex_);
        if (clock_.now() < quiet_until_ && complained_of_ == error.code()) {
            ++unsaid_;
            return;
        }
        quiet_until_ = clock_.now() + quiet;
        complained_of_ = error.code();
        unsaid = std::exchange(unsaid_, 0);
    }
    const auto& first = letter.call.items.front();
    log_.error(
        "the {} of {}[{}]@{} to topic '{}' could not be written, and until it is the record is not done. "
        "{}Again in {} ms; {} more such failures since the last line: {}",
        letter.kind == LetterKind::dead ? "dead letter" : "retry", first.topic(), first.partition(), first.offset(),
        letter.topic, advice(error.code()), letter.delay.count(), unsaid, to_string(error));
}

void Letters::tell(const Letter& letter) {
    if (!hooks_->wants(&ParallelHooks::on_letter)) return;
    LetterEvent event;
    event.topic = letter.topic;
    event.is_dead = letter.kind == LetterKind::dead;
    event.items = letter.call.items;
    event.error = letter.error;
    hooks_->tell(&ParallelHooks::on_letter, event);
}

void Letters::on_all(const LetterPtr& letter) {
    tell(*letter);
    if (!letter->has_failed) return desk_->settle(letter->call);
    // What may wait for long must not hold back the memory of all that came with it.
    for (auto& item : letter->call.items) item = item.copy();
    desk_->park(letter->call);
    letter->due = clock_.now() + letter->delay;
    letter->delay = std::min(letter->delay * 2, delay_max_);
    {
        const std::lock_guard lock(waiting_mutex_);
        waiting_.push_back(letter);
    }
    poke_();
}

void Letters::send_again(base::TimePoint now) {
    std::vector<LetterPtr> due;
    {
        const std::lock_guard lock(waiting_mutex_);
        const auto rest = std::partition(waiting_.begin(), waiting_.end(),
                                         [&](const LetterPtr& l) { return l->due > now && desk_->is_ours(l->call); });
        due.assign(rest, waiting_.end());
        waiting_.erase(rest, waiting_.end());
    }
    for (const auto& letter : due) {
        if (desk_->is_ours(letter->call)) {
            desk_->unpark(letter->call);
            send(letter);
        } else {
            desk_->settle(letter->call);
        }
    }
}

std::optional<base::TimePoint> Letters::next_due() const {
    const std::lock_guard lock(waiting_mutex_);
    const auto first = std::ranges::min_element(waiting_, {}, [](const LetterPtr& l) { return l->due; });
    if (first == waiting_.end()) return std::nullopt;
    return (*first)->due;
}

}  // namespace ottla::client
