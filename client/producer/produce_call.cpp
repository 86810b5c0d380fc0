// SPDX-License-Identifier: Apache-2.0
#include "client/producer/produce_call.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include <fmt/format.h>
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

// The id, where it is not one that was sent.
std::string name_of(const ProduceResponse::TopicProduceResponse& topic, std::int16_t version,
                    std::span<const ProduceCall::Sent> sent) {
    if (version < first_produce_by_id) return topic.name;
    const auto at = std::ranges::find(sent, topic.topic_id, &ProduceCall::Sent::topic_id);
    return at != sent.end() ? *at->topic : to_string(topic.topic_id);
}

std::string where(std::string_view topic, std::int32_t partition) {
    return fmt::format("topic '{}' partition {}", topic, partition);
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
    oddity_ = {};
    answers_.clear();
    if (auto decoded = protocol::decode(reader, response_, version); !decoded) {
        oddity_.add(Oddity::unreadable, to_string(decoded.error()));
        return decoded.error();
    }
    for (const auto& topic : response_.responses)
        for (const auto& partition : topic.partition_responses) {
            const auto at = std::ranges::find_if(sent, [&](const Sent& s) {
                return s.partition == partition.index &&
                       (version >= first_produce_by_id ? s.topic_id == topic.topic_id : *s.topic == topic.name);
            });
            if (at != sent.end())
                answers_.push_back({static_cast<std::size_t>(at - sent.begin()), &partition});
            else if (!oddity_.has(Oddity::unasked))
                oddity_.add(Oddity::unasked, where(name_of(topic, version, sent), partition.index));
        }
    count_answers(sent);
    return std::span<const Answer>(answers_);
}

void ProduceCall::count_answers(std::span<const Sent> sent) {
    answered_.assign(sent.size(), 0);
    for (const Answer& answer : answers_)
        if (answered_[answer.batch] < 2) ++answered_[answer.batch];
    for (std::size_t i = 0; i < sent.size(); ++i) {
        const auto kind = answered_[i] == 0 ? Oddity::left_out : Oddity::twice;
        if (answered_[i] != 1 && !oddity_.has(kind)) oddity_.add(kind, where(*sent[i].topic, sent[i].partition));
    }
}

void ProduceCall::Oddity::add(Kind kind, std::string_view what) {
    kinds |= kind;
    static constexpr std::array<std::string_view, 4> words = {"it cannot be read", "it has what was not asked for",
                                                              "it says something twice", "it leaves something out"};
    if (!text.empty()) text += "; ";
    text += fmt::format("{}: {}", words[static_cast<std::size_t>(std::countr_zero(static_cast<unsigned>(kind)))], what);
}

}  // namespace ottla::client
