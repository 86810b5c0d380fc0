// SPDX-License-Identifier: Apache-2.0
// Produce and Fetch at every version, as bytes: what a version has no place for must not be in its answer.
#include <gtest/gtest.h>
#include <ottla/protocol/reader.hpp>
#include <ottla/protocol/writer.hpp>

#include "broker/handlers/table.hpp"
#include "tests/broker/handlers/data_plane.hpp"

namespace ottla::broker {
namespace {

using log::batch_of;

// What the other end has after it was sent.
template <class Message>
Message over_the_wire(const Message& message, std::int16_t version) {
    protocol::Writer writer;
    const auto written = encode(writer, message, version);
    EXPECT_TRUE(written) << written.error().text();
    Message read;
    if (!written) return read;
    const Bytes bytes = writer.finish().flatten().value();
    protocol::Reader reader(bytes);
    const auto decoded = decode(reader, read, version);
    EXPECT_TRUE(decoded) << decoded.error().text();
    EXPECT_EQ(reader.remaining(), 0U);
    return read;
}

// From what is served on, each with a plane of its own that holds three records in partition 0.
template <class Handler>
class AtEveryVersion {
public:
    template <class Check>
    static void check(Check check) {
        const auto* row = find_api(static_cast<protocol::ApiKey>(Handler::Request::api_key));
        for (auto version = row->served_from; version <= row->versions.max; ++version) {
            SCOPED_TRACE(version);
            DataPlane plane;
            plane.answer<ProduceHandler>(9, DataPlane::produce(0, batch_of(3)));
            AtEveryVersion at(plane, version);
            check(at, version);
        }
    }

    // Topics go by the name or the id that the request has, as the version does.
    typename Handler::Response ask(typename Handler::Request request) {
        const auto sent = over_the_wire(request, version_);
        const auto error = Handler::error_answer(sent, version_, ErrorCode::unknown_server_error);
        over_the_wire(error, version_);
        return over_the_wire(plane.answer<Handler>(version_, sent), version_);
    }

