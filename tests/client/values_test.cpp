// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <ottla/admin.hpp>
#include <ottla/config.hpp>
#include <ottla/consumer.hpp>
#include <ottla/producer.hpp>

#include "client/consumer/fetched_records.hpp"

namespace ottla {
namespace {

// What gcc 12 destroys twice inside a co_await expression, if it is neither a view nor made by a constructor.
static_assert(std::is_trivially_destructible_v<Record> && std::is_trivially_destructible_v<Header>);
static_assert(!std::is_aggregate_v<NewTopic> && !std::is_aggregate_v<TopicPartition> && !std::is_aggregate_v<Config>);

TEST(Offset, reads_what_it_writes) {
    for (const Offset o : {Offset(0), Offset(42), Offset::beginning(), Offset::end(), Offset::stored(),
                           Offset::invalid(), Offset::tail(0), Offset::tail(7)})
        EXPECT_EQ(Offset::parse(to_string(o)).value(), o) << to_string(o);
    EXPECT_EQ(Offset::parse("latest").value(), Offset::end());
    EXPECT_EQ(Offset::parse("earliest").value(), Offset::beginning());
    for (const char* bad : {"", "-1", "1x", "tail()", "tail(-1)", "tail(9223372036854775807)", "99999999999999999999"})
        EXPECT_EQ(Offset::parse(bad).error(), ErrorCode::invalid_argument) << bad;
    EXPECT_EQ(Offset::tail(7).tail_count(), 7);
    EXPECT_TRUE(Offset::tail(7).is_tail());
    EXPECT_FALSE(Offset::invalid().is_tail());
}

TEST(BytesView, tells_null_from_empty) {
    EXPECT_TRUE(BytesView().is_null());
    EXPECT_TRUE(BytesView(nullptr).is_null());
    EXPECT_FALSE(BytesView("").is_null());
    EXPECT_FALSE(BytesView(ByteSpan{}).is_null());
    EXPECT_FALSE(BytesView(std::string()).is_null());
    EXPECT_NE(BytesView(), BytesView(""));
    EXPECT_EQ(BytesView("a"), BytesView(std::string("a")));
}

TEST(Text, shows_values_on_one_line) {
    TopicPartition tp("orders", 3, 42);
    EXPECT_EQ(to_string(tp), "orders[3]@42");
    tp.error = Error::of(ErrorCode::unknown_partition);
    EXPECT_TRUE(to_string(tp).starts_with("orders[3]@42: UNKNOWN_PARTITION"));
    EXPECT_EQ(to_string(Header{"h", nullptr}), "h=null");
    EXPECT_EQ(to_string(Header{"h", "a\n"}), "h=a\\x0a");
    DeliveryReport report(std::make_shared<const std::string>("orders"), 1);
    report.offset = 5;
    report.status = DeliveryStatus::persisted;
    EXPECT_TRUE(static_cast<bool>(report));
    EXPECT_EQ(to_string(report), "orders[1]@5 persisted");
    report.error = Error::of(ErrorCode::message_timed_out);
    EXPECT_FALSE(static_cast<bool>(report));
    EXPECT_EQ(to_string(PartitionEof{"t", 0, 9}), "end of t[0] at 9");
    EXPECT_TRUE(to_string(Event(Error::of(ErrorCode::closed))).starts_with("CLOSED"));
    Node node;
    node.id = 1;
    node.host = "h";
    node.port = 9092;
    EXPECT_EQ(to_string(node), "1 at h:9092");
    EXPECT_EQ(parse_resource_type("topic").value(), ResourceType::topic);
    EXPECT_FALSE(parse_resource_type("tropic").has_value());
}

TEST(Text, shows_what_is_written_and_read) {
    EXPECT_EQ(to_string(Record{.topic = "orders", .key = "7", .value = nullptr}), "orders key=7 value=null");
    EXPECT_EQ(to_string(Record{.topic = "orders", .value = "v", .partition = 3}), "orders[3] key=null value=v");
    EXPECT_EQ(to_string(PurgeWhat::in_flight), "in flight");
    EXPECT_EQ(to_string(MessageBatch()), "no messages");
    EXPECT_EQ(to_string(WatermarkOffsets{Offset(3), Offset(42)}), "3..42");
}

TEST(Text, shows_what_an_admin_is_told) {
    TopicResult topic;
    topic.name = "orders";
    EXPECT_EQ(to_string(topic), "topic orders");
    topic.partition_count = 6;
    topic.replication_factor = 1;
    EXPECT_TRUE(to_string(topic).starts_with("topic orders, 6 partitions, 1 replicas, id "));
    topic.error = Error::of(ErrorCode::topic_already_exists);
    EXPECT_TRUE(to_string(topic).starts_with("topic orders: TOPIC_ALREADY_EXISTS"));
    TopicListing listing;
    listing.name = "__consumer_offsets";
    listing.is_internal = true;
    EXPECT_TRUE(to_string(listing).ends_with(", internal"));
    ClusterDescription cluster;
    cluster.cluster_id = "c";
    cluster.nodes.resize(3);
    EXPECT_EQ(to_string(cluster), "cluster c, 3 brokers, controller -1");

    ConfigEntry entry;
    entry.name = "retention.ms";
    entry.source = ConfigSource::dynamic_topic;
    EXPECT_EQ(to_string(entry), "retention.ms=(unset) (dynamic_topic)");
    entry.value = "1000";
    EXPECT_EQ(to_string(entry), "retention.ms=1000 (dynamic_topic)");
    entry.is_sensitive = true;
    EXPECT_EQ(to_string(entry), "retention.ms=(hidden) (dynamic_topic)");
    ConfigResult configs;
    configs.type = ResourceType::broker;
    configs.name = "1";
    configs.entries.push_back(entry);
    EXPECT_EQ(to_string(configs), "broker 1, 1 configs");

    ListedOffset at;
    at.partition = TopicPartition("orders", 3, 42);
    EXPECT_EQ(to_string(at), "orders[3]@42");
    at.timestamp_ms = 1000;
    EXPECT_EQ(to_string(at), "orders[3]@42 timestamp 1000");
    LogDirDescription directory;
    directory.path = "/data";
    ReplicaOnDisk& replica = directory.replicas.emplace_back();
    replica.topic = "orders";
    replica.bytes = 7;
    EXPECT_EQ(to_string(replica), "orders[0] 7 bytes, 0 behind");
    EXPECT_EQ(to_string(directory), "/data, 1 partitions");
    BrokerLogDirs broker;
    broker.broker = 1;
    broker.directories.push_back(directory);
    EXPECT_EQ(to_string(broker), "broker 1, 1 directories");
    broker.error = Error::of(ErrorCode::timed_out);
    EXPECT_TRUE(to_string(broker).starts_with("broker 1: TIMED_OUT"));
}

TEST(Text, shows_what_an_admin_asks_for) {
    NewTopic topic("orders");
    EXPECT_EQ(to_string(topic), "topic orders, default partitions, default replicas");
    topic.partition_count = 6;
    topic.replication_factor = 3;
    topic.configs["retention.ms"] = "1000";
    EXPECT_EQ(to_string(topic), "topic orders, 6 partitions, 3 replicas, 1 configs");
    topic.replica_assignment = {{1, 2}, {2, 1}};
    EXPECT_EQ(to_string(topic), "topic orders, 2 partitions as assigned, 1 configs");
    NewPartitions more("orders", 12);
    EXPECT_EQ(to_string(more), "topic orders, 12 partitions in all");
    more.replica_assignment = {{1}};
    EXPECT_EQ(to_string(more), "topic orders, 12 partitions in all as assigned");

    ConfigResource resource(ResourceType::topic, "orders");
    EXPECT_EQ(to_string(resource), "topic orders, all configs");
    resource.keys = {"retention.ms", "cleanup.policy"};
    EXPECT_EQ(to_string(resource), "topic orders, retention.ms,cleanup.policy");
    const ConfigAlteration set("retention.ms", AlterOperation::set, "1000");
    EXPECT_EQ(to_string(set), "set retention.ms");
    const ConfigAlteration remove("cleanup.policy", AlterOperation::remove);
    EXPECT_EQ(to_string(ResourceAlterations(ResourceType::topic, "orders", {set, remove})),
              "topic orders: set retention.ms, delete cleanup.policy");
    EXPECT_EQ(to_string(ResourceAlterations(ResourceType::broker, "1", {})), "broker 1:");
}

TEST(Text, shows_what_a_property_is) {
    const auto shown = [](std::string_view name) {
        for (const ConfigProperty& property : config_properties())
            if (property.name == name) return to_string(property);
        return std::string();
    };
    EXPECT_EQ(to_string(ConfigProperty::State::refused), "refused");
    EXPECT_EQ(shown("queue.buffering.max.ms"), "queue.buffering.max.ms (P, real 0 .. 900000, default 5): implemented");
    EXPECT_EQ(shown("linger.ms"),
              "linger.ms (P, real 0 .. 900000, default 5): implemented, for queue.buffering.max.ms");
}

TEST(Text, shows_a_view_of_a_message) {
    MessageView::Parts parts;
    parts.offset = 10;
    const Bytes value = Bytes::copy_of("v");
    parts.value = value.span();
    EXPECT_EQ(to_string(MessageView(parts)), "@10 key=null value=v");
}

TEST(Message, copy_stands_alone) {
    auto budget = std::make_shared<client::MemoryBudget>(1000, Function<void()>());
    Message copy;
    {
        // key "k", value "v", header "h" = null and "h" = "x"
        const std::string headers("\x02h\x01\x02h\x02x", 7);
        auto records = std::make_shared<FetchedRecords>();
        records->topic = std::make_shared<const std::string>("t");
        records->partition = 2;
        Bytes memory = Bytes::copy_of("kv" + headers);
        MessageView::Parts parts;
        parts.offset = 10;
        parts.key = memory.span().subspan(0, 1);
        parts.value = memory.span().subspan(1, 1);
        parts.headers = memory.data() + 2;
        parts.headers_size = 7;
        parts.header_count = 2;
        records->response = std::make_shared<const client::ChargedBytes>(std::move(memory), budget);
        const Message message(MessageView(parts), records);
        copy = message.copy();
        EXPECT_GT(budget->used(), 0);
    }
    EXPECT_EQ(budget->used(), 0) << "the copy still holds the response";
    EXPECT_EQ(copy.topic(), "t");
    EXPECT_EQ(copy.partition(), 2);
    EXPECT_EQ(copy.offset(), 10);
    EXPECT_EQ(copy.key(), BytesView("k"));
    EXPECT_EQ(copy.value(), BytesView("v"));
    ASSERT_EQ(copy.headers().size(), 2U);
    EXPECT_EQ(copy.headers()[0], (Header{"h", nullptr}));
    EXPECT_EQ(copy.header("h"), BytesView("x"));
    EXPECT_TRUE(copy.header("other").is_null());
    EXPECT_EQ(to_string(copy), "t[2]@10 key=k value=v");
}

TEST(MemoryBudget, tells_when_there_is_room_again) {
    int told = 0;
    client::MemoryBudget budget(100, [&] { ++told; });
    budget.charge(60);
    budget.charge(60);
    EXPECT_LT(budget.room(), 0);
    budget.give_back(60);
    EXPECT_EQ(told, 1);
    budget.give_back(60);
    EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace ottla
