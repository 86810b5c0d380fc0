// SPDX-License-Identifier: Apache-2.0
// The admin client against real brokers in this process, on real sockets.
#include <gtest/gtest.h>
#include <boost/asio.hpp>
#include <ottla/admin.hpp>
#include <ottla/broker/cluster.hpp>
#include <ottla/producer.hpp>

namespace ottla {
namespace {

using namespace std::chrono_literals;
using broker::Fault;
using protocol::ApiKey;

class AdminBroker : public ::testing::Test {
protected:
    explicit AdminBroker(int brokers = 3) {
        broker::ClusterOptions options;
        options.brokers = brokers;
        cluster.emplace(broker::Cluster::start(options).value());
        admin.emplace(
            Admin::create({{"bootstrap.servers", cluster->bootstrap_servers()}, {"reconnect.backoff.ms", 10}}).value());
    }
    std::optional<broker::Cluster> cluster;
    std::optional<Admin> admin;
};

TEST_F(AdminBroker, makes_describes_grows_and_deletes_topics) {
    NewTopic wanted("a", 3, 1);
    wanted.configs["retention.ms"] = "1000";
    const auto made = admin->create_topics({wanted, NewTopic("b", 1, 1), NewTopic("bad name", 1, 1)}).value();
    ASSERT_EQ(made.size(), 3U);
    EXPECT_EQ(made[0].error, ErrorCode::none) << to_string(made[0].error);
    EXPECT_EQ(made[0].partition_count, 3);
    EXPECT_FALSE(made[0].id.is_zero());
    EXPECT_EQ(made[1].error, ErrorCode::none);
    EXPECT_EQ(made[2].error, ErrorCode::invalid_topic_exception);
    EXPECT_NE(made[2].error.text().find("bad name"), std::string_view::npos) << made[2].error.text();
    EXPECT_EQ(admin->create_topics({wanted})->front().error, ErrorCode::topic_already_exists);

    const auto listed = admin->list_topics().value();
    ASSERT_EQ(listed.size(), 2U);
    EXPECT_EQ(listed[0].name, "a");
    EXPECT_EQ(listed[0].id, made[0].id);

    const auto described = admin->describe_topics({"b", "a", "c"}).value();
    ASSERT_EQ(described.size(), 3U);
    EXPECT_EQ(described[0].name, "b");
    EXPECT_EQ(described[1].partitions.size(), 3U);
    EXPECT_EQ(described[1].id, made[0].id);
    EXPECT_EQ(described[2].error, ErrorCode::unknown_topic_or_partition);

    const auto grown = admin->create_partitions({{"a", 5}, {"b", 1}, {"c", 2}}).value();
    EXPECT_EQ(grown[0].error, ErrorCode::none) << to_string(grown[0].error);
    EXPECT_EQ(grown[1].error, ErrorCode::invalid_partitions);
    EXPECT_EQ(grown[2].error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(admin->describe_topics({"a"})->front().partitions.size(), 5U);

    const auto deleted = admin->delete_topics({"b", "c"}).value();
    EXPECT_EQ(deleted[0].error, ErrorCode::none);
    EXPECT_EQ(deleted[1].error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(admin->list_topics()->size(), 1U);
}

TEST_F(AdminBroker, only_checks_when_asked_to) {
    AdminOptions options;
    options.validate_only = true;
    EXPECT_EQ(admin->create_topics({{"a", 1, 1}}, options)->front().error, ErrorCode::none);
    EXPECT_TRUE(admin->list_topics()->empty());
}

TEST_F(AdminBroker, describes_the_cluster) {
    const auto described = admin->describe_cluster().value();
    EXPECT_FALSE(described.cluster_id.empty());
    ASSERT_EQ(described.nodes.size(), 3U);
    EXPECT_EQ(described.nodes[0].id, 1);
    EXPECT_EQ(described.nodes[2].id, 3);
    const auto metadata = admin->metadata({}, 10s).value();
    EXPECT_EQ(metadata.brokers, described.nodes);
}

TEST_F(AdminBroker, reads_and_changes_settings) {
    cluster->create_topic("a").value();
    const auto retention = [&] {
        ConfigResource resource(ResourceType::topic, "a");
        resource.keys = {"retention.ms"};
        const auto found = admin->describe_configs({resource}).value();
        EXPECT_EQ(found.front().error, ErrorCode::none) << to_string(found.front().error);
        EXPECT_EQ(found.front().entries.size(), 1U);
        return found.front().entries.empty() ? ConfigEntry() : found.front().entries.front();
    };
    EXPECT_EQ(retention().source, ConfigSource::default_value);
    const auto set =
        admin->incremental_alter_configs({{ResourceType::topic, "a", {{"retention.ms", AlterOperation::set, "1234"}}},
                                          {ResourceType::topic, "b", {{"retention.ms", AlterOperation::set, "1234"}}}});
    ASSERT_TRUE(set.has_value()) << to_string(set.error());
    EXPECT_EQ((*set)[0].error, ErrorCode::none) << to_string((*set)[0].error);
    EXPECT_EQ((*set)[1].error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(retention().value, "1234");
    EXPECT_EQ(retention().source, ConfigSource::dynamic_topic);
    const auto removed =
        admin->incremental_alter_configs({{ResourceType::topic, "a", {{"retention.ms", AlterOperation::remove}}}});
    EXPECT_EQ(removed->front().error, ErrorCode::none);
    EXPECT_EQ(retention().source, ConfigSource::default_value);
    const auto wrong =
        admin->incremental_alter_configs({{ResourceType::topic, "a", {{"retention.ms", AlterOperation::set, "soon"}}}});
    EXPECT_EQ(wrong->front().error, ErrorCode::invalid_config);

    // Each broker answers for itself.
    const auto brokers = admin->describe_configs({{ResourceType::broker, "1"}, {ResourceType::broker, "3"}}).value();
    for (const auto& b : brokers) EXPECT_EQ(b.error, ErrorCode::none) << to_string(b.error);
}

TEST_F(AdminBroker, lists_offsets) {
    cluster->create_topic("a").value();
    const auto listed =
        admin->list_offsets({{"a", 0, Offset::beginning()}, {"a", 0, Offset::end()}, {"a", 4, 0}}).value();
    EXPECT_EQ(listed[0].partition.offset, Offset(0));
    EXPECT_EQ(listed[1].partition.offset, Offset(0));
    EXPECT_EQ(listed[2].partition.error, ErrorCode::unknown_partition);
    EXPECT_EQ(admin->list_offsets({{"a", 0, at_max_timestamp}})->front().partition.offset, Offset(-1));
    auto producer = Producer::create({{"bootstrap.servers", cluster->bootstrap_servers()}}).value();
    for (const std::int64_t time : {100, 300, 200}) {
        Record record;
        record.topic = "a";
        record.timestamp_ms = time;
        producer.produce(record).value();
    }
    producer.flush(10s).value();
    const auto latest = admin->list_offsets({{"a", 0, at_max_timestamp}, {"a", 0, 150}}).value();
    EXPECT_EQ(latest[0].partition.offset, Offset(1));
    EXPECT_EQ(latest[0].timestamp_ms, 300);
    EXPECT_EQ(latest[1].partition.offset, Offset(1));
    EXPECT_EQ(admin->list_offsets({{"a", 0, Offset::stored()}}).error(), ErrorCode::invalid_argument);
}

TEST_F(AdminBroker, deletes_the_oldest_records) {
    ASSERT_EQ(admin->create_topics({NewTopic("a", 3, 1), NewTopic("b", 1, 1)})->front().error, ErrorCode::none);
    auto producer = Producer::create({{"bootstrap.servers", cluster->bootstrap_servers()}}).value();
    for (int i = 0; i < 15; ++i) {
        Record record;
        record.topic = "a";
        record.partition = i % 3;
        record.value = "value";
        producer.produce(record).value();
    }
    producer.flush(10s).value();
    const auto deleted =
        admin->delete_records({{"a", 0, 2}, {"a", 1, Offset::end()}, {"a", 2, 6}, {"a", 3, 1}, {"b", 0, Offset::end()}})
            .value();
    ASSERT_EQ(deleted.size(), 5U);
    EXPECT_EQ(deleted[0].offset, Offset(2)) << to_string(deleted[0].error);
    EXPECT_EQ(deleted[1].offset, Offset(5));
    EXPECT_EQ(deleted[2].error, ErrorCode::offset_out_of_range);
    EXPECT_NE(deleted[2].error.text().find("a[2]"), std::string_view::npos) << deleted[2].error.text();
    EXPECT_EQ(deleted[2].offset, Offset::invalid());
    EXPECT_EQ(deleted[3].error, ErrorCode::unknown_partition);
    EXPECT_EQ(deleted[4].offset, Offset(0));
    AdminOptions brief;
    brief.timeout = 1500ms;
    EXPECT_EQ(admin->delete_records({{"c", 0, 1}}, brief)->front().error, ErrorCode::unknown_topic_or_partition);
    const auto begins = admin->list_offsets({{"a", 0, Offset::beginning()}, {"a", 1, Offset::beginning()}}).value();
    EXPECT_EQ(begins[0].partition.offset, Offset(2));
    EXPECT_EQ(begins[1].partition.offset, Offset(5));
    EXPECT_EQ(admin->delete_records({{"a", 0, Offset::beginning()}}).error(), ErrorCode::invalid_argument);

    cluster->inject(Fault::error(ErrorCode::not_leader_or_follower).on(ApiKey::delete_records));
    EXPECT_EQ(admin->delete_records({{"a", 0, 3}})->front().offset, Offset(3));
}

TEST_F(AdminBroker, describes_the_directories_of_logs) {
    const auto made = admin->create_topics({NewTopic("a", 3, 1)}).value();
    ASSERT_EQ(made[0].error, ErrorCode::none);
    auto producer = Producer::create({{"bootstrap.servers", cluster->bootstrap_servers()}}).value();
    Record record;
    record.topic = "a";
    record.partition = 1;
    record.value = "some value";
    producer.produce(record).value();
    producer.flush(10s).value();
    const auto brokers = admin->describe_log_dirs({}).value();
    ASSERT_EQ(brokers.size(), 3U);
    std::map<std::int32_t, std::int64_t> bytes;
    for (std::size_t i = 0; i < brokers.size(); ++i) {
        EXPECT_EQ(brokers[i].broker, static_cast<std::int32_t>(i + 1));
        EXPECT_EQ(brokers[i].error, ErrorCode::none) << to_string(brokers[i].error);
        ASSERT_EQ(brokers[i].directories.size(), 1U);
        const auto& directory = brokers[i].directories[0];
        EXPECT_EQ(directory.error, ErrorCode::none);
        EXPECT_FALSE(directory.path.empty());
        EXPECT_GT(directory.usable_bytes, 0);
        EXPECT_GE(directory.total_bytes, directory.usable_bytes);
        for (const auto& replica : directory.replicas) {
            EXPECT_EQ(replica.topic, "a");
            EXPECT_EQ(replica.offset_lag, 0);
            EXPECT_FALSE(replica.is_future);
            bytes[replica.partition] = replica.bytes;
        }
    }
    ASSERT_EQ(bytes.size(), 3U);
    EXPECT_EQ(bytes[0], 0);
    EXPECT_GT(bytes[1], 61);

    const auto some = admin->describe_log_dirs({3, 77}).value();
    ASSERT_EQ(some.size(), 2U);
    EXPECT_EQ(some[0].broker, 3);
    EXPECT_EQ(some[0].error, ErrorCode::none);
    EXPECT_EQ(some[1].error, ErrorCode::unknown_broker) << to_string(some[1].error);
    EXPECT_EQ(admin->describe_log_dirs({77}).error(), ErrorCode::unknown_broker);
}

TEST_F(AdminBroker, tries_again_what_a_lost_connection_interrupted) {
    cluster->inject(Fault::disconnect().on(ApiKey::metadata).times(2));
    EXPECT_TRUE(admin->list_topics().has_value());
    cluster->inject(Fault::disconnect().on(ApiKey::describe_cluster));
    EXPECT_TRUE(admin->describe_cluster().has_value());
    cluster->inject(Fault::error(ErrorCode::not_controller).on(ApiKey::create_topics));
    EXPECT_EQ(admin->create_topics({{"a", 1, 1}})->front().error, ErrorCode::none);
}

TEST_F(AdminBroker, a_broker_that_is_silent_is_told_at_the_deadline) {
    for (const int b : {1, 2, 3}) cluster->cut_link(b);
    AdminOptions options;
    options.timeout = 100ms;
    EXPECT_FALSE(admin->list_topics(options).has_value());
    EXPECT_FALSE(admin->create_topics({{"a", 1, 1}}, options).has_value());
}

boost::asio::awaitable<void> from_a_coroutine(Admin& admin, std::vector<std::string>& out) {
    std::vector<NewTopic> topics;
    topics.emplace_back("a", 2, std::int16_t{1});
    AdminOptions options;
    const auto made = co_await admin.async_create_topics(std::move(topics), options, boost::asio::use_awaitable);
    out.push_back(made ? to_string(made->front().error) : to_string(made.error()));
    const auto metadata = co_await admin.async_metadata("a", 10s, boost::asio::use_awaitable);
    out.push_back(metadata ? to_string(metadata->topics.front().partitions.at(1)) : to_string(metadata.error()));
    const auto closed = co_await admin.async_close(boost::asio::use_awaitable);
    out.push_back(closed ? "closed" : to_string(closed.error()));
}

TEST_F(AdminBroker, runs_on_the_callers_executor) {
    boost::asio::io_context io;
    auto own = Admin::create(io.get_executor(), {{"bootstrap.servers", cluster->bootstrap_servers()}}).value();
    std::vector<std::string> out;
    boost::asio::co_spawn(io, from_a_coroutine(own, out), boost::asio::detached);
    io.run_for(20s);
    ASSERT_EQ(out.size(), 3U);
    EXPECT_TRUE(out[0].starts_with("NONE")) << out[0];
    EXPECT_TRUE(out[1].starts_with("partition 1, leader ")) << out[1];
    EXPECT_EQ(out[2], "closed");
    EXPECT_TRUE(io.stopped());
}

TEST_F(AdminBroker, counts_what_goes_to_its_brokers) {
    admin->list_topics().value();
    const auto told = admin->statistics(5s).value();
    for (const char* part : {"\"type\":\"admin\"", "\"Metadata\":", "\"rtt\":{", "\"state\":\"UP\""})
        EXPECT_NE(told.find(part), std::string::npos) << part << " in " << told;
    admin->close(5s).value();
    EXPECT_EQ(admin->statistics(5s).error(), ErrorCode::closed);
}

TEST_F(AdminBroker, a_closed_client_says_so) {
    admin->close(5s).value();
    EXPECT_EQ(admin->close(5s).error(), ErrorCode::closed);
    EXPECT_EQ(admin->list_topics().error(), ErrorCode::closed);
    EXPECT_EQ(admin->create_topics({{"a", 1, 1}}).error(), ErrorCode::closed);
    boost::asio::io_context io;
    std::optional<Error> async;
    auto done = boost::asio::bind_executor(io, [&](Result<ClusterDescription> r) { async = r.error(); });
    auto work = boost::asio::make_work_guard(io);
    admin->async_describe_cluster({}, std::move(done));
    io.run_one_for(10s);
    ASSERT_TRUE(async.has_value());
    EXPECT_EQ(*async, ErrorCode::closed);
}

TEST(AdminAlone, absent_and_wrong_addresses_are_told_within_the_deadline) {
    AdminOptions options;
    options.timeout = 200ms;
    auto absent = Admin::create({{"bootstrap.servers", "127.0.0.1:1"}, {"log_level", 0}}).value();
    const auto listed = absent.list_topics(options);
    EXPECT_EQ(listed.error(), ErrorCode::all_brokers_down);
    EXPECT_NE(listed.error().text().find("bootstrap.servers"), std::string_view::npos) << listed.error().text();
    auto nowhere = Admin::create({{"bootstrap.servers", "no-such-host.invalid:9092"}, {"log_level", 0}}).value();
    const auto described = nowhere.describe_cluster(options);
    ASSERT_FALSE(described.has_value());
    EXPECT_NE(described.error().text().find("no-such-host.invalid"), std::string_view::npos)
        << described.error().text();
}

}  // namespace
}  // namespace ottla
