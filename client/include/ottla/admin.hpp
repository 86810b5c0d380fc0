// SPDX-License-Identifier: Apache-2.0
// Admin: topics, partitions, settings, groups and the cluster itself. A call about several things answers for each of
// them; the call's own error is for when nobody could be asked.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ottla/admin_groups.hpp>
#include <ottla/async.hpp>
#include <ottla/config.hpp>
#include <ottla/hooks.hpp>
#include <ottla/log.hpp>
#include <ottla/metadata.hpp>
#include <ottla/topic_partition.hpp>

namespace ottla::client {
class AdminCore;
}

namespace ottla::inline v0 {

// -1 for a count: the cluster's default.
struct NewTopic {
    NewTopic(std::string topic_name, std::int32_t partitions = -1, std::int16_t replicas = -1)
        : name(std::move(topic_name)),
          partition_count(partitions),
          replication_factor(replicas) {}

    std::string name;
    std::int32_t partition_count;
    std::int16_t replication_factor;
    // In place of the counts: the brokers of each partition, the first being its preferred leader.
    std::vector<std::vector<std::int32_t>> replica_assignment;
    std::map<std::string, std::string> configs;
};
// "topic orders, 6 partitions, default replicas, 2 configs"
std::string to_string(const NewTopic&);

struct NewPartitions {
    NewPartitions(std::string topic_name, std::int32_t total) : name(std::move(topic_name)), total_count(total) {}

    std::string name;
    // How many there are to be afterwards.
    std::int32_t total_count;
    // The brokers of each added partition; empty: the cluster chooses.
    std::vector<std::vector<std::int32_t>> replica_assignment;
};
// "topic orders, 6 partitions in all"
std::string to_string(const NewPartitions&);

struct TopicResult {
    std::string name;
    Error error;
    // Of a created topic, where the broker tells.
    Uuid id;
    std::int32_t partition_count = -1;
    std::int16_t replication_factor = -1;
};
std::string to_string(const TopicResult&);

struct TopicListing {
    std::string name;
    Uuid id;
    bool is_internal = false;
};
std::string to_string(const TopicListing&);

struct ClusterDescription {
    std::string cluster_id;
    std::int32_t controller_id = -1;
    std::vector<Node> nodes;
};
std::string to_string(const ClusterDescription&);

enum class ResourceType : std::int8_t {
    unknown = 0,
    topic = 2,
    group = 3,
    broker = 4,
    broker_logger = 8,
    client_metrics = 16
};
std::string_view to_string(ResourceType) noexcept;
Result<ResourceType> parse_resource_type(std::string_view);

enum class ConfigSource : std::int8_t {
    unknown = 0,
    dynamic_topic = 1,
    dynamic_broker = 2,
    dynamic_default_broker = 3,
    static_broker = 4,
    default_value = 5,
    dynamic_broker_logger = 6,
    client_metrics = 7,
    group = 8,
};
std::string_view to_string(ConfigSource) noexcept;

struct ConfigResource {
    ConfigResource(ResourceType resource_type, std::string resource_name)
        : type(resource_type),
          name(std::move(resource_name)) {}

    ResourceType type;
    // A topic's name, a broker's id.
    std::string name;
    // Only these; empty: all.
    std::vector<std::string> keys;
};
// "topic orders, all configs"
std::string to_string(const ConfigResource&);

struct ConfigEntry {
    std::string name;
    // Nothing when it is secret or unset.
    std::optional<std::string> value;
    ConfigSource source = ConfigSource::unknown;
    bool is_read_only = false;
    bool is_sensitive = false;
    // Where else the value may come from, first the one in effect.
    struct Synonym {
        std::string name;
        std::optional<std::string> value;
        ConfigSource source = ConfigSource::unknown;
    };
    std::vector<Synonym> synonyms;
};
// "retention.ms=1000 (dynamic_topic)"; what is secret is not shown.
std::string to_string(const ConfigEntry&);

struct ConfigResult {
    ResourceType type = ResourceType::unknown;
    std::string name;
    Error error;
    std::vector<ConfigEntry> entries;
};
std::string to_string(const ConfigResult&);

enum class AlterOperation : std::int8_t { set = 0, remove = 1, append = 2, subtract = 3 };
std::string_view to_string(AlterOperation) noexcept;

struct ConfigAlteration {
    ConfigAlteration(std::string config_name, AlterOperation what, std::optional<std::string> to = {})
        : name(std::move(config_name)),
          operation(what),
          value(std::move(to)) {}

    std::string name;
    AlterOperation operation;
    std::optional<std::string> value;
};
// "set retention.ms"; not the value, which may be a secret.
std::string to_string(const ConfigAlteration&);

struct ResourceAlterations {
    ResourceAlterations(ResourceType resource_type, std::string resource_name, std::vector<ConfigAlteration> changes)
        : type(resource_type),
          name(std::move(resource_name)),
          alterations(std::move(changes)) {}

