// SPDX-License-Identifier: Apache-2.0
// The control-plane APIs through a real connection, at every version.
#include "broker/handlers/api_versions.hpp"
#include "broker/handlers/create_partitions.hpp"
#include "broker/handlers/create_topics.hpp"
#include "broker/handlers/delete_topics.hpp"
#include "broker/handlers/describe_cluster.hpp"
#include "broker/handlers/describe_configs.hpp"
#include "broker/handlers/describe_topic_partitions.hpp"
#include "broker/handlers/incremental_alter_configs.hpp"
#include "broker/handlers/init_producer_id.hpp"
#include "broker/handlers/metadata.hpp"
#include "broker/handlers/table.hpp"
#include "simulated_cluster.hpp"

namespace ottla::broker {
namespace {

class ControlPlane : public ::testing::Test {
protected:
    ControlPlane() { cluster.start(); }

    template <class Handler>
    typename Handler::Response ask(typename Handler::Request request, std::int16_t version) {
        const auto response = cluster.call(1, std::move(request), version);
        EXPECT_TRUE(response.has_value()) << "version " << version << ": " << response.error().text();
        return response ? *response : typename Handler::Response{};
    }

    // Every version is answered, and so is every version's error answer.
    template <class Handler, class Check>
    void at_every_version(typename Handler::Request request, Check check) {
        for (auto version = Handler::versions.min; version <= Handler::versions.max; ++version) {
            SCOPED_TRACE(version);
            check(ask<Handler>(request, version), version);
            protocol::Writer writer;
            const auto error = Handler::error_answer(request, version, ErrorCode::unknown_server_error);
            const auto written = encode(writer, error, version);
            EXPECT_TRUE(written.has_value()) << written.error().text();
        }
    }

