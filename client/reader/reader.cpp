// SPDX-License-Identifier: Apache-2.0
// The public face: blocking calls stand on Consumer's, async_ ones run on the loop.
#include <ottla/reader.hpp>

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "client/cluster/offset_calls.hpp"
#include "client/consumer/consumer_core.hpp"
#include "client/reader/reader_config.hpp"
#include "client/reader/reader_state.hpp"
#include "client/runtime/blocking.hpp"
#include "client/runtime/spawn.hpp"

namespace ottla::inline v0 {
namespace {

using client::awaitable;
using client::ConsumerCore;
using client::ReaderState;
using std::chrono::nanoseconds;
using Partitions = std::vector<TopicPartition>;
using StatePtr = std::shared_ptr<ReaderState>;
using Core = std::shared_ptr<ConsumerCore>;

Error only_alone(std::string_view call) {
    return Error::of(ErrorCode::invalid_state,
                     fmt::format("{}: a group decides where its members read; use consumer().seek()", call));
}
Error only_in_group() {
    return Error::of(ErrorCode::invalid_state, "commit_messages needs a group: set ReaderConfig::group_id");
}

TopicPartition just_behind(const Message& message) {
    TopicPartition tp(std::string(message.topic()), message.partition(), message.offset() + 1);
    if (message.leader_epoch() >= 0) tp.leader_epoch = message.leader_epoch();
    return tp;
}

// Of several partitions, the first that failed.
Result<void> outcome(const Result<Partitions>& committed) {
    if (!committed) return committed.error();
    for (const auto& tp : *committed)
        if (tp.error.code() != ErrorCode::none) return tp.error;
    return ok();
}

nanoseconds left_until(ConsumerCore& core, client::TimePoint until) {
    if (until == client::TimePoint::max()) return nanoseconds::max();
    return std::max<nanoseconds>(until - core.runtime().now(), nanoseconds::zero());
}

// The message that was given last is done. With a consumer that commits by itself, it is only noted here; a partition
// that has gone meanwhile is of no concern then: what was done of it has been committed, or comes again. Else what is
// to be committed now.
std::optional<TopicPartition> note_done(ConsumerCore& core, ReaderState& state) {
    auto done = state.take_back();
    if (!done || !state.stores) return done;
    core.delivery().store({std::move(*done)});
    return std::nullopt;
}

// A commit that failed for now is tried again by the next read.
void keep_for_later(ReaderState& state, const Result<void>& committed, const TopicPartition& done) {
    if (!committed && (committed.error().is_retriable() || committed.error() == ErrorCode::timed_out))
        state.handed_out(done);
}

Result<Message> as_told(ConsumerCore& core, std::optional<Result<Message>> came, nanoseconds timeout) {
    if (came) return std::move(*came);
    if (core.is_closed()) return core.closed_error("read_message");
    return core.nothing_came(timeout);
}

awaitable<Result<void>> commit_async(Core core, Partitions offsets, nanoseconds timeout) {
    if (core->is_closed()) co_return core->closed_error("commit_messages");
    if (offsets.empty()) co_return ok();
    const auto until = core->runtime().deadline(timeout);
    co_return outcome(co_await client::Group::commit(core->shared_group(), std::move(offsets), until));
}

awaitable<Result<Message>> read_async(Core core, StatePtr state, nanoseconds timeout, bool commits) {
    const auto until = core->runtime().deadline(timeout);
    if (core->is_closed()) co_return core->closed_error("read_message");
    if (const auto done = note_done(*core, *state)) {
        const auto committed = co_await commit_async(core, Partitions(1, *done), timeout);
        keep_for_later(*state, committed, *done);
        if (!committed) {
            state->count(committed.error());
            co_return committed.error();
        }
    }
    auto next = [](ConsumerCore& c) { return c.next_message(); };
    const auto left = left_until(*core, until);
    auto came = as_told(*core, co_await ConsumerCore::wait_async<Result<Message>>(core, left, next), timeout);
    state->count(came);
    if (came && commits && state->is_member) state->handed_out(just_behind(*came));
    co_return came;
}

awaitable<Result<void>> set_offset_at_async(Core core, TopicPartition asked, nanoseconds timeout) {
    if (core->is_closed()) co_return core->closed_error("set_offset_at");
    const auto until = core->runtime().deadline(timeout);
    auto found = co_await client::offsets_for_times(core->cluster(), Partitions(1, asked),
                                                    core->config().isolation_level, until);
    const auto known = outcome(found);
    if (!known) co_return known.error().with_context("set_offset_at");
    auto sought = core->delivery().seek(std::move(*found));
    co_return sought.front().error.code() == ErrorCode::none ? ok() : Result<void>(sought.front().error);
}

awaitable<Result<void>> close_async(Core core, StatePtr state, client::TimePoint until) {
    if (const auto done = note_done(*core, *state))
        (void)co_await client::Group::commit(core->shared_group(), Partitions(1, *done), until);
    co_return co_await ConsumerCore::close(core, until);
}

}  // namespace

template <class... Executor>
Result<Reader> Reader::make(ReaderConfig config, Executor... executor) {
    const auto settings = client::reader_settings(config);
    if (!settings) return settings.error();
    auto consumer = Consumer::create(std::move(executor)..., settings->config);
    if (!consumer) return consumer.error();
    auto state = std::make_shared<ReaderState>(std::move(config));
    state->is_member = settings->is_member;
    state->stores = settings->is_member && consumer->core_->config().group.auto_commit;
    Reader reader(std::move(*consumer), std::move(state));
    if (auto begun = reader.begin(); !begun) return begun.error();
    return reader;
}

Result<Reader> Reader::create(ReaderConfig config) { return make(std::move(config)); }

Result<Reader> Reader::create(boost::asio::any_io_executor executor, ReaderConfig config) {
    return make(std::move(config), std::move(executor));
}

Result<void> Reader::begin() {
    const auto& c = state_->config;
    if (!state_->is_member) return consumer_.assign({{c.topic, c.partition, c.start_offset}});
    RebalanceCallbacks callbacks;
    callbacks.assigned = [state = state_](Consumer&, std::span<const TopicPartition>) { ++state->rebalances; };
    return consumer_.subscribe(c.group_topics.empty() ? std::vector<std::string>{c.topic} : c.group_topics,
                               std::move(callbacks));
}

Reader::Reader(Consumer consumer, StatePtr state) : consumer_(std::move(consumer)), state_(std::move(state)) {}
Reader::Reader(Reader&&) noexcept = default;

Reader& Reader::operator=(Reader&& other) noexcept {
    Reader old(std::move(*this));
    consumer_ = std::move(other.consumer_);
    state_ = std::move(other.state_);
    return *this;
}

Reader::~Reader() {
    if (!consumer_.core_ || is_closed()) return;
    state_->take_back();
    static_cast<void>(close(std::chrono::seconds(1)).has_value());
}

Result<Message> Reader::read_message(nanoseconds timeout) { return read(timeout, true); }
Result<Message> Reader::fetch_message(nanoseconds timeout) { return read(timeout, false); }

Result<Message> Reader::read(nanoseconds timeout, bool commits) {
    auto& core = *consumer_.core_;
    if (core.is_closed()) return core.closed_error("read_message");
    const auto until = core.runtime().deadline(timeout);
    if (const auto done = note_done(core, *state_)) {
        const auto committed = outcome(consumer_.commit({*done}, timeout));
        keep_for_later(*state_, committed, *done);
        if (!committed) {
            state_->count(committed.error());
            return committed.error();
        }
    }
    auto came = consumer_.read_message(left_until(core, until));
    state_->count(came);
    if (came && commits && state_->is_member) state_->handed_out(just_behind(*came));
    return came;
}

Partitions Reader::behind(std::span<const Message> messages) {
    std::map<std::pair<std::string_view, std::int32_t>, const Message*> last;
    for (const auto& m : messages) {
        auto& at = last[{m.topic(), m.partition()}];
        if (!at || at->offset() < m.offset()) at = &m;
    }
    Partitions offsets;
    for (const auto& [key, message] : last) offsets.push_back(just_behind(*message));
    return offsets;
}

Result<void> Reader::commit_messages(std::span<const Message> messages, nanoseconds timeout) {
    if (!state_->is_member) return only_in_group();
    if (messages.empty()) return ok();
    return outcome(consumer_.commit(behind(messages), timeout));
}

Result<void> Reader::set_offset(Offset to) {
    if (state_->is_member) return only_alone("set_offset");
    return consumer_.seek({state_->config.topic, state_->config.partition, to});
}

Result<void> Reader::set_offset_at(std::chrono::system_clock::time_point time, nanoseconds timeout) {
    auto& core = *consumer_.core_;
    if (core.is_closed()) return core.closed_error("set_offset_at");
    return client::wait_for<void>(core.runtime(), "set_offset_at", timeout, [&](Completion<void> done) {
        start_set_offset_at(*this, time, timeout, std::move(done));
    });
}

Offset Reader::offset() const {
    if (state_->is_member) return Offset::invalid();
    return consumer_.position({{state_->config.topic, state_->config.partition}}).front().offset;
}

std::optional<std::int64_t> Reader::lag() const {
    std::int64_t behind_all = 0;
    for (const auto& tp : consumer_.assignment()) {
        const auto one = consumer_.lag(tp.topic, tp.partition);
        if (!one) return std::nullopt;
        behind_all += *one;
    }
    return behind_all;
}

ReaderStats Reader::stats() const noexcept {
    const auto& s = *state_;
    return {s.messages, s.bytes, s.timeouts, s.errors, s.rebalances};
}

const ReaderConfig& Reader::config() const noexcept { return state_->config; }

Result<void> Reader::close(nanoseconds timeout) {
    auto& core = *consumer_.core_;
    const auto until = core.runtime().deadline(timeout);
    if (core.is_closed()) return consumer_.close(timeout);
    if (const auto done = note_done(core, *state_)) {
        const auto committed = outcome(consumer_.commit({*done}, timeout));
        auto closed = consumer_.close(left_until(core, until));
        return committed ? closed : committed;
    }
    return consumer_.close(timeout);
}

void Reader::start_read(Reader& self, nanoseconds timeout, bool commits, Completion<Message> done) {
    auto& core = *self.consumer_.core_;
    if (core.is_closed()) return client::answer_without_loop(std::move(done), core.closed_error("read_message"));
    client::spawn_call(core.runtime(), read_async(core.shared_from_this(), self.state_, timeout, commits),
                       std::move(done));
}

void Reader::start_commit(Reader& self, Partitions offsets, nanoseconds timeout, Completion<void> done) {
    auto& core = *self.consumer_.core_;
    if (core.is_closed()) return client::answer_without_loop(std::move(done), core.closed_error("commit_messages"));
    if (!self.state_->is_member) return client::answer_without_loop(std::move(done), only_in_group());
    client::spawn_call(core.runtime(), commit_async(core.shared_from_this(), std::move(offsets), timeout),
                       std::move(done));
}

void Reader::start_set_offset_at(Reader& self, std::chrono::system_clock::time_point time, nanoseconds timeout,
                                 Completion<void> done) {
    auto& core = *self.consumer_.core_;
    if (core.is_closed()) return client::answer_without_loop(std::move(done), core.closed_error("set_offset_at"));
    if (self.state_->is_member) return client::answer_without_loop(std::move(done), only_alone("set_offset_at"));
    // Below 0 they are questions of another kind.
    const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
    const auto ms = std::max<std::int64_t>(since, 0);
    const auto& c = self.state_->config;
    client::spawn_call(core.runtime(),
                       set_offset_at_async(core.shared_from_this(), TopicPartition(c.topic, c.partition, ms), timeout),
                       std::move(done));
}

void Reader::start_close(Reader& self, nanoseconds timeout, Completion<void> done) {
    auto& core = *self.consumer_.core_;
    if (!core.begin_close()) return client::answer_without_loop(std::move(done), core.closed_error("close"));
    client::spawn_call(core.runtime(),
                       close_async(core.shared_from_this(), self.state_, core.runtime().deadline(timeout)),
                       std::move(done));
}

std::string to_string(const ReaderStats& s) {
    return fmt::format("{} messages ({} bytes), {} timeouts, {} errors, {} rebalances", s.messages, s.bytes, s.timeouts,
                       s.errors, s.rebalances);
}

}  // namespace ottla::inline v0
