// SPDX-License-Identifier: Apache-2.0
#include "controller_script.hpp"

namespace ottla::broker {
namespace {

TEST(Brokers, a_broker_registers_fenced_and_comes_up) {
    ControllerScript controller;
    const auto offset = (*controller).offset();
    const auto response = controller.register_broker(1, 7);
    EXPECT_EQ(response.broker_epoch, offset + 1);
    EXPECT_EQ((*controller).broker(1)->epoch, response.broker_epoch);
    EXPECT_FALSE((*controller).is_alive(1));
    EXPECT_EQ(controller.register_broker(1, 7).broker_epoch, response.broker_epoch);  // the same process asks again
    EXPECT_TRUE(controller.records().empty());
    EXPECT_EQ(controller.set_state(1, true), ErrorCode::none);
    EXPECT_TRUE((*controller).is_alive(1));
    EXPECT_EQ(controller.set_state(2, true), ErrorCode::broker_id_not_registered);
    EXPECT_EQ(code(controller.register_broker(1, 7, "other").error_code), ErrorCode::inconsistent_cluster_id);
}

TEST(Brokers, a_stop_in_order_leaves_partitions_to_nobody_and_a_start_takes_them_back) {
    ControllerScript controller;
    controller.with_brokers(1).create("t");
    controller.set_state(1, false);
    EXPECT_EQ(controller.partition("t").leader, -1);
    EXPECT_EQ(controller.partition("t").leader_epoch, 1);
    EXPECT_TRUE(controller.partition("t").isr.empty());
    EXPECT_EQ(controller.partition("t").eligible_leader_replicas, std::vector{1});
    controller.register_broker(1, 99);
    controller.set_state(1, true);
    EXPECT_EQ(controller.partition("t").leader, 1);
    EXPECT_EQ(controller.partition("t").leader_epoch, 2);
    EXPECT_EQ(controller.partition("t").isr, std::vector{1});
    EXPECT_TRUE(controller.partition("t").eligible_leader_replicas.empty());
}

TEST(Brokers, a_broker_that_vanished_leads_again_in_a_new_epoch) {
    ControllerScript controller;
    controller.with_brokers(2).create("t", 2);
    const auto before = controller.partition("t", 0).leader_epoch;
    const int leader = controller.partition("t", 0).leader;
    controller.register_broker(leader, 99);  // back before anyone noticed
    controller.set_state(leader, true);
    EXPECT_EQ(controller.partition("t", 0).leader, leader);
    EXPECT_EQ(controller.partition("t", 0).leader_epoch, before + 1);
    EXPECT_EQ(controller.partition("t", 1).leader_epoch, 0);  // the other broker's
}

TEST(Brokers, leadership_moves_with_the_replica) {
    ControllerScript controller;
    controller.with_brokers(3).create("t");
    const int to = controller.partition("t").leader % 3 + 1;
    MoveLeaderRequest request;
    request.topic = "t";
    request.broker_id = to;
    request.directory = ControllerScript::directory_of(to);
    EXPECT_EQ(controller.ask(request).error, ErrorCode::none);
    EXPECT_EQ(controller.partition("t").leader, to);
    EXPECT_EQ(controller.partition("t").replicas, std::vector{to});
    EXPECT_EQ(controller.partition("t").leader_epoch, 1);
    request.partition = 5;
    EXPECT_EQ(controller.ask(request).error, ErrorCode::unknown_topic_or_partition);
    request.partition = 0;
    request.broker_id = 9;
    EXPECT_EQ(controller.ask(request).error, ErrorCode::broker_not_available);
}

TEST(ProducerIds, come_in_blocks_that_never_overlap) {
    ControllerScript controller;
    controller.with_brokers(2);
    const auto block = [&](int broker, std::int64_t epoch) {
        protocol::AllocateProducerIdsRequest request;
        request.broker_id = broker;
        request.broker_epoch = epoch;
        return controller.ask(request);
    };
    const auto epoch = (*controller).broker(1)->epoch;
    EXPECT_EQ(block(1, epoch).producer_id_start, 0);
    EXPECT_EQ(block(2, (*controller).broker(2)->epoch).producer_id_start, 1000);
    EXPECT_EQ(block(1, epoch).producer_id_start, 2000);
    EXPECT_EQ((*controller).next_producer_id(), 3000);
    EXPECT_EQ(code(block(1, epoch + 1).error_code), ErrorCode::stale_broker_epoch);
    EXPECT_EQ(code(block(7, 0).error_code), ErrorCode::broker_id_not_registered);
}

ErrorCode assign(ControllerScript& controller, const Uuid& topic, std::int32_t partition, const Uuid& directory,
                 std::int64_t epoch) {
    protocol::AssignReplicasToDirsRequest request;
    request.broker_id = 1;
    request.broker_epoch = epoch;
    auto& one = request.directories.emplace_back();
    one.id = directory;
    auto& of_topic = one.topics.emplace_back();
    of_topic.topic_id = topic;
    of_topic.partitions.emplace_back().partition_index = partition;
    const auto response = controller.ask(std::move(request));
    if (response.error_code != 0) return code(response.error_code);
    return code(response.directories.at(0).topics.at(0).partitions.at(0).error_code);
}

TEST(Brokers, a_broker_says_in_which_directory_a_partition_lies) {
    ControllerScript controller;
    controller.with_brokers(1).create("t");
    const Uuid topic = (*controller).topic("t")->id;
    const std::int64_t epoch = (*controller).broker(1)->epoch;
    const Uuid known = ControllerScript::directory_of(1);
    EXPECT_EQ(assign(controller, topic, 0, known, epoch), ErrorCode::none);
    EXPECT_TRUE(controller.records().empty());
    EXPECT_EQ(assign(controller, topic, 0, known, epoch + 1), ErrorCode::stale_broker_epoch);
    EXPECT_EQ(assign(controller, topic, 1, known, epoch), ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(assign(controller, known, 0, known, epoch), ErrorCode::unknown_topic_id);

    // In one that the broker has not: nobody leads, until it lies in one that it has.
    const Uuid lost = ControllerScript::directory_of(2);
    EXPECT_EQ(assign(controller, topic, 0, lost, epoch), ErrorCode::none);
    EXPECT_EQ(controller.partition("t").directories, std::vector{lost});
    EXPECT_EQ(controller.partition("t").leader, -1);
    EXPECT_EQ(controller.partition("t").eligible_leader_replicas, std::vector{1});
    EXPECT_EQ(assign(controller, topic, 0, known, epoch), ErrorCode::none);
    EXPECT_EQ(controller.partition("t").directories, std::vector{known});
    EXPECT_EQ(controller.partition("t").leader, 1);
    EXPECT_EQ(controller.partition("t").isr, std::vector{1});
}

TEST(Brokers, a_failed_directory_leaves_its_partitions_to_nobody_over_a_restart_too) {
    ControllerScript controller;
    controller.with_brokers(1).create("t");
    const Uuid here = ControllerScript::directory_of(1);
    const Uuid other = ControllerScript::directory_of(2);
    const auto come_back = [&](std::uint8_t incarnation, std::vector<Uuid> directories) {
        protocol::BrokerRegistrationRequest request;
        request.broker_id = 1;
        request.cluster_id = "c";
        request.incarnation_id.bytes[0] = incarnation;
        request.log_dirs = std::move(directories);
        controller.ask(std::move(request));
        controller.set_state(1, true);
    };
    come_back(50, {here, other});
    EXPECT_EQ(controller.partition("t").leader, 1);
    DirectoriesOfflineRequest failed;
    failed.broker_id = 1;
    failed.broker_epoch = (*controller).broker(1)->epoch;
    failed.directories = {here};
    EXPECT_EQ(controller.ask(failed).error, ErrorCode::none);
    EXPECT_EQ((*controller).broker(1)->log_dirs, std::vector{other});
    EXPECT_EQ(controller.partition("t").leader, -1);
    controller.ask(failed);
    EXPECT_TRUE(controller.records().empty());
    come_back(51, {other});
    EXPECT_EQ(controller.partition("t").leader, -1);
    come_back(52, {here, other});
    EXPECT_EQ(controller.partition("t").leader, 1);
    // One that vanishes while it leads, and comes back without the directory.
    come_back(53, {other});
    EXPECT_EQ(controller.partition("t").leader, -1);
}

}  // namespace
}  // namespace ottla::broker