    SimulatedCluster cluster{1, 3};
};

TEST_F(ControlPlane, api_versions_tell_features_as_each_version_can_hold_them) {
    ApiVersionsHandler::Request request;
    request.client_software_name = "test";
    request.client_software_version = "1.0";
    at_every_version<ApiVersionsHandler>(request, [](const auto& response, std::int16_t version) {
        EXPECT_EQ(response.api_keys.size(), api_table().size());
        EXPECT_EQ(response.api_keys.at(0).min_version, 0);  // Produce
        EXPECT_EQ(response.supported_features.size(), version < 3 ? 0U : version == 3 ? 1U : 7U);
        EXPECT_EQ(response.finalized_features.size(), version < 3 ? 0U : 6U);
    });
    request.client_software_name = "no good-";
    EXPECT_EQ(ask<ApiVersionsHandler>(request, 3).error_code, static_cast<std::int16_t>(ErrorCode::invalid_request));
}

TEST_F(ControlPlane, metadata_creates_what_is_asked_for_when_it_may) {
    MetadataHandler::Request request;
    request.topics.emplace();
    for (const auto* name : {"auto", "bad name"}) request.topics->emplace_back().name = name;
    request.allow_auto_topic_creation = false;
    const auto none = ask<MetadataHandler>(request, 12);
    EXPECT_EQ(none.topics.at(0).error_code, static_cast<std::int16_t>(ErrorCode::unknown_topic_or_partition));
    request.allow_auto_topic_creation = true;
    const auto made = ask<MetadataHandler>(request, 12);
    EXPECT_EQ(made.topics.at(0).error_code, 0);
    EXPECT_EQ(made.topics.at(0).partitions.at(0).leader_id, 1);
    EXPECT_EQ(made.topics.at(1).error_code, static_cast<std::int16_t>(ErrorCode::invalid_topic_exception));
    EXPECT_EQ(cluster.produce(1, "auto", 0, "at once"), ErrorCode::none);
}

TEST_F(ControlPlane, metadata_at_every_version) {
    ASSERT_TRUE(cluster.run(cluster.core().create_topic("t", 2, 1)).has_value());
    MetadataHandler::Request request;
    request.topics.emplace();
    request.topics->emplace_back().name = "t";
    at_every_version<MetadataHandler>(request, [](const auto& response, std::int16_t) {
        ASSERT_EQ(response.topics.size(), 1U);
        EXPECT_EQ(response.topics[0].partitions.size(), 2U);
        EXPECT_EQ(response.brokers.at(0).host, "broker-1");
    });
    MetadataHandler::Request by_id;
    by_id.topics.emplace();
    auto& known = by_id.topics->emplace_back();
    known.topic_id = cluster.image().topic("t")->id;
    known.name.reset();
    auto& unknown = by_id.topics->emplace_back();
    unknown.topic_id.bytes[0] = 1;
    unknown.name.reset();
    const auto response = ask<MetadataHandler>(by_id, 13);
    EXPECT_EQ(response.topics.at(0).name, "t");
    EXPECT_EQ(response.topics.at(1).error_code, static_cast<std::int16_t>(ErrorCode::unknown_topic_id));
    MetadataHandler::Request all;
    all.topics.emplace();
    EXPECT_EQ(ask<MetadataHandler>(all, 0).topics.size(), 1U);
    EXPECT_EQ(ask<MetadataHandler>(all, 1).topics.size(), 0U);
}

TEST_F(ControlPlane, topics_are_created_grown_and_deleted_at_every_version) {
    for (auto version = CreateTopicsHandler::versions.min; version <= CreateTopicsHandler::versions.max; ++version) {
        CreateTopicsHandler::Request request;
        auto& topic = request.topics.emplace_back();
        topic.name = "v" + std::to_string(version);
        topic.num_partitions = 1;
        topic.replication_factor = 1;
        const auto created = ask<CreateTopicsHandler>(request, version);
        EXPECT_EQ(created.topics.at(0).error_code, 0);
        EXPECT_EQ(ask<CreateTopicsHandler>(request, version).topics.at(0).error_code,
                  static_cast<std::int16_t>(ErrorCode::topic_already_exists));
        if (version >= 5) {
            EXPECT_EQ(created.topics.at(0).num_partitions, 1);
        }
    }
    for (auto version = CreatePartitionsHandler::versions.min; version <= CreatePartitionsHandler::versions.max;
         ++version) {
        CreatePartitionsHandler::Request request;
        request.timeout_ms = 5000;
        auto& topic = request.topics.emplace_back();
        topic.name = "v2";
        topic.count = version + 2;
        topic.assignments.reset();
        EXPECT_EQ(ask<CreatePartitionsHandler>(request, version).results.at(0).error_code, 0);
    }
    EXPECT_EQ(cluster.image().topic("v2")->partitions.size(), 5U);
    for (std::int16_t version = 1; version <= 6; ++version) {
        DeleteTopicsHandler::Request request;
        request.timeout_ms = 5000;
        const auto name = "v" + std::to_string(version + 1);
        if (version == 6) {
            request.topics.emplace_back().name = name;
        } else {
            request.topic_names = {name};
        }
        EXPECT_EQ(ask<DeleteTopicsHandler>(request, version).responses.at(0).error_code, 0);
    }
    EXPECT_TRUE(cluster.image().topics().empty());
}

TEST_F(ControlPlane, describe_cluster_at_every_version) {
    DescribeClusterHandler::Request request;
    at_every_version<DescribeClusterHandler>(request, [this](const auto& response, std::int16_t) {
        EXPECT_EQ(response.brokers.size(), 1U);
        EXPECT_EQ(response.cluster_id, cluster.core().broker(1)->cluster_id());
    });
    request.endpoint_type = 2;
    EXPECT_EQ(ask<DescribeClusterHandler>(request, 1).error_code,
              static_cast<std::int16_t>(ErrorCode::mismatched_endpoint_type));
}

TEST_F(ControlPlane, partitions_are_described_page_by_page) {
    for (const auto* name : {"a", "b", "c"})
        ASSERT_TRUE(cluster.run(cluster.core().create_topic(name, 2, 1)).has_value());
    DescribeTopicPartitionsHandler::Request request;
    request.response_partition_limit = 3;
    const auto first = ask<DescribeTopicPartitionsHandler>(request, 0);
    ASSERT_EQ(first.topics.size(), 2U);
    EXPECT_EQ(first.topics[1].partitions.size(), 1U);
    ASSERT_TRUE(first.next_cursor.has_value());
    EXPECT_EQ(first.next_cursor->topic_name, "b");
    EXPECT_EQ(first.next_cursor->partition_index, 1);
    request.cursor.emplace();
    request.cursor->topic_name = "b";
    request.cursor->partition_index = 1;
    const auto second = ask<DescribeTopicPartitionsHandler>(request, 0);
    ASSERT_EQ(second.topics.size(), 2U);
    EXPECT_EQ(second.topics[0].partitions.at(0).partition_index, 1);
    EXPECT_FALSE(second.next_cursor.has_value());
    request.cursor->partition_index = -1;
    request.topics.emplace_back().name = "a";
    EXPECT_EQ(ask<DescribeTopicPartitionsHandler>(request, 0).topics.at(0).error_code,
              static_cast<std::int16_t>(ErrorCode::invalid_request));
}

TEST_F(ControlPlane, configs_are_altered_and_described_at_every_version) {
    ASSERT_TRUE(cluster.run(cluster.core().create_topic("t", 1, 1)).has_value());
    for (std::int16_t version = 0; version <= 1; ++version) {
        IncrementalAlterConfigsHandler::Request request;
        auto& resource = request.resources.emplace_back();
        resource.resource_type = 2;
        resource.resource_name = "t";
        auto& config = resource.configs.emplace_back();
        config.name = "max.message.bytes";
        config.value = std::to_string(200 + version);
        EXPECT_EQ(ask<IncrementalAlterConfigsHandler>(request, version).responses.at(0).error_code, 0);
    }
    DescribeConfigsHandler::Request request;
    auto& resource = request.resources.emplace_back();
    resource.resource_type = 2;
    resource.resource_name = "t";
    resource.configuration_keys = std::vector<std::string>{"max.message.bytes"};
    request.include_synonyms = true;
    at_every_version<DescribeConfigsHandler>(request, [](const auto& response, std::int16_t) {
        ASSERT_EQ(response.results.at(0).configs.size(), 1U);
        const auto& config = response.results[0].configs[0];
        EXPECT_EQ(config.value, "201");
        EXPECT_EQ(config.config_source, 1);
        EXPECT_EQ(config.synonyms.size(), 2U);
    });
    // It is in force: a record of 300 bytes is too large now.
    EXPECT_EQ(cluster.produce(1, "t", 0, std::string(300, 'x')), ErrorCode::message_too_large);
    resource.configuration_keys.reset();
    EXPECT_EQ(ask<DescribeConfigsHandler>(request, 4).results.at(0).configs.size(), 33U);
    resource.resource_type = 4;
    resource.resource_name = "2";
    EXPECT_EQ(ask<DescribeConfigsHandler>(request, 4).results.at(0).error_code,
              static_cast<std::int16_t>(ErrorCode::invalid_request));
    resource.resource_name = "1";
    EXPECT_GT(ask<DescribeConfigsHandler>(request, 4).results.at(0).configs.size(), 300U);
}

TEST_F(ControlPlane, producer_ids_are_never_handed_out_twice) {
    InitProducerIdHandler::Request request;
    request.transactional_id.reset();
    std::int64_t last = -1;
    at_every_version<InitProducerIdHandler>(request, [&](const auto& response, std::int16_t) {
        EXPECT_EQ(response.error_code, 0);
        EXPECT_GT(response.producer_id, last);
        EXPECT_EQ(response.producer_epoch, 0);
        last = response.producer_id;
    });
    cluster.stop();
    cluster.start();
    EXPECT_GE(ask<InitProducerIdHandler>(request, 4).producer_id, 1000);
    InitProducerIdHandler::Request transactional;
    transactional.transactional_id = "tx";
    EXPECT_EQ(ask<InitProducerIdHandler>(transactional, 4).error_code,
              static_cast<std::int16_t>(ErrorCode::coordinator_not_available));
}

}  // namespace
}  // namespace ottla::broker
