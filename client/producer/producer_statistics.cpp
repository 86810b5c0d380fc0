// SPDX-License-Identifier: Apache-2.0
// What a producer tells of itself: librdkafka's names, so that what reads those reads these.
#include <boost/json/serialize.hpp>

#include "client/producer/send_loop.hpp"
#include "client/stats/statistics_json.hpp"

namespace ottla::client {

namespace json = boost::json;

namespace {

json::object partition_json(const Accumulator::Depth& depth) {
    json::object out;
    out["partition"] = depth.partition;
    out["broker"] = depth.leader;
    out["leader"] = depth.leader;
    out["desired"] = false;
    out["unknown"] = false;
    out["msgq_cnt"] = depth.records;
    out["msgq_bytes"] = depth.bytes;
    out["txmsgs"] = depth.records_sent;
    out["txbytes"] = depth.bytes_sent;
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
    out["metadata_cache_cnt"] = cluster_->metadata().topics().size();
    add_brokers(out, *cluster_);

    json::object topics;
    for (const auto& [name, depths] : accumulator_.depths()) {
        topics[name] = topic_json(name, cluster_->metadata(), windows_[name], runtime().now());
        json::object& partitions = topics[name].at("partitions").as_object();
        for (const auto& depth : depths) partitions[std::to_string(depth.partition)] = partition_json(depth);
    }
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
