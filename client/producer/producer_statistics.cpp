// SPDX-License-Identifier: Apache-2.0
// What a producer tells of itself: librdkafka's names, so that what reads those reads these.
#include <boost/json/serialize.hpp>

#include "client/producer/send_loop.hpp"
#include "client/stats/statistics_json.hpp"

namespace ottla::client {

namespace json = boost::json;

namespace {

json::object partition_json(const PartitionQueue& queue) {
    std::size_t records = 0, bytes = 0;
    for (const BatchPtr& batch : queue.batches) {
        records += batch->count();
        bytes += batch->payload_bytes;
    }
    json::object out;
    out["partition"] = queue.partition;
    out["broker"] = queue.leader;
    out["leader"] = queue.leader;
    out["desired"] = false;
    out["unknown"] = false;
    out["msgq_cnt"] = records;
    out["msgq_bytes"] = bytes;
    out["txmsgs"] = queue.records_sent;
    out["txbytes"] = queue.bytes_sent;
    out["msgs_inflight"] = queue.in_flight.size();  // batches
    return out;
}

}  // namespace

std::string SendLoop::statistics() {
    keeps_windows_ = true;
    json::object out = client_json(runtime(), config_.common, "producer", began_);
    out["replyq"] = events_.size();
    const auto usage = accumulator_.usage();
    out["msg_cnt"] = usage.messages;
    out["msg_size"] = usage.bytes;
    out["msg_max"] = usage.messages_max;
    out["msg_size_max"] = usage.bytes_max;
    out["txmsgs"] = records_sent_;
    out["txmsg_bytes"] = record_bytes_sent_;
    out["metadata_cache_cnt"] = topics_.size();
    add_brokers(out, *cluster_);

    json::object topics;
    accumulator_.visit_topics([&](const TopicQueue& topic) {
        json::object& one = topics[*topic.name].emplace_object();
        one["topic"] = *topic.name;
        if (const TopicInfo* info = cluster_->metadata().topic(*topic.name))
            one["metadata_age"] = micros(runtime().now() - info->updated) / 1000;
        TopicWindows& windows = windows_[*topic.name];
        one["batchsize"] = window_json(windows.bytes);
        one["batchcnt"] = window_json(windows.records);
        json::object& partitions = one["partitions"].emplace_object();
        for (const auto& queue : topic.partitions)
            partitions[std::to_string(queue->partition)] = partition_json(*queue);
    });
    out["topics"] = std::move(topics);

    if (config_.idempotence) {
        json::object eos;
        eos["idemp_state"] = producer_id_.id >= 0 ? "Assigned" : "WaitPID";
        eos["producer_id"] = producer_id_.id;
        eos["producer_epoch"] = producer_id_.epoch;  // with which partitions begin
        out["eos"] = std::move(eos);
    }
    return json::serialize(out);
}

}  // namespace ottla::client
