// SPDX-License-Identifier: Apache-2.0
#include <ottla/protocol/messages/metadata_request.hpp>
#include <ottla/protocol/messages/metadata_response.hpp>

#include "simulated_cluster.hpp"

namespace ottla::broker {
namespace {

using protocol::ApiKey;
using namespace std::chrono_literals;

class Faults : public ::testing::Test {
protected:
    Faults() {
        cluster.start();
        EXPECT_TRUE(cluster.run(cluster.core().create_topic("t", 2, 1)).has_value());
        leader = *cluster.core().leader("t", 0);
    }
    FaultScript& script() { return cluster.core().script(); }
    ErrorCode produce() { return cluster.produce(leader, "t", 0, "v"); }

    SimulatedCluster cluster{2};
    int leader = 0;
};

TEST_F(Faults, an_error_comes_as_often_as_asked) {
    script().add(Fault::error(ErrorCode::not_enough_replicas).on(ApiKey::produce).times(2));
    EXPECT_EQ(produce(), ErrorCode::not_enough_replicas);
    EXPECT_EQ(produce(), ErrorCode::not_enough_replicas);
    EXPECT_EQ(produce(), ErrorCode::none);
    EXPECT_EQ(cluster.consume(leader, "t", 0).size(), 1U);
}

TEST_F(Faults, always_lasts_until_cleared) {
    script().add(Fault::error(ErrorCode::kafka_storage_error).on(ApiKey::produce).always());
    for (int i = 0; i < 5; ++i) EXPECT_EQ(produce(), ErrorCode::kafka_storage_error);
    script().clear_faults();
    EXPECT_EQ(produce(), ErrorCode::none);
}

TEST_F(Faults, a_fault_keeps_to_its_broker_and_api) {
    script().add(Fault::error(ErrorCode::kafka_storage_error).on(ApiKey::produce).at_broker(3 - leader));
    script().add(Fault::error(ErrorCode::kafka_storage_error).on(ApiKey::fetch).always());
    EXPECT_EQ(produce(), ErrorCode::none);
    EXPECT_EQ(cluster.consume(leader, "t", 0), std::vector<std::string>{"KAFKA_STORAGE_ERROR"});
}

TEST_F(Faults, a_disconnect_answers_nothing) {
    script().add(Fault::disconnect().on(ApiKey::produce));
    EXPECT_EQ(produce(), ErrorCode::transport);
    EXPECT_EQ(produce(), ErrorCode::none);
}

TEST_F(Faults, a_delay_takes_virtual_time) {
    script().add(Fault::delay(3s).on(ApiKey::produce));
    const auto before = cluster.loop().timers.now();
    EXPECT_EQ(produce(), ErrorCode::none);
    EXPECT_GE(cluster.loop().timers.now() - before, 3s);
}

TEST_F(Faults, a_cut_link_answers_when_it_is_healed) {
    EXPECT_EQ(produce(), ErrorCode::none);
    script().cut(leader);
    EXPECT_EQ(produce(), ErrorCode::timed_out);
    EXPECT_EQ(*cluster.core().leader("t", 0), leader);
    script().heal(leader);
    EXPECT_EQ(produce(), ErrorCode::none);
}

TEST_F(Faults, requests_are_logged_with_who_asked_what) {
    script().clear_requests();
    produce();
    ASSERT_FALSE(script().requests().empty());
    const auto& last = script().requests().back();
    EXPECT_EQ(last.broker, leader);
    EXPECT_EQ(last.api, ApiKey::produce);
    EXPECT_EQ(last.version, 9);
    EXPECT_EQ(last.client_id, "ottla");
}

TEST_F(Faults, a_broker_that_does_not_exist_is_named) {
    const auto down = cluster.run(cluster.core().broker_down(7));
    EXPECT_EQ(down.error().code(), ErrorCode::unknown_broker);
    EXPECT_EQ(down.error().text(), "there is no broker 7");
    EXPECT_EQ(cluster.run(cluster.core().move_leader("none", 0, 1)).error().code(),
              ErrorCode::unknown_topic_or_partition);
}

}  // namespace
}  // namespace ottla::broker
