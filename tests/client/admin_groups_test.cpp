// SPDX-License-Identifier: Apache-2.0
// What the admin client asks of groups, against real brokers in this process, on real sockets.
#include <gtest/gtest.h>
#include <boost/asio.hpp>
#include <ottla/admin.hpp>
#include <ottla/broker/cluster.hpp>
#include <ottla/consumer.hpp>

namespace ottla {
namespace {

using namespace std::chrono_literals;
using broker::Fault;
using protocol::ApiKey;

class AdminGroups : public ::testing::Test {
protected:
    AdminGroups() {
        broker::ClusterOptions options;
        options.brokers = 3;
        options.config = {"group.initial.rebalance.delay.ms=0", "offsets.topic.num.partitions=6"};
        cluster.emplace(broker::Cluster::start(options).value());
        admin.emplace(
            Admin::create({{"bootstrap.servers", cluster->bootstrap_servers()}, {"reconnect.backoff.ms", 10}}).value());
        cluster->create_topic("t", 4).value();
        cluster->create_topic("u", 2).value();
    }
    // Groups of offsets alone, enough of them for every broker to mind some.
    void commit_to(const std::vector<std::string>& groups, std::int64_t offset = 0) {
        std::vector<GroupOffsets> asked;
        for (const auto& group : groups) {
            TopicPartition first("t", 0, offset);
            first.metadata = "of " + group;
            asked.emplace_back(group, std::vector<TopicPartition>{first, TopicPartition("u", 1, offset + 1)});
        }
        const auto done = admin->alter_group_offsets(asked).value();
        ASSERT_EQ(done.size(), groups.size());
        for (const auto& group : done) {
            EXPECT_EQ(group.error, ErrorCode::none) << to_string(group);
            for (const auto& tp : group.partitions) EXPECT_EQ(tp.error, ErrorCode::none) << to_string(tp);
        }
    }
    Consumer joining(const std::string& group, const std::string& client, const std::string& instance = {}) {
        Config config{{"bootstrap.servers", cluster->bootstrap_servers()},
                      {"group.id", group},
                      {"client.id", client},
                      {"enable.auto.commit", false},
                      {"partition.assignment.strategy", "range"}};
        if (!instance.empty()) config.set("group.instance.id", instance).value();
        auto consumer = Consumer::create(config).value();
        consumer.subscribe({"t"}).value();
        return consumer;
    }
    // Polls until all have as many partitions as each other.
    static void settle(std::initializer_list<Consumer*> members) {
        const auto share = 4 / members.size();
        const auto settled = [&] {
            return std::ranges::all_of(members, [&](const Consumer* c) { return c->assignment().size() == share; });
        };
        for (int i = 0; i < 1000 && !settled(); ++i)
            for (Consumer* c : members) (void)c->poll(20ms);
        EXPECT_TRUE(settled());
    }
    // The only one, with all partitions.
    Consumer member(const std::string& group, const std::string& client) {
        auto consumer = joining(group, client);
        settle({&consumer});
        return consumer;
    }
    static std::vector<std::string> ids(const GroupList& list) {
        std::vector<std::string> all;
        for (const auto& group : list.groups) all.push_back(group.group_id);
        return all;
    }

