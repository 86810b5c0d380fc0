// SPDX-License-Identifier: Apache-2.0
#include "broker/server/group_host.hpp"

#include <limits>

#include <fmt/format.h>

#include <ottla/protocol/record_batch_builder.hpp>
#include "broker/partitions/run_plan.hpp"
#include "net/run_on.hpp"

namespace ottla::broker {
namespace asio = boost::asio;

using groups::GroupRecord;
using groups::Reply;

namespace {

constexpr std::size_t load_bytes = 1 << 20;

// What a client is told when its records did not get into the log.
ErrorCode for_clients(const Error& error) {
    switch (error.code()) {
        case ErrorCode::not_leader_or_follower:
        case ErrorCode::fenced_leader_epoch:
        case ErrorCode::kafka_storage_error: return ErrorCode::not_coordinator;
        case ErrorCode::unknown_topic_or_partition:
        case ErrorCode::not_enough_replicas:
        case ErrorCode::request_timed_out: return ErrorCode::coordinator_not_available;
        default: return ErrorCode::unknown_server_error;
    }
}

Result<Buffer> batch_of(const std::vector<GroupRecord>& records, std::size_t bytes_max, std::int64_t now_ms) {
    protocol::RecordBatchBuilder builder{Buffer(512)};
    for (const auto& record : records) {
        const auto encoded = encode(record);
        if (!encoded) return encoded.error();
        const auto value = encoded->value ? protocol::NullableSpan(encoded->value->span()) : std::nullopt;
        builder.append(now_ms, encoded->key.span(), value);
        if (builder.size() > bytes_max) return Error::of(ErrorCode::record_list_too_large);
    }
    protocol::BatchStamp stamp;
    stamp.base_sequence = 0;  // as Kafka's coordinator stamps its batches, though no producer's
    return builder.finish(stamp);
}

}  // namespace

std::shared_ptr<GroupHost> GroupHost::make(std::shared_ptr<Partition> partition, Parts parts) {
    std::shared_ptr<GroupHost> host(new GroupHost(std::move(partition), std::move(parts)));
    host->watch_leadership();
    return host;
}

GroupHost::GroupHost(std::shared_ptr<Partition> partition, Parts parts)
    : partition_(std::move(partition)),
      parts_(std::move(parts)),
      leader_epoch_(partition_->leader_epoch()),
      coordinator_(parts_.settings, parts_.random),
      alarm_(*parts_.timers, parts_.executor, [this] { on_alarm(); }) {}

// Nothing is ever to be read there: it is woken by a change of roles.
void GroupHost::watch_leadership() {
    constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
    leadership_wait_ = partition_->wait_readable(never, ReadUpTo::log_end, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->end();
    });
}

void GroupHost::end() {
    if (state_ == State::ended) return;
    state_ = State::ended;
    alarm_.cancel();
    partition_->cancel(leadership_wait_);
    held_.clear();
    auto waiting = std::exchange(waiting_, {});
    for (auto& [ticket, done] : waiting) done(Error::of(ErrorCode::not_coordinator));
}

// --- loading ---

asio::awaitable<void> GroupHost::load() {
    const auto self = shared_from_this();
    const auto loaded = co_await read_all();
    if (state_ == State::ended) co_return;
    if (!loaded) {
        state_ = State::unreadable;
        parts_.log.error("the groups of {}-{} cannot be served, their log cannot be read: {}", partition_->topic(),
                         partition_->number(), loaded.error().text());
        co_return;
    }
    state_ = State::active;
    perform(coordinator_.loaded(moment()));
    drop_offsets_of_gone_topics();
}

asio::awaitable<Result<void>> GroupHost::read_all() {
    written_end_ = partition_->log_end_offset();
    std::int64_t offset = partition_->log_start_offset();
    std::size_t skipped = 0;
    while (offset < written_end_) {
        const auto part = co_await read_part(offset);
        if (state_ == State::ended) co_return ok();
        if (!part) co_return part.error();
        // Compaction may have left nothing behind it.
        if (part->batches == 0) break;
        part->replay_into(coordinator_);
        skipped += part->skipped;
        for (const auto& reason : part->reasons)
            parts_.log.warn("{}-{}: a record is left out: {}", partition_->topic(), partition_->number(), reason);
        offset = part->next_offset;
    }
    if (skipped != 0) {
        parts_.log.warn("{}-{}: {} records are none that this broker knows", partition_->topic(), partition_->number(),
                        skipped);
    }
    co_return ok();
}

asio::awaitable<Result<groups::GroupLogPart>> GroupHost::read_part(std::int64_t offset) {
    auto plan =
        partition_->plan_read(std::max(offset, partition_->log_start_offset()), load_bytes, ReadUpTo::log_end, true);
    if (!plan) co_return plan.error();
    const auto partition = partition_;  // what is read belongs to it
    auto slice = co_await run_plan(partition->io(), std::move(*plan));
    if (!slice) co_return slice.error();
    if (slice->range.length == 0) co_return groups::GroupLogPart{};
    auto job = [range = std::move(slice->range), offset]() -> Result<groups::GroupLogPart> {
        const auto bytes = range.read();
        if (!bytes) return bytes.error();
        protocol::Decompressor decompressor;
        return groups::read_group_log(bytes->span(), offset, decompressor);
    };
    co_return co_await net::run_on(partition->io().workers(), std::move(job));
}

// --- requests ---