    ResourceType type;
    std::string name;
    std::vector<ConfigAlteration> alterations;
};
// "topic orders: set retention.ms, delete cleanup.policy"
std::string to_string(const ResourceAlterations&);

// A place to ask list_offsets for: the record with the largest timestamp, the first of equals (KIP-734; brokers from
// Apache Kafka 3.0 on).
inline constexpr Offset at_max_timestamp{-3};

struct ListedOffset {
    TopicPartition partition;
    // Of the record at that offset; -1 when there is none.
    std::int64_t timestamp_ms = -1;
};
std::string to_string(const ListedOffset&);

// A partition's log as it lies in a broker's directory.
struct ReplicaOnDisk {
    std::string topic;
    std::int32_t partition = 0;
    std::int64_t bytes = 0;
    // By how much it is behind what is committed; of one that is to take another's place (is_future), behind that.
    std::int64_t offset_lag = 0;
    bool is_future = false;
};
std::string to_string(const ReplicaOnDisk&);

struct LogDirDescription {
    std::string path;
    Error error;
    // Of the file system it lies on; -1: the broker does not tell.
    std::int64_t total_bytes = -1;
    std::int64_t usable_bytes = -1;
    // It takes no new partitions.
    bool is_cordoned = false;
    // By topic and partition.
    std::vector<ReplicaOnDisk> replicas;
};
std::string to_string(const LogDirDescription&);

struct BrokerLogDirs {
    std::int32_t broker = -1;
    Error error;
    std::vector<LogDirDescription> directories;
};
std::string to_string(const BrokerLogDirs&);

struct AdminOptions {
    // The whole call, searching for a broker included.
    std::chrono::nanoseconds timeout = std::chrono::seconds(60);
    // How long the broker may take to finish what was asked (creating, deleting) before it answers.
    std::chrono::milliseconds operation_timeout = std::chrono::seconds(30);
    // Check, but do nothing.
    bool validate_only = false;
    // list_topics: also those of the cluster itself.
    bool include_internal = false;
    // list_offsets: the end is that of what read_committed may read.
    bool read_committed = false;
    // list_group_offsets: waits for transactions that are not decided yet, and brokers from Apache Kafka 2.5 on.
    bool require_stable = false;
    // describe_groups: what the caller may do with them.
    bool include_authorized_operations = false;
};

// What can't be said in a Config.
struct AdminClientOptions {
    // Instead of standard error.
    LogCallback log = nullptr;
    // Of them, those of connections and requests.
    Hooks hooks = {};
};

// A handle: move it, or share it between threads by reference; every call may come from any thread.
class Admin {
public:
    // Starts one I/O thread.
    static Result<Admin> create(const Config&, AdminClientOptions = {});
    // Runs on the caller's executor, which somebody must run. Blocking calls fail with invalid_state on it.
    static Result<Admin> create(boost::asio::any_io_executor, const Config&, AdminClientOptions = {});
    // Of the library's own making: a simulator's surroundings.
    explicit Admin(std::shared_ptr<client::AdminCore>) noexcept;

    Admin(Admin&&) noexcept;
    Admin& operator=(Admin&&) noexcept;
    ~Admin();

// One call, blocking and async_: NAME(arguments..., options) and async_NAME(arguments..., options, token).
#define OTTLA_ADMIN_CALL(NAME, ANSWER, ARGUMENT)                                                                   \
    Result<ANSWER> NAME(ARGUMENT, AdminOptions = {});                                                              \
    template <class Token>                                                                                         \
    auto async_##NAME(ARGUMENT asked, AdminOptions options, Token&& token) {                                       \
        return detail::call<ANSWER>(std::forward<Token>(token), *core_, &start_##NAME, std::move(asked), options); \
    }                                                                                                              \
    static void start_##NAME(client::AdminCore&, ARGUMENT, AdminOptions, Completion<ANSWER>);

    // In the order given.
    OTTLA_ADMIN_CALL(create_topics, std::vector<TopicResult>, std::vector<NewTopic>)
    // By name.
    OTTLA_ADMIN_CALL(delete_topics, std::vector<TopicResult>, std::vector<std::string>)
    // More partitions for existing topics.
    OTTLA_ADMIN_CALL(create_partitions, std::vector<TopicResult>, std::vector<NewPartitions>)
    // One that does not exist carries its error.
    OTTLA_ADMIN_CALL(describe_topics, std::vector<TopicMetadata>, std::vector<std::string>)
    OTTLA_ADMIN_CALL(describe_configs, std::vector<ConfigResult>, std::vector<ConfigResource>)
    OTTLA_ADMIN_CALL(incremental_alter_configs, std::vector<ConfigResult>, std::vector<ResourceAlterations>)
    // The offset of each is a place: beginning, end, at_max_timestamp, or a time in milliseconds since 1970 (0 and
    // up). An offset of -1 comes back where no record is that late.
    OTTLA_ADMIN_CALL(list_offsets, std::vector<ListedOffset>, std::vector<TopicPartition>)
    // The records before each offset go; before `end`, all that are committed. The offsets that come back are those
    // where the partitions begin now.
    OTTLA_ADMIN_CALL(delete_records, std::vector<TopicPartition>, std::vector<TopicPartition>)
    // Of these brokers, in the order given; of all when none is named.
    OTTLA_ADMIN_CALL(describe_log_dirs, std::vector<BrokerLogDirs>, std::vector<std::int32_t>)