    std::optional<broker::Cluster> cluster;
    std::optional<Admin> admin;
    const std::vector<std::string> many{"g0", "g1", "g2", "g3", "g4", "g5", "g6", "g7", "g8", "g9"};
};

TEST_F(AdminGroups, lists_those_of_all_brokers) {
    EXPECT_TRUE(admin->list_groups({})->groups.empty());
    commit_to(many);
    const auto with_members = member("stable", "c");
    const auto list = admin->list_groups({}).value();
    EXPECT_TRUE(list.errors.empty());
    auto expected = many;
    expected.emplace_back("stable");
    EXPECT_EQ(ids(list), expected);
    const auto& last = list.groups.back();
    EXPECT_EQ(last.state, GroupState::stable);
    EXPECT_EQ(last.type, GroupType::classic);
    EXPECT_EQ(last.protocol_type, "consumer");
    EXPECT_FALSE(last.is_simple());
    EXPECT_TRUE(list.groups.front().is_simple());

    EXPECT_EQ(ids(admin->list_groups({{GroupState::stable}}).value()), std::vector<std::string>{"stable"});
    EXPECT_EQ(ids(admin->list_groups({{GroupState::empty}, {GroupType::classic}}).value()), many);
    EXPECT_TRUE(admin->list_groups({{}, {GroupType::share}})->groups.empty());
}

TEST_F(AdminGroups, a_list_says_whose_groups_are_missing) {
    commit_to(many);
    cluster->inject(Fault::error(ErrorCode::group_authorization_failed).on(ApiKey::list_groups).at_broker(2));
    const auto list = admin->list_groups({}).value();
    ASSERT_EQ(list.errors.size(), 1U);
    EXPECT_NE(list.errors[0].text().find("broker 2"), std::string_view::npos) << list.errors[0].text();
    EXPECT_FALSE(list.groups.empty());
    EXPECT_LT(list.groups.size(), many.size());
    // One that loads its groups is waited for.
    cluster->inject(
        Fault::error(ErrorCode::coordinator_load_in_progress).on(ApiKey::list_groups).at_broker(2).times(2));
    cluster->inject(Fault::disconnect().on(ApiKey::list_groups).at_broker(3));
    EXPECT_EQ(ids(admin->list_groups({}).value()), many);
    cluster->inject(Fault::error(ErrorCode::cluster_authorization_failed).on(ApiKey::list_groups).times(3));
    EXPECT_EQ(admin->list_groups({}).error(), ErrorCode::cluster_authorization_failed);
}

TEST_F(AdminGroups, a_broker_that_is_silent_does_not_hold_up_the_others) {
    commit_to(many);
    ASSERT_EQ(admin->list_groups({})->groups.size(), many.size());
    cluster->inject(Fault::delay(5000ms).on(ApiKey::list_groups).at_broker(1));
    AdminOptions options;
    options.timeout = 1s;
    const auto list = admin->list_groups({}, options).value();
    EXPECT_EQ(list.errors.size(), 1U);
    EXPECT_FALSE(list.groups.empty());
}

TEST_F(AdminGroups, describes_members_and_what_they_have) {
    commit_to({"simple"});
    auto first = joining("g", "one");
    auto second = joining("g", "two", "static-two");
    settle({&first, &second});
    AdminOptions options;
    options.include_authorized_operations = true;
    const auto described = admin->describe_groups({"nowhere", "g", "simple"}, options).value();
    ASSERT_EQ(described.size(), 3U);
    EXPECT_EQ(described[0].error, ErrorCode::group_id_not_found);
    EXPECT_NE(described[0].error.text().find("nowhere"), std::string_view::npos) << described[0].error.text();

    const auto& group = described[1];
    EXPECT_EQ(group.error, ErrorCode::none) << to_string(group);
    EXPECT_EQ(group.type, GroupType::classic);
    EXPECT_EQ(group.state, GroupState::stable);
    EXPECT_EQ(group.assignor, "range");
    EXPECT_EQ(group.protocol_type, "consumer");
    EXPECT_EQ(group.epoch, -1);
    EXPECT_GE(group.coordinator.id, 1);
    EXPECT_GT(group.coordinator.port, 0);
    ASSERT_TRUE(group.authorized_operations.has_value());
    EXPECT_NE(std::ranges::find(*group.authorized_operations, AclOperation::remove),
              group.authorized_operations->end());
    ASSERT_EQ(group.members.size(), 2U);
    std::map<std::string, MemberDescription> by_client;
    for (const auto& m : group.members) by_client[m.client_id] = m;
    EXPECT_EQ(by_client["two"].instance_id, "static-two");
    EXPECT_FALSE(by_client["one"].instance_id.has_value());
    EXPECT_EQ(by_client["one"].member_id, first.group_metadata().member_id);
    EXPECT_EQ(by_client["one"].topics, std::vector<std::string>{"t"});
    EXPECT_FALSE(by_client["one"].host.empty());
    EXPECT_FALSE(by_client["one"].target_assignment.has_value());
    std::vector<TopicPartition> all;
    for (const auto& m : group.members) all.insert(all.end(), m.assignment.begin(), m.assignment.end());
    std::ranges::sort(all, {}, &TopicPartition::partition);
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(all[3], TopicPartition("t", 3));

    EXPECT_EQ(described[2].state, GroupState::empty);
    EXPECT_TRUE(described[2].is_simple());
    EXPECT_FALSE(admin->describe_groups({"g"})->front().authorized_operations.has_value());
}

TEST_F(AdminGroups, asks_each_coordinator_once_for_all_of_its_groups) {
    commit_to(many);
    cluster->clear_requests();
    const auto described = admin->describe_groups(many).value();
    for (std::size_t i = 0; i < many.size(); ++i) {
        EXPECT_EQ(described[i].group_id, many[i]);
        EXPECT_EQ(described[i].state, GroupState::empty) << to_string(described[i]);
    }
    EXPECT_EQ(cluster->count(ApiKey::find_coordinator), 1U);
    EXPECT_LE(cluster->count(ApiKey::describe_groups), 3U);
}

TEST_F(AdminGroups, lists_sets_and_deletes_offsets) {
    commit_to({"g", "h"}, 10);
    const auto all = admin->list_group_offsets({{"g"}, {"h"}, {"nobody"}}).value();
    ASSERT_EQ(all.size(), 3U);
    ASSERT_EQ(all[0].partitions.size(), 2U);
    EXPECT_EQ(all[0].partitions[0].topic, "t");
    EXPECT_EQ(all[0].partitions[0].offset, Offset(10));
    EXPECT_EQ(all[0].partitions[0].metadata, "of g");
    EXPECT_EQ(all[1].partitions[1].offset, Offset(11));
    EXPECT_EQ(all[2].error, ErrorCode::none);
    EXPECT_TRUE(all[2].partitions.empty());

    AdminOptions stable;
    stable.require_stable = true;
    const auto some = admin->list_group_offsets({{"g", {{"t", 3}, {"u", 1}}}}, stable).value();
    EXPECT_EQ(some[0].partitions[0].offset, Offset::invalid());
    EXPECT_EQ(some[0].partitions[0].error, ErrorCode::none);
    EXPECT_EQ(some[0].partitions[1].offset, Offset(11));

    const auto set = admin->alter_group_offsets({{"g", {{"t", 0, 3}, {"nowhere", 0, 1}}}}).value();
    EXPECT_EQ(set[0].error, ErrorCode::none);
    EXPECT_EQ(set[0].partitions[0].error, ErrorCode::none);
    EXPECT_EQ(set[0].partitions[1].error, ErrorCode::unknown_topic_or_partition);
    EXPECT_NE(set[0].partitions[1].error.text().find("nowhere[0]"), std::string_view::npos);
    EXPECT_EQ(admin->list_group_offsets({{"g", {{"t", 0}}}})->front().partitions[0].offset, Offset(3));

    const auto deleted = admin->delete_group_offsets({{"g", {{"t", 0}}}, {"nobody", {{"t", 0}}}}).value();
    EXPECT_EQ(deleted[0].partitions[0].error, ErrorCode::none);
    EXPECT_EQ(deleted[1].error, ErrorCode::group_id_not_found);
    EXPECT_EQ(admin->list_group_offsets({{"g"}})->front().partitions.size(), 1U);

    EXPECT_EQ(admin->alter_group_offsets({{"g"}}).error(), ErrorCode::invalid_argument);
    EXPECT_EQ(admin->alter_group_offsets({{"g", {{"t", 0, Offset::end()}}}}).error(), ErrorCode::invalid_argument);
    EXPECT_EQ(admin->delete_group_offsets({{"g"}}).error(), ErrorCode::invalid_argument);
}

TEST_F(AdminGroups, what_has_members_is_left_alone) {
    auto consumer = member("g", "c");
    const auto set = admin->alter_group_offsets({{"g", {{"t", 0, 3}}}}).value();
    EXPECT_EQ(set[0].error, ErrorCode::unknown_member_id);
    EXPECT_NE(set[0].error.text().find("stop them"), std::string_view::npos) << set[0].error.text();
    const auto deleted = admin->delete_group_offsets({{"g", {{"t", 0}, {"u", 0}}}}).value();
    EXPECT_EQ(deleted[0].partitions[0].error, ErrorCode::group_subscribed_to_topic);
    EXPECT_EQ(deleted[0].partitions[1].error, ErrorCode::none);
    EXPECT_EQ(admin->delete_groups({"g"})->front().error, ErrorCode::non_empty_group);
    consumer.close(10s).value();
    const auto gone = admin->delete_groups({"g", "nowhere"}).value();
    EXPECT_EQ(gone[0].error, ErrorCode::none) << to_string(gone[0]);
    EXPECT_EQ(gone[1].error, ErrorCode::group_id_not_found);
    EXPECT_EQ(admin->describe_groups({"g"})->front().error, ErrorCode::group_id_not_found);
}

TEST_F(AdminGroups, makes_members_leave) {
    auto first = joining("g", "one");
    auto second = joining("g", "two", "static-two");
    settle({&first, &second});
    const auto wrong = admin->remove_group_members({"g", {"static-nine"}}).value();
    ASSERT_EQ(wrong.size(), 1U);
    EXPECT_EQ(wrong[0].error, ErrorCode::unknown_member_id) << to_string(wrong[0]);
    const auto before = second.group_metadata().member_id;
    const auto left = admin->remove_group_members({"g", {"static-two"}}).value();
    ASSERT_EQ(left.size(), 1U);
    EXPECT_EQ(left[0].error, ErrorCode::none) << to_string(left[0]);
    const auto described = admin->describe_groups({"g"}).value();
    // It may have joined again by now, as another.
    for (const auto& m : described[0].members) EXPECT_NE(m.member_id, before);
    MembersToRemove by_id("g");
    by_id.member_ids = {first.group_metadata().member_id};
    by_id.reason = "a test";
    EXPECT_EQ(admin->remove_group_members(by_id)->front().error, ErrorCode::none);
    EXPECT_EQ(admin->remove_group_members({"nowhere"}).error(), ErrorCode::group_id_not_found);
}

TEST_F(AdminGroups, makes_all_members_leave) {
    auto first = joining("g", "one");
    auto second = joining("g", "two", "static-two");
    settle({&first, &second});
    EXPECT_EQ(admin->remove_group_members({"g"})->size(), 2U);
}

TEST_F(AdminGroups, follows_coordinators_that_move) {
    commit_to(many, 5);
    for (const auto api : {ApiKey::describe_groups, ApiKey::offset_fetch, ApiKey::offset_commit, ApiKey::offset_delete,
                           ApiKey::delete_groups}) {
        cluster->inject(Fault::error(ErrorCode::not_coordinator).on(api).times(2));
        cluster->inject(Fault::disconnect().on(api));
        cluster->inject(Fault::error(ErrorCode::coordinator_load_in_progress).on(api));
    }
    cluster->inject(Fault::error(ErrorCode::coordinator_not_available).on(ApiKey::find_coordinator).times(2));
    for (const auto& group : admin->describe_groups(many).value())
        EXPECT_EQ(group.state, GroupState::empty) << to_string(group);
    for (const auto& group : admin->list_group_offsets({{"g0"}, {"g1"}, {"g2"}, {"g3"}}).value())
        EXPECT_EQ(group.partitions.size(), 2U) << to_string(group);
    commit_to({"g0"}, 7);
    // Really moved: the next coordinator knows it all.
    for (int p = 0; p < 6; ++p) {
        const auto leader = cluster->leader("__consumer_offsets", p).value();
        cluster->move_leader("__consumer_offsets", p, leader % 3 + 1).value();
    }
    EXPECT_EQ(admin->list_group_offsets({{"g0"}})->front().partitions.front().offset, Offset(7));
    EXPECT_EQ(admin->delete_group_offsets({{"g0", {{"t", 0}}}})->front().partitions[0].error, ErrorCode::none);
    for (const auto& result : admin->delete_groups(many).value())
        EXPECT_TRUE(result.error == ErrorCode::none || result.error == ErrorCode::group_id_not_found)
            << to_string(result);
    EXPECT_TRUE(admin->list_groups({})->groups.empty());
}

TEST_F(AdminGroups, a_coordinator_that_stays_away_is_told_at_the_deadline) {
    cluster->inject(Fault::error(ErrorCode::coordinator_not_available).on(ApiKey::find_coordinator).always());
    AdminOptions options;
    options.timeout = 300ms;
    const auto described = admin->describe_groups({"g"}, options).value();
    EXPECT_EQ(described[0].error, ErrorCode::timed_out) << to_string(described[0]);
    EXPECT_NE(described[0].error.text().find("COORDINATOR_NOT_AVAILABLE"), std::string_view::npos)
        << described[0].error.text();
}

boost::asio::awaitable<void> groups_from_a_coroutine(Admin& admin, std::vector<std::string>& out) {
    AdminOptions options;
    std::vector<GroupOffsets> offsets;
    offsets.emplace_back("g", std::vector<TopicPartition>{TopicPartition("t", 0, 4)});
    const auto set = co_await admin.async_alter_group_offsets(std::move(offsets), options, boost::asio::use_awaitable);
    out.push_back(set ? to_string(set->front()) : to_string(set.error()));
    GroupFilter all;
    const auto list = co_await admin.async_list_groups(all, options, boost::asio::use_awaitable);
    out.push_back(list ? to_string(list->groups.front()) : to_string(list.error()));
    (void)co_await admin.async_close(boost::asio::use_awaitable);
}

TEST_F(AdminGroups, runs_on_the_callers_executor) {
    boost::asio::io_context io;
    auto own = Admin::create(io.get_executor(), {{"bootstrap.servers", cluster->bootstrap_servers()}}).value();
    std::vector<std::string> out;
    boost::asio::co_spawn(io, groups_from_a_coroutine(own, out), boost::asio::detached);
    io.run_for(20s);
    EXPECT_EQ(out, (std::vector<std::string>{"group g, 1 partitions", "group g, Classic, Empty"}));
}

TEST_F(AdminGroups, cancelling_ends_the_wait_for_all_brokers) {
    admin->list_groups({}).value();
    cluster->inject(Fault::delay(20s).on(ApiKey::list_groups).times(3));
    boost::asio::io_context io;
    auto own = Admin::create(io.get_executor(), {{"bootstrap.servers", cluster->bootstrap_servers()}}).value();
    boost::asio::cancellation_signal cancel;
    std::optional<Error> told;
    const auto done = [&](Result<GroupList> r) { told = r ? Error() : r.error(); };
    own.async_list_groups({}, {}, boost::asio::bind_cancellation_slot(cancel.slot(), done));
    for (int i = 0; i < 1000 && cluster->count(ApiKey::list_groups) < 3 + 3; ++i) io.run_for(10ms);
    ASSERT_FALSE(told.has_value());
    cancel.emit(boost::asio::cancellation_type::terminal);
    for (int i = 0; i < 100 && !told; ++i) io.run_for(10ms);
    ASSERT_TRUE(told.has_value());
    EXPECT_EQ(*told, ErrorCode::cancelled);
    own.async_close([](Result<void>) {});
    cluster->clear_faults();
    io.run_for(100ms);
}

TEST(GroupWords, are_short) {
    GroupListing listing;
    listing.group_id = "g";
    EXPECT_EQ(to_string(listing), "group g, Unknown, Unknown");
    GroupList list;
    list.groups.push_back(listing);
    list.errors.push_back(Error::of(ErrorCode::transport));
    EXPECT_EQ(to_string(list), "1 groups, 1 brokers did not answer");
    MemberDescription member;
    member.member_id = "m";
    member.client_id = "c";
    member.host = "/h";
    EXPECT_EQ(to_string(member), "member m of c at /h, 0 partitions");
    GroupDescription group;
    group.group_id = "g";
    EXPECT_EQ(to_string(group), "group g, Unknown, Unknown, 0 members");
    group.error = Error::of(ErrorCode::group_id_not_found, "gone");
    EXPECT_EQ(to_string(group), "group g: GROUP_ID_NOT_FOUND: gone");
    EXPECT_EQ(to_string(MembersToRemove("g")), "group g, all members");
    EXPECT_EQ(to_string(MembersToRemove("g", {"a"})), "group g, 1 members");
    RemovedMember removed;
    removed.instance_id = "a";
    EXPECT_EQ(to_string(removed), "member a");
    EXPECT_EQ(to_string(AclOperation::remove), "delete");
    EXPECT_EQ(to_string(static_cast<AclOperation>(99)), "unknown");
}

TEST(GroupWords, states_and_types_are_read_however_they_are_written) {
    for (const auto state : {GroupState::preparing_rebalance, GroupState::empty, GroupState::reconciling})
        EXPECT_EQ(*parse_group_state(to_string(state)), state);
    EXPECT_EQ(*parse_group_state("stable"), GroupState::stable);
    EXPECT_EQ(*parse_group_type("CONSUMER"), GroupType::consumer);
    EXPECT_EQ(parse_group_type("queue").error(), ErrorCode::invalid_argument);
    EXPECT_NE(parse_group_state("asleep").error().text().find("Stable"), std::string_view::npos);
}

}  // namespace
}  // namespace ottla
