// SPDX-License-Identifier: Apache-2.0
// Commits: those of the application, those at every auto.commit.interval.ms, and the last ones of partitions that are
// given back.
#include "client/group/group.hpp"
#include "client/runtime/spawn.hpp"

namespace ottla::client {

// Of a commit that began as `ticket`, with what was held then.
CommitTerms Group::terms(CommitOrder::Ticket ticket, Delivery::Held held) {
    CommitTerms terms;
    terms.instance_id = config_.instance_id;
    const auto self = shared_from_this();
    const bool as_member = takes_part();
    const auto losses = desk_.losses();
    terms.identity = [self, as_member, losses]() -> Result<MemberIdentity> {
        if (!as_member) return MemberIdentity();
        const auto& identity = self->membership_->identity();
        if (identity.generation >= 0 && self->desk_.losses() == losses) return identity;
        return Error::of(ErrorCode::assignment_lost, "commit: this consumer is no member of group '" +
                                                         self->config_.id +
                                                         "' at the moment: its partitions may be another's");
    };
    terms.is_ours = [self, as_member, h = std::move(held)](const TopicPartition& tp) {
        if (!as_member) return true;
        const auto at = h.find({tp.topic, tp.partition});
        return at != h.end() && self->app_.delivery->is_held(*at->second);
    };
    terms.is_latest = [self, ticket](const TopicPartition& tp) { return self->commits_.is_latest(ticket, tp); };
    terms.on_refused = [self](ErrorCode code, const MemberIdentity& who) {
        return self->membership_->on_commit_error(code, who, self->runtime().now());
    };
    terms.id_of = [self](std::string_view topic) { return self->id_of(topic); };
    return terms;
}

void Group::log_commit(const Result<std::vector<TopicPartition>>& done) const {
    const base::Log& log = runtime().log(DebugContext::cgrp);
    if (!log.enabled(base::LogLevel::debug)) return;
    if (!done) return log.debug("group '{}': a commit failed: {}", config_.id, to_string(done.error()));
    for (const auto& tp : *done)
        log.debug("group '{}': {}[{}] at offset {}: {}", config_.id, tp.topic, tp.partition, to_string(tp.offset),
                  tp.error.code() == ErrorCode::none ? "committed" : to_string(tp.error));
}

// As an event, where that is wanted.
void Group::tell_commit(const Result<std::vector<TopicPartition>>& done, std::vector<TopicPartition> asked) {
    log_commit(done);
    if (!config_.tells_commits) return;
    if (done)
        app_.tell(OffsetsCommitted{Error(), *done});
    else
        app_.tell(OffsetsCommitted{done.error(), std::move(asked)});
}

awaitable<Result<std::vector<TopicPartition>>> Group::commit(std::shared_ptr<Group> self,
                                                             std::vector<TopicPartition> offsets, TimePoint deadline) {
    const auto ticket = self->commits_.begin(offsets);
    const auto held = self->app_.delivery->held(offsets);
    CommitTerms terms = self->terms(ticket, held);
    auto asked = self->config_.tells_commits ? offsets : std::vector<TopicPartition>();
    auto committed = co_await commit_offsets(self->coordinator_, std::move(offsets), std::move(terms), deadline);
    self->commits_.end(ticket);
    self->wake_.notify();
    if (committed) self->app_.delivery->on_committed(*committed, held);
    self->tell_commit(committed, std::move(asked));
    co_return committed;
}

awaitable<void> Group::auto_commit_loop(std::shared_ptr<Group> self) {
    auto& runtime = self->runtime();
    Watch watch(self->stop_, runtime.executor());
    while (!self->stopped_ && !self->closing_) {
        co_await watch.wait_until(runtime.timers(), runtime.deadline(self->config_.auto_commit_interval));
        if (self->stopped_ || self->closing_) break;
        auto stored = self->app_.delivery->to_commit();
        const bool may = !self->subscribed_ || self->membership_->identity().generation >= 0;
        if (stored.empty() || !may) continue;
        const auto deadline = runtime.deadline(self->cluster_->config().socket_timeout);
        const auto done = co_await commit(self, std::move(stored), deadline);
        self->note("auto-commit", done);
    }
}

void Group::note(std::string_view what, const Result<std::vector<TopicPartition>>& committed) {
    const auto& log = runtime().log(DebugContext::cgrp);
    if (!committed) {
        // The loss itself is told.
        if (committed.error() == ErrorCode::assignment_lost)
            log.info("{}: {}", what, to_string(committed.error()));
        else
            log.warn("{}: {}", what, to_string(committed.error()));
        return;
    }
    for (const auto& tp : *committed) {
        std::pair key(tp.topic, tp.partition);
        const auto code = tp.error.code();
        // What is over is not wrong.
        if (code == ErrorCode::none || code == ErrorCode::assignment_lost || code == ErrorCode::cancelled) {
            uncommitted_.erase(key);
            continue;
        }
        log.warn("{}: {}", what, to_string(tp.error));
        auto& told = uncommitted_.try_emplace(std::move(key), ErrorCode::none).first->second;
        if (std::exchange(told, code) != code) app_.tell(tp.error.with_context(what));
    }
}

void Group::commit_in_passing(std::vector<TopicPartition> stored) {
    if (stored.empty()) return;
    asio::post(runtime().executor(), [self = shared_from_this(), o = std::move(stored)]() mutable {
        spawn(self->runtime().executor(), commit_aside(self, std::move(o)));
    });
}

awaitable<void> Group::commit_aside(std::shared_ptr<Group> self, std::vector<TopicPartition> stored) {
    const auto deadline = self->runtime().deadline(self->cluster_->config().socket_timeout);
    const auto done = co_await commit(self, std::move(stored), deadline);
    self->note("commit of what was unassigned", done);
}

// Before others may have them. A coordinator that cannot be reached must not hold up the rebalance for long.
awaitable<void> Group::give_back(std::shared_ptr<Group> self, RebalanceDesk::Task task,
                                 std::vector<TopicPartition> stored) {
    auto& runtime = self->runtime();
    const auto& identity = self->membership_->identity();
    if (!stored.empty() && identity.generation >= 0) {
        const auto ticket = self->commits_.begin(stored);
        CommitTerms terms = self->terms(ticket, {});
        terms.is_ours = [](const TopicPartition&) { return true; };
        terms.on_refused = [](ErrorCode, const MemberIdentity&) { return false; };
        // The others may be waiting for an assignment from this member, who gives none any more.
        if (self->closing_ || !self->subscribed_)
            terms.rebalance_until = runtime.deadline(self->config_.heartbeat_interval);
        auto asked = self->config_.tells_commits ? stored : std::vector<TopicPartition>();
        const auto deadline = runtime.deadline(self->config_.give_back_max);
        const auto done = co_await commit_offsets(self->coordinator_, std::move(stored), std::move(terms), deadline);
        self->commits_.end(ticket);
        self->note("commit of what is given back", done);
        self->tell_commit(done, std::move(asked));
    }
    self->membership_->on_rebalanced(task.call, runtime.now());
    self->wake_.notify();
}

awaitable<void> Group::last_commit(std::shared_ptr<Group> self) {
    auto stored = self->app_.delivery->to_commit();
    if (self->config_.auto_commit && !stored.empty()) {
        const auto deadline = self->runtime().deadline(self->cluster_->config().socket_timeout);
        const auto done = co_await commit(self, std::move(stored), deadline);
        self->note("the last commit", done);
    }
    self->left_ = true;
    self->app_.wake();
}

}  // namespace ottla::client