    // Calls about groups find and follow their coordinators until the time is up.
    // Every broker tells of its own; fails when none could be asked.
    OTTLA_ADMIN_CALL(list_groups, GroupList, GroupFilter)
    // In the order given; classic groups of any protocol, and those whose coordinator assigns (KIP-848).
    OTTLA_ADMIN_CALL(describe_groups, std::vector<GroupDescription>, std::vector<std::string>)
    // In the order given: non_empty_group while it has members; group_id_not_found, also of one that is deleted again
    // because the first answer was lost. Offsets go with the group.
    OTTLA_ADMIN_CALL(delete_groups, std::vector<GroupResult>, std::vector<std::string>)
    // What is committed of the partitions named; of a group without any, all there is. A group that does not exist has
    // nothing committed.
    OTTLA_ADMIN_CALL(list_group_offsets, std::vector<GroupOffsets>, std::vector<GroupOffsets>)
    // Commits these for a group that has no members (else unknown_member_id), which comes to be by that.
    OTTLA_ADMIN_CALL(alter_group_offsets, std::vector<GroupOffsets>, std::vector<GroupOffsets>)
    // group_subscribed_to_topic for partitions of topics that its members read; group_id_not_found.
    OTTLA_ADMIN_CALL(delete_group_offsets, std::vector<GroupOffsets>, std::vector<GroupOffsets>)
    // Of a classic group. Each that has left, or its error; fails for what concerns the group.
    OTTLA_ADMIN_CALL(remove_group_members, std::vector<RemovedMember>, MembersToRemove)
#undef OTTLA_ADMIN_CALL

    // In the order of their names.
    Result<std::vector<TopicListing>> list_topics(AdminOptions = {});
    template <class Token>
    auto async_list_topics(AdminOptions options, Token&& token) {
        return detail::call<std::vector<TopicListing>>(std::forward<Token>(token), *core_, &start_list_topics, options);
    }
    Result<ClusterDescription> describe_cluster(AdminOptions = {});
    template <class Token>
    auto async_describe_cluster(AdminOptions options, Token&& token) {
        return detail::call<ClusterDescription>(std::forward<Token>(token), *core_, &start_describe_cluster, options);
    }
    // One topic, or all of them, and the brokers.
    Result<Metadata> metadata(std::optional<std::string> topic, std::chrono::nanoseconds timeout);
    template <class Token>
    auto async_metadata(std::optional<std::string> topic, std::chrono::nanoseconds timeout, Token&& token) {
        return detail::call<Metadata>(std::forward<Token>(token), *core_, &start_metadata, std::move(topic), timeout);
    }

    // What the client counts and measures of its brokers, as JSON in the layout of librdkafka's STATISTICS.md; the
    // windows hold what came since they were last asked for. timed_out, closed; invalid_state on the loop.
    Result<std::string> statistics(std::chrono::nanoseconds timeout);
    template <class Token>
    auto async_statistics(Token&& token) {
        return detail::call<std::string>(std::forward<Token>(token), *core_, &start_statistics);
    }

    // Ends the connections and the thread. Never waits longer than `timeout`; a second call answers closed.
    Result<void> close(std::chrono::nanoseconds timeout);
    template <class Token>
    auto async_close(Token&& token) {
        return detail::call<void>(std::forward<Token>(token), *core_, &start_close);
    }
    bool is_closed() const noexcept;
    // "client.id#admin-N"
    const std::string& name() const noexcept;

private:
    static void start_list_topics(client::AdminCore&, AdminOptions, Completion<std::vector<TopicListing>>);
    static void start_metadata(client::AdminCore&, std::optional<std::string>, std::chrono::nanoseconds,
                               Completion<Metadata>);
    static void start_statistics(client::AdminCore&, Completion<std::string>);
    static void start_close(client::AdminCore&, Completion<void>);
    static void start_describe_cluster(client::AdminCore&, AdminOptions, Completion<ClusterDescription>);

    std::shared_ptr<client::AdminCore> core_;
};

}  // namespace ottla::inline v0
