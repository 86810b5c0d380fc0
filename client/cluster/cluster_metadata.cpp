// SPDX-License-Identifier: Apache-2.0
// Cluster: what it knows of topics and brokers, and how it asks for it.
#include <fmt/format.h>

#include "client/cluster/cluster.hpp"

namespace ottla::client {
namespace {

// From 4 on one can forbid that asking creates the topic.
constexpr protocol::VersionRange metadata_versions{4, 13};
static_assert(protocol::MetadataRequest::versions.contains(metadata_versions));
// From 12 on topics may be asked for by their ids.
constexpr protocol::VersionRange metadata_by_id_versions{12, 13};
static_assert(protocol::MetadataRequest::versions.contains(metadata_by_id_versions));

}  // namespace

void Cluster::use_topic(const std::string& topic) {
    if (++uses_[topic] > 1) return;
    const TopicInfo* known = cache_.topic(topic);
    if (!known || known->updated + config_.metadata_max_age < runtime_->now()) request_refresh("a topic is new");
}

void Cluster::drop_topic(const std::string& topic) {
    const auto at = uses_.find(topic);
    if (at == uses_.end() || --at->second > 0) return;
    // What is known stays, and is good until it has aged.
    uses_.erase(at);
}

void Cluster::forget_topic(const std::string& topic) {
    drop_topic(topic);
    if (!uses_.contains(topic)) cache_.forget(topic);
}

void Cluster::request_refresh(std::string_view why) {
    if (closed_ || refresh_wanted_) return;
    runtime_->log(DebugContext::metadata).debug("a refresh is wanted: {}", why);
    refresh_wanted_ = true;
    refresh_.notify();
}

bool Cluster::apply_leader_hint(std::string_view topic, std::int32_t partition, BrokerId leader,
                                std::int32_t leader_epoch) {
    if (!cache_.apply_leader_hint(topic, partition, leader, leader_epoch)) return false;
    runtime_->log(DebugContext::metadata)
        .debug("{}[{}] is led by broker {} under epoch {}, says the one before", topic, partition, leader,
               leader_epoch);
    changes_.notify();
    return true;
}

TimePoint Cluster::next_refresh() const {
    if (refresh_wanted_) return refreshed_once_ ? last_refresh_ + config_.metadata_refresh_backoff : TimePoint{};
    // What nobody uses does not age.
    return uses_.empty() ? TimePoint::max() : last_refresh_ + config_.metadata_max_age;
}

awaitable<void> Cluster::metadata_loop(std::shared_ptr<Cluster> self) {
    auto& timers = self->runtime_->timers();
    while (!self->closed_) {
        const auto at = self->next_refresh();
        if (timers.now() < at) {
            co_await self->refresh_.wait_until(timers, at);
            continue;
        }
        self->refresh_wanted_ = false;
        self->refreshed_once_ = true;
        self->last_refresh_ = timers.now();
        if (!self->failing_since_) self->failing_since_ = timers.now();
        std::optional<std::vector<std::string>> topics(std::in_place);
        for (const auto& [topic, uses] : self->uses_) topics->push_back(topic);
        const auto deadline = self->runtime_->deadline(self->config_.socket_timeout);
        const auto answer = co_await self->fetch_metadata(std::move(topics), deadline);
        if (self->closed_) break;
        if (answer) {
            self->refresh_backoff_.reset();
        } else {
            self->runtime_->log(DebugContext::metadata)
                .warn("metadata could not be refreshed: {}", to_string(answer.error()));
            const auto& after = self->config_.rebootstrap_after;
            if (answer.error() == ErrorCode::rebootstrap_required)
                self->rebootstrap("the cluster asks for it");
            else if (after.count() > 0 && self->failing_since_ && timers.now() - *self->failing_since_ >= after)
                self->rebootstrap("metadata.recovery.rebootstrap.trigger.ms have passed without metadata");
            else if (answer.error() == ErrorCode::all_brokers_down)
                self->rebootstrap("no broker can be reached");
            self->refresh_wanted_ = true;
            co_await self->refresh_.wait_until(timers,
                                               timers.now() + self->refresh_backoff_.next(self->runtime_->random()));
        }
    }
}

awaitable<Result<protocol::MetadataResponse>> Cluster::fetch_metadata(std::optional<std::vector<std::string>> topics,
                                                                      TimePoint deadline) {
    protocol::MetadataRequest request;
    request.allow_auto_topic_creation = may_create_topics_;
    if (topics) {
        request.topics.emplace();
        for (auto& name : *topics) request.topics->emplace_back().name = std::move(name);
    } else {
        request.topics.reset();
    }
    return ask_for_metadata(std::move(request), metadata_versions, deadline);
}

awaitable<Result<protocol::MetadataResponse>> Cluster::fetch_metadata_by_id(std::vector<Uuid> topics,
                                                                            TimePoint deadline) {
    protocol::MetadataRequest request;
    request.allow_auto_topic_creation = false;
    request.topics.emplace();
    for (const auto& id : topics) {
        auto& topic = request.topics->emplace_back();
        topic.topic_id = id;
        topic.name.reset();
    }
    return ask_for_metadata(std::move(request), metadata_by_id_versions, deadline);
}

awaitable<Result<protocol::MetadataResponse>> Cluster::ask_for_metadata(protocol::MetadataRequest request,
                                                                        protocol::VersionRange versions,
                                                                        TimePoint deadline) {
    const auto self = shared_from_this();
    const bool all = !request.topics;
    auto channel = co_await connect_any(deadline);
    if (!channel) co_return channel.error();
    const auto until = std::min(deadline, runtime_->deadline(config_.socket_timeout));
    auto answer = co_await call(*channel, std::move(request), versions, until);
    if (closed_) co_return Error::of(ErrorCode::closed);
    if (answer && answer->error_code != 0)
        co_return Error::of(static_cast<ErrorCode>(answer->error_code))
            .with_context(fmt::format("metadata from {}", to_string((*channel)->endpoint())));
    if (answer) on_metadata(*answer, all);
    co_return answer;
}

void Cluster::rebootstrap(std::string_view why) {
    if (!config_.rebootstraps || brokers_.empty()) return;
    runtime_->log(DebugContext::metadata).info("beginning again from bootstrap.servers: {}", why);
    failing_since_.reset();
    cache_.forget_brokers();
    for (const auto& [id, broker] : std::exchange(brokers_, {}))
        if (broker->channel) broker->channel->close(Error::of(ErrorCode::transport, "the client begins again"));
    for (const auto& [id, broker] : std::exchange(lines_, {}))
        if (broker->channel) broker->channel->close(Error::of(ErrorCode::transport, "the client begins again"));
    changes_.notify();
}

void Cluster::update_cache(const protocol::MetadataResponse& answer, bool all) {
    const base::Log& log = runtime_->log(DebugContext::metadata);
    if (!log.enabled(base::LogLevel::debug)) return cache_.update(answer, all, runtime_->now());
    const auto before = cache_.topics();
    cache_.update(answer, all, runtime_->now());
    log.debug("metadata of {} topics and {} brokers came; the controller is broker {}", answer.topics.size(),
              answer.brokers.size(), answer.controller_id);
    for (const auto& [name, topic] : cache_.topics()) {
        const auto known = before.find(name);
        for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
            const PartitionInfo& now = topic.partitions[i];
            const bool was_known = known != before.end() && i < known->second.partitions.size();
            if (was_known && known->second.partitions[i].leader == now.leader) continue;
            log.debug("{}[{}] is led by broker {} under epoch {}", name, i, now.leader, now.leader_epoch);
        }
    }
}