void GroupHost::call(const groups::Caller& caller, const groups::GroupRequest& request, Done done) {
    if (state_ == State::loading) return done(Error::of(ErrorCode::coordinator_load_in_progress));
    if (state_ == State::unreadable) return done(Error::of(ErrorCode::coordinator_not_available));
    if (state_ == State::ended) return done(Error::of(ErrorCode::not_coordinator));
    const groups::Ticket ticket = ++last_ticket_;
    waiting_.emplace(ticket, std::move(done));
    perform(coordinator_.handle(ticket, caller, request, moment()));
}

void GroupHost::take_image(std::shared_ptr<const MetadataImage> image, bool some_gone) {
    image_ = std::move(image);
    if (image_) coordinator_.take_image(image_);
    if (!some_gone) return;
    drop_from_.reset();
    drop_offsets_of_gone_topics();
}

// Who leads has seen every topic that somebody could commit for: what is not in the image was there once.
void GroupHost::drop_offsets_of_gone_topics() {
    drop_next_at_.reset();
    if (!image_ || state_ != State::active) return;
    const auto is_gone = [this](const std::string& name, const Uuid& id) {
        const auto topic = image_->topic(name);
        return !topic || (!id.is_zero() && topic->id != id);
    };
    auto next = drop_from_;
    auto decision = coordinator_.drop_offsets_of_topics(is_gone, next, moment());
    if (decision.records.empty()) return;
    if (perform(std::move(decision)) != ErrorCode::none) {
        drop_next_at_ = parts_.timers->now() + std::chrono::milliseconds(groups::look_again_ms);
    } else if (drop_from_ = next; next) {
        drop_next_at_ = parts_.timers->now();
    }
    if (state_ == State::active) set_alarm();
}

ErrorCode GroupHost::perform(groups::Decision decision) {
    ErrorCode failure = ErrorCode::none;
    while (true) {
        ErrorCode written = ErrorCode::none;
        groups::Decision more;
        if (!decision.records.empty()) {
            written = append(decision.records);
            more = coordinator_.appended(decision, written, moment());
            if (written != ErrorCode::none) failure = written;
        }
        release(std::move(decision.replies), written);
        if (state_ == State::ended) return failure;
        if (more.empty()) break;
        decision = std::move(more);
    }
    set_alarm();
    return failure;
}

ErrorCode GroupHost::append(const std::vector<GroupRecord>& records) {
    const std::int64_t now_ms = parts_.timers->wall_ms();
    const auto batch = batch_of(records, partition_->settings().max_message_bytes, now_ms);
    const auto appended = batch ? partition_->append(batch->span(), log::Origin::coordinator, leader_epoch_, now_ms)
                                : Result<log::Appended>(batch.error());
    if (!appended) {
        parts_.log.warn("{}-{}: records of groups could not be written: {}", partition_->topic(), partition_->number(),
                        appended.error().text());
        return for_clients(appended.error());
    }
    written_end_ = appended->last_offset + 1;
    return ErrorCode::none;
}

// --- answers ---

// What an answer tells must not be lost any more: neither what was written for it, nor what it was told of.
void GroupHost::release(std::vector<Reply> replies, ErrorCode written) {
    if (replies.empty()) return;
    if (written != ErrorCode::none) {
        for (const auto& reply : replies) answer(reply.ticket, Error::of(written));
        return;
    }
    if (partition_->high_watermark() >= written_end_) {
        for (auto& reply : replies) answer(reply.ticket, std::move(reply.answer));
        return;
    }
    held_.push_back({written_end_, parts_.timers->now() + parts_.commit_timeout, std::move(replies)});
    partition_->wait_committed(written_end_, [weak = weak_from_this()](const Result<void>& done) {
        if (const auto self = weak.lock()) self->on_committed(done);
    });
}

void GroupHost::on_committed(const Result<void>& done) {
    if (!done) return end();
    while (!held_.empty() && held_.front().end_offset <= partition_->high_watermark()) {
        auto replies = std::move(held_.front().replies);
        held_.pop_front();
        for (auto& reply : replies) answer(reply.ticket, std::move(reply.answer));
    }
}

void GroupHost::answer(groups::Ticket ticket, Answer answer) {
    auto node = waiting_.extract(ticket);
    if (!node.empty()) node.mapped()(std::move(answer));
}

// --- time ---

void GroupHost::on_alarm() {
    const auto self = shared_from_this();
    const auto now = parts_.timers->now();
    while (!held_.empty() && held_.front().deadline <= now) {
        const auto replies = std::move(held_.front().replies);
        held_.pop_front();
        for (const auto& reply : replies) answer(reply.ticket, Error::of(ErrorCode::coordinator_not_available));
    }
    while (state_ == State::active) {
        auto decision = coordinator_.on_time(moment());
        if (!decision) break;
        perform(std::move(*decision));
    }
    if (drop_next_at_ && *drop_next_at_ <= now) drop_offsets_of_gone_topics();
    if (state_ == State::active) set_alarm();
}

void GroupHost::set_alarm() {
    auto next = coordinator_.next_due();
    if (!held_.empty() && (!next || held_.front().deadline < *next)) next = held_.front().deadline;
    if (drop_next_at_ && (!next || *drop_next_at_ < *next)) next = drop_next_at_;
    if (next) {
        alarm_.set(*next);
    } else {
        alarm_.cancel();
    }
}

}  // namespace ottla::broker
