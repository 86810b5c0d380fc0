// SPDX-License-Identifier: Apache-2.0
#include "client/cluster/offset_calls.hpp"

#include "client/cluster/list_offsets.hpp"

namespace ottla::client {

awaitable<Result<std::vector<TopicPartition>>> offsets_for_times(std::shared_ptr<Cluster> cluster,
                                                                 std::vector<TopicPartition> times,
                                                                 IsolationLevel isolation, TimePoint deadline) {
    std::vector<OffsetQuestion> questions;
    for (const auto& tp : times) questions.emplace_back(tp.topic, tp.partition, tp.offset.value());
    auto answers = co_await list_offsets(std::move(cluster), std::move(questions), isolation, deadline);
    if (!answers) co_return answers.error();
    for (std::size_t i = 0; i < times.size(); ++i) {
        const auto& a = (*answers)[i];
        times[i].error = a.error;
        times[i].offset = a.error.code() != ErrorCode::none ? Offset::invalid() : Offset(a.offset);
        if (a.leader_epoch >= 0) times[i].leader_epoch = a.leader_epoch;
    }
    co_return std::move(times);
}

awaitable<Result<WatermarkOffsets>> watermark_offsets(std::shared_ptr<Cluster> cluster, TopicPartition of,
                                                      IsolationLevel isolation, TimePoint deadline) {
    std::vector<OffsetQuestion> questions;
    questions.emplace_back(of.topic, of.partition, OffsetQuestion::earliest);
    questions.emplace_back(of.topic, of.partition, OffsetQuestion::latest);
    auto answers = co_await list_offsets(std::move(cluster), std::move(questions), isolation, deadline);
    if (!answers) co_return answers.error();
    for (const auto& a : *answers)
        if (a.error.code() != ErrorCode::none) co_return a.error;
    WatermarkOffsets found;
    found.low = (*answers)[0].offset;
    found.high = (*answers)[1].offset;
    co_return found;
}

}  // namespace ottla::client