    DataPlane& plane;

private:
    AtEveryVersion(DataPlane& made, std::int16_t version) : plane(made), version_(version) {}
    std::int16_t version_;
};

constexpr std::int32_t led_by_another = DataPlane::partition_count - 1;
constexpr std::int16_t by_id_from = 13;

ErrorCode unknown_at(std::int16_t version) {
    return version < by_id_from ? ErrorCode::unknown_topic_or_partition : ErrorCode::unknown_topic_id;
}

// By what a version can hold of KIP-951.
template <class Partition, class Response>
void expect_leader(const Partition& partition, const Response& response, bool is_named, bool is_located) {
    EXPECT_EQ(partition.current_leader.leader_id, is_named ? 2 : -1);
    EXPECT_EQ(partition.current_leader.leader_epoch, is_named ? 3 : -1);
    ASSERT_EQ(response.node_endpoints.size(), is_located ? 1U : 0U);
    if (!is_located) return;
    EXPECT_EQ(response.node_endpoints[0].node_id, 2);
    EXPECT_EQ(response.node_endpoints[0].host, "second");
    EXPECT_EQ(response.node_endpoints[0].port, 9093);
}

TEST(ProduceAtEveryVersion, takes_a_batch) {
    AtEveryVersion<ProduceHandler>::check([](auto& at, std::int16_t version) {
        auto request = DataPlane::produce(0, batch_of(2));
        request.topic_data[0].topic_id = at.plane.topic_id();
        if (version >= by_id_from) request.topic_data[0].name.clear();
        const auto response = at.ask(request);
        const auto& answer = response.responses.at(0).partition_responses.at(0);
        EXPECT_EQ(answer.error_code, 0);
        EXPECT_EQ(answer.base_offset, 3);
        EXPECT_EQ(answer.log_append_time_ms, -1);
        EXPECT_EQ(at.plane.partition(0).high_watermark(), 5);
    });
}

TEST(ProduceAtEveryVersion, tells_what_is_wrong) {
    AtEveryVersion<ProduceHandler>::check([](auto& at, std::int16_t version) {
        const auto produce = [&](const Uuid& id, const char* name, std::int32_t partition, const Bytes& batch) {
            auto request = DataPlane::produce(partition, batch);
            request.topic_data[0].topic_id = version < by_id_from ? Uuid{} : id;
            request.topic_data[0].name = version < by_id_from ? name : "";
            return at.ask(request);
        };
        const auto answer_of = [](const auto& response) { return response.responses.at(0).partition_responses.at(0); };
        const auto code_of = [&](const auto& response) {
            return static_cast<ErrorCode>(answer_of(response).error_code);
        };
        const Uuid id = at.plane.topic_id();
        Uuid other = id;
        other.bytes[0] = 9;
        EXPECT_EQ(code_of(produce(other, "nobody", 0, batch_of(1))), unknown_at(version));
        EXPECT_EQ(code_of(produce(id, "orders", 77, batch_of(1))), ErrorCode::unknown_topic_or_partition);

        const auto elsewhere = produce(id, "orders", led_by_another, batch_of(1));
        EXPECT_EQ(code_of(elsewhere), ErrorCode::not_leader_or_follower);
        expect_leader(answer_of(elsewhere), elsewhere, version >= 10, version >= 10);

        PartitionSettings compacted;
        compacted.compacted = true;
        at.plane.partition(1).set_settings(compacted);
        const auto refused = produce(id, "orders", 1, batch_of(2));
        EXPECT_EQ(code_of(refused), ErrorCode::invalid_record);
        EXPECT_EQ(answer_of(refused).record_errors.size(), version < 8 ? 0U : 2U);
    });
}

protocol::FetchRequest fetch_at(std::int16_t version, std::int32_t partition, std::int64_t offset) {
    auto request = DataPlane::fetch({{partition, offset}});
    request.max_wait_ms = 0;
    if (version < by_id_from) {
        request.topics[0].topic_id = {};
    } else {
        request.topics[0].topic.clear();
    }
    return request;
}

TEST(FetchAtEveryVersion, brings_records) {
    AtEveryVersion<FetchHandler>::check([](auto& at, std::int16_t version) {
        for (const std::int8_t isolation : {std::int8_t{0}, std::int8_t{1}}) {
            auto request = fetch_at(version, 0, 0);
            request.isolation_level = isolation;
            const auto response = at.ask(request);
            const auto& answer = response.responses.at(0).partitions.at(0);
            EXPECT_EQ(answer.error_code, 0);
            EXPECT_EQ(answer.high_watermark, 3);
            EXPECT_EQ(answer.last_stable_offset, 3);
            EXPECT_EQ(log::values_in(answer.records->flatten().value().span()).size(), 3U);
            EXPECT_EQ(answer.aborted_transactions.has_value(), isolation == 1);
        }
    });
}

TEST(FetchAtEveryVersion, tells_what_is_wrong) {
    AtEveryVersion<FetchHandler>::check([](auto& at, std::int16_t version) {
        const auto answer_of = [](const auto& response) { return response.responses.at(0).partitions.at(0); };
        const auto code_of = [&](const auto& response) {
            return static_cast<ErrorCode>(answer_of(response).error_code);
        };
        auto unknown = fetch_at(version, 0, 0);
        if (version < by_id_from) {
            unknown.topics[0].topic = "nobody";
        } else {
            unknown.topics[0].topic_id.bytes[0] = 9;
        }
        EXPECT_EQ(code_of(at.ask(unknown)), unknown_at(version));
        EXPECT_EQ(code_of(at.ask(fetch_at(version, 77, 0))), ErrorCode::unknown_topic_or_partition);
        EXPECT_EQ(code_of(at.ask(fetch_at(version, 0, 4))), ErrorCode::offset_out_of_range);

        const auto elsewhere = at.ask(fetch_at(version, led_by_another, 0));
        EXPECT_EQ(code_of(elsewhere), ErrorCode::not_leader_or_follower);
        expect_leader(answer_of(elsewhere), elsewhere, version >= 12, version >= 16);

        if (version < 9) return;  // without an epoch to fence
        auto fenced = fetch_at(version, 0, 0);
        fenced.topics[0].partitions[0].current_leader_epoch = 2;
        const auto response = at.ask(fenced);
        EXPECT_EQ(code_of(response), ErrorCode::fenced_leader_epoch);
        EXPECT_EQ(answer_of(response).current_leader.leader_epoch, version < 12 ? -1 : 3);
    });
}

TEST(FetchAtEveryVersion, tells_where_histories_part) {
    AtEveryVersion<FetchHandler>::check([](auto& at, std::int16_t version) {
        if (version < 12) return;  // nobody can ask
        at.plane.partition(0).lead(5);
        auto request = fetch_at(version, 0, 3);
        request.topics[0].partitions[0].last_fetched_epoch = 4;
        const auto response = at.ask(request);
        EXPECT_EQ(response.responses.at(0).partitions.at(0).diverging_epoch.epoch, 3);
        EXPECT_EQ(response.responses.at(0).partitions.at(0).diverging_epoch.end_offset, 3);
    });
}

}  // namespace
}  // namespace ottla::broker
