// SPDX-License-Identifier: Apache-2.0
// ProduceCall: one Produce request: batches of different partitions, all led by one broker; how it is written and its
// answer read. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ottla/protocol/chain.hpp>
#include <ottla/protocol/messages/produce_request.hpp>
#include <ottla/protocol/messages/produce_response.hpp>

#include "base/buffer_pool.hpp"
#include "client/cluster/metadata_cache.hpp"
#include "client/config/client_config.hpp"
#include "client/producer/batch.hpp"

namespace ottla::client {

// From 13 on topics go by their id.
inline constexpr protocol::VersionRange produce_versions{3, 13};
inline constexpr std::int16_t first_produce_by_id = 13;
static_assert(protocol::ProduceRequest::versions.contains(produce_versions));

class ProduceCall {
public:
    ProduceCall(Acks acks, std::chrono::milliseconds broker_timeout) {
        request_.acks = static_cast<std::int16_t>(acks);
        request_.timeout_ms = static_cast<std::int32_t>(broker_timeout.count());
    }

    // Every topic of these batches has an id: version 13 and up can be used.
    static bool have_ids(std::span<const BatchPtr>, const MetadataCache&);
    // The body. The batches' bytes are shared, not copied: they must stay as they are until the call is over.
    Result<protocol::Chain> encode(std::span<const BatchPtr>, const MetadataCache&, std::int16_t version,
                                   base::BufferPool&);

    // What the broker says of one partition.
    struct Answer {
        std::size_t batch;  // its place among the batches of the request
        const protocol::ProduceResponse::PartitionProduceResponse* partition;
    };
    // In the order of the answer; a batch that it leaves out is not there. Good until the next call of decode().
    // Only the partition numbers and topics of `batches` are looked at, so that some may be null.
    struct Sent {
        std::shared_ptr<const std::string> topic;
        Uuid topic_id;
        std::int32_t partition;
    };
    Result<std::span<const Answer>> decode(Bytes body, std::int16_t version, std::span<const Sent> sent);
    const protocol::ProduceResponse& response() const noexcept { return response_; }
    // What in that answer does not fit what was sent, in words for the log; no kinds, as a rule.
    struct Oddity {
        enum Kind : std::uint8_t { unreadable = 1, unasked = 2, twice = 4, left_out = 8 };
        std::uint8_t kinds = 0;  // bits
        std::string text;        // with the first of each kind
        bool has(Kind kind) const noexcept { return (kinds & kind) != 0; }
        void add(Kind, std::string_view what);
    };
    const Oddity& oddity() const noexcept { return oddity_; }

private:
    protocol::ProduceRequest::TopicProduceData& topic_data(const std::string& name, std::size_t& used);
    // In how many answers each of those sent is.
    void count_answers(std::span<const Sent> sent);

    // Kept between calls for their memory.
    protocol::ProduceRequest request_;
    protocol::ProduceResponse response_;
    std::vector<Answer> answers_;
    std::vector<std::uint8_t> answered_;
    Oddity oddity_;
};

}  // namespace ottla::client
