// SPDX-License-Identifier: Apache-2.0
// Fetches within sessions, over one shard and several: the way to the shard that keeps the session and back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/handlers/data_plane.hpp"

namespace ottla::broker {
namespace {

using namespace std::chrono_literals;
using log::batch_of;
using testing::ElementsAre;
using testing::IsEmpty;

void produce_to(DataPlane& plane, std::int32_t partition, const Bytes& batch = batch_of(1)) {
    plane.answer<ProduceHandler>(9, DataPlane::produce(partition, batch));
}
std::vector<std::int32_t> partitions_told(const protocol::FetchResponse& response) {
    std::vector<std::int32_t> told;
    for (const auto& topic : response.responses) {
        for (const auto& partition : topic.partitions) told.push_back(partition.partition_index);
    }
    return told;
}
protocol::FetchRequest next(std::int32_t id, std::int32_t epoch,
                            std::initializer_list<std::pair<std::int32_t, std::int64_t>> changed = {}) {
    auto request = DataPlane::fetch(changed);
    if (changed.size() == 0) request.topics.clear();
    request.session_id = id;
    request.session_epoch = epoch;
    return request;
}

class FetchInSession : public testing::TestWithParam<std::size_t> {
protected:
    protocol::FetchResponse fetch(const protocol::FetchRequest& request, std::int16_t version = 13,
                                  std::size_t shard = 0) {
        return plane_.answer<FetchHandler>(version, request, shard);
    }
    std::int32_t start(std::initializer_list<std::pair<std::int32_t, std::int64_t>> positions,
                       std::int16_t version = 13, std::size_t shard = 0) {
        auto request = next(0, 0, positions);
        request.max_wait_ms = 0;
        return fetch(request, version, shard).session_id;
    }
    ErrorCode refused(const protocol::FetchRequest& request, std::int16_t version = 13) {
        DataPlane::Call<FetchHandler> call(plane_, version, request);
        plane_.bench().run();
        if (!call.done() || *call.answer) return ErrorCode::none;
        EXPECT_EQ(FetchHandler::error_answer(request, version, call.answer->error().code()).session_id, 0);
        return call.answer->error().code();
    }

