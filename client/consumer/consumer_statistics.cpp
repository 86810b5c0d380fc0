// SPDX-License-Identifier: Apache-2.0
// What a consumer tells of itself: librdkafka's names, so that what reads those reads these. Without a group nothing is
// stored or committed: the lag is then that behind what has been handed out.
#include <boost/json/serialize.hpp>

#include "client/consumer/fetcher.hpp"
#include "client/stats/statistics_json.hpp"

namespace ottla::client {

namespace json = boost::json;

namespace {

constexpr std::int64_t no_offset = Offset::invalid().value();

std::int64_t offset_or_none(std::int64_t offset) noexcept { return offset >= 0 ? offset : no_offset; }

std::string_view name_of(FetchState::Partition::Phase phase) noexcept {
    using enum FetchState::Partition::Phase;
    switch (phase) {
        case lookup: return "offset-query";
        case looking_up: return "offset-wait";
        case fetching: return "active";
        case checking: return "validate-epoch-wait";
        case stopped: break;
    }
    return "stopped";
}

// What is known of a partition beside its FetchState::Partition.
struct Beside {
    bool committed_only;
    bool of_a_group;
    std::int64_t stored_offset;
};

std::int64_t lag_behind(std::int64_t end, std::int64_t offset) noexcept {
    return offset >= 0 && end >= 0 ? std::max<std::int64_t>(end - offset, 0) : -1;
}

void add_offsets(json::object& out, const FetchState::Partition& p, const Beside& beside) {
    using enum FetchState::Partition::Phase;
    const bool is_placed = p.phase == fetching || p.phase == checking;
    const std::int64_t handed_out = p.slot->position.load();
    const std::int64_t committed = p.slot->group_committed.load();
    const std::int64_t end =
        beside.committed_only && p.last_stable_offset >= 0 ? p.last_stable_offset : p.high_watermark;
    out["query_offset"] = p.phase == lookup || p.phase == looking_up ? p.place.value() : no_offset;
    out["next_offset"] = is_placed ? p.position : no_offset;
    out["app_offset"] = offset_or_none(handed_out);
    out["stored_offset"] = offset_or_none(beside.stored_offset);
    out["committed_offset"] = offset_or_none(committed);
    out["eof_offset"] = offset_or_none(p.end_told);
    out["lo_offset"] = p.slot->low_watermark.load();
    out["hi_offset"] = offset_or_none(p.high_watermark);
    out["ls_offset"] = offset_or_none(p.last_stable_offset);
    out["consumer_lag"] = lag_behind(end, beside.of_a_group ? committed : handed_out);
    out["consumer_lag_stored"] = lag_behind(end, beside.stored_offset);
}

json::object partition_json(const FetchState::Partition& p, const MetadataCache& metadata, const Beside& beside) {
    const PartitionInfo* info = metadata.partition(*p.slot->topic, p.slot->partition);
    json::object out;
    out["partition"] = p.slot->partition;
    out["broker"] = p.replica != no_broker ? p.replica : info ? info->leader : no_broker;
    out["leader"] = info ? info->leader : no_broker;
    out["leader_epoch"] = info ? info->leader_epoch : -1;
    out["desired"] = true;
    out["unknown"] = info == nullptr;
    out["fetchq_cnt"] = std::max<std::int64_t>(p.slot->queued_records.load(), 0);
    out["fetchq_size"] = std::max<std::int64_t>(p.slot->queued_bytes.load(), 0);
    out["fetch_state"] = name_of(p.phase);
    add_offsets(out, p, beside);
    out["rxmsgs"] = p.slot->received_records.load();
    out["rxbytes"] = p.slot->received_bytes.load();
    out["msgs"] = p.slot->received_records.load();
    return out;
}

std::int64_t in_ms(base::Duration time) { return std::chrono::duration_cast<std::chrono::milliseconds>(time).count(); }

json::object cgrp_json(const GroupStatistics& group) {
    json::object out;
    out["state"] = group.state;
    out["stateage"] = in_ms(group.state_age);
    out["join_state"] = group.join_state;
    out["rebalance_age"] = in_ms(group.rebalance_age);
    out["rebalance_cnt"] = group.rebalance_count;
    out["rebalance_reason"] = group.rebalance_reason;
    out["assignment_size"] = group.assignment_size;
    return out;
}

}  // namespace

std::string Fetcher::statistics() {
    keeps_windows_ = true;
    const MetadataCache& metadata = cluster_->metadata();
    Runtime& runtime = cluster_->runtime();
    json::object out = client_json(runtime, config_.common, "consumer", began_);
    out["replyq"] = queue_->notices();
    out["rxmsgs"] = queue_->received_records.load();
    out["rxmsg_bytes"] = queue_->received_bytes.load();
    out["metadata_cache_cnt"] = metadata.topics().size();
    add_brokers(out, *cluster_);

    json::object topics;
    const bool committed_only = config_.isolation_level == IsolationLevel::read_committed;
    state_.visit([&](const FetchState::Partition& p) {
        const std::string& name = *p.slot->topic;
        if (!topics.contains(name)) topics[name] = topic_json(name, metadata, windows_[name], runtime.now());
        topics[name].at("partitions").as_object()[std::to_string(p.slot->partition)] =
            partition_json(p, metadata, {committed_only, coordinator_ != nullptr, others_.stored_offset(*p.slot)});
    });
    out["topics"] = std::move(topics);
    if (const auto group = others_.group()) out["cgrp"] = cgrp_json(*group);
    return json::serialize(out);
}

awaitable<void> Fetcher::emit_statistics(std::shared_ptr<Fetcher> self) {
    Runtime& runtime = self->cluster_->runtime();
    const auto interval = self->config_.common.statistics_interval;
    Watch watch(self->closing_, runtime.executor());
    for (TimePoint at = runtime.now() + interval; !self->closed_; at += interval) {
        co_await watch.wait_until(runtime.timers(), at);
        if (self->closed_) break;
        Notice notice;
        notice.event = Statistics{self->statistics()};
        self->push(std::move(notice));
    }
}

}  // namespace ottla::client