void Cluster::on_metadata(const protocol::MetadataResponse& answer, bool all) {
    failing_since_.reset();
    update_cache(answer, all);
    // Where a broker has moved, its old connection serves nobody.
    for (auto at = brokers_.begin(); at != brokers_.end();) {
        const BrokerInfo* info = cache_.broker(at->first);
        if (info && info->endpoint == at->second->endpoint) {
            ++at;
            continue;
        }
        if (std::ranges::find(bootstrap_, at->second) == bootstrap_.end() && at->second->channel)
            at->second->channel->close(Error::of(ErrorCode::transport, "the broker has moved to another address"));
        at = brokers_.erase(at);
    }
    changes_.notify();
}

awaitable<Result<void>> Cluster::wait_for_topic(std::string topic, TimePoint deadline) {
    const auto self = shared_from_this();
    auto& timers = runtime_->timers();
    Watch watch(changes_, runtime_->executor());
    const auto before = cache_.version();
    const auto propagated = std::min(deadline, runtime_->deadline(config_.metadata_propagation_max));
    use_topic(topic);
    Result<void> answer = Error::of(ErrorCode::closed);
    while (!closed_) {
        const TopicInfo* t = cache_.topic(topic);
        if (t && t->error == ErrorCode::none && !t->partitions.empty()) {
            answer = ok();
            break;
        }
        // A refusal of before is no answer: the topic may have been made, or allowed to us, since.
        const bool is_news = t && t->version > before;
        const TimePoint until = is_news ? propagated : deadline;
        if ((is_news && t->error != ErrorCode::none && !is_retriable(t->error)) || timers.now() >= until) {
            answer = why_without(topic);
            break;
        }
        request_refresh("a topic is waited for");
        co_await watch.wait_until(timers, until);
    }
    drop_topic(topic);
    co_return answer;
}

Error Cluster::why_without(const std::string& topic) const {
    const TopicInfo* known = cache_.topic(topic);
    if (!known) {
        if (!has_connection()) return none_reached();
        return Error::of(ErrorCode::timed_out, fmt::format("no broker said in time whether topic '{}' exists", topic));
    }
    if (known->error == ErrorCode::unknown_topic_or_partition || known->error == ErrorCode::unknown_topic_id)
        return Error::of(ErrorCode::unknown_topic_or_partition,
                         fmt::format("topic '{}' does not exist on the cluster; create it{}", topic,
                                     may_create_topics_ ? " (the brokers did not do it by themselves)" : ""));
    const ErrorCode code = known->error == ErrorCode::none ? ErrorCode::leader_not_available : known->error;
    return Error::of(code).with_context(fmt::format("topic '{}'", topic));
}

}  // namespace ottla::client