    DataPlane plane_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Shards, FetchInSession, testing::Values(1, 3));

TEST_P(FetchInSession, answers_in_full_first_and_then_what_is_new) {
    produce_to(plane_, 1);
    const auto full = fetch(next(0, 0, {{0, 0}, {1, 0}, {2, 0}}));
    EXPECT_THAT(partitions_told(full), ElementsAre(0, 1, 2));
    ASSERT_GT(full.session_id, 0);

    // Nothing new: an empty answer at the deadline.
    auto request = next(full.session_id, 1, {{1, 1}});
    DataPlane::Call<FetchHandler> idle(plane_, 13, request);
    plane_.bench().pass(499ms);
    EXPECT_FALSE(idle.done());
    plane_.bench().pass(1ms);
    ASSERT_TRUE(idle.done());
    EXPECT_THAT(idle.response().responses, IsEmpty());
    EXPECT_EQ(idle.response().session_id, full.session_id);
    EXPECT_EQ(idle.response().error_code, 0);

    // The session knows what to wait for.
    DataPlane::Call<FetchHandler> waits(plane_, 13, next(full.session_id, 2));
    EXPECT_EQ(plane_.waiters(), 3U);
    produce_to(plane_, 2);
    plane_.bench().run();
    ASSERT_TRUE(waits.done());
    EXPECT_THAT(partitions_told(waits.response()), ElementsAre(2));
    EXPECT_EQ(waits.response().responses[0].topic_id, plane_.topic_id());
    EXPECT_EQ(waits.response().responses[0].partitions[0].high_watermark, 1);
}

TEST_P(FetchInSession, over_another_connection) {
    const std::size_t last = GetParam() - 1;
    for (std::size_t shard = 0; shard < GetParam(); ++shard) {
        const auto id = start({{0, 0}, {1, 0}}, 13, shard);
        EXPECT_EQ(static_cast<std::size_t>(id) % GetParam(), shard);
        const auto again = fetch(next(id, 1), 13, last - shard);
        EXPECT_EQ(again.session_id, id);
        EXPECT_THAT(again.responses, IsEmpty());
    }
}

TEST_P(FetchInSession, forgets_partitions_and_takes_new_ones) {
    const auto id = start({{0, 0}, {1, 0}});
    auto request = next(id, 1, {{3, 0}});
    request.max_wait_ms = 0;
    protocol::FetchRequest::ForgottenTopic gone;
    gone.topic_id = plane_.topic_id();
    gone.partitions = {0};
    request.forgotten_topics_data.push_back(gone);
    EXPECT_THAT(partitions_told(fetch(request)), ElementsAre(3));
    produce_to(plane_, 0);
    produce_to(plane_, 1);
    EXPECT_THAT(partitions_told(fetch(next(id, 2))), ElementsAre(1));
    // With the last partition the session ends.
    request = next(id, 3);
    gone.partitions = {1, 3};
    request.forgotten_topics_data.push_back(gone);
    const auto end = fetch(request);
    EXPECT_EQ(end.session_id, 0);
    EXPECT_THAT(end.responses, IsEmpty());
    EXPECT_EQ(refused(next(id, 4)), ErrorCode::fetch_session_id_not_found);
}

TEST_P(FetchInSession, refuses_what_does_not_follow) {
    const auto id = start({{0, 0}});
    EXPECT_EQ(refused(next(id, 2)), ErrorCode::invalid_fetch_session_epoch);
    EXPECT_EQ(refused(next(id, 1), 12), ErrorCode::fetch_session_topic_id_error);
    EXPECT_EQ(refused(next(id ^ 64, 1)), ErrorCode::fetch_session_id_not_found);
    EXPECT_EQ(refused(next(0, 1)), ErrorCode::fetch_session_id_not_found);
    EXPECT_EQ(refused(next(-3, 1)), ErrorCode::fetch_session_id_not_found);
    EXPECT_EQ(refused(next(id, -2)), ErrorCode::invalid_fetch_session_epoch);
    EXPECT_EQ(fetch(next(id, 1)).session_id, id);
}

TEST_P(FetchInSession, a_full_fetch_closes_the_session_that_it_names) {
    const auto first = start({{0, 0}});
    auto request = next(first, 0, {{1, 0}});
    request.max_wait_ms = 0;
    const auto second = fetch(request).session_id;
    EXPECT_NE(second, 0);
    EXPECT_EQ(refused(next(first, 1)), ErrorCode::fetch_session_id_not_found);
    request = next(second, -1, {{1, 0}});
    request.max_wait_ms = 0;
    const auto closing = fetch(request);
    EXPECT_EQ(closing.session_id, 0);
    EXPECT_THAT(partitions_told(closing), ElementsAre(1));
    EXPECT_EQ(refused(next(second, 1)), ErrorCode::fetch_session_id_not_found);
}

TEST_P(FetchInSession, a_request_that_was_overtaken_is_refused) {
    const auto id = start({{0, 0}});
    DataPlane::Call<FetchHandler> parked(plane_, 13, next(id, 1));
    auto request = next(id, 2);
    request.max_wait_ms = 0;
    EXPECT_EQ(fetch(request).session_id, id);
    produce_to(plane_, 0);
    plane_.bench().run();
    ASSERT_TRUE(parked.done());
    EXPECT_EQ(parked.answer->error(), ErrorCode::invalid_fetch_session_epoch);
}

TEST_P(FetchInSession, none_starves) {
    const Bytes batch = batch_of(1, 1000);
    for (std::int32_t p = 0; p < 4; ++p) {
        for (int i = 0; i < 3; ++i) produce_to(plane_, p, batch);
    }
    auto request = next(0, 0, {{0, 0}, {1, 0}, {2, 0}, {3, 0}});
    request.max_bytes = 1;
    const auto full = fetch(request);
    std::vector<std::int64_t> got(4, 0);
    for (const auto& answer : full.responses[0].partitions) {
        if (answer.records->size() != 0) ++got[static_cast<std::size_t>(answer.partition_index)];
    }
    std::vector<std::int64_t> position = got;
    std::int32_t epoch = 1;
    for (int i = 0; i < 8; ++i) {
        request =
            next(full.session_id, epoch++, {{0, position[0]}, {1, position[1]}, {2, position[2]}, {3, position[3]}});
        request.max_bytes = 1;
        const auto response = fetch(request);
        for (const auto& answer : response.responses.at(0).partitions) {
            if (answer.records->size() != 0) ++position[static_cast<std::size_t>(answer.partition_index)];
        }
    }
    for (const std::int64_t end : position) EXPECT_GE(end, 2);
}

TEST_P(FetchInSession, repeats_errors_until_they_are_over) {
    const auto id = start({{0, 0}, {1, 0}});
    auto request = next(id, 1, {{1, 9}});
    EXPECT_THAT(partitions_told(fetch(request)), ElementsAre(1));
    const auto wrong = fetch(next(id, 2));
    ASSERT_THAT(partitions_told(wrong), ElementsAre(1));
    EXPECT_EQ(static_cast<ErrorCode>(wrong.responses[0].partitions[0].error_code), ErrorCode::offset_out_of_range);
    request = next(id, 3, {{1, 0}});
    request.max_wait_ms = 0;
    EXPECT_THAT(partitions_told(fetch(request)), ElementsAre(1));
    request = next(id, 4);
    request.max_wait_ms = 0;
    EXPECT_THAT(partitions_told(fetch(request)), IsEmpty());
}

TEST_P(FetchInSession, names_topics_as_the_version_does) {
    const auto id = start({{0, 0}}, 12);
    produce_to(plane_, 0);
    const auto response = fetch(next(id, 1), 12);
    ASSERT_THAT(partitions_told(response), ElementsAre(0));
    EXPECT_EQ(response.responses[0].topic, "orders");
    // An id that nobody knows is told, and told again.
    auto request = next(0, 0, {{0, 0}});
    request.topics[0].topic_id.bytes[2] = 1;
    const auto unknown = fetch(request);
    for (std::int32_t epoch = 1; epoch < 3; ++epoch) {
        const auto again = fetch(next(unknown.session_id, epoch));
        ASSERT_THAT(partitions_told(again), ElementsAre(0));
        EXPECT_EQ(static_cast<ErrorCode>(again.responses[0].partitions[0].error_code), ErrorCode::unknown_topic_id);
    }
}

TEST_P(FetchInSession, without_slots_every_answer_is_full) {
    plane_.set_fetch_session_slots(0);
    EXPECT_EQ(start({{0, 0}}), 0);
    // One slot, wherever the connection is.
    plane_.set_fetch_session_slots(1);
    const auto id = start({{0, 0}}, 13, GetParam() - 1);
    EXPECT_NE(id, 0);
    EXPECT_EQ(start({{0, 0}}), 0);
    EXPECT_EQ(fetch(next(id, 1)).session_id, id);
}

}  // namespace
}  // namespace ottla::broker
