// SPDX-License-Identifier: Apache-2.0
#include "client/producer/produce_call.hpp"

#include <algorithm>

#include <ottla/protocol/reader.hpp>
#include <ottla/protocol/writer.hpp>

namespace ottla::client {

using protocol::ProduceRequest;
using protocol::ProduceResponse;

namespace {

Uuid id_of(const MetadataCache& metadata, std::string_view topic) {
    const TopicInfo* info = metadata.topic(topic);
    return info ? info->id : Uuid{};
}

}  // namespace

bool ProduceCall::have_ids(std::span<const BatchPtr> batches, const MetadataCache& metadata) {
    return std::ranges::none_of(batches, [&](const BatchPtr& b) { return id_of(metadata, *b->topic).is_zero(); });
}

ProduceRequest::TopicProduceData& ProduceCall::topic_data(const std::string& name, std::size_t& used) {
    for (std::size_t i = 0; i < used; ++i)
        if (request_.topic_data[i].name == name) return request_.topic_data[i];
    if (used == request_.topic_data.size()) request_.topic_data.emplace_back();
    auto& topic = request_.topic_data[used++];
    topic.name = name;
    topic.partition_data.clear();
    return topic;
}

Result<protocol::Chain> ProduceCall::encode(std::span<const BatchPtr> batches, const MetadataCache& metadata,
                                            std::int16_t version, base::BufferPool& pool) {
    std::size_t topics = 0;
    for (const BatchPtr& batch : batches) {
        auto& topic = topic_data(*batch->topic, topics);
        auto& partition = topic.partition_data.emplace_back();
        partition.index = batch->partition;
        partition.records = protocol::Records(batch->sealed.share(0, batch->sealed.size()));
    }
    request_.topic_data.resize(topics);
    if (version >= first_produce_by_id)
        for (auto& topic : request_.topic_data) {
            topic.topic_id = id_of(metadata, topic.name);
            topic.name.clear();
        }
    protocol::Writer writer(256 + 64 * batches.size(), &pool);
    auto encoded = protocol::encode(writer, request_, version);
    // The bytes belong to the request on its way, not to this.
    for (auto& topic : request_.topic_data) {
        topic.partition_data.clear();
        topic.topic_id = Uuid{};
    }
    if (!encoded) return encoded.error();
    return writer.finish();
}

Result<std::span<const ProduceCall::Answer>> ProduceCall::decode(Bytes body, std::int16_t version,
                                                                 std::span<const Sent> sent) {
    protocol::Reader reader(std::move(body));
    if (auto decoded = protocol::decode(reader, response_, version); !decoded) return decoded.error();
    answers_.clear();
    for (const auto& topic : response_.responses)
        for (const auto& partition : topic.partition_responses) {
            const auto at = std::ranges::find_if(sent, [&](const Sent& s) {
                return s.partition == partition.index &&
                       (version >= first_produce_by_id ? s.topic_id == topic.topic_id : *s.topic == topic.name);
            });
            if (at != sent.end()) answers_.push_back({static_cast<std::size_t>(at - sent.begin()), &partition});
        }
    return std::span<const Answer>(answers_);
}

}  // namespace ottla::client
